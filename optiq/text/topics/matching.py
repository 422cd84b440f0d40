"""Topics of one night and of the next: which are the same, and which were born, merged, split or are gone.

Both nights' topics are seen in the same questions. Topics are matched one to one so that the sum of the cosines of
their centroids is greatest (Hungarian algorithm; Kuhn 1955), and are the same from :data:`SAME` on. Of what is left,
an old topic of which one new topic took at least :data:`MOST_OF` of the questions was merged into that, and a new
topic that has so many of its questions from an old one that is still there was split from that.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

SAME = 0.7
"""Cosine of two centroids from which on they are the same topic."""

MOST_OF = 0.5
"""Share of a topic's questions that says where it went or came from."""

DIGITS = 9


@dataclass(frozen=True, slots=True)
class Change:
    """What became of a topic. ``kind``: kept (old and new are the same), born (no old), merged (old into new), split
    (new from old) or gone (no new). Topics by their place; ``similarity`` of the centroids, None for those without
    another; ``n_shared`` questions are of both.
    """

    kind: str
    old: int | None
    new: int | None
    similarity: float | None = None
    n_shared: int = 0


def match_topics(
    old: NDArray[np.float64],
    new: NDArray[np.float64],
    old_of: Sequence[int],
    new_of: Sequence[int],
) -> list[Change]:
    """What became of each topic, old ones in order, then new ones that are none of them.

    ``old`` and ``new`` (topics, features) are centroids of length 1 in the same space; ``old_of`` and ``new_of`` the
    places of each question's topic in them, -1 for none.
    """
    from scipy.optimize import linear_sum_assignment

    alike = np.round(old @ new.T, DIGITS) if len(old) and len(new) else np.zeros((len(old), len(new)))
    shared = np.zeros(alike.shape, dtype=np.int64)
    both = [(a, b) for a, b in zip(old_of, new_of, strict=True) if a >= 0 and b >= 0]
    for a, b in both:
        shared[a, b] += 1
    # What is too unlike to be the same is worth nothing, so that it takes no partner from what is alike.
    rows, columns = linear_sum_assignment(np.where(alike >= SAME, alike, 0.0), maximize=True)
    kept = {int(a): int(b) for a, b in zip(rows, columns, strict=True) if alike[a, b] >= SAME}
    taken = set(kept.values())
    of_old, of_new = _sizes(old_of, len(old)), _sizes(new_of, len(new))
    changes = []
    for a in range(len(old)):
        into = int(shared[a].argmax()) if len(new) else 0
        if a in kept:
            changes.append(_change("kept", a, kept[a], alike, shared))
        elif len(new) and of_old[a] and shared[a, into] >= MOST_OF * of_old[a]:
            changes.append(_change("merged", a, into, alike, shared))
        else:
            changes.append(Change("gone", a, None))
    for b in sorted(set(range(len(new))) - taken):
        source = int(shared[:, b].argmax()) if len(old) else 0
        if source in kept and of_new[b] and shared[source, b] >= MOST_OF * of_new[b]:
            changes.append(_change("split", source, b, alike, shared))
        else:
            changes.append(Change("born", None, b))
    return changes


def _sizes(of: Sequence[int], n: int) -> NDArray[np.int64]:
    return np.bincount([place for place in of if place >= 0], minlength=n)


def _change(kind: str, a: int, b: int, alike: NDArray[np.float64], shared: NDArray[np.int64]) -> Change:
    return Change(kind, a, b, float(alike[a, b]), int(shared[a, b]))
