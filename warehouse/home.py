"""The folder that PerfDB lives in, with everything around it."""

from __future__ import annotations

import errno
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from optiq.errors import PerfDBError
from optiq.files.private import make_home


@dataclass(frozen=True, slots=True)
class Home:
    """A folder with the published PerfDB and everything around it.

    ``perfdb.duckdb`` is always a complete, published snapshot; ``landing/`` takes what is to be merged at the
    next refresh; ``snapshots/`` keeps earlier ones; ``gate/`` has reports of refused ones; ``work/`` is a refresh's
    own; ``runs/`` belongs to runs.
    """

    path: Path

    @property
    def address(self) -> str:
        """What another process gives to :func:`warehouse.find_home.find_home` for the same home."""
        return str(self.path.resolve())

    @property
    def mirrored(self) -> bool:
        """Whether this is the mirror of a home that is in a store, and other machines have their own."""
        return False

    def fetch(self, part: str) -> None:
        """Bring the folder or file ``part`` up to date; in a folder of this machine it is already."""

    def share(self, *files: Path) -> None:
        """Files of the home were written: others see them now, in this order."""

    def forget(self, *files: Path) -> None:
        """Files of the home were removed: they are gone for others too."""

    def settle(self, part: str) -> None:
        """The caller alone writes ``part`` from here on: what a killed process did not share is shared now."""

    @contextmanager
    def publishing(self) -> Iterator[None]:
        """Around what publishes a PerfDB; others see it at the end of the block, if it succeeds."""
        yield

    @property
    def perfdb(self) -> Path:
        return self.path / "perfdb.duckdb"

    @property
    def landing(self) -> Path:
        return self.path / "landing"

    @property
    def snapshots(self) -> Path:
        return self.path / "snapshots"

    @property
    def work(self) -> Path:
        return self.path / "work"

    @property
    def runs(self) -> Path:
        return self.path / "runs"

    @property
    def gate(self) -> Path:
        return self.path / "gate"

    @property
    def lock(self) -> Path:
        return self.path / "refresh.lock"

    def create(self) -> None:
        """Make the folders that are missing; the home is its owner's alone unless it is marked as shared.

        Raises
        ------
        PerfDBError
            if the home is a file or cannot be written, or DuckDB cannot write there.
        """
        if "?" in str(self.path):  # DuckDB puts the .wal of its log before it
            raise PerfDBError(
                f"{self.path} cannot be a home: DuckDB takes the ? in a path for the end of a name",
                "Give another folder with --perfdb or $OPTIQ_HOME.",
            )
        with usable(self):
            make_home(self.path)
            for folder in (self.landing, self.snapshots, self.work, self.runs):
                folder.mkdir(exist_ok=True)


@contextmanager
def usable(home: Home) -> Iterator[None]:
    """What the system refuses inside (a read-only home, a full disk, a file that may not be read), in one line.

    Raises
    ------
    PerfDBError
        naming the file and the system's reason.
    """
    try:
        yield
    except OSError as fault:
        where = fault.filename or home.path
        if fault.errno in (errno.ENOSPC, errno.EDQUOT):
            raise no_space(where) from None
        raise PerfDBError(
            f"{where} cannot be used: {fault.strerror or fault}",
            "Check the disk and its permissions, or give another folder with --perfdb or $OPTIQ_HOME.",
        ) from None


@contextmanager
def empty_work(home: Home) -> Iterator[None]:
    """The work folder, empty before (of what a killed refresh left) and after, also where the disk was full.

    The caller holds the lock: nobody else needs what is in it.
    """
    _tidy(home)
    try:
        yield
    except Exception:
        _tidy(home)
        raise
    _tidy(home)


def _tidy(home: Home) -> None:
    for path in home.work.iterdir():
        if path.is_dir() and not path.is_symlink():  # what a link leads to is none of ours
            shutil.rmtree(path, ignore_errors=True)
        else:
            path.unlink(missing_ok=True)


def no_space(where: str | Path) -> PerfDBError:
    """The disk that ``where`` is on is full, or the user's share of it."""
    return PerfDBError(f"no space left on the disk of {where}", "Make room, then try again.")
