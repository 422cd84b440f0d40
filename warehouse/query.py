"""Read-only SQL on the published PerfDB: no file, no network, no setting can be reached from it."""

from __future__ import annotations

import queue
import re
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import duckdb

from optiq.errors import InputError
from warehouse.connection import DAMAGE, is_interrupt, reading

if TYPE_CHECKING:
    import polars as pl

T = TypeVar("T")

_READS = ("SELECT", "EXPLAIN")
_WHOLE = {
    "TINYINT",
    "SMALLINT",
    "INTEGER",
    "BIGINT",
    "UTINYINT",
    "USMALLINT",
    "UINTEGER",
    "UBIGINT",
}
_NUMBERS = _WHOLE | {"FLOAT", "DOUBLE"}
_PLAIN = _NUMBERS | {"VARCHAR", "BOOLEAN", "DATE", "TIMESTAMP"}
"""Types whose values are the same with Polars and without, which takes a third of a second to import."""


_ODD = re.compile(r"INTERVAL|UNION|VARIANT|BIGNUM|TIME WITH TIME ZONE|STRUCT(?!\()")
"""Among them a record without a field, whose type says no more than that."""


@dataclass(frozen=True, slots=True)
class Rows:
    """A result for the screen: ``numeric`` are the places of the columns that hold numbers."""

    columns: list[str]
    numeric: list[int]
    rows: list[tuple[Any, ...]]


def query(
    perfdb: str | Path,
    statement: str,
    parameters: Mapping[str, Any] | None = None,
    memory_mb: int | None = None,
    any_version: bool = True,
) -> pl.DataFrame:
    """The result of one SELECT (also FROM, WITH, VALUES, SHOW, DESCRIBE, SUMMARIZE, EXPLAIN).

    ``parameters`` are the values of ``$name`` in the statement; beyond ``memory_mb`` intermediate results go to disk.
    A statement of ours names columns of the present schema: it asks for it with ``any_version=False``.

    Raises
    ------
    InputError
        if the SQL is wrong, writes, reaches for a file, is more than one statement, or needs more memory.
    PerfDBError
        if there is no PerfDB, or it cannot be used.
    """
    with asking(perfdb, memory_mb, any_version) as ask:
        return ask(statement, parameters)


@contextmanager
def asking(
    perfdb: str | Path, memory_mb: int | None = None, any_version: bool = True
) -> Iterator[Callable[[str, Mapping[str, Any] | None], pl.DataFrame]]:
    """Several SELECTs on one snapshot, each as :func:`query`."""
    with reading(Path(perfdb), any_version=any_version, memory_mb=memory_mb) as connection:
        yield partial(_result, connection)


def stoppable_query(
    perfdb: str | Path,
    statement: str,
    timeout_s: float | None = None,
    memory_mb: int | None = None,
    parameters: Mapping[str, Any] | None = None,
) -> pl.DataFrame:
    """As :func:`query`, for a person who may press Ctrl-C or has no more than ``timeout_s`` seconds.

    DuckDB looks for an interrupt between pieces of work, and some pieces are long: what has not stopped after
    ``PATIENCE_S`` is left to itself, in a thread whose name (``optiq-run``) tells the command line not to wait for it.

    Raises
    ------
    InputError
        as :func:`query`; and if the time is over.
    """
    return _stoppable(
        perfdb, lambda connection: _result(connection, statement, parameters), timeout_s, memory_mb
    )


def stoppable_rows(
    perfdb: str | Path,
    statement: str,
    timeout_s: float | None = None,
    memory_mb: int | None = None,
    parameters: Mapping[str, Any] | None = None,
) -> Rows:
    """As :func:`stoppable_query`, for the screen; blobs are told by their size."""
    return _stoppable(
        perfdb, lambda connection: _rows(connection, statement, parameters), timeout_s, memory_mb
    )


def _stoppable(
    perfdb: str | Path,
    read: Callable[[duckdb.DuckDBPyConnection], T],
    timeout_s: float | None,
    memory_mb: int | None,
) -> T:
    done: queue.SimpleQueue[T | BaseException] = queue.SimpleQueue()
    opened: list[duckdb.DuckDBPyConnection] = []

    def ask() -> None:
        try:
            with reading(Path(perfdb), any_version=True, memory_mb=memory_mb) as connection:
                opened.append(connection)
                done.put(read(connection))
        except BaseException as fault:
            done.put(fault)

    thread = threading.Thread(target=ask, name="optiq-run query", daemon=True)
    thread.start()
    try:
        # once Polars is imported, Ctrl-C does not wake who waits without a limit
        found = done.get(timeout=timeout_s or threading.TIMEOUT_MAX)
    except queue.Empty:
        _stop(thread, opened)
        raise InputError(
            f"the query took longer than {timeout_s:g} s",
            "Ask for less of PerfDB at once, or give it more time with --timeout.",
        ) from None
    except KeyboardInterrupt:
        _stop(thread, opened)
        raise
    if isinstance(found, BaseException):
        raise found
    return found


PATIENCE_S = 1.0


