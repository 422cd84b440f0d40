"""One answer of a run, node by node: what models were asked and said, what it cost, and why this plan."""

from __future__ import annotations

import json
import math
import warnings
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import polars as pl

from optiq.errors import InputError, OptiqError, OptiqNote, OptiqWarning, UnknownName
from optiq.execution.asking import PromptSetAsking
from optiq.plans.plan import Plan
from optiq.prompts.variants import find_variant
from optiq.questions.metric import LIMITS, METRIC_NAMES
from optiq.questions.question import Budget, Kind, Question
from optiq.servers.protocol import ServedModel
from tasks.run_answers import RunAnswers, questions_of, settings_of
from warehouse.archive import snapshot_file
from warehouse.home import Home
from warehouse.run_answers import calls_of, executions_of_run, tried_on_question

if TYPE_CHECKING:
    from optiq.configuration import Settings
    from tasks.session import Offered, Session

_SHOWN_PLANS = 8


@dataclass(frozen=True, slots=True)
class _AsOf(Home):
    """A home whose PerfDB is one of its kept snapshots."""

    file: Path

    @property
    def perfdb(self) -> Path:
        return self.file


def find_question(answers: RunAnswers, name: str) -> dict[str, Any]:
    """The row whose question_id is ``name``, else the one whose question begins so.

    Raises
    ------
    UnknownName
        if there is none, or more than one question begins so.
    """
    frame = answers.frame
    found = frame.filter(pl.col("question_id") == name)
    if found.is_empty():
        begins = pl.col("question").str.to_lowercase().str.starts_with(name.lower())
        found = frame.filter(begins.fill_null(False)).unique("question_id", maintain_order=True)
        if found.height != 1:
            what = "no question" if found.is_empty() else f"{found.height} questions"
            raise UnknownName(
                f"run {answers.run_id} has {what} named {name!r}",
                f"`optiq show {answers.run_id}` lists them: give an id, or how the text begins.",
            )
    return found.row(-1, named=True)


def one_answer(home: Home, answers: RunAnswers, name: str) -> dict[str, Any]:
    """All that is known of one answer, as JSON values: its row, and

    ``options``; ``executions``, each with its plan, scores by name and ``calls`` (node, model, prompt, output, tokens,
    figures); ``tried``: what plans did on this very question in any run; ``why``: what the planner saw.
    """
    row = find_question(answers, name)
    executions = executions_of_run(home, answers.run_id).filter(pl.col("question_id") == row["question_id"])
    askings = Askings(home, answers, executions)
    question, session = askings.question(row), askings.session
    calls = calls_of(home, executions["execution_id"])
    tried = tried_on_question(home, row["question"]) if row["question"] else pl.DataFrame()
    return {
        "run_id": answers.run_id,
        **{name: value for name, value in row.items() if name != "row"},
        "options": list(question.options) if question else [],
        "limits": {name: getattr(question.budget, name) for name in LIMITS} if question else {},
        "executions": [_execution(one, calls, row, askings) for one in executions.iter_rows(named=True)],
        "tried": tried.drop("plan_key", strict=False).to_dicts(),
        "why": {"unknown": askings.why_not or "its text is not known"}
        if session is None or question is None
        else _why(session, question, row["plan_key"], session.statistics.snapshot_id),
    }


class Askings:
    """Makes questions and prompts of a run again, from its file, settings and pool.

    ``executions`` are those that prompts are wanted of. ``session`` is on the snapshot that they were planned on where
    that is kept, else on today's; None where there can be none, and ``why_not`` says why.
    """

    def __init__(self, home: Home, answers: RunAnswers, executions: pl.DataFrame) -> None:
        asked = questions_of(answers.about) if answers.about else None
        rows = () if asked is None else asked.rows
        self._of_file = {row.question_id: row.question for row in rows if row.question is not None}
        self._seen = {one["question_id"]: one for one in executions.iter_rows(named=True)}
        self.session: Session | None = None
        self.why_not: str | None = None
        self._asking: PromptSetAsking | None = None
        plans = [Plan.parse(plan) for plan in executions["plan"].drop_nulls().unique()]
        on = [*answers.frame["snapshot_id"].drop_nulls()[-1:], *executions["snapshot_id"].drop_nulls()[-1:]]
        try:
            self.session = _session(home, answers, on[-1] if on else None, plans)
        except OptiqError as fault:
            self.why_not = str(fault)
            return
        settings, planning = self.session.settings, self.session.planning
        self._asking = PromptSetAsking(
            planning.prompts,
            planning.operators,
            settings.max_output_tokens,
            settings.constrain,
            settings.temperature,
        )

    def question(self, row: Mapping[str, Any]) -> Question | None:
        """The question of a row as it was asked: of its file if that is still what it was, else as far as its
        execution tells; None if nobody knows."""
        topics = ((row["topic"], 1.0),) if row["topic"] not in (None, "*") else ()
        given = self._of_file.get(row["question_id"])
        if given is not None:
            return given if given.topics else replace(given, topics=topics, topics_inferred=True)
        one = self._seen.get(row["question_id"])
        if one is None or not one["question"]:
            return None
        limits = {limit: one[limit] for limit in LIMITS}
        kind = Kind(one["kind"] or "open")
        kind = Kind.OPEN if kind.has_options else kind  # nobody knows the options any more
        return Question(row["question_id"], one["question"], topics, kind=kind, budget=Budget(**limits))

    def prompt(self, row: Mapping[str, Any], plan: Plan, node: int, outputs: Mapping[int, str]) -> str | None:
        """What a node was asked: traces keep how long that was, and the same pieces make the same text again."""
        question = self.question(row)
        if question is None or self._asking is None or not set(plan.predecessors(node)) <= outputs.keys():
            return None
        return self._asking.request(question, plan, node, outputs).prompt


