"""The folder of a run: what was asked for, and what is done, on disk as soon as it is done.

::

    runs/<run_id>/run.json                 parameters, hash of the question file, state
    runs/<run_id>/chunks/<name>.traces.parquet   executions of a chunk that have not landed yet
    runs/<run_id>/chunks/<name>.rows.parquet     rows of the answers file; a chunk is done when this is there
    runs/<run_id>/left_over.parquet        rows that a total limit left unanswered in the last session
    runs/<run_id>/calls.sqlite             its calls, if it does without the cache
    runs/<run_id>/ledger.sqlite            what it has spent, calls in flight at their most
    runs/keys/<key>                        the latest run with the same questions, output and planning

A chunk writes its traces, then its rows, then lands the traces and removes its copy of them. A run that was
killed in between lands the same bytes again, which is the same file and counts once; traces without rows
are of a chunk that was not done, and are written again.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from filelock import FileLock, Timeout

from optiq.errors import InputError
from optiq.files.atomic import replacing
from optiq.files.inside import inside
from warehouse.home import Home

if TYPE_CHECKING:
    import polars as pl


def hash_of(file: str) -> str:
    """SHA-256 of a file's content: by it a run knows its questions again."""
    with Path(file).open("rb") as content:
        return hashlib.file_digest(content, "sha256").hexdigest()


