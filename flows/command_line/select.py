"""`optiq select`: the best models for the roles of an agent, plan or workflow."""

from __future__ import annotations

import signal
from typing import Annotated, Any

import typer

from flows.command_line.options import Cache, Json, Models, PerfDBHome, Seed, Server, ServerURL

_WHAT, _AIM, _HOW, _OUT = "What to select for", "What is best", "How it is run", "Results"


def register(app: typer.Typer) -> None:
    """Add the verb to the command line."""
    app.command("select")(select)


def _text(flag: str, panel: str, text: str, metavar: str | None = None) -> Any:
    return typer.Option(flag, metavar=metavar, help=text, rich_help_panel=panel)


def select(
    file: Annotated[str, typer.Argument(metavar="FILE", help="Questions with a `reference` column.")],
    agent: Annotated[
        str | None, _text("--agent", _WHAT, "An agent class, module:Class or file.py:Class.")
    ] = None,
    plan: Annotated[str | None, _text("--plan", _WHAT, "A plan whose nodes are named after roles.")] = None,
    workflow: Annotated[str | None, _text("--workflow", _WHAT, "A staged workflow in YAML.", "FILE")] = None,
    roles: Annotated[
        list[str] | None, _text("--role", _WHAT, "Candidates of a role; may be repeated.", "NAME=A,B")
    ] = None,
    models: Models = None,
    metric: Annotated[
        str | None,
        _text("--metric", _AIM, "exact, containment, cosine or module:function.  [default: exact]"),
    ] = None,
    objective: Annotated[
        str | None, _text("--objective", _AIM, "accuracy, cheapest or penalised.  [default: accuracy]")
    ] = None,
    floor: Annotated[
        str | None,
        _text(
            "--floor", _AIM, "Least accuracy for `cheapest`.  [default: best same-model accuracy − θ]", "0..1"
        ),
    ] = None,
    cost_weight: Annotated[str | None, _text("--cost-weight", _AIM, "Penalty per USD.")] = None,
    latency_weight: Annotated[str | None, _text("--latency-weight", _AIM, "Penalty per second.")] = None,
    max_cost: Annotated[
        str | None, _text("--max-cost", _AIM, "Most that an example may cost on average.", "USD")
    ] = None,
    max_latency: Annotated[
        str | None, _text("--max-latency", _AIM, "Longest that an example may take on average.", "SECONDS")
    ] = None,
    min_accuracy: Annotated[str | None, _text("--min-accuracy", _AIM, "Least accuracy.", "0..1")] = None,
    method: Annotated[
        str | None, _text("--method", _HOW, "Which method decides what to run.  [default: arm-elimination]")
    ] = None,
    options: Annotated[
        list[str] | None, _text("--option", _HOW, "An option of the method; may be repeated.", "NAME=VALUE")
    ] = None,
    max_total_cost: Annotated[
        str | None, _text("--max-total-cost", _HOW, "Most that the whole selection may be billed.", "USD")
    ] = None,
    timeout: Annotated[
        str | None, _text("--timeout", _HOW, "Longest that one run may take.  [default: 120]")
    ] = None,
    combinations_at_once: Annotated[
        int | None, typer.Option(min=1, help="Combinations in progress.  [default: 4]", rich_help_panel=_HOW)
    ] = None,
    examples_at_once: Annotated[
        int | None,
        typer.Option(min=1, help="Examples of each in progress.  [default: 4]", rich_help_panel=_HOW),
    ] = None,
    calls_at_once: Annotated[
        int | None,
        typer.Option(min=1, help="Model calls in flight in all.  [default: 8]", rich_help_panel=_HOW),
    ] = None,
    advisor: Annotated[
        str | None, _text("--advisor", _HOW, "The served model that lm-proposal asks.")
    ] = None,
    task: Annotated[
        str | None, _text("--task", _HOW, "What the agent does, in words, for lm-proposal.")
    ] = None,
    table: Annotated[
        str | None, _text("--table", _OUT, "Write the ranked table, .csv or .parquet.", "FILE")
    ] = None,
    deploy: Annotated[str | None, _text("--deploy", _OUT, "Write the chosen models as YAML.", "FILE")] = None,
    plot: Annotated[str | None, _text("--plot", _OUT, "Draw the frontier, .svg or .png.", "FILE")] = None,
    server: Server = None,
    server_url: ServerURL = None,
    perfdb: PerfDBHome = None,
    seed: Seed = None,
    cache: Cache = True,
    json: Json = False,
) -> int:
    """Find the best models for the roles of an agent, plan or workflow by running combinations on examples.

    What was run is kept: the same command goes on after Ctrl-C, and `optiq refresh` learns from its traces.

    Exit code 0: chosen; 1: nothing meets what was asked; 2: misuse; 130: interrupted.

    Example:  optiq select examples/questions_calibrate.csv --workflow examples/select/draft_and_answer.yaml
    """
    parameters = {name: value for name, value in locals().items() if name != "json"}
    from flows.command_line.screen import note, say_json
    from flows.select_models import request_of, select_models
    from tasks.orchestration import start

    request_of(parameters)  # misuse is said before anything is started
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # ends as cleanly as Ctrl-C
    summary = start(select_models, **parameters)
    if json:
        say_json(summary)
    else:
        _show(summary)
    if summary["stopped"] == "interrupted":
        note(_how_to_go_on(summary, cache))
        return 130
    return 0 if summary["best"] else 1


