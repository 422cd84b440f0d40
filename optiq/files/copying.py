"""A copy of a file that shares no fate with it, made with as little writing as the file system lets it.

Blocks are shared where the file system can, until one is written. Elsewhere an older copy that nobody needs any more
is made the same as the file: of a database that grows little a hundredth is written that way.
"""

from __future__ import annotations

import os
import shutil
import stat
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from pathlib import Path

_FICLONE = 0x40049409  # of Linux: linux/fs.h
_PART = 256 * 1024
"""Bytes that are compared, and written if they differ, at once."""
_READERS = 2


def copy(source: Path, target: Path) -> None:
    """Write ``target`` with the content of ``source``, in place of what is there.

    Where a file is there already only what differs is written to it. ``OSError`` as the system says.
    """
    try:
        with source.open("rb") as original, target.open("r+b" if target.exists() else "w+b") as written:
            files = original.fileno(), written.fileno()
            size, there = (os.fstat(file).st_size for file in files)
            if there > size:
                os.ftruncate(files[1], size)  # to share blocks does not make it shorter
            if _shares_blocks(*files):
                return
            if there:
                _write_what_differs(*files, size)
                return
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


def take_over(old: Path, target: Path) -> bool:
    """Rename ``old`` to ``target``, a name that nobody else uses, if what is in it may be written over; says whether.

    It may not if anybody has it open, whoever that is, or if it has another name or another owner than a new file
    has. Only Linux tells that, and only of some file systems; wherever nobody tells, everything stays as it is.
    """
    if not stat.S_ISREG(old.lstat().st_mode):
        return False
    with target.open("xb") as new:
        like = os.fstat(new.fileno())
    try:
        old.rename(target)
    except OSError:  # on another disk
        target.unlink()
        return False
    found = target.stat()
    same_owner = (found.st_uid, found.st_gid) == (like.st_uid, like.st_gid)
    # who has not opened it cannot find it any more
    if same_owner and found.st_nlink == 1 and _is_closed(target):
        target.chmod(stat.S_IMODE(like.st_mode))
        return True
    target.rename(old)
    return False


def _write_what_differs(source: int, target: int, size: int) -> None:
    def every_other(first: int) -> None:
        wanted, there = memoryview(bytearray(_PART)), memoryview(bytearray(_PART))
        for start in range(first * _PART, size, _READERS * _PART):
            n = _read(source, wanted, start)
            if _read(target, there, start) != n or wanted.obj != there.obj:
                _write(target, wanted[:n], start)

    with ThreadPoolExecutor(_READERS) as readers:
        list(readers.map(every_other, range(_READERS)))


def _read(file: int, into: memoryview, start: int) -> int:
    done = 0
    while done < len(into) and (n := os.preadv(file, [into[done:]], start + done)):
        done += n
    return done


def _write(file: int, data: memoryview, start: int) -> None:
    done = 0
    while done < len(data):
        done += os.pwrite(file, data[done:], start + done)


def _is_closed(file: Path) -> bool:
    """Whether nobody has it open: then the system gives a lease on it, which is given back."""
    with suppress(ImportError, AttributeError, OSError), file.open("rb") as opened:
        import fcntl

        fcntl.fcntl(opened, fcntl.F_SETLEASE, fcntl.F_WRLCK)
        fcntl.fcntl(opened, fcntl.F_SETLEASE, fcntl.F_UNLCK)
        return True
    return False


def _shares_blocks(source: int, target: int) -> bool:
    with suppress(ImportError, OSError):
        import fcntl

        fcntl.ioctl(target, _FICLONE, source)
        return True
    return False
