"""`optiq calibrate`: try plans on labelled questions where knowing more would change plans most."""

from __future__ import annotations

import signal
from typing import Annotated

import typer

from flows.command_line.options import (
    Blender,
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
    PerfDBHome,
    Prompt,
    Seed,
    Server,
    ServerURL,
    Topic,
    WeightsText,
)

SPENDING = "Spending"
_SCREEN_ONLY = ("json", "dry_run", "confirm_above", "yes")


def register(app: typer.Typer) -> None:
    """Add the verb to the command line."""
    app.command("calibrate")(calibrate)


def calibrate(
    file: Annotated[str, typer.Argument(metavar="FILE", help="Questions with a `reference` column.")],
    max_executions: Annotated[
        str | None,
        typer.Option(
            "--max-executions",
            metavar="N",
            help="Most plans to run, each on one question.  [default: all]",
            rich_help_panel=SPENDING,
        ),
    ] = None,
    max_total_cost: Annotated[
        str | None,
        typer.Option(
            "--max-total-cost", metavar="USD", help="Most to spend altogether.", rich_help_panel=SPENDING
        ),
    ] = None,
    max_total_energy: Annotated[
        str | None,
        typer.Option(
            "--max-total-energy",
            metavar="JOULES",
            help="Most energy to use altogether.",
            rich_help_panel=SPENDING,
        ),
    ] = None,
    plans: Annotated[
        list[str] | None,
        typer.Option("--plan", help="A plan to try, as JSON or expression; may be repeated."),
    ] = None,
    singles_only: Annotated[bool, typer.Option("--singles-only", help="Try single models only.")] = False,
    per_question: Annotated[
        str | None,
        typer.Option("--per-question", metavar="N", help="Most plans per question.  [default: all]"),
    ] = None,
    max_cost: MaxCost = None,
    max_latency: MaxLatency = None,
    max_energy: MaxEnergy = None,
    min_qoa: MinQoA = None,
    weights: WeightsText = None,
    confidence: Confidence = None,
    max_operations: MaxOperations = None,
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
    dry_run: Annotated[
        bool,
        typer.Option(
            "--dry-run", help="Show what would run and its bill; ask nothing.", rich_help_panel=SPENDING
        ),
    ] = False,
    confirm_above: Annotated[
        str | None,
        typer.Option(
            "--confirm-above",
            metavar="USD",
            help="Ask before a predicted bill above this.  [default: 1 on a terminal]",
            rich_help_panel=SPENDING,
        ),
    ] = None,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.", rich_help_panel=SPENDING)] = False,
    json: Json = False,
) -> int:
    """Try plans on labelled questions, those first that would change the choice of plans most.

    Tried are single models, chains of two and blends of two, in rounds: choose, run, learn, choose again.
    Limits and weights are those that plans will be chosen with. Without a spending limit everything is run in
    that order. What PerfDB holds already is not run again; after Ctrl-C the same command goes on.
    `optiq refresh` publishes what was learned.

    Exit code 0: done; 1: all that ran failed; 2: misuse; 130: interrupted.

    Example:  optiq calibrate examples/questions_calibrate.csv --max-executions 60 --dry-run
    """
    given = dict(locals())
    parameters = {name: given[name] for name in given if name not in _SCREEN_ONLY}
    from flows.calibrate_models import calibrate_models
    from flows.calibration_request import wanted_of
    from flows.command_line.calibration_screen import confirmed, show_forecast, show_summary
    from flows.command_line.progress import progress
    from flows.command_line.screen import note, say_json
    from flows.run_options import amount
    from tasks.orchestration import start

    wanted = wanted_of(parameters)  # misuse is said before anything is started
    if dry_run:
        show_forecast(wanted, json)
        return 0
    if not yes and not confirmed(wanted, amount(given, "confirm_above")):
        note("nothing was asked")
        return 1
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # ends as cleanly as Ctrl-C
    with progress():
        summary = start(calibrate_models, **parameters)
    if json:
        say_json(summary)
    else:
        show_summary(summary)
    if summary["stopped"] == "interrupted":
        return 130
    return 1 if summary["executions"] and summary["failed"] == summary["executions"] else 0
