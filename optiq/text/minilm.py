"""The forward pass of all-MiniLM-L6-v2 in NumPy, for a handful of texts.

Importing torch, transformers and sentence-transformers takes 8 s, which a person who asks one question would wait
for. Weights and tokens are read by the libraries that own their formats (safetensors, tokenizers); what is left is
BERT's arithmetic. Tests hold it equal to sentence-transformers, which embeds in bulk.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float32]


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
        self._epsilon: float = config["layer_norm_eps"]
        self._weights: dict[str, FloatArray] = load_file(folder / "model.safetensors")
        self._tokenizer: Any = Tokenizer.from_file(str(folder / "tokenizer.json"))
        self._tokenizer.enable_truncation(length)
        self._tokenizer.no_padding()

    def encode(self, texts: Sequence[str]) -> FloatArray:
        """Embeddings of ``texts``, shape ``(len(texts), hidden)``, each row of length 1."""
        from threadpoolctl import threadpool_limits

        with threadpool_limits(1):  # matrices this small lose more than they gain by threads
            return np.stack([self._one(self._tokenizer.encode(text).ids) for text in texts])

    def _one(self, tokens: Sequence[int]) -> FloatArray:
        """One text at a time: without padding there is nothing to mask."""
        words = self._weights["embeddings.word_embeddings.weight"][list(tokens)]
        places = self._weights["embeddings.position_embeddings.weight"][: len(tokens)]
        kind = self._weights["embeddings.token_type_embeddings.weight"][0]
        hidden = self._normed(words + places + kind, "embeddings.LayerNorm")
        for number in range(self._layers):
            hidden = self._layer(hidden, f"encoder.layer.{number}.")
        mean = hidden.mean(axis=0)
        found: FloatArray = mean / np.maximum(np.linalg.norm(mean), 1e-12)
        return found

    def _layer(self, hidden: FloatArray, name: str) -> FloatArray:
        attended = self._linear(
            self._attention(hidden, f"{name}attention.self."), f"{name}attention.output.dense"
        )
        hidden = self._normed(attended + hidden, f"{name}attention.output.LayerNorm")
        inner = _gelu(self._linear(hidden, f"{name}intermediate.dense"))
        return self._normed(self._linear(inner, f"{name}output.dense") + hidden, f"{name}output.LayerNorm")

    def _attention(self, hidden: FloatArray, name: str) -> FloatArray:
        query, key, value = (
            self._linear(hidden, name + part).reshape(len(hidden), self._heads, -1).transpose(1, 0, 2)
            for part in ("query", "key", "value")
        )
        scores = query @ key.transpose(0, 2, 1) / np.float32(np.sqrt(query.shape[-1]))
        shares = np.exp(scores - scores.max(axis=-1, keepdims=True))
        heard = (shares / shares.sum(axis=-1, keepdims=True)) @ value
        found: FloatArray = heard.transpose(1, 0, 2).reshape(hidden.shape)
        return found

    def _linear(self, hidden: FloatArray, name: str) -> FloatArray:
        found: FloatArray = hidden @ self._weights[f"{name}.weight"].T + self._weights[f"{name}.bias"]
        return found

    def _normed(self, hidden: FloatArray, name: str) -> FloatArray:
        centred = hidden - hidden.mean(axis=-1, keepdims=True)
        spread = np.sqrt((centred * centred).mean(axis=-1, keepdims=True) + np.float32(self._epsilon))
        found: FloatArray = centred / spread * self._weights[f"{name}.weight"] + self._weights[f"{name}.bias"]
        return found


def _gelu(inner: FloatArray) -> FloatArray:
    from scipy.special import erf

    found: FloatArray = inner * np.float32(0.5) * (1 + erf(inner / np.float32(np.sqrt(2))))
    return found


@cache
def minilm(folder: Path) -> MiniLM:
    """The one encoder of this process."""
    return MiniLM(folder)
