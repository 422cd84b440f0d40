"""Read CSV, JSON lines, JSON and Parquet in chunks of rows; a row that cannot be read costs only itself.

Memory is bounded: lines above ``LONGEST_LINE`` are refused without being read whole, and a chunk ends after
``CHUNK_ROWS`` rows or ``CHUNK_BYTES`` of text.
"""

from __future__ import annotations

import csv
import datetime
import decimal
import json
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO

import polars as pl

from optiq.errors import InputError
from optiq.files import strict_json
from optiq.files.delimited import header_of, reader_of
from optiq.files.limits import DEEPEST, check_columns, check_depth
from optiq.files.packed import check_streamed, open_unpacked, suffix_of
from optiq.files.parquet import check_parquet
from optiq.files.tables import check_names, check_readable_suffix, plain_cell, read_json_list, read_table
from warehouse.rules import ROW

LONGEST_LINE = 16 * 1024 * 1024
CHUNK_BYTES = 32 * 1024 * 1024
CHUNK_ROWS = 20_000
BATCH_ROWS = 1_000
"""Rows of Parquet that are unpacked at once: in a small file each of them may be a long text."""
_SHOWN = 2_000
_REJECTS = {ROW: pl.Int64, "reason": pl.String, "content": pl.String}


@dataclass(slots=True)
class Chunk:
    """Rows of a file: a list of values per column, the row numbers, and the rows that could not be read.

    Row numbers count from 1: data rows of CSV and Parquet, lines of JSON lines.
    """

    columns: dict[str, list[Any]] = field(default_factory=dict)
    numbers: list[int] = field(default_factory=list)
    refused: list[tuple[int, str, str | None]] = field(default_factory=list)

    def frame(self, names: Iterable[str]) -> pl.DataFrame:
        """Those of the columns ``names`` that there are, and ``row_number``; mixed ones are text (:func:`series`)."""
        columns = [series(name, self.columns[name]) for name in names if name in self.columns]
        return pl.DataFrame([pl.Series(ROW, self.numbers, dtype=pl.Int64), *columns])

    def ensure(self, names: Iterable[str]) -> None:
        """Add the columns that are missing: in JSON, rows leave out what they have not."""
        for name in names:
            self.columns.setdefault(name, [None] * len(self.numbers))

    def rejects(self, bad: pl.DataFrame | None = None) -> pl.DataFrame:
        """Rows that could not be read, and ``bad`` ones (``row_number``, ``reason``), with ``content``."""
        refused = list(self.refused)
        if bad is not None and bad.height:
            places = {number: place for place, number in enumerate(self.numbers)}
            refused += [(number, reason, self._content(places[number])) for number, reason in bad.rows()]
        return pl.DataFrame(refused, schema=_REJECTS, orient="row").sort(ROW, maintain_order=True)

    def _content(self, place: int) -> str:
        row = {name: values[place] for name, values in self.columns.items()}
        return _text(row)[:_SHOWN]


def series(name: str, values: list[Any]) -> pl.Series:
    """A column of numbers, booleans, times or text; where types are mixed, text with JSON for what was none."""
    types = {type(value) for value in values}
    types.discard(type(None))
    typed: Any = _TYPED.get(next(iter(types))) if len(types) == 1 else None
    if types == {int, float}:
        typed = pl.Float64
    if not types:
        typed = pl.String
    if typed is not None:
        with suppress(TypeError, ValueError, OverflowError, pl.exceptions.PolarsError):
            return pl.Series(name, values, dtype=None if typed is _OWN else typed)
    return pl.Series(name, [None if value is None else _text(value) for value in values], dtype=pl.String)


_OWN = object()
_TYPED: dict[type, Any] = {
    str: pl.String,
    bool: pl.Boolean,
    int: pl.Int64,
    float: pl.Float64,
    decimal.Decimal: pl.Float64,
    datetime.date: _OWN,
    datetime.datetime: _OWN,
}


