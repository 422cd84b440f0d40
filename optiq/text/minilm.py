"""The forward pass of all-MiniLM-L6-v2 in NumPy.

Importing torch, transformers and sentence-transformers takes 11 CPU s, after which they are no faster on one thread:
150 texts of about 55 word pieces took 3.0 s there and 3.1 s here. Weights and tokens are read by the libraries that
own their formats (safetensors, tokenizers); what is left is BERT's arithmetic. Tests hold it equal to
sentence-transformers.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float32]

TOGETHER = 512
"""Word pieces that go through the layers at once: enough to use a matrix well, few enough to stay in the cache."""


class MiniLM:
    """A BERT encoder with mean pooling from a folder of sentence-transformers (safetensors)."""

    def __init__(self, folder: Path) -> None:
        from safetensors.numpy import load_file
        from tokenizers import Tokenizer

        config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
        length = json.loads((folder / "sentence_bert_config.json").read_text(encoding="utf-8"))[
            "max_seq_length"
        ]
        self._layers: int = config["num_hidden_layers"]
        self._heads: int = config["num_attention_heads"]
        self._hidden: int = config["hidden_size"]
        self._epsilon: float = config["layer_norm_eps"]
        self._weights: dict[str, FloatArray] = load_file(folder / "model.safetensors")
        self._tokenizer: Any = Tokenizer.from_file(str(folder / "tokenizer.json"))
        self._tokenizer.enable_truncation(length)
        self._tokenizer.no_padding()

    def encode(self, texts: Sequence[str], threads: int = 1) -> FloatArray:
        """Embeddings of ``texts``, shape ``(len(texts), hidden)``, each row of length 1.

        Texts of one length go together, so that none is padded.
        """
        from threadpoolctl import threadpool_limits

        tokens = [self._tokenizer.encode(text).ids for text in texts]
        by_length: dict[int, list[int]] = {}
        for place, pieces in enumerate(tokens):
            by_length.setdefault(len(pieces), []).append(place)
        found = np.empty((len(texts), self._hidden), dtype=np.float32)
        parts = []
        for length, same in by_length.items():
            size = max(1, TOGETHER // length)
            parts += [same[start : start + size] for start in range(0, len(same), size)]

        def encode_part(part: list[int]) -> None:
            found[part] = self._forward(np.array([tokens[place] for place in part]))

        # Matrices this small lose more than they gain by threads inside; whole parts side by side do not.
        with threadpool_limits(1), ThreadPoolExecutor(threads) as pool:
            list(pool.map(encode_part, parts))
        return found

    def _forward(self, tokens: NDArray[np.int64]) -> FloatArray:
        """Texts of one length, shape ``(texts, word pieces)``: without padding there is nothing to mask."""
        words = self._weights["embeddings.word_embeddings.weight"][tokens]
        places = self._weights["embeddings.position_embeddings.weight"][: tokens.shape[1]]
        kind = self._weights["embeddings.token_type_embeddings.weight"][0]
        hidden = self._normed(words + places + kind, "embeddings.LayerNorm")
        for number in range(self._layers):
            hidden = self._layer(hidden, f"encoder.layer.{number}.")
        mean = hidden.mean(axis=1)
        found: FloatArray = mean / np.maximum(np.linalg.norm(mean, axis=1, keepdims=True), 1e-12)
        return found

    def _layer(self, hidden: FloatArray, name: str) -> FloatArray:
        attended = self._linear(
            self._attention(hidden, f"{name}attention.self."), f"{name}attention.output.dense"
        )
        hidden = self._normed(attended + hidden, f"{name}attention.output.LayerNorm")
        inner = _gelu(self._linear(hidden, f"{name}intermediate.dense"))
        return self._normed(self._linear(inner, f"{name}output.dense") + hidden, f"{name}output.LayerNorm")

    def _attention(self, hidden: FloatArray, name: str) -> FloatArray:
        n_texts, length, width = hidden.shape
        query, key, value = (
            self._linear(hidden, name + part)
            .reshape(n_texts, length, self._heads, width // self._heads)
            .transpose(0, 2, 1, 3)
            for part in ("query", "key", "value")
        )
        scores = query @ key.transpose(0, 1, 3, 2) / np.float32(np.sqrt(query.shape[-1]))
        shares = np.exp(scores - scores.max(axis=-1, keepdims=True))
        heard = (shares / shares.sum(axis=-1, keepdims=True)) @ value
        found: FloatArray = heard.transpose(0, 2, 1, 3).reshape(hidden.shape)
        return found

    def _linear(self, hidden: FloatArray, name: str) -> FloatArray:
        found: FloatArray = hidden.reshape(-1, hidden.shape[-1]) @ self._weights[f"{name}.weight"].T
        found += self._weights[f"{name}.bias"]
        return found.reshape(*hidden.shape[:-1], -1)

    def _normed(self, hidden: FloatArray, name: str) -> FloatArray:
        found: FloatArray = hidden - hidden.mean(axis=-1, keepdims=True)
        spread = np.sqrt((found * found).mean(axis=-1, keepdims=True) + np.float32(self._epsilon))
        found /= spread
        found *= self._weights[f"{name}.weight"]
        found += self._weights[f"{name}.bias"]
        return found


def _gelu(inner: FloatArray) -> FloatArray:
    from scipy.special import erf

    found: FloatArray = inner / np.float32(np.sqrt(2))
    erf(found, out=found)  # in place: what is written once stays in the cache
    found += 1
    found *= inner
    found *= np.float32(0.5)
    return found


@cache
def minilm(folder: Path) -> MiniLM:
    """The one encoder of this process."""
    return MiniLM(folder)
