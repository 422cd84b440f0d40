"""The folder that PerfDB lives in, with everything around it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from optiq.errors import InputError


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
        """Make the folders that are missing.

        Raises
        ------
        InputError
            if the home is a file or cannot be written.
        """
        try:
            for folder in (self.path, self.landing, self.snapshots, self.work, self.runs):
                folder.mkdir(parents=True, exist_ok=True)
        except OSError as fault:
            raise InputError(
                f"{self.path} cannot be used as Opti-Q's home: {fault.strerror or fault}",
                "Give a folder that can be written with --perfdb or $OPTIQ_HOME.",
            ) from None


@contextmanager
def usable(home: Home) -> Iterator[None]:
    """What the system refuses inside (a read-only home, a full disk, a file that may not be read), in one line.

    Raises
    ------
    InputError
        naming the file and the system's reason.
    """
    try:
        yield
    except OSError as fault:
        where = fault.filename or home.path
        raise InputError(
            f"{where} cannot be used: {fault.strerror or fault}",
            "Check the disk and its permissions, or give another folder with --perfdb or $OPTIQ_HOME.",
        ) from None