def _session(home: Home, answers: RunAnswers, snapshot: str | None, plans: Sequence[Plan]) -> Session:
    """What the run was planned with. No server is asked; what is to say of models was said at the run."""
    from tasks.session import open_session

    about = answers.about
    keys = answers.frame["plan_key"].drop_nulls().unique()
    names = about.get("pool") or sorted({model for key in keys for model in Plan.from_key(key).models})
    if not names:
        raise InputError("nobody knows which models there were")
    settings = replace(
        settings_of(about), home=str(home.path), models=tuple(names), blender=about.get("blender")
    )
    found = home
    with suppress(OptiqError):
        if snapshot is not None:
            found = _AsOf(home.path, snapshot_file(home, snapshot))
    wanted = {*names, *filter(None, [settings.blender]), *(name for plan in plans for name in plan.models)}

    def offered(home: Home) -> Offered:
        return _offered(home, about, settings, wanted)

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", OptiqNote)
        warnings.simplefilter("ignore", OptiqWarning)
        try:
            return open_session(settings, serve=False, plans=plans, home=found, described=offered(found))
        except OptiqError:
            if found is home:
                raise
            return open_session(settings, serve=False, plans=plans, home=home, described=offered(home))


def _offered(home: Home, about: Mapping[str, Any], settings: Settings, names: Iterable[str]) -> Offered:
    """What the server of the run said of its models; of one that nobody described there is its name, at the least."""
    from tasks.session import Offered, load_statistics

    noted = about.get("offered") or {}
    told = {one["name"]: ServedModel(**one) for one in noted.get("models", ())}
    known = {*load_statistics(home).models, *told}
    for name in sorted(set(names) - known):
        variant = find_variant(name, settings.variants, {name.rpartition("+")[0]})
        model = name if variant is None else variant.model
        if model not in known:
            told[model] = ServedModel(model)
    return Offered(tuple(told.values()), noted.get("on_this_machine", False))


def _execution(
    one: Mapping[str, Any], calls: pl.DataFrame, row: Mapping[str, Any], askings: Askings
) -> dict[str, Any]:
    """An execution with its scores and calls."""
    plan = Plan.parse(one["plan"])
    made = list(calls.filter(pl.col("execution_id") == one["execution_id"]).iter_rows(named=True))
    outputs = {call["node"]: call["output"] or "" for call in made}
    scores = {name.removeprefix("score_"): one[name] for name in one if name.startswith("score_")}
    with suppress(ValueError, TypeError):
        scores |= json.loads(one["scores"] or "{}")
    names = ("execution_id", "status", "answer", "error", "started_at", "snapshot_id", "prompt", "agreement")
    return {
        **{name: one[name] for name in names},
        **{name: one[name] for name in METRIC_NAMES},
        **{f"predicted_{name}": one[f"predicted_{name}"] for name in METRIC_NAMES},
        "plan": plan.to_dict(),
        "expression": plan.expression,
        "qoa_metric": one["qoa_metric"],
        "scores": {name: value for name, value in scores.items() if value is not None},
        "calls": [_call(call, plan, askings.prompt(row, plan, call["node"], outputs)) for call in made],
    }


def _call(call: Mapping[str, Any], plan: Plan, prompt: str | None) -> dict[str, Any]:
    sent = call["prompt_chars"]
    left_out = ("execution_id", "subplan", "subplan_key", "subplan_level", "digest")
    return {
        **{name: value for name, value in call.items() if name not in left_out},
        "reads": list(plan.predecessors(call["node"])),
        "prompt": prompt,
        "prompt_as_sent": None if prompt is None or sent is None else len(prompt) == sent,
    }


def _why(session: Session, question: Question, plan_key: str | None, snapshot: str) -> dict[str, Any]:
    """The plans that the planner had to choose from, the preferred ones first, and what ruled others out."""
    from optiq.planning.choose import rank
    from optiq.planning.left_out import why_left_out

    planning = session.planning
    try:
        planned = planning.plan(question)
    except OptiqError as fault:
        return {"unknown": fault.message}
    choice, weights = planned.choice, planning.weights
    ranked = rank(choice.feasible, weights)
    place = next((n for n, (one, _) in enumerate(ranked) if one.plan.key == plan_key), None)
    reasons = why_left_out(planned.frontier, choice, question.budget)
    others = [(one, why) for one, why in zip(planned.frontier, reasons, strict=True) if why]
    cut = [*ranked[:_SHOWN_PLANS], *([ranked[place]] if place is not None and place >= _SHOWN_PLANS else [])]
    rows = [
        {
            "plan": one.plan.expression,
            "chosen": one.plan.key == plan_key,
            "left_out": why,
            **{name: _known(getattr(one, name)) for name in METRIC_NAMES},
        }
        for one, why in [*((one, "") for one, _ in cut), *others[:_SHOWN_PLANS]]
    ]
    return {
        "snapshot_id": snapshot,
        "weights": weights.describe(),
        "budget": question.budget.describe(),
        "pool": list(planning.pool),
        "to_choose_from": len(ranked),
        "left_out": len(others),
        "place": None if place is None else place + 1,
        "infeasible": choice.reason or None,
        "plans": rows,
    }


def _known(value: float) -> float | None:
    return value if math.isfinite(value) else None