class RunFolder:
    """One run on disk. :class:`InputError` for a name that would lead out of the home's ``runs/``."""

    def __init__(self, home: Home, run_id: str) -> None:
        self.home = home
        self.run_id = run_id
        self.path = inside(home.runs, run_id, "run")

    @classmethod
    def latest(cls, home: Home, key: str) -> RunFolder | None:
        """The latest run under ``key``; None if there is none."""
        home.fetch(f"runs/keys/{key}")
        pointer = home.runs / "keys" / key
        if not pointer.is_file():
            return None
        folder = cls(home, pointer.read_text(encoding="utf-8").strip())
        home.fetch(f"runs/{folder.run_id}")
        return folder if folder.about() is not None else None

    @classmethod
    @contextmanager
    def choosing(cls, home: Home, key: str) -> Iterator[None]:
        """Inside, nobody else finds or makes a run under ``key``."""
        place = home.runs / "keys"
        place.mkdir(parents=True, exist_ok=True)
        with FileLock(place / f"{key}.lock"):
            yield

    @classmethod
    def every(cls, home: Home) -> list[RunFolder]:
        """All runs, the latest first."""
        home.fetch("runs")
        found = sorted(home.runs.glob("*/run.json"), reverse=True) if home.runs.is_dir() else []
        return [cls(home, path.parent.name) for path in found]

    def create(self, key: str, about: Mapping[str, Any]) -> None:
        """Make the folder and let ``key`` lead to it."""
        self.chunks.mkdir(parents=True, exist_ok=True)
        self.write_about(about)
        (self.home.runs / "keys").mkdir(exist_ok=True)
        with replacing(self.home.runs / "keys" / key) as temporary:
            temporary.write_text(self.run_id, encoding="utf-8")
        self.home.share(self.home.runs / "keys" / key)

    @cached_property
    def _lock(self) -> FileLock:
        return FileLock(self.path / "run.lock", thread_local=False)

    @property
    def chunks(self) -> Path:
        return self.path / "chunks"

    def about(self) -> dict[str, Any] | None:
        """What `run.json` says; None if there is none or it cannot be read."""
        try:
            return json.loads((self.path / "run.json").read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return None

    def write_about(self, about: Mapping[str, Any]) -> None:
        """Replace `run.json`."""
        with replacing(self.path / "run.json") as temporary:
            temporary.write_text(json.dumps(about, indent=2, default=str) + "\n", encoding="utf-8")
        self.home.share(self.path / "run.json")

    def note(self, **changes: Any) -> None:
        """Change what `run.json` says."""
        self.write_about({**(self.about() or {}), **changes})

    def lock(self) -> None:
        """Keep other processes from working on the run; :class:`InputError` if one does already."""
        try:
            self._lock.acquire(timeout=0)
        except Timeout:
            raise InputError(
                f"run {self.run_id} is going on in another process",
                "Wait for it, stop it, or give another output file.",
            ) from None
        self.home.settle(f"runs/{self.run_id}")

    def unlock(self) -> None:
        """Let others work on it."""
        self._lock.release()

    def is_locked(self) -> bool:
        """Whether a process works on the run now."""
        if not (self.path / "run.lock").exists():
            return False
        probe = FileLock(self.path / "run.lock", thread_local=False)
        try:
            probe.acquire(timeout=0)
        except Timeout:
            return True
        except OSError:  # a home that cannot be written: nobody works there
            return False
        probe.release()
        return False

    def write_chunk(self, name: str, rows: Sequence[Mapping[str, Any]], traces: pl.DataFrame) -> None:
        """Record a chunk for good, and land its traces."""
        from tasks.run_rows import rows_frame, write_frame

        if traces.height:
            write_frame(self.home, self._traces(name), traces)
        write_frame(self.home, self.chunks / f"{name}.rows.parquet", rows_frame(rows))
        self._land(name)

    def land_the_rest(self) -> None:
        """Land what a killed run had recorded and not landed, and forget what it had not recorded."""
        from tasks.run_rows import read_rows

        for path in sorted(self.chunks.glob("*.traces.parquet")):
            name = path.name.removesuffix(".traces.parquet")
            if (self.chunks / f"{name}.rows.parquet").exists():
                if read_rows(path) is None:
                    path.replace(path.with_suffix(".damaged"))
                    continue
                self._land(name)
            else:
                path.unlink()
                self.home.forget(path)

    def every_round(self, names: Sequence[str] | None = None) -> pl.DataFrame:
        """All rows that were recorded, those of earlier rounds too: the whole bill. All columns, or ``names``."""
        import polars as pl

        from tasks.run_rows import read_rows, rows_frame

        frames = [read_rows(file, names) for file in sorted(self.chunks.glob("*.rows.parquet"))]
        # a run that an older optiq began lacks the columns that came since
        known = [frame for frame in frames if frame is not None]
        none = rows_frame([]) if names is None else rows_frame([]).select(names)
        return pl.concat([none, *known], how="diagonal")

    def rows(self, names: Sequence[str] | None = None) -> pl.DataFrame:
        """The rows that are done, one per row of the question file, of the latest round; by row number.

        All columns, or ``names`` after the row's number and round.
        """
        frame = self.every_round(None if names is None else ["row_number", "round", *names])
        numbers = frame["row_number"]
        if numbers.is_sorted() and numbers.n_unique() == len(numbers):
            return frame  # as most runs are: a large one is not copied
        return frame.sort("row_number", "round").unique("row_number", keep="last", maintain_order=True)

    def left_over(self) -> pl.DataFrame:
        """The rows that a total limit left unanswered in the last session: a higher limit asks them."""
        from tasks.run_rows import read_rows, rows_frame

        path = self.path / "left_over.parquet"
        found = read_rows(path) if path.exists() else None
        return rows_frame([]) if found is None else found

    def keep_left_over(self, rows: pl.DataFrame) -> None:
        """Replace what :meth:`left_over` tells."""
        from tasks.run_rows import write_frame

        path = self.path / "left_over.parquet"
        if rows.height or path.exists():
            write_frame(self.home, path, rows)

    def outcomes(self) -> pl.DataFrame:
        """The rows that have an outcome: those that are done, and those that a total limit left unanswered."""
        import polars as pl

        done, over = self.rows(), self.left_over()
        over = over.filter(~pl.col("row_number").is_in(done["row_number"].implode()))
        return pl.concat([done, over], how="diagonal").sort("row_number") if over.height else done

    def bill(self) -> dict[str, Any]:
        """Sums over all rounds: what was spent, and how many calls were made and found."""
        import polars as pl

        from tasks.run_rows import BOOKKEEPING

        names = [name for name in BOOKKEEPING if name not in ("row_number", "round", "attempts")]
        return (
            self.every_round(names).select(pl.col(names).sum()).row(0, named=True)
        )  # null counts as nothing

    def _traces(self, name: str) -> Path:
        return self.chunks / f"{name}.traces.parquet"

    def _land(self, name: str) -> None:
        path = self._traces(name)
        if path.exists():
            import polars as pl

            from warehouse.bundles import bundle_small
            from warehouse.landing import land_traces

            turn, _, first = name.partition("-")
            land_traces(self.home, pl.read_parquet(path, glob=False), int(turn) * 10**9 + int(first))
            path.unlink()
            self.home.forget(path)
            bundle_small(self.home)
