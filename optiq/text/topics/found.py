"""Topics that nobody gave: found in unlabelled questions by BERTopic (Grootendorst 2022) on their word vectors.

PCA and k-means stand where BERTopic has UMAP and HDBSCAN: they tell benchmarks apart as well, in less than a fifth of
the time, and leave a fiftieth of the questions without a topic instead of a sixth (docs/topics.md). What is kept are
centroids: assigning needs no BERTopic.
"""

from __future__ import annotations

import importlib.util
import io
import json
import zipfile
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from optiq.errors import InputError
from optiq.text.word_vectors import DIMENSIONS, NAME, rarity_of, word_vectors

FEWEST = 200
"""Questions from which on topics are looked for."""

SAMPLE = 5000
"""Questions that topics are found in; the others are assigned."""

PER_TOPIC, FEWEST_TOPICS, MOST_TOPICS = 40, 5, 40
"""A topic for so many questions: with fewer its figures say nothing; between so many topics."""

COMPONENTS = 50
"""Principal components that questions are clustered by."""

FAR = 0.02
"""Share of the sample, the farthest from their topics, that is of no topic; so is what is as far."""

NO_TOPIC = "*"

_NAMED_BY = 3
_SEPARATOR = "/"


@dataclass(frozen=True, eq=False)
class FoundTopics:
    """Topics by name with ``centroids`` (topics, 384), unit rows in the space of ``rarity`` and ``centre``.

    A question whose cosine to the nearest centroid is below ``least`` is of no topic. ``words`` tell each apart, the
    most telling first; ``counts`` are the questions of the sample that are of it. ``embedding`` made the vectors.
    """

    topics: tuple[str, ...]
    centroids: NDArray[np.float32]
    least: float
    rarity: NDArray[np.float16]
    centre: NDArray[np.float32]
    words: tuple[tuple[str, ...], ...]
    counts: tuple[int, ...]
    embedding: str = NAME

    def assign(self, texts: Sequence[str]) -> list[tuple[str, float]]:
        """Per text its topic, :data:`NO_TOPIC` if it is far from all, and its cosine to the nearest."""
        places = self.places(texts)
        # Rounded, so that the last digits of a sum decide nothing.
        near = np.round(places @ self.centroids.T.astype(np.float64), 6)
        best = near.argmax(axis=1) if len(self.topics) else np.zeros(len(texts), dtype=np.int64)
        found = []
        for row, column in enumerate(best.tolist()):
            cosine = float(near[row, column])
            found.append((self.topics[column] if cosine >= self.least else NO_TOPIC, cosine))
        return found

    def places(self, texts: Sequence[str]) -> NDArray[np.float64]:
        """(texts, 384): what texts are about, unit rows."""
        return _placed(texts, self.rarity, self.centre)

    def to_bytes(self) -> bytes:
        """As one NumPy archive without pickles; equal models give equal bytes."""
        about = {
            "topics": self.topics, "words": self.words, "counts": self.counts, "least": self.least,
            "embedding": self.embedding,
        }  # fmt: skip
        buffer = io.BytesIO()
        np.savez(
            buffer,
            centroids=self.centroids,
            rarity=self.rarity,
            centre=self.centre,
            about=np.array(json.dumps(about)),
        )
        return buffer.getvalue()

    @classmethod
    def from_bytes(cls, data: bytes) -> FoundTopics:
        """What :meth:`to_bytes` gave; :class:`~optiq.errors.InputError` if it is damaged."""
        try:
            with np.load(io.BytesIO(data), allow_pickle=False) as archive:
                about = json.loads(str(archive["about"]))
                return cls(
                    tuple(about["topics"]),
                    archive["centroids"],
                    float(about["least"]),
                    archive["rarity"],
                    archive["centre"],
                    tuple(tuple(words) for words in about["words"]),
                    tuple(about["counts"]),
                    about["embedding"],
                )
        except (ValueError, KeyError, TypeError, EOFError, zipfile.BadZipFile) as error:
            raise InputError(
                f"the found topics cannot be read: {error}", "Find them again with `optiq refresh`."
            ) from None


def bertopic_available() -> bool:
    """Whether BERTopic and what makes word vectors are installed. Imports nothing."""
    from optiq.text.word_vectors import available

    return available() and importlib.util.find_spec("bertopic") is not None