def _show(summary: dict[str, Any]) -> None:
    from flows.command_line.screen import figure, note, say, table

    rows = []
    for row in summary["results"][:20]:
        models = [row[f"role_{role}"] for role in summary["roles"]]
        interval = (
            "–" if row["accuracy_low"] is None else f"{row['accuracy_low']:.2f} to {row['accuracy_high']:.2f}"
        )
        figures = (figure(row["accuracy"]), interval, figure(row["cost_usd"]), figure(row["latency_s"]))
        standing = row["standing"] + (", frontier" if row["on_frontier"] else "")
        rows.append([row["rank"], *models, *figures, row["runs"], row["failed"], standing])
    columns = [
        "",
        *summary["roles"],
        "accuracy",
        "95 %",
        "cost USD",
        "latency s",
        "runs",
        "failed",
        "standing",
    ]
    title = (
        f"{summary['objective']}; {summary['method']}, {summary['metric']}, {summary['examples']} examples"
    )
    table(columns, rows, title, right=range(len(summary["roles"]) + 1, len(columns) - 1))
    unknown = summary["unpriced_calls"] and not summary["spent_usd"]
    spent = "cost unknown" if unknown else f"{figure(summary['spent_usd'])} USD"
    if left := len(summary["results"]) - len(rows):
        say(f"and {left} more: --table FILE has all")
    say(
        f"{summary['runs']} runs made, {summary['reused']} known already, {summary['failed']} failed; "
        f"{summary['runs_of_all']:.0%} of {summary['combinations']} combinations × {summary['examples']} examples; "
        f"{summary['calls']} calls made, {summary['cached_calls']} found in the cache, "
        f"{spent}, {summary['seconds']:.1f} s"
    )
    for fault, count in sorted(summary["errors"].items(), key=lambda item: -item[1])[:3]:
        note(f"{count} runs failed: {fault}")
    if summary["unpriced_calls"]:
        note(
            f"{summary['unpriced_calls']} calls have no known price: their cost is unknown, not 0 "
            "(give prices with `optiq ingest priors FILE`, then `optiq refresh`)"
        )
    if summary["without_calls"]:
        note(f"{summary['without_calls']} runs called no model that could be seen")
    if summary["traces_note"]:
        note(summary["traces_note"])
    interrupted = summary["stopped"] == "interrupted"
    if not summary["finished"] and not interrupted:
        note(f"stopped before the method had enough: {summary['stopped']}")
    if summary["best"]:
        chosen = ", ".join(f"{role}={model}" for role, model in summary["best"].items())
        say(f"{'leading so far' if interrupted else 'chosen'}: {chosen}")
    else:
        say("no combination that was run meets what was asked: the column `standing` says why")
    say(f"selection {summary['run_id']}: `optiq report --selection last -o page.html` shows it all")


def _how_to_go_on(summary: dict[str, Any], cached: bool) -> str:
    if not cached:
        return "interrupted: with --no-cache nothing is kept but the traces; the same command begins anew"
    kept = summary["runs"] + summary["reused"] - summary["failed"]
    return f"interrupted: {kept} runs are kept; the same command goes on from there"
