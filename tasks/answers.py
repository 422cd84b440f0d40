"""From question rows to answer rows: topics → plan → execute → score; a failed question is planned again."""

from __future__ import annotations

import math
import warnings
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from optiq.errors import OptiqWarning
from optiq.estimation import Estimate
from optiq.estimation.confidence import AGREEMENT, LEAST, MEAN
from optiq.execution import Execution, Executor, Predicted, Retries, Shared, Work, score_executions
from optiq.execution.event_loop import EventLoop
from optiq.execution.judge import Graded, judge_executions
from optiq.execution.trace import ANSWERED, OVER_LIMIT, plan_columns
from optiq.execution.unfinished import why_unfinished
from optiq.planning import PlannedQuestion, Planning
from optiq.planning.allotment import Allotment
from optiq.planning.exploration import explore
from optiq.questions.metric import ADDITIVE, METRIC_NAMES
from optiq.questions.question import Budget, Question
from optiq.questions.question_file import Row
from tasks.session import Session

MAX_PLANS = 3
"""How many plans a question may get: the first, and others without the models that failed it."""


@dataclass
class OpenQuestion:
    """A question on its way to an answer: its latest plan, and the executions so far, the latest last.

    ``judgings`` are calls of a judge on its answers: they are paid for, and no executions of a plan.
    """

    question: Question
    planned: PlannedQuestion
    attempt: int = 1
    executions: list[Execution] = field(default_factory=list)
    judgings: list[Execution] = field(default_factory=list)
    without: frozenset[str] = frozenset()
    explored: bool = False

    @property
    def spent_usd(self) -> float:
        """What its executions cost, cached calls at their original cost."""
        return math.fsum(execution.cost_usd or 0.0 for execution in self.executions)


@dataclass
class Answers:
    """``rows`` of the answers file with bookkeeping, for the input rows that are done; and all ``executions``
    in which a model was asked (``n_executions`` counts the others too).

    ``left_over`` are rows that a total limit left unanswered: they are in no chunk, so that the same
    command with a higher limit asks them.
    """

    rows: list[dict[str, Any]]
    executions: list[Execution]
    left_over: list[dict[str, Any]]
    n_executions: int = 0


def answer_rows(
    session: Session,
    rows: Sequence[Row],
    run_id: str,
    shared: Shared | None = None,
    attempts: Mapping[str, int] | None = None,
    loop: EventLoop | None = None,
    allotment: Allotment | None = None,
    share: float = 0.0,
) -> Answers:
    """Plan and execute ``rows``; nothing is landed yet. With an ``allotment`` they get their share of a total.

    At most a ``share`` of them goes to models that may be better than they look (:mod:`optiq.planning.exploration`).

    ``attempts`` says which questions were tried before, and how often; calls are made in ``loop`` if given.
    If the run is stopped meanwhile, rows that have no outcome are left out.
    """
    shared = shared or Shared()
    rows = [with_served_model(row, session) for row in rows]
    asked_of = [row.question for row in rows if row.question is not None]
    questions = session.with_about(session.with_topics(asked_of))
    planning = session.planning.without(frozenset(shared.health.out))
    if not planning.pool:
        planning = session.planning  # nobody is left: the execution will say why, without a call
    every = planned_as_wished(planning, questions, frontiers=allotment is not None)
    if allotment is not None:
        every = allotment.share(every)
    explored: frozenset[str] = frozenset()
    if share:
        every, explored = explore(planning, every, share, (session.settings.seed, rows[0].number))
    asked = {}
    for planned in every:
        name = planned.question.question_id
        attempt = (attempts or {}).get(name, 0) + 1
        asked[name] = OpenQuestion(planned.question, planned, attempt, explored=name in explored)
    pending = list(asked.values())
    for turn in range(MAX_PLANS):
        _execute(session, pending, run_id, shared, loop, rows[0].number)
        if turn == MAX_PLANS - 1 or shared.control.stopping:
            break
        pending = [item for item in pending if _plan_again(item, session.planning, shared, allotment)]
    if allotment is not None:
        for name, item in asked.items():
            allotment.took(name, _taken(item, allotment))
    executions = [e for item in asked.values() for e in item.executions if any(c.attempts for c in e.calls)]
    score_executions(executions, session.settings.metrics)
    for graded in judged(session, executions, executor_of(session, run_id, shared, rows[0].number), loop):
        if graded.call is not None:
            asked[graded.of.question.question_id].judgings.append(graded.call)
    found = Answers([], executions, [], sum(len(item.executions) for item in asked.values()))
    for row in rows:
        if row.question is None:
            found.rows.append(_invalid_row(row, run_id))
            continue
        item = asked[row.question_id]
        if item.planned.choice.chosen is None and not item.executions:
            found.rows.append(_infeasible_row(item, session.statistics.snapshot_id, run_id, row.number))
        elif item.executions and item.executions[-1].status == OVER_LIMIT:
            found.left_over.append(_answer_row(session, item, run_id, row.number))
        elif item.executions:
            found.rows.append(_answer_row(session, item, run_id, row.number))
    return found


