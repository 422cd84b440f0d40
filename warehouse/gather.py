"""Small landed traces put together: a month of `optiq ask` is 43,000 files of a row.

DuckDB takes 4 ms and half a megabyte for each Parquet file of traces, whose rows have 90 columns; Polars reads hundreds
of them at once in half a millisecond each. So files that are small and exactly as runs write them are read by
Polars and written again as a few. All others (older, foreign, damaged) are left to be looked at one by one.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from optiq.files.parquet import write_parquet
from warehouse.faults import NEEDED
from warehouse.landing import LandedFile, trace_columns

SMALL = 256 * 1024
"""Bytes: a larger file is worth being read by itself."""

FEWEST = 8
"""So many small files are worth being put together."""

TOGETHER = 500
"""So many are read at once: memory holds their rows."""

MOST_ROWS = 200_000
"""Rows of those: a small file may unpack to a large table, which is then not read here."""


@dataclass(frozen=True, slots=True)
class Gathered:
    """``path`` has the rows of ``files``, with ``filename`` and ``file_row_number`` as DuckDB tells them."""

    path: Path
    files: tuple[LandedFile, ...]


def gather(files: Sequence[LandedFile], work: Path) -> list[Gathered]:
    """Put small files of traces together in the folder ``work``; those that are not returned stand for themselves."""
    bundles: dict[Path, list[LandedFile]] = {}
    for file in files:
        if file.bundle is not None:
            bundles.setdefault(file.bundle, []).append(file)
    found: list[Gathered] = []

    def write(parts: Sequence[LandedFile], frame: pl.DataFrame) -> None:
        path = work / f"gathered-{len(found):05d}.parquet"
        write_parquet(frame, path, compression="lz4", statistics=False)
        found.append(Gathered(path, tuple(parts)))

    for bundle, parts in bundles.items():
        if (frame := _rows_of_bundle(bundle, parts)) is not None:
            write(parts, frame)
    small = [file for file in files if file.bundle is None and is_small(file)]
    for start in range(0, len(small) if len(small) >= FEWEST else 0, TOGETHER):
        for kept, frame in read_small(small[start : start + TOGETHER]):
            write(kept, frame)
    return found


def is_small(file: LandedFile) -> bool:
    """Whether it is worth being put together with others."""
    return file.kind == "traces" and _size(file) <= SMALL


def empty_gathered(path: Path) -> None:
    """Write a gathered file without rows, with every column."""
    columns = {**trace_columns(), **_PLACE}
    write_parquet(pl.DataFrame(schema=columns), path)


def units(
    files: Sequence[LandedFile], gathered: Sequence[Gathered], most_bytes: int
) -> list[tuple[list[LandedFile], list[Gathered]]]:
    """Batches of about ``most_bytes`` to merge one after the other, in the order of ``files``: files that stand for
    themselves, and gathered ones.
    """
    first: Mapping[LandedFile, Gathered] = {one.files[0]: one for one in gathered}
    inside = {file for one in gathered for file in one.files}
    batches: list[tuple[list[LandedFile], list[Gathered]]] = []
    room = 0
    for file in files:
        one = first.get(file)
        if one is None and file in inside:
            continue
        size = one.path.stat().st_size if one is not None else _size(file)
        if not batches or size > room or len(batches[-1][0]) >= TOGETHER:
            batches.append(([], []))
            room = most_bytes
        room -= size
        if one is not None:
            batches[-1][1].append(one)
        else:
            batches[-1][0].append(file)
    return batches


_PLACE = {"filename": pl.String(), "file_row_number": pl.Int64()}


def _size(file: LandedFile) -> int:
    try:
        return file.path.stat().st_size
    except OSError:
        return SMALL + 1


def read_small(files: list[LandedFile]) -> list[tuple[list[LandedFile], pl.DataFrame]]:
    """The rows of ``files``, in parts, with their place; without files that are not as runs write them."""
    frame = _as_runs_write([file.path for file in files])
    if frame is None or frame.height > MOST_ROWS:
        if len(files) == 1:
            return []
        middle = len(files) // 2
        return read_small(files[:middle]) + read_small(files[middle:])
    # a needed column without any value may not be there at all
    needed = pl.all_horizontal(pl.col(name).is_not_null().any() for name in NEEDED["traces"])
    whole = frame.group_by("filename").agg(needed.alias("whole"))
    odd = set(whole.filter(~pl.col("whole"))["filename"])
    number = pl.int_range(pl.len()).over("filename").alias("file_row_number")
    kept = [file for file in files if str(file.path) not in odd]
    return [(kept, frame.filter(~pl.col("filename").is_in(odd)).with_columns(number))] if kept else []


def _as_runs_write(paths: Sequence[Path]) -> pl.DataFrame | None:
    """The rows of files, :data:`MOST_ROWS` and one at most; None if one is not as runs write them."""
    try:
        return pl.scan_parquet(
            list(paths),
            schema=trace_columns(),
            missing_columns="insert",
            cast_options=pl.ScanCastOptions(missing_struct_fields="insert"),
            include_file_paths="filename",
            n_rows=MOST_ROWS + 1,
            glob=False,
        ).collect()
    except (pl.exceptions.PolarsError, pl.exceptions.PanicException, OSError):
        return None


def _rows_of_bundle(bundle: Path, parts: Sequence[LandedFile]) -> pl.DataFrame | None:
    """The rows of some files of a bundle, with their place in those; None if it cannot be read."""
    frame = _as_runs_write([bundle])
    if frame is None or any(part.first_row + part.rows > frame.height for part in parts):
        return None
    import numpy as np  # most nights have nothing new

    counts = [part.rows for part in parts]
    number = np.concatenate([np.arange(rows) for rows in counts])
    names = np.repeat([str(part.path) for part in parts], counts)
    rows = number + np.repeat([part.first_row for part in parts], counts)
    place = {
        "filename": pl.Series(names, dtype=pl.String),
        "file_row_number": pl.Series(number, dtype=pl.Int64),
    }
    return frame[rows].with_columns(**place)
