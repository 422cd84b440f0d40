"""A disk of 128 MB that a test fills to the last byte."""

from __future__ import annotations

import errno
import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest


@contextmanager
def mounted(disk: Path) -> Iterator[Path]:
    """The new folder ``disk``, on a disk of its own."""
    disk.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=128m", "tmpfs", str(disk)]
    if subprocess.run(mount, capture_output=True, check=False).returncode:
        pytest.skip("only the superuser may make a small disk")
    try:
        yield disk
    finally:
        subprocess.run(["umount", "-l", str(disk)], check=True)


def fill(disk: Path, free: int) -> None:
    """Take all of the disk but so many bytes, however it was filled before; others may write to it meanwhile."""
    with (disk / "filling").open("wb") as file:  # what it held is given back before anything is counted
        while (more := _left(disk) - free) > 0:
            try:
                os.posix_fallocate(file.fileno(), os.fstat(file.fileno()).st_size, more)
            except OSError as fault:
                if fault.errno != errno.ENOSPC:  # somebody took some of it since it was counted
                    raise


def make_room(disk: Path) -> None:
    """Give back what :func:`fill` took."""
    (disk / "filling").unlink()


def _left(disk: Path) -> int:
    there = os.statvfs(disk)
    return there.f_bavail * there.f_frsize
