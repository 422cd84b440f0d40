"""`optiq evaluate`: would planning have paid? Policies replayed on recorded executions."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from flows.command_line.options import LIMITS, Json, MaxCost, MaxEnergy, MaxLatency, Seed


def register(app: typer.Typer) -> None:
    """Add the verb to the command line."""
    app.command("evaluate")(evaluate)


def evaluate(
    traces: Annotated[
        list[str],
        typer.Option(
            "--traces", metavar="FILE", help="Recorded executions: .parquet, .jsonl or .csv; may be repeated."
        ),
    ],
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
    run_id: Annotated[
        str | None, typer.Option("--run-id", metavar="PREFIX", help="Only executions of runs that begin so.")
    ] = None,
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
        bool, typer.Option("--embedding/--no-embedding", help="Find neighbours by sentence embeddings, too.")
    ] = True,
    output: Annotated[
        str | None,
        typer.Option("--output", "-o", help="Write one row per policy and question: .csv, .jsonl, .parquet."),
    ] = None,
    seed: Seed = None,
    json: Json = False,
) -> int:
    """Replay ways of choosing plans on recorded executions: would planning have paid?

    Each policy learns from the questions of other folds, and decides before it sees anything of its own. The
    oracle saw the outcomes: it is a bound, not a result.

    Example:  optiq evaluate --traces traces.parquet --policy opti-q --policy best-single --max-cost 3.6e-5
    """
    parameters: dict[str, Any] = {name: value for name, value in locals().items() if name != "json"}
    from flows.evaluate_policies import evaluate_policies
    from flows.parameters import budget_of, settings_of
    from optiq.tables import check_writable
    from tasks.orchestration import start

    settings_of(parameters), budget_of(parameters)  # misuse is said before anything is started
    if output is not None:
        check_writable(output)
    summary = start(evaluate_policies, **parameters)
    if json:
        from flows.command_line.screen import say_json

        say_json(summary)
    else:
        _show(summary, budget_of(parameters).describe(), confidence)
    return 0


def _show(summary: dict[str, Any], limits: str, confidence: float | None) -> None:
    from flows.command_line.screen import figure, say, table

    sure = "" if confidence is None else f", held with probability {confidence:g}"
    say(
        f"{summary['executions']} executions of {summary['plans']} plans on {summary['questions']} questions; "
        f"{limits}{sure}"
    )
    if summary["refused"]:
        say(f"{summary['refused']} rows of the traces could not be used: `optiq ingest traces` says why")
    for kind in dict.fromkeys(line["kind"] for line in summary["lines"]):
        rows = []
        for line in summary["lines"]:
            if line["kind"] != kind:
                continue
            rows.append(
                [
                    line["policy"] + (" (hindsight, a bound)" if line["hindsight"] else ""),
                    f"{line['answered']:.0%}",
                    _interval(line, "qoa"),
                    _interval(line, "qoa_above_best_single", "+"),
                    figure(line["cost_usd"]),
                    figure(line["latency_s"]),
                    figure(line["calls"], 2),
                    "–" if line["adherence"] is None else f"{line['adherence']:.1%}",
                ]
            )
        table(
            ["policy", "answered", "QoA [95 %]", "above best single [95 %]", "USD", "s", "calls", "within"],
            rows,
            title=f"{kind} questions ({max(n['questions'] for n in summary['lines'] if n['kind'] == kind)})",
            right=range(1, 8),
        )
    if "output" in summary:
        say(f"One row per policy and question: {summary['output']}")


def _interval(line: dict[str, Any], name: str, sign: str = "") -> str:
    if line[name] is None:
        return "–"
    mean, low, high = line[name], line[f"{name}_low"], line[f"{name}_high"]
    return f"{mean:{sign}.3f} [{low:{sign}.3f}, {high:{sign}.3f}]"
