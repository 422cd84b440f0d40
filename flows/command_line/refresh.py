"""`optiq refresh`: land, check, recompute, publish."""

from __future__ import annotations

from typing import Annotated

import typer

from flows.command_line.options import Json, PerfDBHome


def register(app: typer.Typer) -> None:
    """Add the verb to the command line."""
    app.command("refresh")(refresh)


def refresh(
    keep: Annotated[
        int | None, typer.Option("--keep", min=1, help="Snapshots to keep.  [default: 7]")
    ] = None,
    half_life: Annotated[
        float | None,
        typer.Option(
            "--half-life",
            min=0,
            help="Days after which an observation counts half; 0: age does not matter.  [default: 180]",
        ),
    ] = None,
    distrust_drifted: Annotated[
        bool | None,
        typer.Option(
            "--distrust-drifted/--trust-drifted",
            help="Start the statistics of a drifted model again at its drift.  [default: trust]",
        ),
    ] = None,
    topic_model: Annotated[
        str | None, typer.Option("--topic-model", help="centroid or bertopic.  [default: centroid]")
    ] = None,
    perfdb: PerfDBHome = None,
    json: Json = False,
) -> None:
    """Merge what has landed and publish a new snapshot of the statistics.

    Example:  optiq refresh
    """
    from flows.command_line.screen import say, say_json
    from flows.refresh_perfdb import refresh_perfdb
    from tasks.orchestration import start
    from warehouse.drift import drift_line

    report = start(
        refresh_perfdb,
        perfdb=perfdb,
        keep=keep,
        half_life_days=half_life,
        distrust_drifted=distrust_drifted,
        topic_model=topic_model,
    )
    if json:
        say_json(report)
        return
    say(refresh_line(report))
    for row in report["drift"]:
        if row["verdict"] == "drifted":
            say(f"drifted: {drift_line(row)}")


def refresh_line(report: dict) -> str:
    """What a refresh did, in one line."""
    if not report["published"]:
        return f"nothing new; snapshot {report['snapshot_id']} stays ({report['seconds']:.1f} s)"
    return (
        f"snapshot {report['snapshot_id']}: {report['n_executions_new']} executions, "
        f"{report['n_calls_new']} calls and {report['n_priors_new']} published figures merged, "
        f"{report['n_quarantined']} rows set aside, {report['n_statistics_new']} statistics new and "
        f"{report['n_statistics_changed']} changed ({report['seconds']:.1f} s)"
    )
