"""`optiq report`: one HTML page on a run, a snapshot, two of them, or a selection."""

from __future__ import annotations

from typing import Annotated

from flows.command_line.screen import say, say_json
from flows.declaration import Argument, Option
from flows.flow_requests import Json, Place
from optiq.errors import InputError


def report(
    output: Annotated[str, Option("Where the page goes.", "PAGE.html", short="-o")],
    place: Place,
    name: Annotated[
        str | None, Argument("A run, or how its name begins; `last`. The same as --run.", "[RUN]")
    ] = None,
    run: Annotated[str | None, Option("A run, or how its name begins.", "RUN", otherwise="the last")] = None,
    snapshot: Annotated[str | None, Option("A snapshot id or number, or `current`.", "SNAPSHOT")] = None,
    against: Annotated[
        str | None, Option("Compare with this run or snapshot, the later of the two.", "NAME")
    ] = None,
    selection: Annotated[
        str | None, Option("A run of `optiq select`, how its name begins, or `last`.", "NAME")
    ] = None,
    json: Json = False,
) -> None:
    """Write one HTML page that needs no network: what was chosen, predicted, observed, spent and missed.

    Example:  optiq report -o report.html
    """
    from optiq.files.output_place import tell_replaced
    from tasks.reporting import check_page, write_report

    if name is not None and run is not None:
        raise InputError(
            f"two runs are given, {name} and {run}", "Give one; `--against` is the other of two."
        )
    run = run if name is None else name
    check_page(output)
    tell_replaced(output)
    written = write_report(output, place.settings.home, run, snapshot, against, selection)
    if json:
        say_json(written)
        return
    say(f"{written['title']}: {written['output']} ({written['bytes'] / 1e6:.1f} MB)")
