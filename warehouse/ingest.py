"""Ingest: check what a person gives, row by row, and land it; the next refresh merges it."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import polars as pl

from optiq.errors import InputError
from optiq.files.tables import check_suffix
from warehouse.connection import reading
from warehouse.faults import columns_of
from warehouse.home import Home, usable
from warehouse.ingestion.chunks import read_chunks
from warehouse.ingestion.history import History, is_history
from warehouse.ingestion.opti_q import Executions, Levels, is_executions, is_levels
from warehouse.ingestion.priors import Priors
from warehouse.ingestion.statistics import StatisticsFile
from warehouse.ingestion.traces import Traces
from warehouse.ingestion.units import KnownRates
from warehouse.landing import REJECT_COLUMNS, LandingWriter, content_hash
from warehouse.rules import ROW


@dataclass(slots=True)
class IngestReport:
    """What became of the files.

    ``landed`` and ``quarantined`` count rows per file (of a priors file: figures landed, rows refused);
    ``unchanged`` files were known already.
    """

    landed: dict[str, int] = field(default_factory=dict)
    quarantined: dict[str, int] = field(default_factory=dict)
    unchanged: list[str] = field(default_factory=list)

    @property
    def n_landed(self) -> int:
        return sum(self.landed.values())

    @property
    def n_quarantined(self) -> int:
        return sum(self.quarantined.values())


def ingest_priors(home: Home, files: Iterable[str | Path], trusted: bool = False) -> IngestReport:
    """Land priors files. Bad rows go to quarantine; the same file twice changes nothing.

    Rates that are about 1000 or a million times off what PerfDB knows of the model are refused, unless the files
    are ``trusted``: the unit is wrong.

    Raises
    ------
    InputError
        if a file is missing, has an unknown suffix or is no priors file; files before it stay landed.
    """
    known = KnownRates() if trusted else KnownRates.of(home.perfdb)
    return _ingest(home, files, "priors", lambda path, digest, columns: Priors(path, known=known))


def ingest_statistics(home: Home, files: Iterable[str | Path]) -> IngestReport:
    """Land statistics files and level tables of the Opti-Q paper.

    A mean about 1000 times off what PerfDB expects of the plan's models is refused: the unit is wrong.
    Otherwise as :func:`ingest_priors`.
    """
    known = KnownRates.of(home.perfdb)

    def reader_of(path: Path, digest: str, columns: list[str]) -> Any:
        return Levels(path) if is_levels(columns) else StatisticsFile(path, known=known)

    return _ingest(home, files, "statistics", reader_of)


def ingest_traces(home: Home, files: Iterable[str | Path]) -> IngestReport:
    """Land traces files, LLM-Chemistry's histories and executions of the Opti-Q paper.

    A model whose costs, times or energies are about 1000 times off what PerfDB expects is refused: the unit
    is wrong. Otherwise as :func:`ingest_priors`.
    """
    known = KnownRates.of(home.perfdb)

    def reader_of(path: Path, digest: str, columns: list[str]) -> Any:
        form = History if is_history(columns) else Executions if is_executions(columns) else Traces
        return form(path, digest, known)

    return _ingest(home, files, "traces", reader_of)


def _ingest(
    home: Home, files: Iterable[str | Path], kind: str, reader_of: Callable[[Path, str, list[str]], Any]
) -> IngestReport:
    paths = [Path(file) for file in files]
    if not paths:
        raise InputError("no file is given", f"Name one or more {kind} files.")
    for path in paths:
        check_suffix(path)
        if not path.is_file():
            raise InputError(f"no file {path}", "Check the path.")
    home.create()
    merged = _merged_sources(home)
    report = IngestReport()
    for path in paths:
        with usable(home):
            digest = content_hash(path)
        if digest in merged or any(home.landing.glob(f"{kind}-*-{digest[:16]}.parquet")):
            report.unchanged.append(str(path))
            continue
        with usable(home):
            landed, refused = _land_file(home, path, kind, digest, reader_of)
        report.landed[str(path)] = landed
        if refused:
            report.quarantined[str(path)] = refused
    return report


def _land_file(
    home: Home, path: Path, kind: str, digest: str, reader_of: Callable[[Path, str, list[str]], Any]
) -> tuple[int, int]:
    """Rows landed and rows refused. What was made for lands last: if the rest fails, all is written again."""
    metadata = {"source_file": path.name, "source_hash": digest}
    reader: Any = None
    good: Any = None
    bad = LandingWriter(home, "rejects", f"{kind}-{path.stem}", digest, pl.Schema(REJECT_COLUMNS), metadata)
    graded = LandingWriter(home, "trials", path.stem, digest, columns_of("trials"), metadata)
    file = pl.lit(path.name).alias("file")
    try:
        for chunk in read_chunks(path):
            rejects = chunk.rejects()
            if chunk.columns:
                if reader is None:
                    reader = reader_of(path, digest, list(chunk.columns))
                    reader.check(list(chunk.columns))
                    good = LandingWriter(home, kind, path.stem, digest, reader.schema, metadata)
                rows, rejects = reader.read(chunk)
                good.append(rows)
                if isinstance(reader, History):
                    trials, ungraded = reader.trials()
                    graded.append(trials)
                    bad.append(
                        ungraded.select(pl.lit("trials").alias("kind"), file, ROW, "reason", "content")
                    )
            bad.append(rejects.select(pl.lit(kind).alias("kind"), file, ROW, "reason", "content"))
        if good is None:  # not one row could be read: the file is on record all the same
            good = LandingWriter(home, kind, path.stem, digest, columns_of(kind), metadata)
        if bad.rows:
            bad.commit()
        if graded.rows:
            graded.commit()
        good.commit()
        return good.rows, bad.rows
    finally:
        bad.discard()
        graded.discard()
        if good is not None:
            good.discard()


def _merged_sources(home: Home) -> set[str]:
    if not home.perfdb.exists():
        return set()
    with reading(home.perfdb, any_version=True) as connection:
        rows = connection.execute(
            "select source_hash from ingested_files where source_hash is not null and kind not in ('rejects', 'trials')"
        ).fetchall()
    return {row[0] for row in rows}
