"""Read and write tables by suffix: CSV, JSON lines, JSON, Parquet and spreadsheets (.xlsx).

Text that gzip packed is read, too (``questions.csv.gz``).

CSV is text: nothing is guessed from its cells, so the id ``007`` stays ``007``; an empty cell is missing. So it is
with the cells of a spreadsheet, of which the first sheet counts. Where either needs a list or a record, the cell holds
JSON.

A text that a spreadsheet would take for a formula (``=1+1``, ``@sum``, ``-x``) is shown as text: in CSV an apostrophe
stands before it, which is taken off again when the file is read.
"""

from __future__ import annotations

import csv
import io
import json
import re
import warnings
import zipfile
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager
from functools import partial
from pathlib import Path
from typing import Any, BinaryIO

import polars as pl
import polars.selectors as cs
from polars.exceptions import PanicException, PolarsError

from optiq.errors import InputError, OptiqWarning
from optiq.files import strict_json
from optiq.files.atomic import replacing
from optiq.files.days import have_years
from optiq.files.delimited import header_of, reader_of, remedy
from optiq.files.limits import DEEPEST, check_cells, check_columns, check_depth, check_unpacked
from optiq.files.output_place import check_output
from optiq.files.packed import open_unpacked, suffix_of
from optiq.files.parquet import check_parquet, write_parquet_pieces
from optiq.files.parquet_tables import read_parquet

SUFFIXES = (".csv", ".tsv", ".jsonl", ".ndjson", ".json", ".parquet", ".xlsx")

# The csv module refuses cells above 131,072 characters unless told otherwise; a model's output may be longer.
_LONGEST_CELL = 2**31 - 1


def read_table(path: str | Path) -> pl.DataFrame:
    """The table in ``path``, by suffix.

    Columns of CSV are all text, names without surrounding white space. Columns of JSON have the type that
    holds all their values; a column whose values share none is text, with JSON for what was not text.
    :class:`~optiq.errors.InputError` names the file, the line where there is one, and the remedy.
    """
    path = Path(path)
    if path.is_dir():  # however it ends: `.` has no suffix, and that is not what is wrong with it
        raise InputError(f"{path} is a folder", "Give a file.")
    check_readable_suffix(path)
    read = _READERS[suffix_of(path)]
    try:
        if path.stat().st_size == 0:
            raise InputError(f"{path} is empty", "Write the table into it, or give another file.")
        return read(path)
    except FileNotFoundError:
        raise InputError(f"no file {path}", "Check the path.") from None
    except OSError as error:
        raise InputError(
            f"cannot read {path}: {error.strerror or error}", "Check the file's permissions."
        ) from None


def read_records(path: str | Path) -> list[dict[str, Any]]:
    """The rows in ``path``: of JSON each object as it is, with no keys but its own; else those of the table."""
    path = Path(path)
    if suffix_of(path) not in (".jsonl", ".ndjson", ".json"):
        return read_table(path).to_dicts()
    if not path.is_file() or path.stat().st_size == 0:
        read_table(path)  # says what is wrong
    if suffix_of(path) == ".json":
        return _objects(path)
    lines = enumerate(_text(path).split("\n"), start=1)
    return [_object(path, number, line) for number, line in lines if line.strip()]


def write_table(frame: pl.DataFrame, path: str | Path) -> None:
    """Write ``frame`` to ``path`` by suffix, atomically: :func:`write_pieces`."""
    write_pieces([frame], path)


def write_pieces(pieces: Iterable[pl.DataFrame], path: str | Path) -> None:
    """Write the rows of ``pieces``, of one schema, to ``path`` by suffix (:func:`optiq.files.atomic.replacing`).

    As CSV, JSON lines and Parquet one piece after the other is in memory. In CSV, lists and records are JSON, and a
    float that is not a number is an empty cell, as missing values are; JSON has null for both. Times are ISO 8601.
    """
    path = Path(path)
    check_suffix(path)
    write = _WRITERS[path.suffix.lower()]
    with replacing(path) as temporary:
        write(pieces if path.suffix.lower() == ".parquet" else _sayable(pieces, path), temporary)


