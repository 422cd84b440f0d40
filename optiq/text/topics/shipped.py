"""General topics that come with Opti-Q, so that the first questions are about something: names with words of our own.

A word of a question votes for the topics by how like it is to their words (its most alike one counts), and the rarer it
is, the more: word pieces of the vocabulary are ordered by how common they are, and by Zipf's law the logarithm of the
rank is how rare they are. So nothing is learned from anybody's text, and no model runs.
"""

from __future__ import annotations

import csv
from collections.abc import Sequence
from functools import cache
from importlib import resources

import numpy as np
from numpy.typing import NDArray

from optiq.text.topics.found import NO_TOPIC
from optiq.text.word_vectors import piece_table, pieces_of

SHARPNESS = 6.0
"""Of the softmax that makes votes of cosines."""

LEAST = 1.6
"""Share of the votes from which on a topic is told, in units of what each would have if all were alike."""

TOGETHER = 2048
"""Pieces whose votes are worked out at once."""

DIGITS = 4

FIRST_WORD = 1996
"""Pieces before it are signs and single letters; from it on the vocabulary is ordered by frequency."""


class ShippedTopics:
    """The topics of ``general.csv`` with the votes of every word piece that was asked for."""

    def __init__(self, topics: Sequence[str], words: Sequence[str]) -> None:
        self.topics = tuple(topics)
        table = piece_table()
        rank = np.maximum(np.arange(len(table)) - FIRST_WORD + 1.0, 0.0)
        self._rarity = np.log1p(rank)
        common = np.where(rank > 0, 1 / (rank + 1), 0.0)
        # What all words share says nothing of any; the mean word of English text, by Zipf's law.
        self._centre = ((common / common.sum()) @ table).astype(np.float32)
        own = [sorted(set(pieces)) for pieces in pieces_of(words)]
        self._starts = np.cumsum([0, *map(len, own[:-1])])
        self._own = self._unit(table[np.concatenate(own)])
        self._votes = np.zeros((len(table), len(self.topics)))
        self._known = np.zeros(len(table), dtype=bool)

    def assign(self, texts: Sequence[str]) -> list[tuple[str, float]]:
        """Per text its topic, ``*`` where the votes tell none, and the share of the votes that the first has."""
        every = [np.unique(np.array(pieces, dtype=np.int64)) for pieces in pieces_of(texts)]
        self._hear(np.unique(np.concatenate([np.empty(0, dtype=np.int64), *every])))
        found = []
        for pieces in every:
            votes = self._votes[pieces].sum(axis=0)
            total = float(votes.sum())
            best = int(votes.argmax())
            share = round(float(votes[best]) / total, 6) if total > 0 else 0.0
            found.append((self.topics[best] if share * len(self.topics) >= LEAST else NO_TOPIC, share))
        return found

    def _hear(self, pieces: NDArray[np.int64]) -> None:
        """Work out the votes of those pieces that were not asked for before, all together: one by one takes longer."""
        new = pieces[~self._known[pieces]]
        for start in range(0, len(new), TOGETHER):
            part = new[start : start + TOGETHER]
            # rounded, because products differ in their last digits with what is multiplied together
            cosines = np.round(self._unit(piece_table()[part]) @ self._own.T, DIGITS)
            nearest = np.maximum.reduceat(cosines, self._starts, axis=1)
            shares = np.exp(SHARPNESS * nearest)
            shares /= shares.sum(axis=1, keepdims=True)
            self._votes[part] = shares * self._rarity[part, None]
            self._known[part] = True

    def _unit(self, rows: NDArray[np.float32]) -> NDArray[np.float32]:
        off = rows - self._centre
        found: NDArray[np.float32] = off / np.maximum(np.linalg.norm(off, axis=1, keepdims=True), 1e-12)
        return found


@cache
def shipped_topics() -> ShippedTopics:
    """The one set of this process."""
    text = resources.files(__package__).joinpath("general.csv").read_text(encoding="utf-8")
    rows = list(csv.DictReader(text.splitlines()))
    return ShippedTopics([row["topic"] for row in rows], [row["words"] for row in rows])
