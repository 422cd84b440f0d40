"""`optiq plan`: the chosen plan per question, without executing it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from flows.command_line.asked import FileOrQuestion, Options, read_asked
from flows.command_line.screen import counted, note, say, say_json, table
from flows.declaration import Option
from flows.flow_requests import Json, Planned

if TYPE_CHECKING:
    from optiq.planning import PlannedQuestion
    from optiq.questions.question_file import QuestionFile
    from tasks.session import Session


class Plan(FileOrQuestion, Planned):
    """`optiq plan`."""

    limit: Annotated[int | None, Option("Only the first N questions.", "N", least=1, common=True)] = None
    frontier: Annotated[bool, Option("Show every plan of the frontier.", common=True)] = False
    option: Options = None
    mean_cost: Annotated[
        float | None,
        Option("Expected cost per question over the file: spent where it yields most.", "USD", common=True),
    ] = None
    emit_batch: Annotated[
        str | None,
        Option("Write the requests of plans of one call for a batch service, a file per model.", "DIR"),
    ] = None


def plan(request: Plan, json: Json = False) -> None:
    """Choose a plan per question; execute nothing.

    With --models no model server is contacted.

    Example:  optiq plan "What is the capital of Norway?" --topic geography --max-latency 2
    """
    from flows.command_line.present import (
        ESTIMATE_COLUMNS,
        bounds_line,
        estimate_cells,
        frontier_table,
        planned_object,
    )
    from optiq.errors import InputError
    from optiq.planning.spending import plan_within_mean
    from tasks.session import begin_home, open_session

    if request.mean_cost is not None and request.given()["weights"] is not None:
        raise InputError(
            "--mean-cost and --weights are both given",
            "Give one: a mean cost itself says what a right answer may cost.",
        )
    questions = read_asked(
        request.asked, request.budget, request.topic, request.option, request.settings.reading
    )
    questions = questions.first(request.limit)
    begin_home(request.settings, request.home())
    session = open_session(
        replace(request.settings, energy="predicted"), serve=not request.names_pool
    )  # nothing runs that could be metered
    if about := session.describe():
        note(about)
    session.tell_new_topics(questions.questions)
    ready = session.with_topics(questions.questions)
    if json:
        ready = session.with_about(ready)
    planning, kept = session.planning, None
    if request.mean_cost is not None and ready:
        every, kept = plan_within_mean(planning, ready, request.mean_cost, request.frontier)
    else:
        every = planning.plan_all(ready, request.frontier)
    planned = {item.question.question_id: item for item in every}
    if request.emit_batch is not None:
        _emit(request.emit_batch, questions, planned, session, json)
        return
    if json:
        if kept is not None:
            note(kept)
        say_json(
            [
                planned_object(planned[row.question_id], planning, request.frontier)
                if row.question is not None
                else {"question_id": row.question_id, "status": "invalid", "reason": row.error}
                for row in questions.rows
            ]
        )
        return
    if request.frontier:
        for item in planned.values():
            frontier_table(item, f"{item.question.question_id}: {item.question.text[:100]}")
    nothing = [""] * len(ESTIMATE_COLUMNS)
    rows: list[list[str]] = []
    for row in questions.rows:
        if row.question is None:
            rows.append([row.question_id, "invalid", row.error or "", *nothing])
            continue
        choice = planned[row.question_id].choice
        if choice.chosen is None:
            rows.append([row.question_id, "infeasible", choice.reason, *nothing])
        else:
            rows.append(
                [row.question_id, "planned", choice.chosen.plan.expression, *estimate_cells(choice.chosen)]
            )
    columns = ["question", "status", "plan", *ESTIMATE_COLUMNS]
    table(columns, rows, right=range(3, len(columns)))
    if line := bounds_line(request.settings, (item.choice.chosen for item in planned.values())):
        say(line)
    if kept is not None:
        say(kept)
    say(
        f"{counted(len(rows), 'question')}, snapshot {session.statistics.snapshot_id}; QoA: quality of the answer, "
        "0 to 1"
    )


def _emit(
    folder: str, questions: QuestionFile, planned: Mapping[str, PlannedQuestion], session: Session, json: bool
) -> None:
    """Files for a batch service instead of plans to look at."""
    from tasks.batches import emit_batches
    from tasks.session import new_run_id

    report = emit_batches(Path(folder), questions.rows, planned, session, new_run_id())
    if json:
        say_json(report)
        return
    for file, requests in report["files"].items():
        say(f"{file}: {counted(requests, 'request')}")
    for name, why in list(report["left_out"].items())[:20]:
        say(f"  in no file: {name}: {why}")
    if len(report["left_out"]) > 20:
        say(f"  and {len(report['left_out']) - 20} more")
    say(f"When the service is done: optiq collect {folder} OUTPUT… -o answers.csv")
