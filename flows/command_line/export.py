"""`optiq export`: what PerfDB has observed, as a file of traces."""

from __future__ import annotations

from typing import Annotated

from flows.command_line.screen import counted, say
from flows.declaration import Argument
from flows.flow_requests import Place


def export(
    place: Place,
    output: Annotated[str, Argument("Traces: .parquet (flat, calls nested), .jsonl, .csv or .xlsx.", "FILE")],
) -> None:
    """Write every execution with its calls, all of what PerfDB learned from, as a traces file.

    `optiq ingest traces` takes it back, into this PerfDB or another: the same execution counts once. Parquet is read by
    DuckDB, Polars and pandas; for a part of it: optiq sql "SELECT …" -o FILE.

    Example:  optiq export traces.parquet
    """
    import sql
    from optiq.files.output_place import tell_replaced
    from optiq.files.tables import check_writable, write_table
    from warehouse.query import query

    check_writable(output)
    tell_replaced(output)
    frame = query(place.home().perfdb, sql.read("queries/traces"), any_version=False)
    write_table(frame, output)
    say(f"{counted(frame.height, 'execution')} written to {output}")
