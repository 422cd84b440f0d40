"""The product as it comes, on the recordings: what lands is refreshed, what is planned is looked up.

Per fold a PerfDB is made with the shipped figures, the runs on the other folds' questions land, a refresh publishes,
and a session with default settings chooses among the plans that were recorded on the held-out questions. Beside it
stands the model that did best alone in the same history, on the questions that were run.
"""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import polars as pl

from benchmarks.evaluation.recorded_table import KINDS, Row, budget
from benchmarks.evaluation.sources import RUNS
from optiq.configuration import Settings
from optiq.evaluation.folds import split
from optiq.evaluation.intervals import interval
from optiq.evaluation.outcomes import QOA, IntArray, Outcomes
from optiq.evaluation.policies.affordable import fits
from optiq.planning import Planning
from optiq.planning.given import plan_among
from tasks.session import open_session
from warehouse.home import Home
from warehouse.landing import land_traces
from warehouse.recorded import read_recorded
from warehouse.refresh import init, refresh

FOLDS = 5
BLENDER = "gemma3:27b"

HEAD = [
    "questions",
    "run",
    "QoA [95 %]",
    "above best single [95 %]",
    "USD",
    "USD of best single",
    "limits kept",
]


def table(path: Path, seed: int, repeats: int) -> list[Row]:
    """One row per budget and kind of question; means over ``repeats`` splits, intervals over questions."""
    traces, _ = read_recorded([path], RUNS)
    outcomes = Outcomes.from_traces(traces)
    rows = pl.DataFrame(list(_rows(outcomes, traces, seed, repeats)))
    found = []
    for b in (1, 2, 3):
        for kind in (*KINDS, None):
            part = rows.filter(pl.col("b") == b, pl.lit(kind is None) | (pl.col("kind") == (kind or "")))
            found.append((f"b={b}, {KINDS[kind] if kind else 'all'}", *_line(part, seed)))
    return found


def _line(rows: pl.DataFrame, seed: int) -> Row:
    run = rows.filter(pl.col("qoa").is_not_null())
    by_question = run.group_by("question", maintain_order=True).agg(
        pl.col("qoa").mean(), (pl.col("qoa") - pl.col("best_qoa")).mean().alias("above")
    )
    mean, above = (interval(by_question[name].to_numpy(), seed) for name in ("qoa", "above"))
    return (
        f"{run.height / rows.height:.0%}",
        f"{mean.mean:.3f} [{mean.low:.3f}, {mean.high:.3f}]",
        f"{above.mean:+.3f} [{above.low:+.3f}, {above.high:+.3f}]",
        f"{run['cost_usd'].mean():.2e}",
        f"{run['best_cost_usd'].mean():.2e}",
        f"{run['kept'].mean():.1%}",
    )


def _rows(outcomes: Outcomes, traces: pl.DataFrame, seed: int, repeats: int) -> Iterator[dict[str, object]]:
    with tempfile.TemporaryDirectory() as scratch:
        fresh = Path(scratch) / "fresh"
        init(Home(fresh))
        for repeat in range(repeats):
            fold_of = split(outcomes.questions, FOLDS, seed + repeat)
            for fold in range(FOLDS):
                home = Path(scratch) / "home"
                shutil.copytree(fresh, home)
                history = np.flatnonzero(fold_of != fold)
                _learn(Home(home), outcomes, traces, history)
                names = sorted({name for plan in outcomes.plans for name in plan.models})
                settings = Settings.load({"home": str(home), "models": names, "blender": BLENDER}, {})
                planning = open_session(settings, serve=False).planning
                yield from _decided(outcomes, planning, history, np.flatnonzero(fold_of == fold))
                shutil.rmtree(home)


def _learn(home: Home, outcomes: Outcomes, traces: pl.DataFrame, history: IntArray) -> None:
    ids = [outcomes.questions[q].question_id for q in history]
    land_traces(home, traces.filter(pl.col("question_id").is_in(ids)))
    refresh(home)


def _decided(
    outcomes: Outcomes, planning: Planning, history: IntArray, held: IntArray
) -> Iterator[dict[str, object]]:
    number = {plan: p for p, plan in enumerate(outcomes.plans)}
    plans = [[outcomes.plans[p] for p in outcomes.scored(q)] for q in held]
    best = {kind: _best(outcomes, history, kind) for kind in KINDS}
    for b in (1, 2, 3):
        asked = [replace(outcomes.questions[q], budget=budget(b)) for q in held]
        for q, item in zip(held.tolist(), plan_among(planning, asked, plans), strict=True):
            kind = item.question.kind.value
            row: dict[str, object] = {"b": b, "question": q, "kind": kind}
            row |= dict.fromkeys(("qoa", "cost_usd", "kept", "best_qoa", "best_cost_usd"))
            if item.choice.chosen is not None:
                came, beside = (outcomes.values[q, p] for p in (number[item.choice.chosen.plan], best[kind]))
                row |= {"qoa": float(came[QOA]), "cost_usd": float(came[0]), "best_qoa": float(beside[QOA])}
                row |= {"kept": bool(fits(came[:QOA], budget(b))), "best_cost_usd": float(beside[0])}
            yield row


def _best(outcomes: Outcomes, history: IntArray, kind: str) -> int:
    """The column of the model that did best alone on the questions of a kind in the history."""
    own = [q for q in history if outcomes.questions[q].kind.value == kind]
    means = np.nanmean(outcomes.qoa[np.ix_(own, outcomes.singles)], axis=0)
    return int(outcomes.singles[int(means.argmax())])
