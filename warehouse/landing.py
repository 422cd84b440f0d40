"""Landing: where runs and ingests put what the next refresh merges.

A landed file is Parquet, written under a temporary name, synced and renamed, so that a refresh sees it whole or not at
all. Its name is ``<kind>-<label>-<hash>.parquet``; the hash tells equal content from different. Most nights have
nothing new: to look for landed files loads no library of tables.
"""

from __future__ import annotations

import hashlib
import io
import json
import os
import re
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from optiq.errors import InputError
from warehouse.home import Home, usable

if TYPE_CHECKING:
    import polars as pl

T = TypeVar("T")

KINDS = ("priors", "prices", "statistics", "traces", "scores", "trials", "rejects")
BUNDLE = "bundle"
"""Label of the files that have the rows of many small ones; their metadata says whose rows they are."""


@dataclass(frozen=True, slots=True)
class LandedFile:
    """A file in ``landing/``. ``file_id`` is the SHA-256 of its content.

    One that was put into a ``bundle`` (:mod:`warehouse.bundles`) has ``rows`` there from ``first_row`` on, and is at
    ``path`` no more.
    """

    path: Path
    kind: str
    file_id: str
    bundle: Path | None = None
    first_row: int = 0
    rows: int = 0

    @property
    def name(self) -> str:
        return self.path.name

    @property
    def place(self) -> Path:
        """The file that has the rows."""
        return self.bundle or self.path

    def n_rows(self) -> int | None:
        """Rows of the file; None if it cannot be read."""
        if self.bundle is not None:
            return self.rows
        import polars as pl

        try:
            with self.path.open("rb") as file:
                return int(pl.scan_parquet(file).select(pl.len()).collect().item())
        except (pl.exceptions.PolarsError, pl.exceptions.PanicException, OSError):
            return None

    def source(self) -> tuple[str | None, str | None]:
        """Name and SHA-256 of the file that a person gave, where this one was made from it."""
        # most landed traces are of runs, and to look for the word is ten times as fast as to read the metadata
        if self.bundle is not None or b"source_" not in _end(self.path):
            return None, None
        metadata = _metadata(self.path)
        return metadata.get("source_file"), metadata.get("source_hash")


def _end(path: Path) -> bytes:
    """What a Parquet file ends with: schema and metadata; nothing if it cannot be read."""
    try:
        with path.open("rb") as file:
            end = os.fstat(file.fileno()).st_size - 8  # the last 8 bytes: how long it is, and PAR1
            length = int.from_bytes(os.pread(file.fileno(), 4, end), "little")
            return os.pread(file.fileno(), length, end - length)
    except OSError:
        return b""


def _metadata(path: Path) -> dict[str, str]:
    """What a landed file says of itself; nothing if it cannot be read."""
    import polars as pl

    try:
        with path.open("rb") as file:
            return pl.read_parquet_metadata(file)
    except (pl.exceptions.PolarsError, pl.exceptions.PanicException, OSError):
        return {}


def trace_columns() -> pl.Schema:
    """Every column that a landed trace may have, with its type.

    ``row_number`` is the row in the file that a person gave; traces of our own runs have none. ``scores`` are those by
    name as JSON: of other tools, or of further metrics.
    """
    import polars as pl

    from optiq.questions.trace_schema import TRACE_SCHEMA

    return pl.Schema({**TRACE_SCHEMA, "row_number": pl.Int64()})


def land_traces(home: Home, frame: pl.DataFrame, sequence: int = 0) -> Path:
    """Append executions (``optiq.questions.trace_schema.TRACE_SCHEMA``); returns the landed file.

    Columns that are left out are NULL. The same frame landed twice is one file.

    Raises
    ------
    InputError
        if the frame has an unknown column, lacks a needed one, or a value does not fit its type.
    """
    import polars as pl

    columns = trace_columns()
    if unknown := [name for name in frame.columns if name not in columns]:
        raise InputError(f"traces have an unknown column {unknown[0]!r}", f"Known are {', '.join(columns)}.")
    if missing := [n for n in ("execution_id", "plan_key", "status") if n not in frame.columns]:
        raise InputError(f"traces lack the column {missing[0]!r}", "Every execution needs it.")
    try:
        frame = frame.cast({name: columns[name] for name in frame.columns})
    except pl.exceptions.PolarsError as fault:
        raise InputError(f"traces do not fit their schema: {fault}", "See TRACE_SCHEMA.") from None
    run = frame["run_id"][0] if "run_id" in frame.columns and frame.height else None
    return land(home, "traces", frame, f"{run or 'run'}-{sequence}")


def land(
    home: Home, kind: str, frame: pl.DataFrame, label: str, metadata: Mapping[str, str] | None = None
) -> Path:
    """Write ``frame`` to landing as a file of ``kind``; ``metadata`` is kept in the file."""
    home.create()
    content = _as_parquet(frame, metadata or {})
    target = home.landing / file_name(kind, label, hashlib.sha256(content).hexdigest())
    temporary = target.with_name(f".{target.name}.{os.getpid()}")
    try:
        with usable(home):
            with temporary.open("wb") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
            temporary.replace(target)
            sync_folder(home.landing)
    finally:
        with suppress(OSError):
            temporary.unlink()
    home.share(target)
    return target


def _as_parquet(frame: pl.DataFrame, metadata: Mapping[str, str]) -> bytes:
    """A landed file of one piece. In memory first: of a full disk Polars does not say that it is full."""
    buffer = io.BytesIO()
    frame.write_parquet(buffer, metadata=dict(metadata))
    return buffer.getvalue()


