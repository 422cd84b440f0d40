"""Ingest: check what a person gives, row by row, and land it; the next refresh merges it.

A new PerfDB lands the shipped priors this way: what reads files of other kinds loads with them.
"""

from __future__ import annotations

import datetime
import re
import tempfile
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import polars as pl

import sql
from optiq.errors import InputError
from optiq.files.tables import check_readable_suffix
from optiq.formats.price_tables import Price, price_for, read_prices
from warehouse.connection import reading
from warehouse.faults import REJECT_COLUMNS, columns_of
from warehouse.home import Home, usable
from warehouse.ingestion.chunks import Opened, read_chunks
from warehouse.ingestion.notes import Note
from warehouse.ingestion.prices import price_rows, prior_rows
from warehouse.ingestion.priors import Priors
from warehouse.ingestion.statistics import StatisticsFile
from warehouse.ingestion.units import KnownRates
from warehouse.landing import LandingWriter, content_hash, file_name, land
from warehouse.lock import PATIENCE_S, alone
from warehouse.rules import ROW
from warehouse.sources import has_landed, merged_sources

if TYPE_CHECKING:
    from warehouse.ingestion.foreign import Foreign

SHOWN_ROWS = 3
"""Rows that a dry run shows."""
_SHOWN_CHARS = 300
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
    ``notes`` what was done with good ones that their sender may not expect. ``passed`` files hold no traces of their
    own and ``unusable`` ones could not be used at all, each with the reason; ``published`` ones are in PerfDB already,
    and not as this command says to read them. ``shown`` are the first rows of a dry run.
    """

    landed: dict[str, int] = field(default_factory=dict)
    quarantined: dict[str, int] = field(default_factory=dict)
    unchanged: list[str] = field(default_factory=list)
    reasons: dict[str, list[Reason]] = field(default_factory=dict)
    notes: dict[str, list[Note]] = field(default_factory=dict)
    passed: dict[str, str] = field(default_factory=dict)
    unusable: dict[str, str] = field(default_factory=dict)
    published: dict[str, str] = field(default_factory=dict)
    shown: list[dict[str, Any]] = field(default_factory=list)

    def add(self, path: str, landed: int, refused: int, why: dict[str, Reason], notes: list[Note]) -> None:
        """What became of one file."""
        self.landed[path] = landed
        if notes:
            self.notes[path] = notes
        if refused:
            self.quarantined[path] = refused
            self.reasons[path] = sorted(why.values(), key=lambda one: -one.rows)

    def show(self, rows: pl.DataFrame, dry_run: bool) -> None:
        """Keep the first rows as they would land, if they are to be shown: what is known of them."""
        wanted = SHOWN_ROWS - len(self.shown) if dry_run else 0
        for row in rows.head(max(0, wanted)).iter_rows(named=True):
            self.shown.append(_known(row))

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
    paths = _tables(files)
    return _ingest(
        home,
        paths,
        "priors",
        lambda path, digest: Opened(read_chunks(path), lambda columns: Priors(path, known=known)),
    )


def ingest_prices(
    home: Home,
    table: str,
    models: Iterable[str],
    provider: str | None = None,
    path: str | Path | None = None,
    served_by: Callable[[str], tuple[str, str | None]] = lambda model: (model, None),
) -> tuple[IngestReport, dict[str, str]]:
    """Land what a price table (:mod:`optiq.formats.price_tables`) says of ``models``, as prices and priors of today.

    ``served_by`` tells what a model is called where it is served, and the provider that its address is of: it counts
    where no ``provider`` is given and the table knows it.

    Returns the report and, per model, what became of it: the entry that was taken, or why none was. A price that is
    not sure lands nothing.

    Raises
    ------
    InputError
        if the table cannot be read.
    """
    prices = read_prices(table, path)
    today = datetime.datetime.now(datetime.UTC).date()
    known = {price.provider for price in prices}
    told: dict[str, str] = {}
    taken: dict[str, Price] = {}
    for model in sorted(set(models)):
        name, by = served_by(model)
        asked = provider or (by if by in known else None)
        found = price_for(name, prices, asked)
        if found is None:
            told[model] = f"no price of {asked}" if asked else "no price"
        elif isinstance(found, str):
            told[model] = f"not sure, name a provider (--provider): {found}"
        else:
            told[model], taken[model] = found.told(), found
    if not taken:
        return IngestReport(), told
    names = ("model", "topic", "metric", "value", "source", "as_of")
    with tempfile.TemporaryDirectory(prefix="optiq-prices-") as folder:
        file = Path(folder) / f"{table}.csv"
        pl.DataFrame(prior_rows(taken, today), schema=names, orient="row").write_csv(file)
        report = ingest_priors(home, [file])
    land(home, "prices", price_rows(taken, today), table)
    return report, told


def ingest_statistics(home: Home, files: Iterable[str | Path]) -> IngestReport:
    """Land statistics files and level tables of the Opti-Q paper.

    A mean about 1000 times off what PerfDB expects of the plan's models is refused: the unit is wrong.
    Otherwise as :func:`ingest_priors`.
    """
    from warehouse.ingestion.opti_q import Levels, is_levels

    known = KnownRates.of(home.perfdb)

    def opened(path: Path, digest: str) -> Opened:
        def reader_of(columns: list[str]) -> Any:
            return Levels(path) if is_levels(columns) else StatisticsFile(path, known=known)

        return Opened(read_chunks(path), reader_of)

    return _ingest(home, _tables(files), "statistics", opened)


def _tables(files: Iterable[str | Path]) -> list[Path]:
    """The files, each of which is there and ends like a table."""
    paths = [Path(file) for file in files]
    for path in paths:
        check_readable_suffix(path)
        if not path.is_file():
            raise InputError(f"no file {path}", "Check the path.")
    return paths


def ingest_traces(
    home: Home,
    files: Iterable[str | Path],
    foreign: Foreign | None = None,
    dry_run: bool = False,
    corrected: bool = False,
) -> IngestReport:
    """Land traces files, LLM-Chemistry's histories, executions of the Opti-Q paper, and files of other tools.

    Files of other tools are known by their content (:mod:`optiq.formats`); ``foreign`` says how to read them. Folders
    stand for the files in them. A model whose costs, times or energies are about 1000 times off what PerfDB expects is
    refused: the unit is wrong. With ``dry_run`` nothing lands: the report shows the first rows. Of several files one
    that cannot be used is set aside whole, with its reason. With ``corrected`` files that are known are read as
    ``foreign`` says now: what still waits for a refresh is landed anew. Otherwise as :func:`ingest_priors`.
    """
    from warehouse.ingestion.trace_files import trace_files

    opened, passed = trace_files(home, files, foreign)
    report = _ingest(
        home, list(opened), "traces", lambda path, digest: opened[path](path, digest), dry_run, corrected
    )
    report.passed |= passed
    return report


def _ingest(
    home: Home,
    paths: Sequence[Path],
    kind: str,
    opened: Callable[[Path, str], Opened],
    dry_run: bool = False,
    corrected: bool = False,
) -> IngestReport:
    if not paths:
        raise InputError("no file is given", f"Name one or more {kind} files.")
    report = IngestReport()
    merged = merged_sources(home)
    with _landing_place(home, dry_run) as place:
        for path in paths:
            with usable(home):
                digest = content_hash(path)
            known = digest in merged or has_landed(home, kind, digest)
            if known and not corrected:
                report.unchanged.append(str(path))
                continue
            try:
                with usable(home):
                    if known:
                        _land_corrected(
                            home, place, path, kind, digest, opened, report, dry_run, digest in merged
                        )
                        continue
                    _land_file(place, path, kind, digest, opened, report, dry_run)
            except InputError as fault:
                if len(paths) == 1 or kind != "traces":
                    raise
                report.unusable[str(path)] = str(fault)
    return report


@contextmanager
def _landing_place(home: Home, dry_run: bool) -> Iterator[Home]:
    """Where files land: the home, or a folder that is thrown away."""
    if not dry_run:
        home.create()
        yield home
        return
    with tempfile.TemporaryDirectory(prefix="optiq-dry-run-") as folder:
        place = Home(Path(folder))
        place.create()
        yield place


_PUBLISHED = (
    "it is in PerfDB already, read otherwise, and what was given with it had no effect. `optiq snapshots` lists the "
    "snapshots: publish one of before that (`optiq snapshots restore NUMBER`), then give the file again"
)


def _land_corrected(
    home: Home,
    place: Home,
    path: Path,
    kind: str,
    digest: str,
    opened: Callable[[Path, str], Opened],
    report: IngestReport,
    dry_run: bool,
    merged: bool,
) -> None:
    """Land a file anew that is to be read in another way than the first time; what it teaches by then stays.

    If the other way changes nothing, the file is known as any other.
    """
    with tempfile.TemporaryDirectory(prefix="optiq-again-") as folder:
        aside = Home(Path(folder))
        aside.create()
        _land_file(aside, path, kind, digest, opened, IngestReport(), dry_run=False)
        new = {file.name: file for file in aside.landing.glob("*.parquet")}
        if merged:
            if _says_otherwise(home, new[file_name(kind, path.stem, digest)]):
                report.published[str(path)] = _PUBLISHED
            else:
                report.unchanged.append(str(path))
            return
        # a refresh that merges the file meanwhile would take the new one away unread
        with nullcontext() if dry_run else alone(home, PATIENCE_S):
            old = {file.name: file for file in home.landing.glob(f"*-{digest[:16]}.parquet")}
            if old.keys() == new.keys() and all(content_hash(old[n]) == content_hash(new[n]) for n in new):
                report.unchanged.append(str(path))
                return
            _land_file(place, path, kind, digest, opened, report, dry_run)
            if not dry_run:
                for file in (old[name] for name in old.keys() - new.keys()):
                    file.unlink(missing_ok=True)
                    home.forget(file)


def _says_otherwise(home: Home, landed: Path) -> bool:
    """Whether published executions have another plan, topic or given quality than those that ``landed`` has."""
    new = pl.read_parquet(landed, columns=["execution_id", "plan_key", "topic", "qoa"])
    with reading(home.perfdb, any_version=True) as connection:
        ids = {"ids": new["execution_id"].to_list()}
        old = connection.sql(sql.read("answers/published_executions"), params=ids).pl()
    both = new.join(old, on="execution_id", suffix="_before")
    changed = (
        (pl.col("plan_key") != pl.col("plan_key_before"))
        | (pl.col("topic") != pl.col("topic_before"))
        | ((pl.col("qoa") - pl.col("qoa_before")).abs() > _SAME_QOA)
    )
    return bool(both.select(changed.fill_null(False).any()).item())


_SAME_QOA = 1e-9


def _land_file(
    home: Home,
    path: Path,
    kind: str,
    digest: str,
    opened: Callable[[Path, str], Opened],
    report: IngestReport,
    dry_run: bool,
) -> None:
    """Land one file and report on it.

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
        source = opened(path, digest)
        for chunk in source.chunks:
            rejects = chunk.rejects()
            if chunk.columns or chunk.numbers:
                if reader is None:
                    reader = source.reader_of(list(chunk.columns))
                # In JSON lines a key may come late; what came before it stays known.
                columns |= dict.fromkeys(chunk.columns)
                reader.check(list(columns))
                if good is None:
                    good = LandingWriter(home, kind, path.stem, digest, reader.schema, metadata)
                rows, rejects = reader.read(chunk)
                good.append(rows)
                report.show(rows, dry_run)
                if hasattr(reader, "trials"):  # a history has grades, too
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
        reader = source.reader_of([]) if reader is None else reader
        report.add(str(path), good.rows, bad.rows, why, reader.notes.all())
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


def _known(row: dict[str, Any]) -> dict[str, Any]:
    """A row without what is not known, calls likewise, texts at a length that a person reads."""
    found: dict[str, Any] = {}
    for name, value in row.items():
        if value is None or value == []:
            continue
        if isinstance(value, str):
            value = value[:_SHOWN_CHARS]
        elif isinstance(value, datetime.datetime):
            value = value.isoformat()
        elif isinstance(value, list):
            value = [_known(one) if isinstance(one, dict) else one for one in value]
        found[name] = value
    return found
