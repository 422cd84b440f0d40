"""The product as it comes, on the recordings, and what anybody would try first beside it.

Per fold a PerfDB is made with the shipped figures, the runs on the other folds' questions land, a refresh publishes,
and a session with default settings chooses among the plans that were recorded on the held-out questions. The others
know the same history, questions of a kind apart, and pick among single models whose mean cost and latency in it are
within the limits. The best single model that all are compared with has no limits.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import polars as pl

from benchmarks.evaluation import baselines
from benchmarks.evaluation.histories_table import NEAREST, PRODUCT
from benchmarks.evaluation.learned_homes import LearnedHomes
from benchmarks.evaluation.recorded_table import KINDS, Row, budget
from benchmarks.evaluation.sources import RUNS, sentences_of
from optiq.evaluation.folds import split
from optiq.evaluation.intervals import interval
from optiq.evaluation.outcomes import QOA, FloatArray, IntArray, Outcomes
from optiq.evaluation.policies.affordable import fits
from optiq.planning import Planning
from optiq.planning.given import plan_among
from warehouse.recorded import read_recorded

FOLDS = 5
BLENDER = "gemma3:27b"
BEST_SINGLE, HINDSIGHT = "best single model", "best single model in hindsight (a bound)"

HEAD = [
    "questions",
    "method",
    "run",
    "QoA [95 %]",
    "above best single [95 %]",
    "USD",
    "USD of best single",
    "limits kept",
]


def table(path: Path, seed: int, repeats: int) -> list[Row]:
    """One row per budget, kind of question and method; means over ``repeats`` splits, intervals over questions."""
    traces, _ = read_recorded([path], RUNS)
    outcomes = Outcomes.from_traces(traces)
    rows = pl.DataFrame(list(_rows(outcomes, traces, seed, repeats)))
    found = []
    for b in (1, 2, 3):
        for kind in (*KINDS, None):
            part = rows.filter(pl.col("b") == b, pl.lit(kind is None) | (pl.col("kind") == (kind or "")))
            of_nearest = [name for name in part["method"].unique().sort() if name.startswith(NEAREST)]
            mean = {name: _mean(part.filter(pl.col("method") == name)) for name in of_nearest}
            best = max(of_nearest, key=lambda name: mean[name])
            for name in part["method"].unique(maintain_order=True).to_list():
                if (kind is None and name != PRODUCT) or (name in of_nearest and name != best):
                    continue
                line = _line(part.filter(pl.col("method") == name), seed)
                found.append((f"b={b}, {KINDS[kind] if kind else 'all'}", name, *line))
    return found


def _mean(rows: pl.DataFrame) -> float:
    return float(np.nan_to_num(rows["qoa"].cast(pl.Float64).to_numpy()).mean())


def _line(rows: pl.DataFrame, seed: int) -> Row:
    run = rows.filter(pl.col("qoa").is_not_null())
    if not run.height:
        return "0%", "", "", "", "", ""
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
    names = sorted({name for plan in outcomes.plans for name in plan.models})
    sentences = sentences_of(outcomes)
    with LearnedHomes.in_scratch() as homes:
        for repeat in range(repeats):
            fold_of = split(outcomes.questions, FOLDS, seed + repeat)
            for fold in range(FOLDS):
                history, held = np.flatnonzero(fold_of != fold), np.flatnonzero(fold_of == fold)
                ids = [outcomes.questions[q].question_id for q in history]
                with homes.after(traces.filter(pl.col("question_id").is_in(ids)), names, BLENDER) as planning:
                    decided = dict(_planned(outcomes, planning, held))
                yield from _compared(outcomes, sentences, history, held, decided)


def _planned(
    outcomes: Outcomes, planning: Planning, held: IntArray
) -> Iterator[tuple[tuple[int, int], int | None]]:
    """By b and question the plan that planning takes; None: it refuses."""
    plans = [[outcomes.plans[p] for p in outcomes.scored(q)] for q in held]
    for b in (1, 2, 3):
        asked = [replace(outcomes.questions[q], budget=budget(b)) for q in held]
        for q, item in zip(held.tolist(), plan_among(planning, asked, plans), strict=True):
            chosen = item.choice.chosen
            yield (b, q), None if chosen is None else outcomes.number[chosen.plan]


def _compared(
    outcomes: Outcomes,
    sentences: FloatArray,
    history: IntArray,
    held: IntArray,
    decided: dict[tuple[int, int], int | None],
) -> Iterator[dict[str, object]]:
    """What came of every method's picks."""
    singles = outcomes.singles
    for kind in KINDS:
        known, asked = (
            np.array([q for q in rows if outcomes.questions[q].kind.value == kind])
            for rows in (history, held)
        )
        spent = np.nanmean(outcomes.values[np.ix_(known, singles)], axis=0)[:, :QOA]
        expected = _expected(outcomes, sentences, known, asked)
        best = int(singles[expected[BEST_SINGLE][0].argmax()])
        for b in (1, 2, 3):
            able = fits(spent, budget(b))
            for row, q in enumerate(asked.tolist()):
                picks = {PRODUCT: decided[b, q]}
                for name, quality in expected.items():
                    within = able & ~np.isnan(outcomes.qoa[q, singles])
                    if name == HINDSIGHT:
                        within &= fits(outcomes.values[q, singles, :QOA], budget(b))
                    place = int(np.where(within, quality[row], -np.inf).argmax())
                    picks[name] = int(singles[place]) if within[place] else None
                for name, plan in picks.items():
                    yield {"b": b, "question": q, "kind": kind, "method": name} | _came(
                        outcomes, q, plan, best, b
                    )


def _came(outcomes: Outcomes, q: int, plan: int | None, best: int, b: int) -> dict[str, object]:
    """What a plan came to on a question beside the best single model; nothing where nothing was run."""
    if plan is None:
        return dict.fromkeys(("qoa", "cost_usd", "kept", "best_qoa", "best_cost_usd"))
    came, beside = outcomes.values[q, plan], outcomes.values[q, best]
    return {
        "qoa": float(came[QOA]),
        "cost_usd": float(came[0]),
        "kept": bool(fits(came[:QOA], budget(b))),
        "best_qoa": float(beside[QOA]),
        "best_cost_usd": float(beside[0]),
    }


def _expected(
    outcomes: Outcomes, sentences: FloatArray, known: IntArray, asked: IntArray
) -> dict[str, FloatArray]:
    """(asked, single models): what each method expects of them."""
    every = outcomes.qoa[:, outcomes.singles]
    scores = every[known]
    scores = np.where(np.isnan(scores), np.nanmean(scores, axis=0), scores)
    topics = [one.topics[0][0] if one.topics else "" for one in outcomes.questions]
    found = {
        BEST_SINGLE: baselines.best_single(scores, len(asked)),
        "best single model per topic": baselines.per_label(
            scores, [topics[q] for q in known], [topics[q] for q in asked]
        ),
    }
    for n, votes in baselines.nearest_votes(sentences[known], scores, sentences[asked]).items():
        found[f"{NEAREST} ({n})"] = votes
    about = sentences[known], scores, sentences[asked]
    found["logistic regression on MiniLM"] = baselines.logistic_regression(*about)
    found["matrix factorisation, MiniLM"] = baselines.matrix_factorisation(*about)
    found[HINDSIGHT] = every[asked]
    return found
