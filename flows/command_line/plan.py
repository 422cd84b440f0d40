"""`optiq plan`: the chosen plan per question, without executing it."""

from __future__ import annotations

from typing import Annotated

import typer

from flows.command_line.options import (
    LIMITS,
    Blender,
    BoundOperations,
    Confidence,
    Estimator,
    Examples,
    Json,
    MaxCost,
    MaxEnergy,
    MaxLatency,
    MaxOperations,
    MinQoA,
    Models,
    Neighbours,
    PerfDBHome,
    PlannerName,
    Prompt,
    Seed,
    Server,
    ServerURL,
    Topic,
    WeightsText,
)


def register(app: typer.Typer) -> None:
    """Add the verb to the command line."""
    app.command("plan")(plan)


def plan(
    asked: Annotated[
        str, typer.Argument(metavar='FILE|"QUESTION"', help="A question file, or one question.")
    ],
    frontier: Annotated[bool, typer.Option("--frontier", help="Show every plan of the frontier.")] = False,
    option: Annotated[
        list[str] | None, typer.Option("--option", help="A choice; give it once per choice.")
    ] = None,
    max_cost: MaxCost = None,
    max_latency: MaxLatency = None,
    max_energy: MaxEnergy = None,
    min_qoa: MinQoA = None,
    weights: WeightsText = None,
    confidence: Confidence = None,
    planner: PlannerName = None,
    estimator: Estimator = None,
    neighbours: Neighbours = None,
    max_operations: MaxOperations = None,
    bound_operations: BoundOperations = None,
    models: Models = None,
    blender: Blender = None,
    topic: Topic = None,
    server: Server = None,
    server_url: ServerURL = None,
    perfdb: PerfDBHome = None,
    seed: Seed = None,
    prompt: Prompt = None,
    examples: Examples = None,
    mean_cost: Annotated[
        str | None,
        typer.Option(
            "--mean-cost",
            metavar="USD",
            help="Expected cost per question over the file: spent where it yields most.",
            rich_help_panel=LIMITS,
        ),
    ] = None,
    json: Json = False,
) -> None:
    """Choose a plan per question; execute nothing.

    With --models no model server is contacted.

    Example:  optiq plan "What is the capital of Norway?" --topic geography --max-latency 2
    """
    flags = locals()
    from flows.command_line.asked import read_asked
    from flows.command_line.present import bounds_line, estimate_cells, frontier_table, planned_object
    from flows.command_line.screen import note, say, say_json, table
    from flows.parameters import budget_of, settings_of
    from flows.run_options import amount
    from optiq.errors import InputError
    from optiq.planning.spending import plan_within_mean
    from tasks.session import open_session

    settings = settings_of(flags)
    most_usd = amount(flags, "mean_cost")
    if most_usd is not None and weights is not None:
        raise InputError(
            "--mean-cost and --weights are both given",
            "Give one: a mean cost itself says what a right answer may cost.",
        )
    questions = read_asked(asked, budget_of(flags), topic, option)
    session = open_session(settings, serve=models is None)
    if about := session.describe():
        note(about)
    session.check_topics(questions.questions)
    ready = session.with_topics(questions.questions)
    planning, kept = session.planning, None
    if most_usd is not None and ready:
        every, kept = plan_within_mean(planning, ready, most_usd, frontier)
    else:
        every = planning.plan_all(ready, frontier)
    planned = {item.question.question_id: item for item in every}
    if json:
        if kept is not None:
            note(kept)
        say_json(
            [
                planned_object(planned[row.question_id], planning, frontier)
                if row.question is not None
                else {"question_id": row.question_id, "status": "invalid", "reason": row.error}
                for row in questions.rows
            ]
        )
        return
    if frontier:
        for item in planned.values():
            frontier_table(item, f"{item.question.question_id}: {item.question.text[:100]}")
    rows: list[list[str]] = []
    for row in questions.rows:
        if row.question is None:
            rows.append([row.question_id, "invalid", row.error or "", "", "", "", ""])
            continue
        choice = planned[row.question_id].choice
        if choice.chosen is None:
            rows.append([row.question_id, "infeasible", choice.reason, "", "", "", ""])
        else:
            rows.append(
                [row.question_id, "planned", choice.chosen.plan.expression, *estimate_cells(choice.chosen)]
            )
    table(["question", "status", "plan", "cost USD", "latency s", "energy J", "QoA"], rows, right=range(3, 7))
    if line := bounds_line(settings.confidence):
        say(line)
    if kept is not None:
        say(kept)
    say(f"{len(rows)} question{'' if len(rows) == 1 else 's'}, snapshot {session.statistics.snapshot_id}")
