"""The models of the live workflows: the embedded weights, each behind two templates, as Ollama serves a Modelfile.

A served model is weights and template. ``-plain`` puts nothing around a prompt, so that its tokens are the prompt's
alone and the prompt's own examples lead; the others put a question and an answer around it. Prices are the weights'.
"""

from __future__ import annotations

import csv
import threading
from dataclasses import replace
from pathlib import Path
from typing import Any

from optiq.servers.embedded import EmbeddedServer, LlamaModel
from optiq.servers.embedded_models import EMBEDDED_MODELS, EmbeddedModel

PRICES = Path("warehouse/priors/published.csv")
PLAIN = "-plain"
BEGINNINGS = 4
"""So many prompts' beginnings llama.cpp keeps for each of the weights: a stage's are the same for all examples."""

SERVED: dict[str, EmbeddedModel] = {
    model.name: model
    for weights in EMBEDDED_MODELS.values()
    for model in (weights, replace(weights, name=f"{weights.name}{PLAIN}", template="{prompt}"))
}


def prices() -> dict[str, tuple[float, float]]:
    """USD per million prompt and output tokens, as PerfDB begins with them."""
    with PRICES.open(encoding="utf-8") as file:
        rates = {(row["model"], row["metric"]): float(row["value"]) * 1e6 for row in csv.DictReader(file)}
    found = {}
    for name in SERVED:
        weights = name.removesuffix(PLAIN)
        found[name] = (rates[weights, "usd_per_prompt_token"], rates[weights, "usd_per_output_token"])
    return found


class LiveServer(EmbeddedServer):
    """The embedded server with each of the weights loaded once, and beginnings of prompts kept where llama.cpp can.

    It can for SmolLM2 (seven tenths of a text-to-SQL prompt), not for Gemma, whose attention slides. With kept
    beginnings sums are rounded differently: a text may be another than without. Each call is made and recorded once.
    """

    def __init__(self) -> None:
        super().__init__(SERVED)
        self._weights: dict[Path, LlamaModel] = {}
        self._opening = threading.Lock()

    def _opened(self, model: EmbeddedModel) -> LlamaModel:
        with self._opening:
            path = model.locate()
            if path not in self._weights:
                self._weights[path] = _KeepingBeginnings(path, model.name)
            return self._weights[path]


class _KeepingBeginnings(LlamaModel):
    def parameters(self) -> Any:
        found = super().parameters()
        found.cache_prompt = True
        found.n_parallel = BEGINNINGS
        return found