def _text(value: Any) -> str:
    if isinstance(value, str):
        return value
    if isinstance(value, bytes):
        return value.decode("utf-8", "replace")
    if not isinstance(value, bool | int | float | list | dict):
        return str(value)
    try:
        return json.dumps(value, ensure_ascii=False, separators=(",", ":"), default=str)
    except RecursionError:
        return "nested too deeply to be shown"


@dataclass(frozen=True)
class Opened:
    """A file that is read: its chunks, and what makes a reader of the columns of the first one."""

    chunks: Iterable[Chunk]
    reader_of: Callable[[list[str]], Any]


def read_chunks(path: Path) -> Iterator[Chunk]:
    """The rows of ``path``, by suffix, in chunks; at least one, which has the columns.

    Raises
    ------
    InputError
        if the file as a whole cannot be used: no such file, unknown suffix, empty, no header, wrong
        encoding, not Parquet.
    """
    readers = {
        ".csv": _csv,
        ".tsv": _csv,
        ".jsonl": _lines,
        ".ndjson": _lines,
        ".json": _json,
        ".parquet": _parquet,
    }
    readers[".xlsx"] = _sheet
    check_readable_suffix(path)
    reader = readers[suffix_of(path)]
    if not path.is_file():
        raise InputError(f"no file {path}", "Check the path.")
    if path.stat().st_size == 0:
        raise InputError(f"{path} is empty", "Write the table into it, or give another file.")
    try:
        yield from reader(path)
    except OSError as fault:
        raise InputError(f"cannot read {path}: {fault.strerror or fault}", "Check its permissions.") from None


def _json(path: Path) -> Iterator[Chunk]:
    chunk, rows = Chunk(), []
    for number, value in enumerate(read_json_list(path), start=1):
        if isinstance(value, dict):
            rows.append(value)
            chunk.numbers.append(number)
        else:
            chunk.refused.append((number, "the entry is not a JSON object", _text(value)[:_SHOWN]))
        if len(rows) >= CHUNK_ROWS:
            yield _with_rows(chunk, rows)
            chunk, rows = Chunk(), []
    yield _with_rows(chunk, rows)


# --- JSON lines ----------------------------------------------------------------------------------------


def _lines(path: Path) -> Iterator[Chunk]:
    with open_unpacked(path, check_streamed, named_so=True) as file:
        _check_encoding(path, file)
        _check_is_lines(path, file)
        rows: list[dict[str, Any]] = []
        chunk = Chunk()
        size = 0
        for number, raw in _physical_lines(file):
            if isinstance(raw, str):
                chunk.refused.append((number, raw, None))
                continue
            if not raw.strip():
                continue
            parsed = _object(raw)
            if isinstance(parsed, str):
                chunk.refused.append((number, parsed, raw[:_SHOWN].decode("utf-8", "replace")))
            else:
                rows.append(parsed)
                chunk.numbers.append(number)
                size += len(raw)
            if len(rows) >= CHUNK_ROWS or size >= CHUNK_BYTES:
                yield _with_rows(chunk, rows)
                rows, chunk, size = [], Chunk(), 0
        yield _with_rows(chunk, rows)


def _object(raw: bytes) -> dict[str, Any] | str:
    """The JSON object in a line, or why there is none."""
    try:
        value = strict_json.loads(raw.decode("utf-8"))
    except UnicodeDecodeError:
        return "the line is not UTF-8 text"
    except (ValueError, RecursionError) as fault:
        return f"the line is not valid JSON: {fault}"
    if not isinstance(value, dict):
        return "the line is not a JSON object"
    try:
        if raw.count(b"[") + raw.count(b"{") > DEEPEST:
            check_depth("the line", value)
    except InputError as fault:
        return fault.message
    return value


