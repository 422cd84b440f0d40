"""Recorded executions as trials: what may be chosen, what it reveals, and what is true in the end.

Reads ``executions.parquet``, ``questions.parquet`` and ``levels.parquet`` as published with the Opti-Q paper. Families
of prompts are never pooled. A plan is one canonical plan: isomorphic rows fall together. Of an execution that was
recorded several times, a trial reveals one recording, drawn with the seed; the truth is the mean of all, questions
weighing the same. Quality is kept within 0 to 1. A plan that has recordings on fewer questions of a topic than
``least`` is left out there, as nobody knows how good it is.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import polars as pl
from numpy.typing import NDArray

from optiq.calibration.beliefs import Arms
from optiq.calibration.learner import Trials
from optiq.calibration.similarity import model_similarity, plan_similarity
from optiq.estimation import PromptShape, estimate
from optiq.plans.plan import Plan
from optiq.questions.metric import METRIC_NAMES
from optiq.statistics.snapshot import ModelFigures, Statistics

BLENDER = "gemma3:27b"
"""What really ran every node that is called ``blend``."""

_RATES = {
    "input_cost": "usd_per_prompt_token",
    "output_cost": "usd_per_output_token",
    "input_latency": "seconds_per_prompt_token",
    "output_latency": "seconds_per_output_token",
    "input_energy": "joules_per_prompt_token",
    "output_energy": "joules_per_output_token",
    "average_output_tokens": "output_tokens",
    "qoa": "qoa",
}
_REALIZED = ("realized_cost", "realized_latency", "realized_energy", "realized_qoa")
_TASKS = {"SimpleQA": "open", "MMLU-Pro": "choice"}


@dataclass(frozen=True)
class Recording:
    """``trials`` with, per pair, the recorded ``outcomes`` (repeats, 4), and the ``truth`` (arms, 4)."""

    trials: Trials
    outcomes: tuple[NDArray[np.float64], ...]
    truth: NDArray[np.float64]

    def revealed(self, seed: int) -> NDArray[np.float64]:
        """(pairs, 4): what choosing each pair shows with this seed."""
        random = np.random.default_rng(seed)
        return np.array([rows[random.integers(len(rows))] for rows in self.outcomes])


def load(folder: Path, family: str, least: int, topics: slice = slice(None)) -> Recording:
    """The recordings of one family of prompts."""
    asked = pl.read_parquet(folder / "questions.parquet")
    chars = dict(asked.select("question_id", pl.col("text").str.len_chars()).iter_rows())
    task_of = {topic: _TASKS[name] for topic, name in asked.select("topic", "benchmark").unique().iter_rows()}
    rows = pl.read_parquet(folder / "executions.parquet").filter(pl.col("prompt_family") == family)
    found: dict[tuple[str, Plan], dict[str, list[list[float]]]] = {}
    for row in rows.sort("execution_id").iter_rows(named=True):
        models = [BLENDER if name == "blend" else name for name in json.loads(row["models"])]
        plan = Plan.of(models, tuple((i, j) for i, j in json.loads(row["edges"])))
        figures = [float(row[name]) for name in _REALIZED]
        figures[3] = min(max(figures[3], 0.0), 1.0)
        found.setdefault((row["topic"], plan), {}).setdefault(row["question_id"], []).append(figures)
    names = sorted({topic for topic, _ in found})[topics]
    keys = sorted(
        (key for key, given in found.items() if len(given) >= least and key[0] in names),
        key=lambda key: (key[0], key[1].order),
    )
    return _recording(_published(folder), {key: found[key] for key in keys}, names, task_of, chars)


def _recording(
    statistics: Statistics,
    found: dict[tuple[str, Plan], dict[str, list[list[float]]]],
    topics: list[str],
    task_of: dict[str, str],
    chars: dict[str, int],
) -> Recording:
    plans = sorted({plan for _, plan in found}, key=lambda plan: plan.order)
    models = sorted({model for plan in plans for model in plan.models})
    questions = sorted({name for given in found.values() for name in given})
    predicted, truth, pairs, outcomes = [], [], [], []
    for arm, ((topic, plan), given) in enumerate(found.items()):
        length = round(float(np.mean([chars[name] for name in given])))
        shape = PromptShape(length, base_chars=100, context_chars=100, blend_chars=200)
        blender = BLENDER if plan.blend_nodes else None
        predicted.append(estimate(plan, statistics, ((topic, 1.0),), task_of[topic], shape, blender).metrics)
        truth.append(np.mean([np.mean(repeats, axis=0) for repeats in given.values()], axis=0))
        for name in sorted(given):
            pairs.append((arm, questions.index(name)))
            outcomes.append(np.array(given[name]))
    tasks = [task_of[topic] for topic in topics]
    arms = Arms(
        plan=np.array([plans.index(plan) for _, plan in found], dtype=np.intp),
        topic=np.array([topics.index(topic) for topic, _ in found], dtype=np.intp),
        task=np.array([tasks[topics.index(topic)] == "choice" for topic, _ in found], dtype=np.intp),
        alike=plan_similarity(plans, models, model_similarity(statistics, models)),
    )
    trials = Trials(
        arms,
        tuple(plans),
        tuple(topics),
        tuple(tasks),
        np.array(pairs, dtype=np.intp),
        len(questions),
        np.array(predicted),
        np.zeros(len(found)),
    )
    assert trials.predicted.shape[1] == len(METRIC_NAMES)
    return Recording(trials, tuple(outcomes), np.array(truth))


def _published(folder: Path) -> Statistics:
    """Level 0: published figures of single models, and nothing observed."""
    level = pl.read_parquet(folder / "levels.parquet").filter(pl.col("level_file") == 0)
    figures = []
    for row in level.iter_rows(named=True):
        (model,) = json.loads(row["models"])
        if model != "blend":
            given = {name: float(row[column]) for column, name in _RATES.items()}
            figures.append(ModelFigures(model=model, topic=row["topic"], **given))
            figures.append(ModelFigures(model=model, topic=_TASKS[row["benchmark"]], **given))
    return Statistics.build("published", figures, [])