def is_for_people(path: str | Path) -> bool:
    """Whether people open a table of that name in a spreadsheet."""
    return Path(path).suffix.lower() in (".csv", ".tsv", ".xlsx")


def check_suffix(path: str | Path) -> None:
    """:class:`~optiq.errors.InputError` if ``path`` does not end like a table that can be written."""
    path = Path(path)
    if path.suffix.lower() not in _WRITERS:
        raise _unknown_suffix(path)


def check_writable(path: str | Path, *inputs: str | Path) -> None:
    """Check that a table may be written to ``path``, before the work whose result goes there is paid for.

    ``inputs`` are files that the work reads (:func:`optiq.files.output_place.check_output`).
    """
    check_suffix(path)
    check_output(path, *inputs)


def is_named_like_table(text: str) -> bool:
    """Whether ``text`` is one word that ends like a table, so that it means a file and no question."""
    return len(text.split()) == 1 and suffix_of(Path(text)) in _READERS


def check_readable_suffix(path: Path) -> None:
    """:class:`~optiq.errors.InputError` if ``path`` does not end like a table, packed or not."""
    if suffix_of(path) not in _READERS:
        raise _unknown_suffix(path)


def _unknown_suffix(path: Path) -> InputError:
    what = f"unknown suffix {path.suffix!r}" if path.suffix else "no suffix"
    return InputError(f"{path} has {what}", f"Known suffixes are {', '.join(SUFFIXES)}.")


def _open(path: Path) -> AbstractContextManager[BinaryIO]:
    return open_unpacked(path, named_so=True)


def _text(path: Path) -> str:
    with _open(path) as file:
        data = file.read()
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise InputError(f"{path} line {line} is not UTF-8 text", "Save the file as UTF-8.") from None


# --- CSV -----------------------------------------------------------------------------------------------


def _read_csv(path: Path) -> pl.DataFrame:
    csv.field_size_limit(_LONGEST_CELL)
    try:
        with _open(path) as file:
            lines = io.TextIOWrapper(file, encoding="utf-8-sig", newline="")
            return _csv_table(path, reader_of(lines, suffix_of(path)))
    except UnicodeDecodeError:
        _text(path)  # says in which line
        raise


def _csv_table(path: Path, reader: Any) -> pl.DataFrame:
    """What the csv module reads, made columns some rows at a time: as lists of texts they are many times as large."""
    parts: list[pl.DataFrame] = []
    rows: list[list[str]] = []
    try:
        header = header_of(reader)
        if header is None:
            raise InputError(
                f"{path} is empty", "Write a header line and rows into it, or give another file."
            )
        columns = _column_names(path, [plain_cell(cell.strip()) or "" for cell in header])
        for row in _filled(reader, len(columns)):
            rows.append(_fit(path, reader, row, len(columns)))
            if len(rows) == _ROWS_TO_LOOK:
                parts.append(_text_columns(columns, rows))
                rows = []
                check_cells(path, len(parts) * _ROWS_TO_LOOK * len(columns))
    except csv.Error as error:
        raise InputError(
            f"{path} line {reader.line_num} is not valid CSV: {error}",
            'Put cells that hold commas, quotes or line breaks in double quotes; double their quotes ("").',
        ) from None
    return pl.concat([*parts, _text_columns(columns, rows)], rechunk=True)


def _text_columns(columns: list[str], rows: list[list[str]]) -> pl.DataFrame:
    cells = zip(*rows, strict=True) if rows else ((),) * len(columns)
    return pl.DataFrame(
        [
            pl.Series(name, [plain_cell(cell) for cell in column], dtype=pl.String)
            for name, column in zip(columns, cells, strict=True)
        ]
    )


_ROWS_TO_LOOK = 1_000
_AT_ONCE = 10_000  # rows that are made text together
_STARTS = r"'*[=+\-@\t\r\n＝＋－＠]"
_FORMULA = rf"^{_STARTS}"
_NUMBER = r"^[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?$"
_MEANT_AS_TEXT = re.compile(f"'{_STARTS}")