class LandingWriter:
    """Land a file in pieces: memory holds two at most, and nothing is seen before :meth:`commit`.

    All pieces have the columns of ``schema``. ``metadata`` is kept in the file. Most files have one piece: Arrow, which
    takes longer to load than such a file to write, writes those of several.
    """

    def __init__(
        self, home: Home, kind: str, label: str, digest: str, schema: pl.Schema, metadata: Mapping[str, str]
    ) -> None:
        home.create()
        self.rows = 0
        self._home = home
        self._target = home.landing / file_name(kind, label, digest)
        self._temporary = self._target.with_name(f".{self._target.name}.{os.getpid()}")
        self._schema = schema
        self._metadata = dict(metadata)
        self._first: pl.DataFrame | None = None
        self._opened: Any = None

    def append(self, frame: pl.DataFrame) -> None:
        """Add rows."""
        if not frame.height:
            return
        self.rows += frame.height
        piece = frame.select(self._schema.names()).cast(self._schema)
        if self._opened is None and self._first is None:
            self._first = piece
            return
        if self._opened is None:
            self._opened = self._writer()
        if self._first is not None:
            self._write(self._first)
            self._first = None
        self._write(piece)

    def commit(self) -> Path:
        """Make the file appear in landing."""
        if self._opened is not None:
            self._opened.close()
        else:
            only = self._schema.to_frame() if self._first is None else self._first
            self._temporary.write_bytes(_as_parquet(only, self._metadata))
        with self._temporary.open("rb") as file:
            os.fsync(file.fileno())
        self._temporary.replace(self._target)
        sync_folder(self._home.landing)
        self._home.share(self._target)
        return self._target

    def discard(self) -> None:
        """Leave nothing behind; after :meth:`commit` it does nothing."""
        with suppress(OSError):  # closing writes: a disk that is full has been told of before
            if self._opened is not None:
                self._opened.close()
        self._temporary.unlink(missing_ok=True)

    def _writer(self) -> Any:
        import pyarrow.parquet as pq  # type: ignore[import-untyped]

        arrow = self._schema.to_frame().to_arrow().schema.with_metadata(self._metadata)
        return pq.ParquetWriter(self._temporary, arrow, compression="zstd")

    def _write(self, piece: pl.DataFrame) -> None:
        self._opened.write_table(piece.to_arrow().cast(self._opened.schema))


def file_name(kind: str, label: str, digest: str) -> str:
    """The name of a landed file: kind, what a person calls it, and what tells its content from other."""
    label = re.sub(r"[^A-Za-z0-9._-]+", "_", label)[:80].strip(".") or "data"
    return f"{kind}-{label}-{digest[:16]}.parquet"


def read_waiting(home: Home, kind: str, read: Callable[[Path], T]) -> list[T]:
    """What ``read`` makes of every landed file of ``kind``, in the order of their names.

    One that cannot be read is left out: the refresh says what is wrong with it. One that is bundled or merged meanwhile
    is elsewhere by now: then all are read again, so that no row is missed.
    """
    import polars as pl

    def tried(path: Path) -> list[T]:
        try:
            return [read(path)]
        except FileNotFoundError:
            if path.is_symlink():  # to nothing: it stays, and is no more there the next time
                return []
            raise
        except (pl.exceptions.PolarsError, pl.exceptions.PanicException, OSError):
            return []

    while True:
        with suppress(FileNotFoundError):
            return [row for path in sorted(home.landing.glob(f"{kind}-*.parquet")) for row in tried(path)]


def landed(home: Home) -> list[LandedFile]:
    """The files that wait in landing, sorted by kind and name. Hidden ones are still being written."""
    while True:
        with suppress(FileNotFoundError):  # one was bundled or merged meanwhile
            return _landed_now(home)


def _landed_now(home: Home) -> list[LandedFile]:
    files = []
    for path in home.landing.glob("*.parquet") if home.landing.is_dir() else []:
        kind = path.name.split("-", 1)[0]
        if not path.name.startswith(".") and path.is_file():
            one = LandedFile(path, kind if kind in KINDS else "unknown", content_hash(path))
            files += _bundled(path) or [one]
    return sorted(files, key=lambda file: (file.kind, file.name))


def bundle_metadata(files: Mapping[LandedFile, int]) -> dict[str, str]:
    """What the bundle of ``files`` says of itself: their names, ids and numbers of rows, in the order of the rows."""
    return {BUNDLE: json.dumps([[file.name, file.file_id, rows] for file, rows in files.items()])}


def _bundled(path: Path) -> list[LandedFile]:
    """The files whose rows ``path`` has, if it is a bundle. One that says it wrongly stands for itself."""
    if not path.name.startswith(f"traces-{BUNDLE}-"):
        return []
    try:
        told = json.loads(_metadata(path).get(BUNDLE, "[]"))
        counts = [(Path(name).name, str(file_id), int(rows)) for name, file_id, rows in told]
    except (ValueError, TypeError):
        return []
    files, first = [], 0
    for name, file_id, rows in counts:
        if not name or rows < 0:
            return []
        files.append(LandedFile(path.with_name(name), "traces", file_id, path, first, rows))
        first += rows
    # every row is somebody's
    return files if first == LandedFile(path, "traces", "").n_rows() else []


def content_hash(path: Path) -> str:
    """The SHA-256 of a file's content, in hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def sync_folder(folder: Path) -> None:
    """Make renames in ``folder`` last through a power cut, where the system can."""
    with suppress(OSError):
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
