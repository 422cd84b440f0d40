"""A copy of a file that shares no fate with it: blocks are shared where the file system can, until one is written."""

from __future__ import annotations

import os
import shutil
from contextlib import suppress
from pathlib import Path

_FICLONE = 0x40049409  # of Linux: linux/fs.h


def copy_apart(source: Path, target: Path) -> None:
    """Write ``target``, a new file with the content and mode of ``source``, to disk. ``OSError`` as the system says."""
    try:
        with source.open("rb") as original, target.open("xb") as copy:
            if not _shares_blocks(original.fileno(), copy.fileno()):
                shutil.copyfileobj(original, copy, 2**20)
            copy.flush()
            os.fsync(copy.fileno())
        shutil.copymode(source, target)
    except OSError as fault:  # of a full disk the system does not name the file
        raise OSError(fault.errno, fault.strerror, fault.filename or str(target)) from None


def _shares_blocks(source: int, target: int) -> bool:
    with suppress(ImportError, OSError):
        import fcntl

        fcntl.ioctl(target, _FICLONE, source)
        return True
    return False