def plain_cell(cell: str) -> str | None:
    """What a cell of CSV says: without the apostrophe that keeps a text from being a formula; None if it is empty."""
    if cell[:1] == "'" and _MEANT_AS_TEXT.match(cell):
        return cell[1:]
    return cell or None


def _as_text(frame: pl.DataFrame) -> pl.DataFrame:
    """``frame`` with an apostrophe before what a spreadsheet would take for a formula, names too; numbers stay."""
    text = pl.col(pl.String)
    formula = text.str.contains(_FORMULA) & ~text.str.contains(_NUMBER)
    plain = frame.with_columns(pl.when(formula).then("'" + text).otherwise(text).name.keep())
    return plain.rename({name: f"'{name}" for name in frame.columns if re.match(_FORMULA, name)})


def _column_names(path: Path, header: list[str]) -> list[str]:
    names = [cell.strip() for cell in header]
    check_columns(path, len(names))
    check_names(path, [name for name in names if name])
    return [name or f"column_{position}" for position, name in enumerate(names, start=1)]


def check_names(path: Path, names: list[str]) -> None:
    """:class:`~optiq.errors.InputError` if two columns have one name."""
    for name, many in Counter(names).items():
        if many > 1:
            raise InputError(f"{path} has two columns {name!r}", "Rename one of them.")


def _filled(reader: Iterator[list[str]], width: int) -> Iterator[list[str]]:
    """The rows without blank lines; with one column a blank line is an empty cell, except at the end."""
    blank = 0
    for row in reader:
        if row:
            yield from [[""]] * blank
            blank = 0
            yield row
        elif width == 1:
            blank += 1


def _fit(path: Path, reader: Any, row: list[str], width: int) -> list[str]:
    """``row`` with exactly ``width`` cells; spreadsheets add or leave out empty ones at the end."""
    if len(row) > width and any(row[width:]):
        raise InputError(
            f"{path} line {reader.line_num} has {len(row)} cells, the header has {width}",
            remedy(reader),
        )
    return row[:width] + [""] * (width - len(row))


def _write_csv(pieces: Iterable[pl.DataFrame], path: Path, separator: str = ",") -> None:
    with path.open("wb") as file:
        begun = False
        for piece in pieces:
            for some in piece.iter_slices(_AT_ONCE):  # as text the rows are many times as large
                _as_text(_flat(some)).write_csv(file, include_header=not begun, separator=separator)
                begun = True
            if not begun:  # of no rows there are no slices
                _as_text(_flat(piece)).write_csv(file, separator=separator)


def _flat(frame: pl.DataFrame) -> pl.DataFrame:
    """Lists and records as JSON, times as ISO 8601, NaN as missing."""
    nested = [name for name, dtype in frame.schema.items() if dtype.is_nested()]
    return frame.with_columns(
        cs.float().fill_nan(None),
        cs.datetime().dt.to_string("iso:strict"),
        cs.by_dtype(pl.Categorical, pl.Enum).cast(pl.String),
        *[pl.Series(name, _json_cells(frame[name]), dtype=pl.String) for name in nested],
    )


def _json_cells(column: pl.Series) -> list[str | None]:
    """Polars writes the JSON (times, NaN, quotes); one key is put around it and taken off again."""
    lines = column.alias("v").to_frame().write_ndjson().split("\n")[: len(column)]
    return [None if line == '{"v":null}' else line[len('{"v":') : -1] for line in lines]


# --- JSON ----------------------------------------------------------------------------------------------


