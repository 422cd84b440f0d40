"""`optiq report`: one HTML page on a run, a snapshot, two of them, or a selection."""

from __future__ import annotations

from typing import Annotated

import typer

from flows.command_line.options import Json, PerfDBHome


def register(app: typer.Typer) -> None:
    """Add the verb to the command line."""
    app.command("report")(report)


def report(
    output: Annotated[str, typer.Option("--output", "-o", metavar="PAGE.html", help="Where the page goes.")],
    run: Annotated[
        str | None,
        typer.Option("--run", metavar="RUN", help="A run, or how its name begins.  [default: the last]"),
    ] = None,
    snapshot: Annotated[
        str | None,
        typer.Option("--snapshot", metavar="SNAPSHOT", help="A snapshot id or number, or `current`."),
    ] = None,
    against: Annotated[
        str | None,
        typer.Option(
            "--against", metavar="NAME", help="Compare with this run or snapshot, the later of the two."
        ),
    ] = None,
    selection: Annotated[
        str | None,
        typer.Option(
            "--selection", metavar="NAME", help="A run of `optiq select`, how its name begins, or `last`."
        ),
    ] = None,
    perfdb: PerfDBHome = None,
    json: Json = False,
) -> None:
    """Write one HTML page that needs no network: what was chosen, predicted, observed, spent and missed.

    Example:  optiq report -o report.html
    """
    from flows.command_line.screen import say, say_json
    from optiq.configuration import Settings
    from tasks.reporting import write_report

    home = Settings.load({"home": perfdb}).home
    written = write_report(output, home, run, snapshot, against, selection)
    if json:
        say_json(written)
        return
    say(f"{written['title']}: {written['output']} ({written['bytes'] / 1e6:.1f} MB)")
