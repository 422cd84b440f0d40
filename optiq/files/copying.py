"""A copy of a file that shares no fate with it: blocks are shared where the file system can, until one is written."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from pathlib import Path

_FICLONE = 0x40049409  # of Linux: linux/fs.h


def copy(source: Path, target: Path) -> None:
    """Write ``target`` with the content of ``source``, in place of what is there. ``OSError`` as the system says."""
    try:
        with source.open("rb") as original, target.open("wb") as written:
            shared = _shares_blocks(original.fileno(), written.fileno())
        if not shared:
            shutil.copyfile(source, target)  # within the kernel where it can
    except OSError as fault:  # of a full disk the system does not name the file
        raise OSError(fault.errno, fault.strerror, fault.filename or str(target)) from None


@contextmanager
def copying(source: Path, target: Path) -> Iterator[None]:
    """:func:`copy` meanwhile: it is done at the end of the block, and fails there."""
    with ThreadPoolExecutor(1) as other:
        copied = other.submit(copy, source, target)
        yield
    copied.result()


def copy_apart(source: Path, target: Path) -> None:
    """:func:`copy` with the mode of ``source``, and to disk."""
    copy(source, target)
    with target.open("rb") as written:
        os.fsync(written.fileno())
    shutil.copymode(source, target)


def _shares_blocks(source: int, target: int) -> bool:
    with suppress(ImportError, OSError):
        import fcntl

        fcntl.ioctl(target, _FICLONE, source)
        return True
    return False