def _read_json_lines(path: Path) -> pl.DataFrame:
    text = _text(path)
    if not text.strip():
        raise InputError(f"{path} is empty", "Write one JSON object per line into it, or give another file.")
    _check_lines_depth(path, text)
    try:
        content = text.encode()
        schema = pl.scan_ndjson(io.BytesIO(content), infer_schema_length=None).collect_schema()
        check_columns(path, len(schema), "different keys")
        check_cells(path, len(schema) * (text.count("\n") + 1))
        frame = pl.read_ndjson(content, schema=schema)
        _check_keys(path, text, frame.columns)
        return frame
    except PolarsError:
        # Either a faulty line, which json names better, or values that Polars cannot put in one column.
        numbered = ((number, line) for number, line in enumerate(text.split("\n"), start=1) if line.strip())
        return _frame(path, [_object(path, number, line) for number, line in numbered])


def _check_lines_depth(path: Path, text: str) -> None:
    """What is nested too deeply ends the process of a reader that goes into it step by step."""
    if text.count("[") + text.count("{") <= DEEPEST:
        return
    lines = pl.DataFrame({"line": text.split("\n")}).with_row_index("number", offset=1)
    suspect = lines.filter(pl.col("line").str.count_matches(r"[\[{]") > DEEPEST)
    for number, line in suspect.rows():
        check_depth(f"{path} line {number}", _object(path, number, line))


def _check_keys(path: Path, text: str, names: list[str]) -> None:
    """Raise the error of a line that gives a key twice: Polars takes the first and says nothing."""
    lines = pl.DataFrame({"line": text.split("\n")}).with_row_index("number", offset=1)
    twice = [
        pl.col("line").str.count_matches(json.dumps(name, ensure_ascii=False), literal=True) > 1
        for name in names
    ]
    for number, line in lines.filter(pl.any_horizontal(twice)).rows() if twice else ():
        _object(path, number, line)


def _object(path: Path, number: int, line: str) -> dict[str, Any]:
    try:
        value = strict_json.loads(line)
    except (ValueError, RecursionError) as error:
        where = (
            f"{error.msg} at character {error.pos + 1}" if isinstance(error, json.JSONDecodeError) else error
        )
        raise InputError(
            f"{path} line {number} is not valid JSON: {where}", "Write one JSON object per line."
        ) from None
    if not isinstance(value, dict):
        raise InputError(
            f"{path} line {number} is not a JSON object",
            "Write one object a line, whose keys are the columns: {…}.",
        )
    return value


def _read_json(path: Path) -> pl.DataFrame:
    return _frame(path, _objects(path))


_JSON_ROWS = "Write [{…}, {…}]: one object a row, whose keys are the columns."
"""Of no kind of table in particular: questions, traces and figures come this way."""


def _objects(path: Path) -> list[dict[str, Any]]:
    rows = read_json_list(path)
    if not all(isinstance(row, dict) for row in rows):
        raise InputError(f"{path} is not a JSON list of objects", _JSON_ROWS)
    return rows


def read_json_list(path: Path) -> list[Any]:
    """The list in a JSON file, or the only list of objects in the object there: ``{"version": 1, "data": [{…}, …]}``.

    :class:`~optiq.errors.InputError` if it holds none, or several.
    """
    try:
        rows = strict_json.loads(_text(path))
    except json.JSONDecodeError as error:
        lines = error.msg == "Extra data"
        raise InputError(
            f"{path} line {error.lineno} is not valid JSON: {error.msg}",
            "If each line is an object, name the file .jsonl." if lines else "Mend that line.",
        ) from None
    except (ValueError, RecursionError) as error:
        raise InputError(f"{path} is not valid JSON: {error}", "Mend it.") from None
    if isinstance(rows, dict):
        lists = {name: value for name, value in rows.items() if _lists_objects(value)}
        if len(lists) > 1:
            raise InputError(
                f"{path} has several lists of objects: {', '.join(lists)}",
                "Write the one that is meant to a file.",
            )
        rows = next(iter(lists.values()), None)
    if not isinstance(rows, list):
        raise InputError(f"{path} is not a JSON list of objects", _JSON_ROWS)
    check_depth(str(path), rows)
    return rows


def _lists_objects(value: Any) -> bool:
    return isinstance(value, list) and bool(value) and all(isinstance(one, dict) for one in value)


