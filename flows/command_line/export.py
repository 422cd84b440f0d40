"""`optiq export`: what PerfDB has observed, as a file of traces."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated

from flows.command_line.screen import counted, say
from flows.declaration import Argument
from flows.flow_requests import Place

if TYPE_CHECKING:
    import polars as pl


def export(
    place: Place,
    output: Annotated[
        str, Argument("Traces: .parquet (flat, calls nested), .jsonl, .csv, .tsv or .xlsx.", "FILE")
    ],
) -> None:
    """Write every execution with its calls, all of what PerfDB learned from, as a traces file.

    `optiq ingest traces` takes it back, into this PerfDB or another: the same execution counts once. Parquet is read by
    DuckDB, Polars and pandas; for a part of it: optiq sql "SELECT …" -o FILE.

    Example:  optiq export traces.parquet
    """
    from optiq.files.output_place import tell_replaced
    from optiq.files.tables import check_writable, write_pieces
    from warehouse.exported import exported

    check_writable(output)
    tell_replaced(output)
    heights: list[int] = []

    def pages() -> Iterator[pl.DataFrame]:
        for page in exported(place.home().perfdb):
            heights.append(page.height)
            yield page

    write_pieces(pages(), output)
    say(f"{counted(sum(heights), 'execution')} written to {output}")
