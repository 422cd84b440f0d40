"""Files that hold people's questions are their owner's alone: folders 0700, files 0600, whatever the umask.

Libraries write too (DuckDB's spill, SQLite's logs, Prefect's database), so a command changes its umask: what it and its
children make is private. What a person asked for by name (answers, reports) gets the mode that any program would
give it, when it is complete. A home that is marked as shared is left to the person's umask.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

SHARED_MARK = "shared-home"
_OURS = 0o077

_persons: int | None = None  # the umask that the person had, while ours holds
_homes: set[Path] = set()


@contextmanager
def private_files() -> Iterator[None]:
    """What the process makes inside is private."""
    global _persons
    if _persons is not None:
        yield
        return
    _persons = os.umask(_OURS)
    try:
        yield
    finally:
        os.umask(_persons)
        _persons = None


def keep_private() -> None:
    """For the rest of the process, what it makes is private."""
    global _persons
    if _persons is None:
        _persons = os.umask(_OURS)


def make_home(path: Path) -> None:
    """Make the folder of a home, private unless it is marked as shared; one that is there stays as it is."""
    if not path.is_dir():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.mkdir(exist_ok=True)
        path.chmod(0o700)
    know_home(path)


def share_home(path: Path) -> None:
    """Mark a home as shared by several people of a machine: its files get the modes of who writes them."""
    path.mkdir(parents=True, exist_ok=True)
    (path / SHARED_MARK).touch()
    know_home(path)
    mode = path.stat().st_mode
    if mode & 0o777 == 0o700:
        # a folder that hands its group on keeps doing so: else each file has the group of who wrote it
        path.chmod(mode & stat.S_ISGID | 0o777 & ~_umask())


def know_home(path: Path) -> None:
    """A home is used: what is written there keeps its mode, and in a shared one the person's umask holds."""
    _homes.add(path.resolve())
    if _persons is not None:
        os.umask(_persons if is_shared(path) else _OURS)


def is_shared(path: Path) -> bool:
    """Whether the home at ``path`` is marked as shared."""
    return (path / SHARED_MARK).exists()


def hand_over(temporary: Path, target: Path) -> None:
    """Give a complete file that a person asked for the mode that it has already, or that their umask gives it.

    A file of a home stays as it was made.
    """
    if _persons is None or any(home in target.parents for home in _homes):
        return
    mode = target.stat().st_mode & 0o777 if target.exists() else 0o666 & ~_persons
    temporary.chmod(mode)


def read_only(path: Path) -> None:
    """Nobody writes ``path`` by mistake; who could read it still can."""
    path.chmod(path.stat().st_mode & 0o444 or 0o400)


def _umask() -> int:
    if _persons is not None:
        return _persons
    now = os.umask(_OURS)
    os.umask(now)
    return now
