"""`optiq estimate`: what given plans would cost and yield for given questions."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from flows.command_line.options import Blender, Confidence, Estimator, Json, Neighbours, PerfDBHome, Topic


def register(app: typer.Typer) -> None:
    """Add the verb to the command line."""
    app.command("estimate")(estimate)


def estimate(
    asked: Annotated[
        str, typer.Argument(metavar='FILE|"QUESTION"', help="A question file, or one question.")
    ],
    plans: Annotated[
        str,
        typer.Option(
            "--plans", metavar="PLANS", help="A file with a column `plan`, or one plan as JSON or expression."
        ),
    ],
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="Write to a .csv, .jsonl or .parquet file.")
    ] = None,
    blender: Blender = None,
    estimator: Estimator = None,
    confidence: Confidence = None,
    neighbours: Neighbours = None,
    topic: Topic = None,
    perfdb: PerfDBHome = None,
    json: Json = False,
) -> None:
    """Estimate given plans for given questions: one row per question and plan, with the source of each figure.

    No model server is contacted.

    Example:  optiq estimate examples/questions_calibrate.csv --plans "mistral:7b → phi4:14b"
    """
    from flows.command_line.asked import is_file, read_asked
    from flows.command_line.present import bounds_line, estimate_cells
    from flows.command_line.screen import note, say, say_json, table
    from flows.parameters import settings_of
    from optiq.files.tables import check_writable, write_table
    from optiq.planning import estimate_rows, estimates_frame
    from optiq.plans.plan import Plan
    from optiq.plans.plan_file import read_plans
    from optiq.questions.question import Budget
    from tasks.session import open_planning

    settings = settings_of(
        {
            "perfdb": perfdb,
            "blender": blender,
            "estimator": estimator,
            "confidence": confidence,
            "neighbours": neighbours,
        }
    )
    if output is not None:
        check_writable(output)
    chosen = read_plans(plans) if is_file(plans) else [Plan.parse(plans)]
    questions = read_asked(asked, Budget(), topic)
    for row in questions.invalid:
        note(f"left out: {row.error}")
    models = sorted({model for plan in chosen for model in plan.models})
    session = open_planning(settings, models)
    session.check_topics(questions.questions)
    rows = estimate_rows(session.planning, session.with_topics(questions.questions), chosen)
    if output is not None:
        frame = estimates_frame(rows)
        write_table(frame, output)
        say(f"{frame.height} estimates written to {output}")
    elif json:
        say_json([{"question_id": question.question_id, **item.to_dict()} for question, item in rows])
    else:
        table(
            ["question", "plan", "cost USD", "latency s", "energy J", "QoA"],
            ([question.question_id, item.plan.expression, *estimate_cells(item)] for question, item in rows),
            right=range(2, 6),
        )
        if line := bounds_line(settings.confidence):
            say(line)
        say(f"{len(rows)} estimates, snapshot {session.statistics.snapshot_id}")
