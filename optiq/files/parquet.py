"""Parquet files: what one unpacks to, told before it is unpacked; and written with the system's own errors.

Compressed pages say how large they are. A dictionary does not: a text that stands in it once and in every row of the
table becomes as many texts when it is read.
"""

from __future__ import annotations

import io
from collections.abc import Iterable, Iterator
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Any

from optiq.files.limits import check_cells, check_columns, check_unpacked

if TYPE_CHECKING:
    import polars as pl

_LOOKED_INTO = 16 * 1024 * 1024
"""Bytes up to which dictionaries are looked into: it means reading the file twice."""
_BATCH_ROWS = 10_000


def write_parquet(frame: pl.DataFrame, path: Path, **how: Any) -> None:
    """Write ``frame`` as Polars does (``how``); ``OSError`` for what the system refuses.

    In memory first: of a full disk Polars makes an error of its own, the same as for what Parquet cannot hold.
    """
    written = io.BytesIO()
    frame.write_parquet(written, **how)
    path.write_bytes(written.getbuffer())


def write_parquet_pieces(pieces: Iterable[pl.DataFrame], path: Path) -> None:
    """Write ``pieces`` of one schema as row groups, one after the other in memory.

    One alone is written as by :func:`write_parquet`.
    """
    import pyarrow.parquet as pq  # type: ignore[import-untyped]

    rest = iter(pieces)
    first, second = next(rest), next(rest, None)
    if second is None:
        write_parquet(first, path)
        return
    table = first.to_arrow()
    with pq.ParquetWriter(path, table.schema, compression="zstd") as writer:
        writer.write_table(table)
        for piece in chain([second], rest):
            writer.write_table(piece.to_arrow().cast(table.schema))


def check_parquet(path: Path) -> None:
    """:class:`~optiq.errors.InputError` if a Parquet file unpacks to too much for its size.

    Nothing is said of one that cannot be read.
    """
    import pyarrow as pa  # type: ignore[import-untyped]
    import pyarrow.parquet as pq  # type: ignore[import-untyped]

    try:
        with pq.ParquetFile(path) as file:
            told = file.metadata
            check_columns(path, told.num_columns)
            groups = [told.row_group(number) for number in range(told.num_row_groups)]
            chunks = [group.column(number) for group in groups for number in range(told.num_columns)]
        check_cells(path, max(told.num_rows, sum(chunk.num_values for chunk in chunks)))
        check_unpacked(path, sum(chunk.total_uncompressed_size for chunk in chunks))
        repeated = {chunk.path_in_schema for chunk in chunks if chunk.has_dictionary_page}
        if not repeated or path.stat().st_size > _LOOKED_INTO:
            return
        with pq.ParquetFile(path, read_dictionary=sorted(repeated)) as file:
            n_bytes = 0
            names = sorted({name.split(".")[0] for name in repeated})
            for batch in file.iter_batches(batch_size=_BATCH_ROWS, columns=names):
                n_bytes += sum(size for column in batch.columns for size in _text_bytes(column))
                check_unpacked(path, n_bytes)
    except (pa.ArrowException, OSError):
        return


def _text_bytes(column: Any) -> Iterator[int]:
    """Bytes of the texts in a column whose texts are in dictionaries, each as often as it stands there."""
    import pyarrow as pa
    import pyarrow.compute as pc  # type: ignore[import-untyped]

    kind = column.type
    if pa.types.is_dictionary(kind):
        lengths = pc.binary_length(column.dictionary)
        yield pc.sum(pc.cast(lengths.take(column.indices), pa.int64())).as_py() or 0
    elif pa.types.is_list(kind) or pa.types.is_large_list(kind):
        yield from _text_bytes(column.flatten())
    elif pa.types.is_struct(kind):
        for inner in column.flatten():
            yield from _text_bytes(inner)