def _stop(thread: threading.Thread, opened: list[duckdb.DuckDBPyConnection]) -> None:
    """Interrupt what is asked on the connection that ``thread`` opens, or is about to open."""
    end = time.monotonic() + PATIENCE_S
    while thread.is_alive() and time.monotonic() < end:
        for connection in opened:
            with suppress(duckdb.Error):  # it has just ended
                connection.interrupt()
        thread.join(0.05)


def _rows(
    connection: duckdb.DuckDBPyConnection, statement: str, parameters: Mapping[str, Any] | None
) -> Rows:
    def read(relation: duckdb.DuckDBPyRelation) -> Rows:
        kinds = [str(kind) for kind in relation.types]
        if not set(kinds) <= _PLAIN or len(set(relation.columns)) < len(kinds):
            return _as_rows(relation.pl())
        numeric = [place for place, kind in enumerate(kinds) if kind in _NUMBERS]
        return Rows(list(relation.columns), numeric, relation.fetchall())

    return _read(connection, statement, parameters, read, lambda: Rows([], [], []))


def _as_rows(frame: pl.DataFrame) -> Rows:
    import polars as pl

    blobs = [name for name, kind in frame.schema.items() if kind == pl.Binary]
    shown = frame.with_columns(pl.format("<{} bytes>", pl.col(name).bin.size()).alias(name) for name in blobs)
    numeric = [place for place, kind in enumerate(frame.dtypes) if kind.is_numeric()]
    return Rows(shown.columns, numeric, shown.rows())


def _result(
    connection: duckdb.DuckDBPyConnection, statement: str, parameters: Mapping[str, Any] | None
) -> pl.DataFrame:
    import polars as pl

    return _read(connection, statement, parameters, lambda relation: relation.pl(), pl.DataFrame)


def _read(
    connection: duckdb.DuckDBPyConnection,
    statement: str,
    parameters: Mapping[str, Any] | None,
    read: Callable[[duckdb.DuckDBPyRelation], T],
    nothing: Callable[[], T],
) -> T:
    """What ``read`` makes of the relation that is asked for; ``nothing()`` where there is none."""
    try:
        statements = connection.extract_statements(statement)
    except duckdb.Error as fault:
        raise _input_error(fault) from None
    if len(statements) != 1:
        raise InputError(f"{len(statements)} SQL statements are given", "Give exactly one.")
    kind = statements[0].type.name.removesuffix("_STATEMENT")
    if kind not in _READS:
        raise InputError(
            f"PerfDB is read-only: {kind} is not possible in SQL",
            "Give a SELECT; `optiq ingest` brings data in.",
        )
    try:
        relation = connection.sql(statement, params=dict(parameters) if parameters else None)
        return read(_readable(relation)) if relation is not None else nothing()
    except duckdb.OutOfMemoryException as fault:
        raise InputError(
            f"the query needs more memory ({str(fault).splitlines()[0]})",
            "Ask for less of PerfDB at once, or give it more with --memory.",
        ) from None
    except duckdb.Error as fault:
        if is_interrupt(fault) or isinstance(fault, DAMAGE):
            raise
        raise _input_error(fault) from None


def _readable(relation: duckdb.DuckDBPyRelation) -> duckdb.DuckDBPyRelation:
    """``relation`` with text for what Polars or a file has no type for, and for what holds that."""
    odd = [_ODD.search(str(kind)) is not None for kind in relation.types]
    if not any(odd):
        return relation
    parts = [f"#{place}" for place in range(1, len(odd) + 1)]
    for place, name in enumerate(relation.columns):
        if odd[place]:
            quoted = name.replace('"', '""')
            parts[place] += f'::varchar as "{quoted}"'
    return relation.project(", ".join(parts))


_MISSING = re.compile(r"Values were not provided for the following parameters: (.+)")
_EXCESS = re.compile(
    r"count mismatch(?:, identifiers of the excess parameters: (.+)| for prepared statement)"
)
"""What DuckDB says of values that are missing, or that nothing in the statement asks for."""


def _input_error(fault: duckdb.Error) -> InputError:
    lines = str(fault).splitlines()
    message = lines[0]
    if "disabled by configuration" in message or "disabled through configuration" in message:
        return InputError(
            "SQL on PerfDB reaches no file and no network",
            "`optiq ingest` brings data in, `optiq sql --output FILE` takes results out.",
        )
    if missing := _MISSING.search(message):
        given = " ".join(f"--param {name}=VALUE" for name in missing[1].split(", "))
        return InputError(f"the query needs values for ${missing[1].replace(', ', ', $')}", f"Give {given}.")
    if excess := _EXCESS.search(message):
        names = f"${excess[1].replace(', ', ', $')}" if excess[1] else "parameters"
        return InputError(f"the query has no {names}", "Leave --param out, or write $NAME into the SQL.")
    hint = next((line.strip() for line in lines[1:] if line.startswith(("Did you mean", "Candidate"))), "")
    return InputError(message, hint or '`optiq sql "show tables"` lists what there is.')
