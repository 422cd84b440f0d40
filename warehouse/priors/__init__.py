"""Priors that come with optiq, one figure a row, each with its source and date.

``published.csv`` is what a new PerfDB begins with; ``served_models.csv`` holds figures of many models that people
serve, which count where such a model is served and nothing is known of it.
"""

from __future__ import annotations

import csv
from collections.abc import Iterable
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from optiq.statistics.snapshot import ModelFigures

if TYPE_CHECKING:
    from optiq.servers.protocol import ServedModel

_OF_WEIGHTS = ("qoa",)
"""What holds wherever a model is served: prices, speeds and energies are those of a provider's machines."""


def shipped() -> Path:
    """The priors file that a new PerfDB begins with."""
    return Path(__file__).with_name("published.csv")


def served_models() -> Path:
    """The figures of models that people serve."""
    return Path(__file__).with_name("served_models.csv")


def published_rows(served: Iterable[ServedModel], on_this_machine: bool) -> list[ModelFigures]:
    """Published figures of ``served`` models, for :meth:`~optiq.statistics.snapshot.Statistics.with_guesses`.

    A model is known by its name, or by one that surely means the same weights. ``on_this_machine``: a hosted price or
    speed is not what this machine takes.
    """
    from optiq.formats.price_tables import meant_name

    table = _table()
    rows = []
    for model in served:
        for metric, row in table.get(meant_name(model.name), ()):
            if not on_this_machine or metric in _OF_WEIGHTS:
                rows.append(replace(row, model=model.name))
    return rows


@cache
def _table() -> dict[str, list[tuple[str, ModelFigures]]]:
    from optiq.formats.price_tables import meant_name

    found: dict[str, list[tuple[str, ModelFigures]]] = {}
    with served_models().open(encoding="utf-8", newline="") as file:
        for line in csv.DictReader(file):
            task = "*" if line["topic"] == "*" else line["topic"]
            told = f"prior: {line['source']} ({line['as_of']})"
            figures: dict[str, float] = {line["metric"]: float(line["value"])}
            row = ModelFigures(model=line["model"], task=task, provenance=told, **figures)  # type: ignore[arg-type]
            found.setdefault(meant_name(line["model"]), []).append((line["metric"], row))
    return found
