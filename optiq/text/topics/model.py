"""Nearest-centroid topics: a topic is the mean of its questions, and a little of its name."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from optiq.errors import InputError
from optiq.files.atomic import replacing
from optiq.text.embedding import embed
from optiq.text.topics.weights import Topics, softmax, weighted_topics
from optiq.text.topics.words import topic_words

# A topic's name counts as so many of its questions. With few questions per topic a telling name ("chemistry")
# is worth more than another question, a meaningless one ("cluster 7") harms: the data decides.
NAME_WEIGHTS = (0.0, 1.0, 2.0, 3.0)

_FILE = "topics.npz"


@dataclass(frozen=True, eq=False)
class TopicModel:
    """Topics with their centroids: float32 rows of length 1, in the order of ``topics`` (sorted by name).

    ``counts`` says how many questions each topic was learned from, ``words`` which words tell it apart.
    """

    topics: tuple[str, ...]
    centroids: npt.NDArray[np.float32]
    counts: tuple[int, ...]
    words: dict[str, list[str]]
    name_weight: float

    @classmethod
    def fit(
        cls,
        texts: Sequence[str],
        labels: Sequence[str],
        seed: int = 0,
        vectors: npt.NDArray[np.float32] | None = None,
    ) -> TopicModel:
        """Learn from questions and their topics; ``vectors`` are the embeddings of ``texts``, where they are known.

        The weight of the topics' names is the one of ``NAME_WEIGHTS`` whose leave-one-out log loss is least.
        ``seed`` is there because every fit takes one; nothing here is random.
        :class:`~optiq.errors.InputError` if there is no labelled question.
        """
        kept = [row for row, pair in enumerate(zip(texts, labels, strict=True)) if all(map(str.strip, pair))]
        pairs = [(texts[row], labels[row].strip()) for row in kept]
        if not pairs:
            raise InputError("no question has a topic to learn from", "Give questions with a topic column.")
        known = tuple(sorted({label for _, label in pairs}))
        index = np.array([known.index(label) for _, label in pairs])
        seen = (embed([text for text, _ in pairs]) if vectors is None else vectors[kept]).astype(np.float64)
        names = embed([name.replace("_", " ") for name in known]).astype(np.float64)
        sums = np.stack([seen[index == i].sum(axis=0) for i in range(len(known))])
        losses = [_held_out_loss(seen, index, sums + weight * names) for weight in NAME_WEIGHTS]
        weight = NAME_WEIGHTS[int(np.argmin(np.round(losses, 6)))]
        return cls(
            topics=known,
            centroids=_unit(sums + weight * names).astype(np.float32),
            counts=tuple(int(n) for n in np.bincount(index)),
            words=topic_words([text for text, _ in pairs], [label for _, label in pairs]),
            name_weight=weight,
        )

    def assign(self, texts: Sequence[str]) -> list[Topics]:
        """Per text up to three topics with weights that sum to 1; none if it is far from every topic."""
        if not texts:
            return []
        # Rounded, because an embedding changes in its last digits with the texts that share its batch.
        similarities = np.round(embed(texts).astype(np.float64) @ self.centroids.T.astype(np.float64), 4)
        return weighted_topics(softmax(similarities), similarities.max(axis=1), self.topics)

    def to_bytes(self) -> bytes:
        """The model as one NumPy archive without pickles; equal models give equal bytes."""
        about = {
            "topics": self.topics, "counts": self.counts, "words": self.words, "name_weight": self.name_weight
        }  # fmt: skip
        buffer = io.BytesIO()
        np.savez(buffer, centroids=self.centroids, about=np.array(json.dumps(about)))
        return buffer.getvalue()

    @classmethod
    def from_bytes(cls, data: bytes, source: str = "the topic model") -> TopicModel:
        """The model that :meth:`to_bytes` gave; ``source`` names it if it is damaged."""
        try:
            with np.load(io.BytesIO(data), allow_pickle=False) as archive:
                about = json.loads(str(archive["about"]))
                centroids = archive["centroids"]
            return cls(
                topics=tuple(about["topics"]),
                centroids=centroids,
                counts=tuple(about["counts"]),
                words=dict(about["words"]),
                name_weight=float(about["name_weight"]),
            )
        except (ValueError, KeyError, TypeError, EOFError, zipfile.BadZipFile) as error:
            raise InputError(
                f"{source} cannot be read: {error}", "Fit it again with `optiq refresh`."
            ) from None

    def save(self, folder: str | Path) -> None:
        """Write the model into ``folder``, which is made if it is missing."""
        Path(folder).mkdir(parents=True, exist_ok=True)
        with replacing(Path(folder) / _FILE) as temporary:
            temporary.write_bytes(self.to_bytes())

    @classmethod
    def load(cls, folder: str | Path) -> TopicModel:
        """What :meth:`save` wrote; :class:`~optiq.errors.InputError` if it is missing or damaged."""
        path = Path(folder) / _FILE
        if not path.is_file():
            raise InputError(f"no topic model in {folder}", "Fit one with `optiq refresh`.")
        return cls.from_bytes(path.read_bytes(), str(path))


def _unit(rows: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    return rows / np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), 1e-12)


def _held_out_loss(
    vectors: npt.NDArray[np.float64], index: npt.NDArray[np.int64], sums: npt.NDArray[np.float64]
) -> float:
    """Mean log loss of each question's own topic, with the question taken out of that topic's centroid."""
    rows = np.arange(len(vectors))
    similarities = vectors @ _unit(sums).T
    similarities[rows, index] = (_unit(sums[index] - vectors) * vectors).sum(axis=1)
    return float(-np.log(np.maximum(softmax(similarities)[rows, index], 1e-300)).mean())
