"""`optiq ask`: plan and answer one question."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated, Any

import typer

from flows.command_line.options import (
    Blender,
    BoundOperations,
    Cache,
    Confidence,
    Constrain,
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

if TYPE_CHECKING:
    from optiq.questions.question_file import Row
    from tasks.session import Session


def register(app: typer.Typer) -> None:
    """Add the verb to the command line."""
    app.command("ask")(ask)


def ask(
    question: Annotated[str, typer.Argument(metavar='"QUESTION"', help="One question.")],
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
    constrain: Constrain = None,
    cache: Cache = True,
    json: Json = False,
) -> int:
    """Plan and answer one question; the run is recorded for the next refresh.

    Example:  optiq ask "What is the capital of Norway?"
    """
    flags = locals()
    from flows.command_line.asked import read_asked
    from flows.command_line.present import answer_object, answer_text
    from flows.command_line.screen import figure, note, say, say_json
    from flows.parameters import budget_of, settings_of
    from optiq.errors import InputError
    from optiq.plans.plan import Plan
    from tasks.session import open_session

    settings = settings_of(flags)
    asked = read_asked(question, budget_of(flags), topic, option)
    if len(asked.rows) != 1 or len(asked.questions) != 1:
        raise InputError("ask takes one question", "Give its text; `optiq answer FILE -o OUT` is for files.")
    session = open_session(settings)
    session.check_topics(asked.questions)
    assert session.server is not None
    note(session.describe() or "")
    row = _answer(session, asked.rows, cache)
    if json:
        say_json(answer_object(row, asked.questions[0]))
    elif row["status"] == "answered":
        text = answer_text(row["answer"], asked.questions[0])
        say(row["answer"] if text == row["answer"] else f"{row['answer']}  {text}")
        if row["error"]:
            note(row["error"])
        found = " (from the cache)" if row["cached_calls"] and not row["calls"] else ""
        note(
            f"plan{found} {Plan.parse(row['plan']).expression}: observed {figure(row['observed_latency_s'])} s "
            f"(predicted {figure(row['predicted_latency_s'])}), {figure(row['observed_cost_usd'])} USD "
            f"(predicted {figure(row['predicted_cost_usd'])}), predicted QoA {figure(row['predicted_qoa'])}"
        )
    else:
        note(f"{row['status']}: {row['error']}")
    return 0 if row["status"] == "answered" else 1


def _answer(session: Session, rows: Sequence[Row], cache: bool) -> dict[str, Any]:
    """Plan and execute the one row and land its traces; its row of an answers file, with bookkeeping.

    In a home that cannot be written, such as somebody else's, the question is answered all the same.
    """
    from flows.command_line.screen import note
    from optiq.errors import OptiqError
    from optiq.execution import Shared, traces_frame
    from tasks.answers import answer_rows
    from tasks.run_state import open_responses
    from tasks.session import new_run_id
    from warehouse.landing import land_traces

    run_id = new_run_id()
    responses = None
    if cache:
        try:
            responses = open_responses(session.home)
        except (OSError, OptiqError) as fault:
            note(f"warning: outputs are not kept: {fault}")
    try:
        found = answer_rows(session, rows, run_id, Shared(responses=responses))
        try:
            if found.executions:
                land_traces(session.home, traces_frame(found.executions))
            if responses is not None:
                responses.delivered(f"{run_id}/{row.question_id}" for row in rows)
        except (OSError, OptiqError) as fault:
            note(f"warning: the run is not recorded, so the next refresh learns nothing from it: {fault}")
    finally:
        if responses is not None:
            responses.close()
    return found.rows[0]
