"""The settings replayed on recordings: policies learn on other folds and choose among plans that were run."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from benchmarks.experiments import reference
from benchmarks.experiments.setting import Experiment, Setting, Unit
from benchmarks.experiments.summing import rows_of
from optiq.estimation.estimator import make_estimator
from optiq.evaluation.folds import split
from optiq.evaluation.outcomes import Outcomes
from optiq.evaluation.policies import make_policies
from optiq.evaluation.replay import Decision, Held, HindsightPolicy, Policy, replay
from optiq.evaluation.replay import Setting as Rules
from optiq.plans.plan import Plan
from optiq.questions.question import Budget
from optiq.statistics.snapshot import Statistics
from warehouse.published import published_qualities
from warehouse.recorded import read_recorded

UNIT = Unit(1.22e-5, 19.47)
"""The budget unit of the paper's recordings (section 6.5 rounds it to 0.000012 USD)."""

RUNS = "Opti-Q nsga"
"""The recordings of one family of prompts; the others were made with different prompts and are not pooled."""

NAMES = {"open": "SimpleQA", "choice": "MMLU-Pro"}

Maker = Callable[[], Policy | HindsightPolicy]


class Recordings:
    """Executions that were published with the paper, and the published priors beside them."""

    def __init__(self, folder: Path, neighbours: bool = True) -> None:
        self.folder = folder
        self.traces, _ = read_recorded([folder / "executions.parquet"], RUNS)
        self.outcomes = Outcomes.from_traces(self.traces)
        self.neighbours = neighbours
        self.models = tuple(sorted(plan.models[0] for plan in self.outcomes.plans if plan.k == 1))

    def allowed(self, keep: Callable[[Plan], bool]) -> Outcomes:
        """The outcomes of some plans: no other can be chosen, and nothing is learned from others."""
        columns = [i for i, plan in enumerate(self.outcomes.plans) if keep(plan)]
        return self._part(self.outcomes.values[:, columns], columns, columns)

    def seen(self, keep: Callable[[Plan], bool]) -> Outcomes:
        """All plans as candidates, but runs of some alone, to learn from."""
        columns = [i for i, plan in enumerate(self.outcomes.plans) if keep(plan)]
        values = np.full_like(self.outcomes.values, np.nan)
        values[:, columns] = self.outcomes.values[:, columns]
        return self._part(values, list(range(len(self.outcomes.plans))), columns)

    def _part(self, values: Any, columns: list[int], known: list[int]) -> Outcomes:
        """``columns`` are kept as plans; ``known`` of them with their answers, numbers of runs and calls."""
        whole = self.outcomes
        place = {column: new for new, column in enumerate(columns)}
        counts = np.zeros_like(whole.counts)
        counts[:, known] = whole.counts[:, known]
        keys = {whole.plans[column].key for column in known}
        number = {asked.question_id: i for i, asked in enumerate(whole.questions)}
        part = Outcomes.from_traces(self.traces.filter(pl.col("plan_key").is_in(sorted(keys))))
        calls = [replace(c, question=number[part.questions[c.question].question_id]) for c in part.calls]
        answers = {(q, place[p]): text for (q, p), text in whole.answers.items() if p in set(known)}
        plans = [whole.plans[column] for column in columns]
        return Outcomes(whole.questions, plans, values, counts[:, columns], answers, calls)


def run(
    experiment: Experiment, recordings: Recordings, seed: int, folds: int = 5, repeats: int = 1
) -> list[dict[str, Any]]:
    """The rows of an experiment, ours and the authors' own choices on the same recordings."""
    rows: list[dict[str, Any]] = []
    settings = experiment.settings(UNIT, recordings.models)
    for label, suffix in dict.fromkeys((s.label, s.suffix) for s in settings):
        same = [s for s in settings if (s.label, s.suffix) == (label, suffix)]
        frames, runs_seen = [], None
        for number, setting in enumerate(same):
            frame, runs_seen = _replayed(experiment, setting, recordings, seed, folds, repeats)
            frames.append(frame.with_columns(repeat=pl.col("repeat") + number * repeats))
        if same[0].budget != Budget() and not suffix:
            frames.append(reference.picks(recordings.folder, same[0].budget, int(same[0].x)))
        rows += rows_of(pl.concat(frames), same[0], seed, "replayed", runs_seen, experiment.together, NAMES)
    return rows


def _replayed(
    experiment: Experiment, setting: Setting, recordings: Recordings, seed: int, folds: int, repeats: int
) -> tuple[pl.DataFrame, float | None]:
    names = list(setting.policies or experiment.policies)
    rules = Rules(setting.budget, setting.confidence, seed, published_qualities(), recordings.neighbours)
    runs_seen = None
    if setting.level is None:
        outcomes = recordings.allowed(setting.allows)
        makers = make_policies(names)
    else:
        outcomes = recordings.outcomes
        seen = recordings.seen(lambda plan: plan.k <= (setting.level or 0)) if setting.level else None
        # the last level has all
        seen = outcomes if setting.level == 4 else seen
        makers = _limited(names, seen, recordings.folder)
        runs_seen = 0.0 if seen is None else _runs_seen(seen, seed, folds)
    return replay(outcomes, makers, rules, folds, repeats), runs_seen


def _limited(names: Sequence[str], seen: Outcomes | None, folder: Path) -> dict[str, Maker]:
    """The policies, learning from ``seen`` alone; without it, those that can plan on published priors."""
    if seen is None:
        priors = reference.priors(folder)
        makers = make_policies([name for name in names if name == "oracle" or name.startswith("opti-q")])
        return {
            name: maker if name == "oracle" else partial(_OnPriors, maker, priors)
            for name, maker in makers.items()
        }
    return {
        name: maker if name == "oracle" else partial(_OnPart, maker, seen)
        for name, maker in make_policies(names).items()
    }


class _OnPart:
    """A policy that learns from a part of what was recorded of the history's questions."""

    def __init__(self, make: Callable[[], Any], seen: Outcomes) -> None:
        self._policy, self._seen = make(), seen

    def learn(self, history: Outcomes, setting: Rules) -> None:
        known = {asked.question_id for asked in history.questions}
        rows = [i for i, asked in enumerate(self._seen.questions) if asked.question_id in known]
        self._policy.learn(self._seen.only(rows), setting)

    def decide(self, held: Held) -> list[Decision]:
        decided: list[Decision] = self._policy.decide(held)
        return decided


class _OnPriors:
    """Opti-Q that knows published figures of single models and no execution, so that it has no neighbours either."""

    def __init__(self, make: Callable[[], Any], priors: Statistics) -> None:
        self._policy, self._priors = make(), priors

    def learn(self, history: Outcomes, setting: Rules) -> None:
        self._policy.learn(history, setting)
        estimator = make_estimator(self._policy.estimator, self._priors)
        self._policy.planning = replace(self._policy.planning, known=estimator, neighbours=None, looks=None)

    def decide(self, held: Held) -> list[Decision]:
        decided: list[Decision] = self._policy.decide(held)
        return decided


def _runs_seen(seen: Outcomes, seed: int, folds: int) -> float:
    """Executions that a policy learns from, the mean over folds."""
    fold_of = split(seen.questions, folds, seed)
    return float(np.mean([seen.counts[fold_of != fold].sum() for fold in range(folds)]))
