"""Ingest: check what a person gives, row by row, and land it; the next refresh merges it."""

from __future__ import annotations

import re
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
from warehouse.ingestion.notes import Note
from warehouse.ingestion.opti_q import Executions, Levels, is_executions, is_levels
from warehouse.ingestion.priors import Priors
from warehouse.ingestion.statistics import StatisticsFile
from warehouse.ingestion.traces import Traces
from warehouse.ingestion.units import KnownRates
from warehouse.landing import REJECT_COLUMNS, LandingWriter, content_hash
from warehouse.rules import ROW

MOST_REASONS = 20
"""Reasons of a file that are told apart; quarantine has them all."""


@dataclass(slots=True)
class Reason:
    """Why ``rows`` rows of a file were refused, in the words and with the content of the first of them."""

    reason: str
    rows: int
    row_number: int | None
    content: str


@dataclass(slots=True)
class IngestReport:
    """What became of the files.

    ``landed`` and ``quarantined`` count rows per file (of a priors file: figures landed, rows refused);
    ``unchanged`` files were known already; ``reasons`` says why rows were refused, the most frequent first, and
    ``notes`` what was done with good ones that their sender may not expect.
    """

    landed: dict[str, int] = field(default_factory=dict)
    quarantined: dict[str, int] = field(default_factory=dict)
    unchanged: list[str] = field(default_factory=list)
    reasons: dict[str, list[Reason]] = field(default_factory=dict)
    notes: dict[str, list[Note]] = field(default_factory=dict)

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
            landed, refused, reasons, notes = _land_file(home, path, kind, digest, reader_of)
        report.landed[str(path)] = landed
        if notes:
            report.notes[str(path)] = notes
        if refused:
            report.quarantined[str(path)] = refused
            report.reasons[str(path)] = reasons
    return report


def _land_file(
    home: Home, path: Path, kind: str, digest: str, reader_of: Callable[[Path, str, list[str]], Any]
) -> tuple[int, int, list[Reason], list[Note]]:
    """Rows landed, rows refused, why, and notes on the good ones.

    What was made for lands last: if the rest fails, all is written again.
    """
    metadata = {"source_file": path.name, "source_hash": digest}
    reader: Any = None
    good: Any = None
    columns: dict[str, None] = {}
    bad = LandingWriter(home, "rejects", f"{kind}-{path.stem}", digest, pl.Schema(REJECT_COLUMNS), metadata)
    graded = LandingWriter(home, "trials", path.stem, digest, columns_of("trials"), metadata)
    file = pl.lit(path.name).alias("file")
    why: dict[str, Reason] = {}

    def refuse(rows: pl.DataFrame, what: str) -> None:
        bad.append(rows.select(pl.lit(what).alias("kind"), file, ROW, "reason", "content"))
        _count(why, rows)

    try:
        for chunk in read_chunks(path):
            rejects = chunk.rejects()
            if chunk.columns or chunk.numbers:
                if reader is None:
                    reader = reader_of(path, digest, list(chunk.columns))
                # In JSON lines a key may come late; what came before it stays known.
                columns |= dict.fromkeys(chunk.columns)
                reader.check(list(columns))
                if good is None:
                    good = LandingWriter(home, kind, path.stem, digest, reader.schema, metadata)
                rows, rejects = reader.read(chunk)
                good.append(rows)
                if isinstance(reader, History):
                    trials, ungraded = reader.trials()
                    graded.append(trials)
                    refuse(ungraded, "trials")
            refuse(rejects, kind)
        if good is None:  # not one row could be read: the file is on record all the same
            good = LandingWriter(home, kind, path.stem, digest, columns_of(kind), metadata)
        if bad.rows:
            bad.commit()
        if graded.rows:
            graded.commit()
        good.commit()
        notes = reader.notes.all() if reader is not None else []
        return good.rows, bad.rows, sorted(why.values(), key=lambda one: -one.rows), notes
    finally:
        bad.discard()
        graded.discard()
        if good is not None:
            good.discard()


def _count(why: dict[str, Reason], rows: pl.DataFrame) -> None:
    """Add refused rows to what is known; reasons that differ only in the values that they quote are one."""
    for row in rows.select(ROW, "reason", "content").iter_rows(named=True):
        general = re.sub(r"'[^']*'|[-+]?\d[\d.e+-]*", "…", row["reason"])
        if (known := why.get(general)) is not None:
            known.rows += 1
        elif len(why) < MOST_REASONS:
            why[general] = Reason(row["reason"], 1, row[ROW], row["content"] or "")


def _merged_sources(home: Home) -> set[str]:
    if not home.perfdb.exists():
        return set()
    with reading(home.perfdb, any_version=True) as connection:
        rows = connection.execute(
            # An older PerfDB has no column refused_because, and nothing that may be tried again.
            "select source_hash from ingested_files as one where source_hash is not null "
            "and kind not in ('rejects', 'trials') and to_json(one) ->> 'refused_because' is null"
        ).fetchall()
    return {row[0] for row in rows}
