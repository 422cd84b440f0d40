"""`optiq answer`: plan and answer a question file."""

from __future__ import annotations

import signal
from typing import Annotated, Any

import typer

from flows.command_line.options import (
    Blender,
    BoundOperations,
    Cache,
    Confidence,
    Constrain,
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

RUN = "The run"
_SCREEN_ONLY = ("json", "dry_run", "confirm_above", "yes")


def register(app: typer.Typer) -> None:
    """Add the verb to the command line."""
    app.command("answer")(answer)


def answer(
    file: Annotated[str, typer.Argument(metavar="FILE", help="Questions: .csv, .jsonl or .parquet.")],
    output: Annotated[str, typer.Option("--output", "-o", help="Answers: .csv, .jsonl or .parquet.")],
    max_cost: MaxCost = None,
    max_latency: MaxLatency = None,
    max_energy: MaxEnergy = None,
    min_qoa: MinQoA = None,
    weights: WeightsText = None,
    confidence: Confidence = None,
    planner: PlannerName = None,
    max_operations: MaxOperations = None,
    bound_operations: BoundOperations = None,
    neighbours: Neighbours = None,
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
    chunk_size: Annotated[
        str | None, typer.Option("--chunk-size", help="Questions per task.  [default: 25]")
    ] = None,
    limit: Annotated[
        str | None,
        typer.Option("--limit", metavar="N", help="Only the first N questions.", rich_help_panel=RUN),
    ] = None,
    retry_errors: Annotated[
        bool, typer.Option("--retry-errors", help="Ask only what failed before.", rich_help_panel=RUN)
    ] = False,
    fresh: Annotated[
        bool,
        typer.Option("--fresh", help="Start over instead of going on with the run.", rich_help_panel=RUN),
    ] = False,
    cache: Cache = True,
    max_total_cost: Annotated[
        str | None,
        typer.Option(
            "--max-total-cost", metavar="USD", help="Most that the whole run may spend.", rich_help_panel=RUN
        ),
    ] = None,
    max_total_energy: Annotated[
        str | None,
        typer.Option(
            "--max-total-energy",
            metavar="JOULES",
            help="Most energy that the run may use.",
            rich_help_panel=RUN,
        ),
    ] = None,
    fail_after: Annotated[
        str | None,
        typer.Option(
            "--fail-after", metavar="N", help="Stop when N questions have failed.", rich_help_panel=RUN
        ),
    ] = None,
    shards: Annotated[
        str | None,
        typer.Option(
            "--shards",
            metavar="N",
            help="Answer in N pieces on the workers of a Prefect server.",
            rich_help_panel=RUN,
        ),
    ] = None,
    dry_run: Annotated[
        bool,
        typer.Option("--dry-run", help="Show plans and predicted bill; ask nothing.", rich_help_panel=RUN),
    ] = False,
    confirm_above: Annotated[
        str | None,
        typer.Option(
            "--confirm-above",
            metavar="USD",
            help="Ask before a predicted bill above this.  [default: 1 on a terminal]",
            rich_help_panel=RUN,
        ),
    ] = None,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.", rich_help_panel=RUN)] = False,
    json: Json = False,
) -> int:
    """Plan and answer a question file; one answer row per input row, in input order.

    The same command again goes on where it stopped: after Ctrl-C, a crash or a limit. A finished run is
    taken as it is unless PerfDB has been refreshed since.

    Exit code 0: all asked; 1: a question failed; 2: misuse; 130: interrupted.

    Example:  optiq answer examples/questions.csv -o answers.csv --max-latency 3
    """
    given = dict(locals())
    parameters = {name: given[name] for name in given if name not in (*_SCREEN_ONLY, "shards")}
    from flows.command_line.bill import confirmed, show_bill
    from flows.command_line.progress import progress
    from flows.command_line.screen import note, say, say_json
    from flows.parameters import budget_of, settings_of
    from flows.run_options import amount, options_of, whole

    settings_of(parameters), options_of(parameters)  # misuse is said before anything is started
    budget = budget_of(parameters)
    if dry_run:
        show_bill(file, budget, parameters, json)
        return 0
    if not yes and not confirmed(file, budget, parameters, amount(given, "confirm_above")):
        note("nothing was asked")
        return 1
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # ends as cleanly as Ctrl-C
    with progress():
        summary = _run(parameters, whole(given, "shards"))
    if json:
        say_json(summary)
    else:
        if summary["stopped"]:
            note(summary["stopped"])
        say(closing_line(summary))
    return 1 if summary["failed"] else 0


def _run(parameters: dict[str, Any], shards: int | None) -> dict[str, Any]:
    """On this machine, or on the workers of a Prefect server."""
    from tasks.orchestration import start

    if shards is None:
        from flows.answer_questions import answer_questions

        return start(answer_questions, **parameters)
    from flows.answer_sharded import answer_questions_sharded

    return start(answer_questions_sharded, **parameters, shards=shards)


def closing_line(summary: dict[str, Any]) -> str:
    """What a run came to, in one line."""
    from flows.command_line.screen import figure

    return (
        f"{summary['answered']} answered, {summary['infeasible']} infeasible, {summary['failed']} failed, "
        f"{summary['invalid']} invalid; {summary['calls']} calls, {summary['cached']} cached; "
        f"{figure(summary['cost_usd'])} USD, {summary['seconds']:.1f} s; "
        f"run {summary['run_id']}, answers in {summary['output']}"
    )
