"""`optiq evaluate`: would planning have paid? Policies replayed on recorded executions."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from flows.command_line.options import LIMITS, Json, MaxCost, MaxEnergy, MaxLatency, PerfDBHome, Seed

WHICH = "Which executions"


def register(app: typer.Typer) -> None:
    """Add the verb to the command line."""
    app.command("evaluate")(evaluate)


def evaluate(
    traces: Annotated[
        list[str] | None,
        typer.Option(
            "--traces",
            metavar="FILE",
            help="Recorded executions: .parquet, .jsonl or .csv; may be repeated.  [default: those in PerfDB]",
            rich_help_panel=WHICH,
        ),
    ] = None,
    since: Annotated[
        str | None,
        typer.Option(
            "--since",
            metavar="TIME",
            help="Begun from then on: 2026-10-01, or 30d ago.",
            rich_help_panel=WHICH,
        ),
    ] = None,
    until: Annotated[
        str | None,
        typer.Option(
            "--until", metavar="TIME", help="Begun before: 2026-11-01, or 7d ago.", rich_help_panel=WHICH
        ),
    ] = None,
    run: Annotated[
        str | None,
        typer.Option(
            "--run", "--run-id", metavar="PREFIX", help="Only of runs that begin so.", rich_help_panel=WHICH
        ),
    ] = None,
    prompt: Annotated[
        str | None,
        typer.Option(
            "--prompt",
            metavar="SET",
            help="Only with this prompt set; sets are never pooled.  [default: the one on most questions]",
            rich_help_panel=WHICH,
        ),
    ] = None,
    max_questions: Annotated[
        int | None,
        typer.Option(
            "--max-questions",
            min=10,
            help="Most questions to replay.  [default: 5000]",
            rich_help_panel=WHICH,
        ),
    ] = None,
    policies: Annotated[
        list[str] | None,
        typer.Option(
            "--policy",
            metavar="NAME[:OPTIONS]",
            help="What to replay, such as opti-q, single:phi4:14b, opti-q:neighbours=off; may be repeated."
            "  [default: all]",
        ),
    ] = None,
    folds: Annotated[int, typer.Option("--folds", min=2, help="Folds by question.")] = 5,
    repeats: Annotated[int, typer.Option("--repeats", min=1, help="How often the folds are drawn anew.")] = 1,
    confidence: Annotated[
        float | None,
        typer.Option(
            "--confidence",
            min=0.5,
            max=0.999,
            help="Hold the limits with this probability.  [default: as expected]",
            rich_help_panel=LIMITS,
        ),
    ] = None,
    max_cost: MaxCost = None,
    max_latency: MaxLatency = None,
    max_energy: MaxEnergy = None,
    embedding: Annotated[
        bool,
        typer.Option(
            "--embedding/--no-embedding",
            help="Ask past questions that are like the one asked, as `optiq plan` does.",
        ),
    ] = True,
    output: Annotated[
        str | None,
        typer.Option("--output", "-o", help="Write one row per policy and question: .csv, .jsonl, .parquet."),
    ] = None,
    report: Annotated[
        str | None, typer.Option("--report", metavar="PAGE.html", help="Write one HTML page with charts.")
    ] = None,
    perfdb: PerfDBHome = None,
    seed: Seed = None,
    json: Json = False,
) -> int:
    """Replay ways of choosing plans on recorded executions: would planning have paid?

    Each policy learns from the questions of other folds, and decides before it sees anything of its own. Only plans
    that were run on a question can be chosen for it, so only questions with several are compared. The
    oracle saw the outcomes: it is a bound, not a result.

    Example:  optiq evaluate --since 30d --policy opti-q --policy best-single --report evaluation.html
    """
    parameters: dict[str, Any] = {name: value for name, value in locals().items() if name != "json"}
    from flows.evaluate_policies import evaluate_policies
    from flows.parameters import budget_of, part_of, settings_of
    from optiq.evaluation.policies import make_policies
    from optiq.files.tables import check_writable
    from tasks.orchestration import start
    from tasks.reporting import check_page

    # misuse is said before anything is started
    settings_of({"perfdb": perfdb, "seed": seed}), budget_of(parameters), part_of(parameters)
    make_policies(policies or [])
    if output is not None:
        check_writable(output)
    if report is not None:
        check_page(report)
    summary = start(evaluate_policies, **parameters)
    if json:
        from flows.command_line.screen import say_json

        say_json(summary)
    else:
        from flows.command_line.evaluation_screen import show

        show(summary)
    return 0