def judged(
    session: Session, executions: Sequence[Execution], executor: Executor, loop: EventLoop | None = None
) -> list[Graded]:
    """What the judge of the settings says of ``executions``; it sets their quality where it is asked."""
    settings = session.settings
    if settings.grader is None:
        return []
    run = None if loop is None else loop.run
    found = judge_executions(
        settings.grader, settings.metrics, executions, executor, session.planning.operators, run
    )
    if left := [graded for graded in found if graded.grade is None]:
        warnings.warn(
            f"{len(left)} answers have no grade: {left[0].why}. Judge by another model (--judge) or metric (--metric)",
            OptiqWarning,
            stacklevel=2,
        )
    return found


def planned_as_wished(
    planning: Planning, questions: Sequence[Question], frontiers: bool = False
) -> list[PlannedQuestion]:
    """A plan for each; those that ask for a model of the pool have no other to choose from."""
    groups: dict[str | None, list[Question]] = {}
    for question in questions:
        wanted = question.wishes.model if question.wishes is not None else None
        groups.setdefault(wanted if wanted in planning.pool else None, []).append(question)
    found = []
    for model, group in groups.items():
        alone = planning if model is None else replace(planning, pool=(model,), blender=model)
        found += alone.plan_all(group, frontiers)
    return found


def executor_of(session: Session, run_id: str, shared: Shared, rank: int = 0) -> Executor:
    """An executor on the session's server; ``rank`` is its place among the chunks of the run."""
    assert session.server is not None, "a session that executes has a server"
    return Executor(
        session.server,
        run_id,
        session.statistics,
        snapshot_id=session.statistics.snapshot_id,
        max_output_tokens=session.settings.max_output_tokens,
        timeout_s=session.settings.timeout_s,
        seed=session.settings.seed,
        retries=Retries(in_time=session.settings.timeout_tries),
        shared=shared,
        prompts=session.planning.prompts,
        operators=session.planning.operators,
        constrain=session.settings.constrain,
        temperature=session.settings.temperature,
        stop_loops=session.settings.stop_loops,
        rank=rank,
    )


def _execute(
    session: Session,
    asked: Sequence[OpenQuestion],
    run_id: str,
    shared: Shared,
    loop: EventLoop | None,
    rank: int,
) -> None:
    """Run the chosen plan of each; those that the run was stopped before stay without an execution."""
    ready = [item for item in asked if item.planned.choice.chosen is not None]
    work = [
        Work(item.planned.question, chosen.plan, Predicted.of(chosen), item.attempt)
        for item in ready
        if (chosen := item.planned.choice.chosen) is not None
    ]
    if not work:
        return
    executor = executor_of(session, run_id, shared, rank)

    def keep(place: int, execution: Execution) -> None:
        ready[place].executions.append(execution)

    if loop is None:
        executor.run(work, keep)
    else:
        loop.run(executor.execute_all(work, keep))