def _with_rows(chunk: Chunk, rows: list[dict[str, Any]]) -> Chunk:
    names: dict[str, None] = {}
    for row, number in zip(rows, chunk.numbers, strict=True):
        names |= dict.fromkeys(row)
        check_columns(f"the file, up to row {number},", len(names), "different keys")
    chunk.columns = {name: [row.get(name) for row in rows] for name in names}
    return chunk


def _physical_lines(file: BinaryIO) -> Iterator[tuple[int, bytes | str]]:
    """Lines with their numbers; for one that is too long, a reason instead."""
    number = 0
    while line := file.readline(LONGEST_LINE + 1):
        number += 1
        if len(line) <= LONGEST_LINE:
            yield number, line
            continue
        length = len(line)
        while not line.endswith(b"\n") and (line := file.readline(LONGEST_LINE)):
            length += len(line)
        yield number, f"the line has {length:,} characters; {LONGEST_LINE:,} are read at most"


def _check_encoding(path: Path, file: BinaryIO) -> None:
    """Skip a byte-order mark of UTF-8; refuse other encodings that are sure from the first bytes."""
    start = file.read(4)
    if start[:2] in (b"\xff\xfe", b"\xfe\xff"):
        raise InputError(f"{path} is UTF-16 text", "Save it as UTF-8.")
    if start[:2] == b"PK" or start[:2] == b"\x1f\x8b":
        raise InputError(f"{path} is a compressed archive", "Unpack it and give the file inside.")
    file.seek(3 if start.startswith(b"\xef\xbb\xbf") else 0)


def _check_is_lines(path: Path, file: BinaryIO) -> None:
    start = file.tell()
    if file.read(1_000).lstrip().startswith(b"["):
        raise InputError(f"{path} is a JSON list, not one object per line", "Name the file .json.")
    file.seek(start)


# --- CSV -----------------------------------------------------------------------------------------------


def _csv(path: Path) -> Iterator[Chunk]:
    csv.field_size_limit(LONGEST_LINE)
    with open_unpacked(path, check_streamed, named_so=True) as file:
        _check_encoding(path, file)
        source = _CsvLines(file)
        reader = reader_of(source, suffix_of(path))
        names = _header(path, reader, source)
        chunk, rows, size, number = Chunk(), [], 0, 0
        while True:
            source.mark()
            try:
                row = next(reader)
            except StopIteration:
                break
            except csv.Error as fault:
                number += 1
                chunk.refused.append((number, f"not valid CSV: {fault}", source.seen()))
                continue
            finally:
                for reason in source.refused:
                    number += 1
                    chunk.refused.append((number, reason, None))
                source.refused.clear()
            if not row:
                continue
            number += 1
            fault_found = _row_fault(row, len(names), source)
            if fault_found:
                shown = json.dumps(row, ensure_ascii=False)[:_SHOWN].encode("utf-8", "replace").decode()
                chunk.refused.append((number, fault_found, shown))
                continue
            rows.append(row[: len(names)])
            chunk.numbers.append(number)
            size += sum(map(len, row))
            if len(rows) >= CHUNK_ROWS or size >= CHUNK_BYTES:
                yield _with_cells(chunk, names, rows)
                chunk, rows, size = Chunk(), [], 0
        yield _with_cells(chunk, names, rows)


class _CsvLines:
    """Text lines for the csv module; remembers lines that were too long or not UTF-8."""

    def __init__(self, file: BinaryIO) -> None:
        self._lines = _physical_lines(file)
        self._first: str | None = None
        self.refused: list[str] = []
        self.undecodable = False

    def __iter__(self) -> _CsvLines:
        return self

    def __next__(self) -> str:
        for _, raw in self._lines:
            if isinstance(raw, str):
                self.refused.append(raw)
                continue
            try:
                text = raw.decode("utf-8")
            except UnicodeDecodeError:
                self.undecodable = True
                text = raw.decode("utf-8", "replace")
            if self._first is None:
                self._first = text
            return text
        raise StopIteration

    def mark(self) -> None:
        """A new row begins."""
        self._first, self.undecodable = None, False

    def seen(self) -> str | None:
        """The beginning of the row that is being read."""
        return self._first[:_SHOWN] if self._first else None


