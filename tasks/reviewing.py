"""Tasks of a review: models answer questions alone, grade each other's answers, and trials land for a refresh."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from statistics import fmean
from typing import Any

import polars as pl

from optiq.chemistry.review import Answer, Grade, review
from optiq.chemistry.reviewed import Item, Judged, judge
from optiq.configuration import Settings
from optiq.errors import InputError
from optiq.execution import Execution, Shared, Work, score_executions, traces_frame
from optiq.execution.ledger import Ledger
from optiq.execution.trace import ANSWERED, main_topic
from optiq.planning import Planning
from optiq.plans.plan import Plan
from optiq.prompts.prompt_set import question_text
from optiq.prompts.variants import served_model
from optiq.questions.question import Question
from optiq.questions.question_file import read_questions
from tasks.answers import executor_of
from tasks.orchestration import step
from tasks.run_state import open_responses, show
from tasks.session import Session, new_run_id, open_session
from tasks.tally import Tally
from warehouse.ingestion.trials import TRIAL_COLUMNS, land_trials
from warehouse.landing import land_traces

NO_TOPIC = "*"


@dataclass(frozen=True)
class ReviewRequest:
    """What `optiq review` was asked for."""

    file: str
    settings: Settings
    topic: str | None = None
    limit: int | None = None
    cache: bool = True


@dataclass
class Review:
    """One review in this process. ``answers`` are executions that answered, one per question and model."""

    run_id: str
    session: Session
    questions: list[Question]
    shared: Shared
    tally: Tally
    answers: list[Execution] = field(default_factory=list)
    grades: list[Grade] = field(default_factory=list)
    failed: int = 0


_open: dict[str, Review] = {}


def state_of(run_id: str) -> Review:
    """A review that was begun in this process."""
    return _open[run_id]


def close(run_id: str) -> None:
    """The review is over: give everything back. Does nothing the second time."""
    state = _open.pop(run_id, None)
    if state is not None:
        state.tally.finish()
        if state.shared.responses is not None:
            state.shared.responses.close()


@step
def open_review(wanted: ReviewRequest) -> str:
    """Read the questions and open the models; returns the name of the run."""
    asked = read_questions(wanted.file, reading=wanted.settings.reading)
    if wanted.topic is not None:
        asked = asked.with_topic(wanted.topic)
    if not asked.questions:
        raise InputError(f"{wanted.file} has no question that can be asked", "See `optiq plan` on the file.")
    settings = wanted.settings
    session = open_session(settings if settings.models else replace(settings, variants=()))
    _check_different(session.planning)
    if len(session.planning.pool) < 2:
        raise InputError(
            f"only {', '.join(session.planning.pool)} is to review",
            "Models grade each other's answers: name at least two with --models.",
        )
    session.tell_new_topics(asked.questions)
    questions = session.with_topics(asked.questions[: wanted.limit])
    ledger = Ledger()
    tally = Tally(len(questions) * len(session.planning.pool), 0, ledger)
    shared = Shared(ledger=ledger, observer=tally)
    if wanted.cache:
        shared.responses = open_responses(session.home)
    state = Review(new_run_id(), session, questions, shared, tally)
    _open[state.run_id] = state
    show(tally, session.describe())
    return state.run_id


@step
def answer_alone(run_id: str) -> int:
    """Every model answers every question alone; the traces land. Returns the number of answers."""
    state = state_of(run_id)
    work = [
        Work(question, Plan.parse(model))
        for model in state.session.planning.pool
        for question in state.questions
    ]
    executions = executor_of(state.session, run_id, state.shared).run(work)
    score_executions(executions, state.session.settings.metrics)
    if made := [item for item in executions if any(call.attempts for call in item.calls)]:
        land_traces(state.session.home, traces_frame(made))
    if state.shared.responses is not None:
        state.shared.responses.delivered({f"{run_id}/{item.question.question_id}" for item in executions})
    state.answers = [item for item in executions if item.status == ANSWERED]
    state.failed = len(executions) - len(state.answers)
    return len(state.answers)


@step
def grade_answers(run_id: str) -> int:
    """Every model grades the answers of the others; returns the number of grades."""
    state = state_of(run_id)
    server = state.session.server
    assert server is not None, "a session that executes has a server"
    items = [
        Answer(_item(one), question_text(one.question), one.answer or "", one.plan.models[0])
        for one in state.answers
    ]

    async def everything() -> list[Grade]:
        try:
            return await review(
                server,
                items,
                state.session.planning.pool,
                operators=state.session.planning.operators,
                timeout_s=state.session.settings.timeout_s,
            )
        finally:
            await server.disconnect()

    state.grades = asyncio.run(everything())
    return sum(not math.isnan(grade.grade) for grade in state.grades)


@step
def settle_review(run_id: str) -> dict[str, Any]:
    """Consensus over all answers; the trials land, and a summary per model comes back."""
    state = state_of(run_id)
    pool = state.session.planning.pool
    items = [
        Item(_item(one), one.plan.models[0], math.nan if one.qoa is None else one.qoa)
        for one in state.answers
    ]
    judged = judge(items, state.grades, pool)
    rows = [_trial(run_id, one, found) for one, found in zip(state.answers, judged, strict=True)]
    land_trials(state.session.home, pl.DataFrame(rows, schema=TRIAL_COLUMNS), run_id)
    return {
        "run_id": run_id,
        "server": state.session.server.name if state.session.server is not None else None,
        "questions": len(state.questions),
        "answers": len(state.answers),
        "failed": state.failed,
        "grades": sum(not math.isnan(grade.grade) for grade in state.grades),
        "no_grade": sum(math.isnan(grade.grade) for grade in state.grades),
        "trials": sum(row["quality"] is not None and row["accuracy"] is not None for row in rows),
        "models": [_of_model(model, judged, state.grades) for model in pool],
    }


def _check_different(planning: Planning) -> None:
    by_model: dict[str, str] = {}
    for name in planning.pool:
        model = served_model(name, planning.operators)
        if model in by_model:
            raise InputError(
                f"{by_model[model]} and {name} are one model, which would grade itself",
                "Name one of them with --models.",
            )
        by_model[model] = name


def _of_model(model: str, judged: Sequence[Judged], grades: Sequence[Grade]) -> dict[str, Any]:
    mine = [one for one in judged if one.item.author == model]
    given = [grade for grade in grades if grade.reviewer == model]
    return {
        "model": model,
        "answers": len(mine),
        "quality": _mean([one.quality for one in mine]),
        "generation_accuracy": _mean([one.item.generation_accuracy for one in mine]),
        "review_accuracy": _mean([one.review_accuracy for one in mine]),
        "accuracy": _mean([one.accuracy for one in mine]),
        "grades": sum(not math.isnan(grade.grade) for grade in given),
        "no_grade": sum(math.isnan(grade.grade) for grade in given),
        "error": next((grade.error for grade in given if grade.error), None),
    }


def _trial(run_id: str, execution: Execution, judged: Judged) -> dict[str, Any]:
    question = execution.question
    given = not question.topics_inferred
    return {
        "trial": f"{run_id}/{question.question_id}",
        "topic": (main_topic(question) if given else None) or NO_TOPIC,
        "task": question.kind.task,
        "model": judged.item.author,
        "quality": _known(judged.quality),
        "generation_accuracy": _known(judged.item.generation_accuracy),
        "review_accuracy": _known(judged.review_accuracy),
        "accuracy": _known(judged.accuracy),
        "n": 1,
        "run_id": run_id,
        "source": "review",
    }


def _item(execution: Execution) -> str:
    return f"{execution.plan.models[0]}\x1f{execution.question.question_id}"


def _known(value: float) -> float | None:
    return None if math.isnan(value) else value


def _mean(values: Sequence[float]) -> float | None:
    known = [value for value in values if not math.isnan(value)]
    return fmean(known) if known else None