def n_topics_of(n_questions: int) -> int:
    """How many topics are looked for in so many questions."""
    return min(max(n_questions // PER_TOPIC, FEWEST_TOPICS), MOST_TOPICS)


def find_topics(texts: Sequence[str], seed: int = 0) -> tuple[FoundTopics, list[int]]:
    """Topics of distinct ``texts``, named by their first words, and the place of each text's topic (-1: none).

    The order of ``texts`` does not matter: they are sorted first. The same texts and ``seed`` give the same topics.
    :class:`~optiq.errors.InputError` for fewer than :data:`FEWEST` texts or where BERTopic is missing.
    """
    if len(texts) < FEWEST:
        raise InputError(
            f"{len(texts)} questions are too few to find topics in", f"Give {FEWEST} questions or more."
        )
    if not bertopic_available():
        raise InputError(
            "topics are found by BERTopic, which is not installed",
            'Install it with pip install "optiq[topics,embedded]".',
        )
    order = sorted(range(len(texts)), key=lambda row: texts[row])
    sample = [texts[row] for row in order]
    rarity = rarity_of(sample)
    raw = word_vectors(sample, rarity).astype(np.float64)
    centre = raw.mean(axis=0)
    vectors = _unit(raw - centre)
    labels, words = _clustered(sample, vectors, seed)
    members = [np.flatnonzero(labels == number) for number in range(len(words))]
    centroids = _unit(np.stack([vectors[rows].sum(axis=0) for rows in members]))
    near = np.round(vectors @ centroids.T, 6)
    least = float(np.quantile(near.max(axis=1), FAR))
    nearest = np.where(near.max(axis=1) >= least, near.argmax(axis=1), -1)
    found = FoundTopics(
        names_of(words),
        centroids.astype(np.float32),
        least,
        rarity,
        centre.astype(np.float32),
        tuple(words),
        tuple(np.bincount(nearest[nearest >= 0], minlength=len(words)).tolist()),
    )
    places = [0] * len(texts)
    for row, number in zip(order, nearest.tolist(), strict=True):
        places[row] = number
    return found, places


def names_of(words: Sequence[Sequence[str]], taken: Sequence[str] = ()) -> tuple[str, ...]:
    """A name for each topic of its most telling words, more of them where a name is ``taken``, else a number."""
    names: list[str] = []
    used = set(taken)
    for own in words:
        tried = [_SEPARATOR.join(own[:n]) for n in range(_NAMED_BY, len(own) + 1)] or [
            _SEPARATOR.join(own) or "topic"
        ]
        name = next((one for one in tried if one not in used), None)
        number = 2
        while name is None:
            numbered = f"{tried[0]} {number}"
            name, number = (None if numbered in used else numbered), number + 1
        used.add(name)
        names.append(name)
    return tuple(names)


def _clustered(
    texts: Sequence[str], vectors: NDArray[np.float64], seed: int
) -> tuple[NDArray[np.int64], list[tuple[str, ...]]]:
    """BERTopic's topic of each text, from 0, and the words of each topic."""
    import os

    # Before the import: BERTopic brings sentence-transformers, which asks a hub for models unless told not to.
    os.environ.setdefault("HF_HUB_OFFLINE", "1")
    os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
    from bertopic import BERTopic
    from bertopic.backend import BaseEmbedder
    from bertopic.vectorizers import ClassTfidfTransformer
    from sklearn.cluster import KMeans
    from sklearn.decomposition import PCA
    from sklearn.feature_extraction.text import CountVectorizer
    from threadpoolctl import threadpool_limits

    from optiq.text.topics.words import telling_words

    model = BERTopic(
        embedding_model=BaseEmbedder(),
        umap_model=PCA(min(COMPONENTS, *vectors.shape), svd_solver="full", random_state=seed),
        hdbscan_model=KMeans(n_topics_of(len(texts)), n_init=4, random_state=seed),
        vectorizer_model=CountVectorizer(analyzer=telling_words),
        ctfidf_model=ClassTfidfTransformer(reduce_frequent_words=True),
    )
    with threadpool_limits(1):  # sums of several threads differ in their last digits
        found, _ = model.fit_transform(list(texts), embeddings=vectors)
    labels = np.array(found, dtype=np.int64)
    numbers = sorted(set(labels.tolist()))
    words = [tuple(word for word, _ in model.get_topic(number) if word) for number in numbers]
    return np.searchsorted(numbers, labels), words


def _placed(
    texts: Sequence[str], rarity: NDArray[np.float16], centre: NDArray[np.float32]
) -> NDArray[np.float64]:
    if not len(texts):
        return np.zeros((0, DIMENSIONS))
    return _unit(word_vectors(texts, rarity).astype(np.float64) - centre)


def _unit(rows: NDArray[np.float64]) -> NDArray[np.float64]:
    found: NDArray[np.float64] = rows / np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), 1e-12)
    return found
