"""What a run may spend altogether, made the allotment that its plans are chosen by."""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Callable, Sequence

from optiq.errors import InputError
from optiq.execution import Predicted, Shared, Work
from optiq.planning import PlannedQuestion
from optiq.planning.allotment import Allotment
from optiq.questions.metric import COST, ENERGY, LATENCY, Metric
from optiq.questions.question import BEST_ANSWER, Question
from optiq.servers import ModelServer
from tasks.answers import executor_of
from tasks.run_state import RunOptions, RunState
from tasks.session import Session

PIECES = 20
"""So often at least the plans of a run are chosen anew, as spending becomes known."""

_USUAL_SLOTS = 4


def total_of(options: RunOptions) -> tuple[Metric, float] | None:
    """The total that is planned for, of several the first: money, energy, time."""
    totals = (
        (COST, options.max_total_cost_usd),
        (ENERGY, options.max_total_energy_j),
        (LATENCY, options.max_total_time_s),
    )
    return next(((metric, total) for metric, total in totals if total is not None), None)


def slots_of(server: ModelServer) -> int:
    """So many seconds of model time a second of a run is taken to have."""
    return min(server.slots, _USUAL_SLOTS)


def plans_for_a_total(session: Session, options: RunOptions) -> bool:
    """Whether the plans of a run are chosen together: where a total is set, and no other preference is."""
    wanted = total_of(options) is not None or options.total_cost_for_qoa is not None
    return wanted and session.settings.weights == BEST_ANSWER


def allotment_of(
    session: Session, options: RunOptions, questions: Sequence[Question], left: Callable[[], float]
) -> Allotment:
    """The allotment of ``questions``; ``left`` says what is left of the total in its unit.

    Raises
    ------
    InputError
        if no plan is expected to reach the quality that a total is wanted for.
    """
    total = total_of(options)
    metric = COST if total is None else total[0]
    executor = executor_of(session, "forecast", Shared())

    def most(question: Question, planned: PlannedQuestion) -> float:
        chosen = planned.choice.chosen
        if chosen is None or metric is LATENCY:
            return 0.0
        amount = executor.most(Work(question, chosen.plan, Predicted.of(chosen)))
        return float(getattr(amount, metric.name))

    ready = session.with_topics(questions)
    found = Allotment(session.planning, ready, metric, left, most)
    if options.total_cost_for_qoa is not None and math.isinf(
        found.total_for(options.total_cost_for_qoa, len(questions))
    ):
        raise InputError(
            f"no total is expected to buy a mean QoA of {options.total_cost_for_qoa:g}",
            "Ask for less, allow more operations, or add better models.",
        )
    return found


def begin_allotting(
    state: RunState, session: Session, options: RunOptions, questions: Sequence[Question]
) -> None:
    """Give a run its allotment, and its deadline if it has one."""
    ledger, started = state.shared.ledger, time.monotonic()
    limit_s = options.max_total_time_s
    if limit_s is not None:
        note = f"not asked: the time is over (--max-total-time {limit_s:g}); the same command goes on"
        state.deadline = threading.Timer(limit_s, state.shared.control.drain, [note])
        state.deadline.daemon = True
        state.deadline.start()
    if not questions or not plans_for_a_total(session, options):
        return
    slots = 1 if session.server is None else slots_of(session.server)
    wanted: list[float] = []

    def left() -> float:
        if options.max_total_cost_usd is not None:
            return options.max_total_cost_usd - ledger.spent.cost_usd
        if options.max_total_energy_j is not None:
            return options.max_total_energy_j - ledger.spent.energy_j
        if limit_s is not None:
            return (limit_s - (time.monotonic() - started)) * slots
        return wanted[0] - ledger.spent.cost_usd

    spent = ledger.spent.cost_usd
    found = allotment_of(session, options, questions, left)
    if options.total_cost_for_qoa is not None:
        wanted.append(spent + found.total_for(options.total_cost_for_qoa, len(questions)))
    if not found.is_ample(left()):
        state.allotment = found
