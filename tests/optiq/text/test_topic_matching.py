"""Topics of two nights, matched; a search over all pairings is the oracle."""

from __future__ import annotations

from itertools import permutations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from optiq.text.topics.found import names_of
from optiq.text.topics.matching import MOST_OF, SAME, Change, match_topics


def centroids(*degrees: float) -> NDArray[np.float64]:
    """Directions in a plane."""
    angles = np.radians(degrees)
    return np.stack([np.cos(angles), np.sin(angles)], axis=1).reshape(len(degrees), 2)


directions = st.lists(st.integers(0, 359), max_size=5)


def best_sum(old: NDArray[np.float64], new: NDArray[np.float64]) -> float:
    """The most that any pairing is worth."""
    alike = np.round(old @ new.T, 9)
    worth = np.where(alike >= SAME, alike, 0.0)
    if worth.shape[0] > worth.shape[1]:
        worth = worth.T
    rows = range(worth.shape[0])
    return max(
        sum(worth[row, column] for row, column in zip(rows, columns, strict=True))
        for columns in permutations(range(worth.shape[1]), worth.shape[0])
    )


@given(directions, directions, st.data())
def test_topics_are_matched_as_well_as_can_be(
    old_at: list[int], new_at: list[int], data: st.DataObject
) -> None:
    old, new = centroids(*old_at), centroids(*new_at)
    n = data.draw(st.integers(0, 12))
    old_of = data.draw(st.lists(st.integers(-1, len(old) - 1), min_size=n, max_size=n))
    new_of = data.draw(st.lists(st.integers(-1, len(new) - 1), min_size=n, max_size=n))
    changes = match_topics(old, new, old_of, new_of)
    kept = [change for change in changes if change.kind == "kept"]
    assert all(change.similarity is not None and change.similarity >= SAME for change in kept)
    np.testing.assert_allclose(
        sum(change.similarity or 0.0 for change in kept), best_sum(old, new), atol=1e-6
    )
    # every topic has one fate
    assert sorted(
        c.old for c in changes if c.kind in ("kept", "merged", "gone") and c.old is not None
    ) == list(range(len(old)))
    assert sorted(
        c.new for c in changes if c.kind in ("kept", "split", "born") and c.new is not None
    ) == list(range(len(new)))
    for change in changes:
        if change.kind in ("merged", "split"):
            of, place = (old_of, change.old) if change.kind == "merged" else (new_of, change.new)
            both = sum((a, b) == (change.old, change.new) for a, b in zip(old_of, new_of, strict=True))
            assert change.n_shared == both >= MOST_OF * of.count(place or 0) > 0


@given(directions, st.randoms())
def test_the_order_of_topics_changes_no_fate(at: list[int], random: object) -> None:
    distinct = sorted({degree // 40 * 40 for degree in at})  # two that are equally alike could change places
    order = list(range(len(distinct)))
    random.shuffle(order)  # type: ignore[attr-defined]
    old = centroids(*distinct)
    changes = match_topics(old, old[order], [], [])
    assert {(c.old, c.new) for c in changes if c.kind == "kept"} == {(order[b], b) for b in range(len(order))}


def test_merges_and_splits() -> None:
    # one topic took the questions of two
    changes = match_topics(centroids(0, 60), centroids(20), [0] * 4 + [1] * 3, [0] * 7)
    assert [(c.kind, c.old, c.new, c.n_shared) for c in changes] == [("kept", 0, 0, 4), ("merged", 1, 0, 3)]
    # one topic became two
    changes = match_topics(centroids(20), centroids(0, 60), [0] * 7, [0] * 4 + [1] * 3)
    assert [(c.kind, c.old, c.new, c.n_shared) for c in changes] == [("kept", 0, 0, 4), ("split", 0, 1, 3)]
    # what is far from all was born, what nobody asks any more is gone
    changes = match_topics(centroids(0, 90), centroids(0, 200), [0, -1], [0, 1])
    assert changes[1:] == [Change("gone", 1, None), Change("born", None, 1)]


words = st.lists(st.lists(st.sampled_from("abcde"), max_size=5, unique=True), max_size=8)


@given(words, st.lists(st.sampled_from(["a/b/c", "topic", "a"]), max_size=3))
def test_no_two_topics_have_one_name(own: list[list[str]], taken: list[str]) -> None:
    names = names_of(own, taken)
    assert len({*names, *taken}) == len(own) + len(set(taken))
    assert all(names)
