"""`optiq sql`: read-only SQL on the published PerfDB."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from flows.command_line.screen import counted, figure, fits, say, say_json, table, upright
from flows.declaration import Argument, Option
from flows.flow_requests import Json, Place
from optiq.errors import InputError

if TYPE_CHECKING:
    import polars as pl


def sql(
    statement: Annotated[
        str, Argument("One SELECT (`show tables` lists what there is), or a .sql file with one.", "STATEMENT")
    ],
    place: Place,
    output: Annotated[
        Path | None,
        Option("Write the result to a .csv, .tsv, .xlsx, .jsonl or .parquet file.", "FILE", short="-o"),
    ] = None,
    param: Annotated[
        list[str] | None, Option("The value of $NAME in the statement; may be repeated.", "NAME=VALUE")
    ] = None,
    timeout: Annotated[float | None, Option("Give up after so many seconds.", "SECONDS", least=0.1)] = None,
    memory: Annotated[
        int, Option("Memory of the query in MB; beyond it intermediate results go to disk.", "MB", least=50)
    ] = 1000,
    json: Json = False,
) -> None:
    """Query PerfDB. Read-only; files and network are out of reach of the SQL.

    Example:  optiq sql "SELECT * FROM level_0 LIMIT 5"
    """
    from warehouse.query import stoppable_query, stoppable_rows

    if statement.endswith(".sql") and len(statement.split("\n")) == 1:
        try:
            statement = Path(statement).read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as fault:
            raise InputError(
                f"{statement} cannot be read: {fault}", "Give a text file with one SELECT."
            ) from None
    given = _parameters(param or ())
    perfdb = place.home().perfdb
    if output is not None:
        from optiq.files.output_place import tell_replaced
        from optiq.files.tables import check_writable, write_table

        check_writable(output)
        tell_replaced(output)
        frame = stoppable_query(perfdb, statement, timeout, memory, given)
        write_table(frame if output.suffix == ".parquet" else _without_blobs(frame), output)
        say(f"{counted(frame.height, 'row')} written to {output}")
        return
    found = stoppable_rows(perfdb, statement, timeout, memory, given)
    if json:
        say_json([dict(zip(found.columns, row, strict=True)) for row in found.rows])
        return
    rows = [[_cell(cell) for cell in row] for row in found.rows]
    if fits(found.columns, rows):
        table(found.columns, rows, right=found.numeric)
    else:
        upright(found.columns, rows)
    say(counted(len(rows), "row"))


def _parameters(given: Sequence[str]) -> dict[str, str]:
    """The values by name, as text: PerfDB reads them as what the statement compares them with."""
    found: dict[str, str] = {}
    for pair in given:
        name, equals, value = pair.partition("=")
        name = name.strip().removeprefix("$")
        if not equals or not name or name in found:
            what = f"--param gives {name} twice" if name in found else f"--param {pair} names no value"
            raise InputError(what, "Write --param NAME=VALUE, each name once.")
        found[name] = value
    return found


def _without_blobs(frame: pl.DataFrame) -> pl.DataFrame:
    """Blobs as their size: their bytes say nothing to a person, and only Parquet can hold them."""
    import polars as pl

    blobs = [name for name, kind in frame.schema.items() if kind == pl.Binary]
    return frame.with_columns(pl.format("<{} bytes>", pl.col(name).bin.size()).alias(name) for name in blobs)


def _cell(value: object) -> object:
    if isinstance(value, list) and len(value) > 8 and all(isinstance(item, float) for item in value):
        return f"<{len(value)} floats>"
    if isinstance(value, float):
        return figure(value, 4)
    return f"{value:%Y-%m-%d %H:%M:%S}" if isinstance(value, datetime) else value
