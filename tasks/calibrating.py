"""Tasks that try plans on labelled questions: open, choose a round, run and learn, sum up."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from tasks.artifacts import markdown_artifact
from tasks.calibration import Calibration, CalibrationRequest, begin, close, open_calibration_state, state_of
from tasks.calibration_report import calibration_markdown, forecast_of, learned
from tasks.orchestration import inside_flow_run, step

_COUNTS = ("executions", "calls", "cached", "failed", "cost_usd", "energy_j")


@step
def open_calibration(wanted: CalibrationRequest) -> str:
    """Read labelled questions and settle what may be tried; returns the name of the run."""
    calibration = open_calibration_state(wanted)
    begin(calibration)
    return calibration.run_id


@step
def choose_round(run_id: str) -> list[list[int]]:
    """What to run next, going by all outcomes so far, in pieces for workers; empty at the end."""
    places = state_of(run_id).next_round()
    size = state_of(run_id).wanted.settings.chunk_size
    pieces = max(1, min(2, len(places)), -(-len(places) // size)) if places else 0
    return [places[i::pieces] for i in range(pieces)]


@step
def calibrate_chunk(places: list[int], run_id: str) -> int:
    """Run plans, score every node's output, land the traces and learn; returns the number of executions.

    When the run is interrupted, what was executed by then is kept.
    """
    from optiq.execution import score_executions, traces_frame
    from tasks.answers import executor_of, judged
    from tasks.trials import learn, outcomes_of
    from warehouse.landing import land_traces

    state = state_of(run_id)
    work = state.work(places)
    executions = executor_of(state.session, run_id, state.shared).run(work)
    made = [item for item in executions if any(call.attempts for call in item.calls)]
    score_executions(made, state.session.settings.metrics)
    judgings = judged(state.session, made, executor_of(state.session, run_id, state.shared))
    with state.lock:
        if made:
            land_traces(state.session.home, traces_frame(made), int(state.counts.get("chunks", 0)))
        if state.shared.responses is not None:
            state.shared.responses.delivered({f"{run_id}/{item.question.question_id}" for item in made})
        learn(state.learner, state.questions, outcomes_of(made))
        for item in made if state.unlabelled else ():
            if item.plan.k == 1 and item.answer and item.status == "answered":
                state.answers.setdefault(item.question.question_id, {})[item.plan.models[0]] = item.answer
        ran = {(item.question.question_id, item.plan.key) for item in made}
        state.tried += [
            place
            for place, item in zip(places, work, strict=True)
            if (item.question.question_id, item.plan.key) in ran
        ]
        for name, value in _count([*made, *(one.call for one in judgings if one.call is not None)]).items():
            state.counts[name] = state.counts.get(name, 0) + value
        arms = {
            (item.question.question_id, item.plan.key): int(state.learner.trials.pairs[place, 0])
            for place, item in zip(places, work, strict=True)
        }
        for done in executions:
            if not done.calls and done.error:  # others may cost less
                state.too_dear[arms[done.question.question_id, done.plan.key]] = done.error
    state.tally.settled([item.status for item in executions], len(executions))
    return len(made)


@step
def sum_up_calibration(run_id: str, interrupted: bool = False) -> dict[str, Any]:
    """Totals of a calibration and what was learned; a Prefect artifact where there is a server."""
    state = state_of(run_id)
    summary = _summary(state, interrupted)
    if state.unlabelled:
        summary |= _agreed(state)
    close(run_id, ended=not interrupted)
    if inside_flow_run():
        markdown_artifact(
            key="calibration",
            markdown=calibration_markdown(summary),
            description=f"calibration {run_id}: {summary['executions']} executions",
        )
    return summary


def forecast_calibration(wanted: CalibrationRequest) -> dict[str, Any]:
    """What a calibration would run and what it would cost; nothing is run."""
    return forecast_of(open_calibration_state(wanted))


def _agreed(state: Calibration) -> dict[str, Any]:
    """What agreement says of the models, which lands as a start for the next refresh; and the file for labels."""
    from tasks.agreeing import agreed, land_consensus, write_labels

    found = agreed(state.questions, state.answers, state.wanted.settings.seed)
    rows = land_consensus(state.session.home, found)
    told: dict[str, Any] = {"consensus": rows, "label": None, "to_label": 0}
    if state.wanted.label is not None:
        told |= {
            "label": state.wanted.label,
            "to_label": write_labels(state.wanted.label, found, state.answers),
        }
    return told


def _count(executions: Sequence[Any]) -> dict[str, float]:
    calls = [call for item in executions for call in item.calls]
    return {
        "chunks": 1,
        "executions": len(executions),
        "calls": sum(not call.cached for call in calls),
        "unpriced_calls": sum(
            call.cost_usd is None and call.error is None for call in calls if not call.cached
        ),
        "cached": sum(call.cached for call in calls),
        "failed": sum(item.status == "failed" for item in executions),
        "cost_usd": sum(item.spent.cost_usd for item in executions),
        "energy_j": sum(item.spent.energy_j for item in executions),
    }


def _summary(state: Calibration, interrupted: bool) -> dict[str, Any]:
    counts = {name: state.counts.get(name, 0) for name in _COUNTS}
    if counts["calls"] and state.counts["unpriced_calls"] == counts["calls"]:
        counts["cost_usd"] = None  # type: ignore[assignment]  # unknown is not free
    asked = Counter(
        state.questions[int(state.learner.trials.pairs[place, 1])].question_id for place in state.tried
    )
    stopped = state.over_limit or state.shared.control.reason or ("interrupted" if interrupted else None)
    return {
        "run_id": state.run_id,
        "server": state.session.server.name if state.session.server is not None else None,
        "questions": len(asked),
        "labelled": len(state.questions),
        "skipped": state.skipped,
        "without_reference": state.without_reference,
        **counts,
        "left": state.left,
        "rounds": state.rounds,
        "seconds": time.time() - state.started,
        "stopped": stopped,
        **learned(state),
        "settings": asdict(state.wanted.settings),
    }
