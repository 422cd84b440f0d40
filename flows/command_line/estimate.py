"""`optiq estimate`: what given plans would cost and yield for given questions."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from flows.command_line.asked import FileOrQuestion, is_file, read_asked
from flows.command_line.screen import counted, note, say, say_json, table
from flows.declaration import Option
from flows.flow_requests import Json, Place, Planning, Prompts, Seeded, Topic


class Estimate(FileOrQuestion, Planning, Topic, Prompts, Seeded, Place):
    """`optiq estimate`."""

    plans: Annotated[
        str, Option("A file with a column `plan`, or one plan as JSON or expression.", "PLANS", common=True)
    ]
    output: Annotated[
        Path | None, Option("Write to a .csv, .jsonl or .parquet file.", "FILE", short="-o", common=True)
    ] = None


def estimate(request: Estimate, json: Json = False) -> None:
    """Estimate given plans for given questions: one row per question and plan, with the source of each figure.

    No model server is contacted. The plans are given: of the options for planning those that search and choose
    change nothing here.

    Example:  optiq estimate examples/questions_calibrate.csv --plans "mistral:7b → phi4:14b"
    """
    from flows.command_line.present import ESTIMATE_COLUMNS, bounds_line, estimate_cells
    from optiq.files.output_place import tell_replaced
    from optiq.files.tables import check_writable, write_table
    from optiq.planning import estimate_rows, estimates_frame
    from optiq.plans.plan import Plan
    from optiq.plans.plan_file import read_plans
    from optiq.questions.question import Budget
    from tasks.session import begin_home, open_planning

    if request.output is not None:
        check_writable(request.output, *filter(is_file, (request.asked, request.plans)))
        tell_replaced(request.output)
    chosen = read_plans(request.plans) if is_file(request.plans) else [Plan.parse(request.plans)]
    questions = read_asked(request.asked, Budget(), request.topic, reading=request.settings.reading)
    for row in questions.invalid:
        note(f"left out: {row.error}")
    models = sorted({model for plan in chosen for model in plan.models})
    begin_home(request.settings, request.home())
    session = open_planning(request.settings, models)
    session.tell_new_topics(questions.questions)
    rows = estimate_rows(session.planning, session.with_topics(questions.questions), chosen)
    if request.output is not None:
        frame = estimates_frame(rows)
        write_table(frame, request.output)
        say(f"{counted(frame.height, 'estimate')} written to {request.output}")
    elif json:
        say_json([{"question_id": question.question_id, **item.to_dict()} for question, item in rows])
    else:
        table(
            ["question", "plan", *ESTIMATE_COLUMNS],
            ([question.question_id, item.plan.expression, *estimate_cells(item)] for question, item in rows),
            right=range(2, 2 + len(ESTIMATE_COLUMNS)),
        )
        if line := bounds_line(request.settings, (item for _, item in rows)):
            say(line)
        say(f"{counted(len(rows), 'estimate')}, snapshot {session.statistics.snapshot_id}")
