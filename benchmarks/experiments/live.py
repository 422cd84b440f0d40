"""The settings run on a model server: the product plans and answers the question file once per setting and policy.

Every run is one of `optiq answer`: it has an answers file of its own, keeps to its limits, goes on where it stopped,
and is taken as it is when it is done, unless PerfDB was refreshed since. Policies that differ in which calls they make,
not in what a call returns, are replayed on these answers (other folds of the same questions teach them).
"""

from __future__ import annotations

import argparse
import warnings
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import polars as pl

from benchmarks.experiments.bench import Bench
from benchmarks.experiments.coverage_homes import home_of_level, runs_in
from benchmarks.experiments.live_answers import frame_of, outcomes_of
from benchmarks.experiments.setting import Experiment, Setting, Unit
from benchmarks.experiments.summing import rows_of
from optiq.errors import InputError, OptiqWarning
from optiq.evaluation.outcomes import Outcomes
from optiq.evaluation.policies import make_policies
from optiq.evaluation.replay import Setting as Rules
from optiq.evaluation.replay import replay
from optiq.planning import estimate_rows
from optiq.plans.plan import Plan
from optiq.questions.question import Budget, Question
from optiq.questions.question_file import read_questions
from tasks.session import Session
from warehouse.find_home import find_home
from warehouse.home import Home
from warehouse.published import published_qualities
from warehouse.query import query

FOLDS = 5


def run(experiment: Experiment, given: argparse.Namespace) -> list[dict[str, Any]]:
    """The rows of an experiment; what is already there is not asked again."""
    bench = _bench(experiment, given)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", OptiqWarning)  # said once per run by the product itself
        session = bench.session()
    unit = unit_of(session, bench.questions)
    settings = settings_for_live(experiment, unit, session.planning.pool)
    rows: list[dict[str, Any]] = []
    answers = {id(s): _answers(experiment, bench, s, session.planning.pool) for s in settings}
    if experiment.replayed_live:
        outcomes = outcomes_of(list(bench.answers.values()), bench.questions)
    for label, suffix in dict.fromkeys((s.label, s.suffix) for s in settings):
        same = [s for s in settings if (s.label, s.suffix) == (label, suffix)]
        frames = []
        for number, setting in enumerate(same):
            for policy, table in answers[id(setting)].items():
                frame = frame_of(table, policy, bench.questions, setting.budget)
                frames.append(frame.with_columns(repeat=pl.lit(number, pl.Int64())))
        if experiment.replayed_live:
            frames.append(_replayed(experiment, outcomes, same[0], given.seed))
        level = same[0].level
        seen = None if level is None else float(runs_in(home_of_level(bench, level)))
        found = rows_of(pl.concat(frames), same[0], given.seed, "live", seen, experiment.together)
        for row in found:
            if row["policy"] in experiment.replayed_live and row["what"] == "live":
                row["what"] = "replayed on live answers"
        rows += found
    return rows


def unit_of(session: Session, questions: Sequence[Question]) -> Unit:
    """What one call of an average model is predicted to cost and take, the mean over models and questions."""
    singles = [Plan.of([model]) for model in session.planning.pool]
    found = estimate_rows(session.planning, session.with_topics(questions), singles)
    figures = pl.DataFrame([estimate.metrics[:2] for _, estimate in found], ["cost", "latency"], orient="row")
    cost, latency = figures.fill_nan(None).mean().row(0)
    if cost is None or latency is None:
        raise InputError(
            "PerfDB knows no price or no speed of any model, so there is no unit for the budgets",
            "Add them with `optiq ingest priors FILE`, or let `optiq calibrate` find out.",
        )
    return Unit(cost, latency)


def settings_for_live(experiment: Experiment, unit: Unit, pool: Sequence[str]) -> list[Setting]:
    """The settings that the product can be asked for: it has no flag for the number of distinct models in a plan."""
    found = [s for s in experiment.settings(unit, pool) if s.distinct is None]
    pools = [s.x for s in found if s.pool is not None]
    return [replace(s, x=s.x - min(pools) + 1) if pools else s for s in found]


def _bench(experiment: Experiment, given: argparse.Namespace) -> Bench:
    if given.questions is None:
        raise InputError("--live needs questions", "Give a file with --questions; each needs a reference.")
    rows = read_questions(given.questions, Budget()).rows[: given.limit]
    questions = [row.question for row in rows if row.question is not None]
    if len(questions) < 2 or any(question.reference is None for question in questions):
        raise InputError(
            f"{given.questions} has too few questions, or some without a reference",
            "Give at least two questions with a reference each: quality cannot be judged without.",
        )
    if any(question.budget != Budget() for question in questions):
        raise InputError(f"{given.questions} sets limits of its own", "Leave its limit columns out.")
    common = {
        "server": given.server,
        "server_url": given.server_url,
        "models": given.models,
        "weights": given.weights,
        "seed": given.seed,
        "limit": given.limit,
    }
    home = find_home(given.live)
    bench = Bench(
        home, given.questions, given.answers / experiment.name, questions, common, given.max_total_cost
    )
    known = _known(home, questions)
    if known:
        from flows.command_line.screen import note

        note(
            f"PerfDB has judged answers to {known} of the {len(questions)} questions: it plans with what it should "
            "not know, and the figures flatter. Use other questions."
        )
    return bench


def _known(home: Home, questions: Sequence[Question]) -> int:
    """How many of the questions PerfDB has learned from."""
    told = query(home.perfdb, "select distinct question from executions where qoa is not null")
    return len({question.text for question in questions} & set(told["question"].to_list()))


def _answers(
    experiment: Experiment, bench: Bench, setting: Setting, pool: Sequence[str]
) -> dict[str, pl.DataFrame]:
    """Per policy the answers within one setting. A single model runs once: no limit changes what it says."""
    budget = setting.budget
    limits = {"max_cost": budget.max_cost_usd, "max_latency": budget.max_latency_s}
    limits["confidence"] = setting.confidence
    perfdb = None if setting.level is None else home_of_level(bench, setting.level)
    name = _file_name(setting)
    found = {}
    for policy in experiment.live_policies:
        operations = 1 if policy == "best-single" else setting.operations
        models = {"models": ",".join(setting.pool)} if setting.pool else {}
        found[policy] = bench.answer(
            f"{name}-{policy}", perfdb, max_operations=operations, **models, **limits
        )
    if experiment.replayed_live:
        for model in pool:
            found[f"single:{model}"] = _single(bench, model)
    return found


def _single(bench: Bench, model: str) -> pl.DataFrame:
    name = f"single-{_safe(model)}"
    if name not in bench.answers:
        bench.answer(name, max_operations=1, models=model)
    return bench.answers[name]


def _replayed(experiment: Experiment, outcomes: Outcomes, setting: Setting, seed: int) -> pl.DataFrame:
    """Policies that choose among calls which were made, whatever setting made them."""
    names = list(experiment.replayed_live)
    if not any(asked.topics for asked in outcomes.questions):
        names.remove("best-single-per-topic")
    rules = Rules(setting.budget, None, seed, published_qualities())
    return replay(outcomes, make_policies(names), rules, min(FOLDS, len(outcomes.questions)))


def _file_name(setting: Setting) -> str:
    parts = [setting.label.replace("≤", "-").replace("=", "-").replace(" ", "-")]
    if setting.confidence is not None:
        parts.append(f"{setting.confidence:g}")
    if setting.pool:
        parts += [_safe(model) for model in setting.pool]
    return _safe("-".join(parts))


def _safe(text: str) -> str:
    return "".join(c if c.isalnum() or c in ".-" else "_" for c in text)