def records_as_written(frame: pl.DataFrame, path: Path) -> pl.DataFrame:
    """``frame``, read from ``path``, with JSON text for records: Polars gives each record the keys of all others.

    A JSON schema ``{"properties": {"age": …}}`` would have had ``"name": null`` because another row has a name.
    """
    names = [name for name, dtype in frame.schema.items() if isinstance(dtype, pl.Struct)]
    if not names or suffix_of(path) not in (".json", ".jsonl", ".ndjson"):
        return frame
    if suffix_of(path) == ".json":
        rows = read_json_list(path)
    else:
        rows = [strict_json.loads(line) for line in _text(path).split("\n") if line.strip()]
    cells = {name: [row.get(name) for row in rows] for name in names}
    return frame.with_columns(
        pl.Series(
            name, [None if v is None else json.dumps(v, ensure_ascii=False) for v in values], dtype=pl.String
        )
        for name, values in cells.items()
    )


def _frame(path: Path, rows: list[dict[str, Any]]) -> pl.DataFrame:
    names = list(dict.fromkeys(name for row in rows for name in row))
    check_columns(path, len(names), "different keys")
    check_cells(path, len(names) * len(rows))
    return pl.DataFrame([_column(name, [row.get(name) for row in rows]) for name in names])


def _column(name: str, values: list[Any]) -> pl.Series:
    """Polars' own inference over all values; text if they share no type."""
    if all(value is None for value in values):
        return pl.Series(name, values, dtype=pl.Null)
    lines = "\n".join(json.dumps({"v": value}) for value in values)
    try:
        return pl.read_ndjson(lines.encode(), infer_schema_length=None)["v"].alias(name)
    except PolarsError:
        texts = [value if value is None or isinstance(value, str) else json.dumps(value) for value in values]
        return pl.Series(name, texts, dtype=pl.String)


# --- what text cannot say ---------------------------------------------------------------------------------


def _sayable(pieces: Iterable[pl.DataFrame], path: Path) -> Iterator[pl.DataFrame]:
    """The pieces as they are; :class:`InputError` for a day that has no date in four digits of a year, or none at all.

    A database knows such days, infinity among them, and so does Parquet.
    """
    for piece in pieces:
        for column in piece.select(cs.date() | cs.datetime()):
            if not have_years(column).all():
                raise InputError(
                    f"cannot write {path}: {column.name!r} has a day outside of the years 1 to 9999",
                    "Make it text (in SQL: column::varchar), or write a .parquet file.",
                )
        yield piece


# --- Parquet -------------------------------------------------------------------------------------------


def _read_parquet(path: Path) -> pl.DataFrame:
    import pyarrow as pa  # type: ignore[import-untyped]

    try:
        check_parquet(path)
        return read_parquet(path)
    except (PolarsError, PanicException, pa.ArrowException) as error:
        reason = str(error).splitlines()[0].removeprefix("parquet: ")
        raise InputError(
            f"{path} is not a valid Parquet file: {reason}", "Write it again; it may be cut off."
        ) from None


# --- spreadsheets --------------------------------------------------------------------------------------

LONGEST_SHEET_CELL = 32_767
"""Characters that a cell of a spreadsheet holds."""
_CUT = " … (cut: a cell of a spreadsheet holds 32,767 characters)"


def _read_sheet(path: Path) -> pl.DataFrame:
    """The first sheet, every cell as text; a cell that is a day has no midnight."""
    try:
        with zipfile.ZipFile(path) as archive:
            check_unpacked(path, sum(member.file_size for member in archive.infolist()))
            check_unpacked(path, _shared_bytes(archive))
        frame = pl.read_excel(path, engine="calamine", infer_schema_length=0, raise_if_empty=False)
    except (zipfile.BadZipFile, PolarsError, PanicException, ValueError) as error:
        reason = str(error).splitlines()[0]
        raise InputError(f"{path} is not a valid .xlsx file: {reason}", "Save it again.") from None
    except (
        BaseException
    ) as error:  # the reader's own errors have no common class that it exports, its panics none at all
        if type(error).__module__.partition(".")[0] not in ("fastexcel", "_fastexcel", "pyo3_runtime"):
            raise
        reason = str(error).splitlines()[0]
        raise InputError(f"{path} is not a valid .xlsx file: {reason}", "Save it again.") from None
    names = _column_names(path, frame.columns)
    if not names:
        raise InputError(f"{path} is empty", "Write a header line and rows into it, or give another file.")
    frame = frame.rename(dict(zip(frame.columns, names, strict=True)))
    text = pl.col(pl.String)
    cell = text.str.replace(r"^(\d{4}-\d\d-\d\d) 00:00:00$", "$1")
    return frame.with_columns(pl.when(text != "").then(cell).name.keep())