def _plan_again(item: OpenQuestion, planning: Planning, shared: Shared, allotment: Allotment | None) -> bool:
    """Whether there is another plan, without the models that failed, within what is left of the budget."""
    if allotment is not None and item.executions and item.executions[-1].status == OVER_LIMIT:
        cheaper = allotment.cheaper(item.planned)
        if cheaper is None:
            return False
        item.planned, item.attempt = cheaper, item.attempt + 1
        return True
    if not item.executions or item.executions[-1].status in (ANSWERED, OVER_LIMIT):
        return False
    last = item.executions[-1]
    if last.partial is not None:
        return False  # an answer, if not the best
    if item.question.wishes is not None and item.question.wishes.model is not None:
        return False  # no other model was asked for
    failed = {call.model for call in last.calls if call.error is not None}
    if not failed:
        failed = {last.plan.models[last.plan.sink]}  # its answer was empty
    item.without |= failed | set(shared.health.out)
    pool = planning.without(item.without)
    if not pool.pool:
        return False
    question = replace(item.question, budget=_left(item.question.budget, item.executions))
    planned = pool.plan(question)
    if planned.choice.chosen is None:
        return False
    item.planned = PlannedQuestion(question, planned.frontier, planned.choice)
    item.attempt += 1
    return True


def _taken(item: OpenQuestion, allotment: Allotment) -> float | None:
    """What a question took of the total; None where it took nothing, as its outputs were kept or nothing was asked."""
    if not item.executions or all(call.cached for e in item.executions for call in e.calls):
        return None
    return _sum(getattr(execution, allotment.metric.name) for execution in item.executions)


def _took(execution: Execution, name: str) -> float:
    """What an execution took; where nobody counted, what was set aside for it, else what was expected of it."""
    answered = [call for call in execution.calls if call.error is None]
    known = math.fsum(getattr(call, name) or 0.0 for call in answered)
    lost = math.fsum(getattr(call.lost, name) for call in execution.calls)
    unknown = any(getattr(call, name) is None for call in answered)
    return known + (lost or (getattr(execution.predicted, name) or 0.0 if unknown else 0.0))


def _left(budget: Budget, executions: Sequence[Execution]) -> Budget:
    """The budget of a question after what was spent on it."""
    left = {}
    for metric in ADDITIVE:
        limit = getattr(budget, metric.limit)
        spent = math.fsum(_took(execution, metric.name) for execution in executions)
        left[metric.limit] = None if limit is None else max(limit - spent, 0.0)
    return replace(budget, **left)


def with_served_model(row: Row, session: Session) -> Row:
    """The row, or an invalid one if it asks for a model that is not to be planned with."""
    wishes = None if row.question is None else row.question.wishes
    if wishes is None or wishes.model is None or wishes.model in session.planning.pool:
        return row
    return replace(
        row, question=None, error=f"row {row.number}: model {wishes.model!r} is not served or known here"
    )


def _answer_row(session: Session, item: OpenQuestion, run_id: str, number: int) -> dict[str, Any]:
    """The row of a question that was executed at least once."""
    assert item.planned.choice.chosen is not None
    last = item.executions[-1]
    row = {
        **_question_columns(item.question),
        "status": "infeasible" if last.status == OVER_LIMIT else last.status,
        "answer": last.answer,
        **_predicted_columns(item.planned.choice.chosen),
        **{f"observed_{name}": getattr(last, name) for name in METRIC_NAMES},
        **{
            f"observed_{metric.name}": _sum(getattr(execution, metric.name) for execution in item.executions)
            for metric in ADDITIVE
        },
        **_confidence_columns(session, last),
        "snapshot_id": last.snapshot_id,
        "run_id": run_id,
        "error": last.error,
    }
    if last.partial is not None:
        call = next(call for call in last.calls if call.node == last.partial.node)
        row |= {
            "status": ANSWERED,
            "answer": last.partial.answer,
            "observed_latency_s": call.subplan_latency_s,
            "observed_qoa": call.subplan_qoa,
            "error": f"the answer of {call.model} (node {call.node}), as the plan was not finished: {last.error}",
        }
    elif last.status == ANSWERED:
        notes = _how_it_was_planned(item), _how_it_ended(session, last)
        row["error"] = "; ".join(filter(None, notes)) or None
    return row | _bookkeeping(item, number)


def _how_it_was_planned(item: OpenQuestion) -> str | None:
    """What was odd about the plan of an answer."""
    if len(item.executions) > 1:
        return f"planned again without {', '.join(sorted(item.without))}: {item.executions[0].error}"
    if item.explored:
        return f"explored: {item.executions[-1].plan.expression} may be better than it looks (--explore)"
    return None