def _header(path: Path, reader: Any, source: _CsvLines) -> list[str]:
    try:
        header = header_of(reader)
    except csv.Error as fault:
        raise InputError(f"{path} has no readable header line: {fault}", "Is it a CSV file?") from None
    if source.refused:
        raise InputError(f"{path} has no header line: {source.refused[0]}", "Is it a CSV file?")
    if header is None:
        raise InputError(f"{path} is empty", "Write a header line and rows into it, or give another file.")
    if source.undecodable:
        raise InputError(f"{path} line 1 is not UTF-8 text", "Save the file as UTF-8.")
    names = [plain_cell(name.strip()) or "" for name in header]
    check_columns(path, len(names))
    check_names(path, [name for name in names if name])
    return [name or f"column_{position}" for position, name in enumerate(names, start=1)]


def _row_fault(row: list[str], width: int, source: _CsvLines) -> str | None:
    if source.undecodable:
        return "the row is not UTF-8 text"
    if len(row) < width or any(row[width:]):
        return f"the row has {len(row)} cells, the header has {width}: are its cells shifted?"
    return None


def _with_cells(chunk: Chunk, names: list[str], rows: list[list[str]]) -> Chunk:
    cells = zip(*rows, strict=True) if rows else ((),) * len(names)
    chunk.columns = {
        name: [plain_cell(cell) for cell in column] for name, column in zip(names, cells, strict=True)
    }
    return chunk


def _sheet(path: Path) -> Iterator[Chunk]:
    frame = read_table(path)
    yield Chunk(frame.to_dict(as_series=False), list(range(1, frame.height + 1)))


# --- Parquet -------------------------------------------------------------------------------------------


def _parquet(path: Path) -> Iterator[Chunk]:
    import pyarrow as pa  # type: ignore[import-untyped]
    import pyarrow.parquet as pq  # type: ignore[import-untyped]

    number, chunk = 0, None
    try:
        with pq.ParquetFile(path) as file:
            names = file.schema_arrow.names
            check_columns(path, len(names))
            check_names(path, names)
            check_parquet(path)
            chunk, size = Chunk({name: [] for name in names}), 0
            for batch in file.iter_batches(batch_size=BATCH_ROWS):
                for name, column in zip(names, batch.columns, strict=True):
                    chunk.columns[name] += _values(column)
                chunk.numbers += range(number + 1, number + 1 + batch.num_rows)
                number += batch.num_rows
                size += batch.nbytes
                if len(chunk.numbers) >= CHUNK_ROWS or size >= CHUNK_BYTES:
                    yield chunk
                    chunk, size = Chunk({name: [] for name in names}), 0
            if number == 0 or chunk.numbers:
                yield chunk
    except (pa.ArrowException, OSError) as fault:
        reason = str(fault).splitlines()[0]
        if chunk is not None and chunk.numbers:
            yield chunk
        if number == 0:
            raise InputError(
                f"{path} is not a valid Parquet file: {reason}", "Write it again; it may be cut off."
            ) from None
        rest = f"the file cannot be read from row {number + 1} on: {reason}"
        yield Chunk(refused=[(number + 1, rest, None)])


def _values(column: Any) -> list[Any]:
    """The values as Python has them; as text what Python cannot hold (years beyond 9999), times to the microsecond."""
    import pyarrow as pa

    kind = column.type
    if pa.types.is_float16(kind):
        column = column.cast(pa.float32())
    if pa.types.is_timestamp(kind) and kind.unit == "ns":
        column = column.cast(pa.timestamp("us", kind.tz), safe=False)
    try:
        found: list[Any] = column.to_pylist()
    except (ValueError, OverflowError, pa.ArrowException):
        found = column.cast(pa.string()).to_pylist()
    return found