_SHARED_CELL = re.compile(rb"""\bt=["']s["'][^>]*>\s*<(?:\w+:)?v>(\d+)<""")


def _shared_bytes(archive: zipfile.ZipFile) -> int:
    """Bytes of the texts that cells share, each as often as it stands in a cell: a sheet holds them once."""
    names = archive.namelist()
    if "xl/sharedStrings.xml" not in names:
        return 0
    lengths = [len(text) for text in re.split(rb"<(?:\w+:)?si\b", archive.read("xl/sharedStrings.xml"))[1:]]
    shared = (
        int(found[1])
        for name in names
        if name.startswith("xl/worksheets/")
        for found in _SHARED_CELL.finditer(archive.read(name))
    )
    return sum(lengths[place] for place in shared if place < len(lengths))


def _write_sheet(frame: pl.DataFrame, path: Path) -> None:
    """One sheet. Nothing is a formula or a link; a text that no cell holds is cut, with a warning and a mark in it."""
    import xlsxwriter  # type: ignore[import-untyped]

    flat = _flat(frame)
    text = pl.col(pl.String)
    long = text.str.len_chars() > LONGEST_SHEET_CELL
    cells = sum(flat.select(long.sum()).row(0)) if any(d == pl.String for d in flat.dtypes) else 0
    if cells:
        told = f"{cells} cell(s) are longer than a spreadsheet holds, and are cut"
        warnings.warn(f"{told}: other formats have them whole", OptiqWarning, stacklevel=4)
        kept = text.str.slice(0, LONGEST_SHEET_CELL - len(_CUT)) + _CUT
        flat = flat.with_columns(pl.when(long).then(kept).otherwise(text).name.keep())
    options = {"strings_to_formulas": False, "strings_to_urls": False, "strings_to_numbers": False}
    # in memory: xlsxwriter's own temporary files are elsewhere, and what a full disk does to them it says its own way
    sheet = io.BytesIO()
    with xlsxwriter.Workbook(sheet, {"in_memory": True, **options}) as book:
        flat.write_excel(book, worksheet="answers", autofilter=False)
    path.write_bytes(sheet.getbuffer())


_READERS: dict[str, Callable[[Path], pl.DataFrame]] = {
    ".csv": _read_csv,
    ".tsv": _read_csv,
    ".jsonl": _read_json_lines,
    ".ndjson": _read_json_lines,
    ".json": _read_json,
    ".parquet": _read_parquet,
    ".xlsx": _read_sheet,
}


def _write_json_lines(pieces: Iterable[pl.DataFrame], path: Path) -> None:
    with path.open("wb") as file:
        for piece in pieces:
            piece.write_ndjson(file)


def _whole(write: Callable[[pl.DataFrame, Path], None]) -> Callable[[Iterable[pl.DataFrame], Path], None]:
    return lambda pieces, path: write(pl.concat(pieces), path)


_WRITERS: dict[str, Callable[[Iterable[pl.DataFrame], Path], None]] = {
    ".csv": _write_csv,
    ".tsv": partial(_write_csv, separator="\t"),
    ".jsonl": _write_json_lines,
    ".ndjson": _write_json_lines,
    ".json": _whole(lambda frame, path: frame.write_json(path)),
    ".parquet": write_parquet_pieces,
    ".xlsx": _whole(_write_sheet),
}