def _how_it_ended(session: Session, last: Execution) -> str | None:
    """What is wrong with the end of an answer."""
    sink = last.calls[-1]
    operator = session.planning.operators.get(sink.model)
    prompts = session.planning.prompts if operator is None else operator.prompts
    reasons = prompts.reasoning_tokens > 0
    return why_unfinished(sink, last.question.kind, last.answer or "", reasons=reasons)


def _confidence_columns(session: Session, execution: Execution) -> dict[str, Any]:
    """How sure one can be of the answer, and whether a person is to look at it; nothing where nothing is known."""
    if execution.status != ANSWERED:
        return {}
    sink = execution.calls[-1]
    seen = {
        AGREEMENT: execution.agreement, MEAN: sink.logprob_mean, LEAST: sink.logprob_least
    }  # fmt: skip
    found = session.confidence.of(execution.plan, execution.question.kind.task, seen)
    least = session.settings.ask_person_below
    if found is None:
        # Nothing is known of it: whoever wants doubtful answers looked at wants this one looked at.
        return {} if least is None else {"ask_person": True}
    told = {"confidence": found.probability, "confidence_low": found.low, "confidence_high": found.high}
    return told if least is None else told | {"ask_person": found.probability < least}


def _bookkeeping(item: OpenQuestion, number: int) -> dict[str, Any]:
    paid = [*item.executions, *item.judgings]
    calls = [call for execution in paid for call in execution.calls]
    made = [call for call in calls if not call.cached]
    return {
        "row_number": number,
        "attempts": item.attempt,
        "calls": len(made),
        "cached_calls": len(calls) - len(made),
        "explored": int(item.explored and len(item.executions) > 0),
        "unpriced_calls": sum(call.cost_usd is None and call.error is None for call in made),
        "spent_usd": math.fsum(execution.spent.cost_usd for execution in paid),
        "spent_j": math.fsum(execution.spent.energy_j for execution in paid),
        "lost_usd": math.fsum(call.lost.cost_usd for call in made),
        "lost_j": math.fsum(call.lost.energy_j for call in made),
        "judge_calls": sum(not call.cached for one in item.judgings for call in one.calls),
        "judge_usd": math.fsum(one.spent.cost_usd for one in item.judgings),
        "prompt_tokens": _counted(call.prompt_tokens for call in calls),
        "output_tokens": _counted(call.output_tokens for call in calls),
        "finish_reason": calls[-1].finish_reason if calls else None,
    }


def _counted(tokens: Iterable[int | None]) -> int | None:
    """Their sum; None if somebody did not count."""
    counts = list(tokens)
    return sum(count for count in counts if count is not None) if counts and None not in counts else None


def _infeasible_row(item: OpenQuestion, snapshot_id: str, run_id: str, number: int) -> dict[str, Any]:
    """The row of a question that no plan within its limits answers; it shows the cheapest that would do."""
    choice = item.planned.choice
    nearest = choice.cheapest or choice.nearest
    error = choice.reason
    if nearest is not None:
        error += f"; the cheapest plan that would do is {nearest.plan.expression}"
        error += f" without the limit {choice.relaxed}" if choice.relaxed else ""
    return {
        **_question_columns(item.question),
        "status": "infeasible",
        **(_predicted_columns(nearest) if nearest is not None else {}),
        "snapshot_id": snapshot_id,
        "run_id": run_id,
        "error": error,
        **_bookkeeping(item, number),
    }


def _invalid_row(row: Row, run_id: str) -> dict[str, Any]:
    return {
        "question_id": row.question_id,
        "status": "invalid",
        "run_id": run_id,
        "error": row.error,
        "row_number": row.number,
        "attempts": 0,
    }


def _question_columns(question: Question) -> dict[str, Any]:
    topics = [{"topic": name, "weight": weight} for name, weight in question.shown_topics]
    return {"question_id": question.question_id, "topics": topics}


def _predicted_columns(estimate: Estimate) -> dict[str, Any]:
    figures = {f"predicted_{name}": getattr(estimate, name) for name in METRIC_NAMES}
    known = {name: None if math.isnan(value) else value for name, value in figures.items()}
    plan, key, _ = plan_columns(estimate.plan)
    return {"plan": plan, "plan_key": key, **known}


def _sum(values: Any) -> float | None:
    """The sum of what is known; None if nothing is (a failed execution may have made no call)."""
    known = [value for value in values if value is not None]
    return math.fsum(known) if known else None
