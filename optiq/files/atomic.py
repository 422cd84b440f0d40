"""Files appear whole or not at all: write beside the target, then rename."""

from __future__ import annotations

import os
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from optiq.errors import InputError
from optiq.files.private import hand_over


def check_place(path: str | Path) -> None:
    """:class:`~optiq.errors.InputError` if ``path`` is a folder or a device, or cannot be written for its folder."""
    target = Path(path).resolve()
    if os.path.isdir(target):  # noqa: PTH112 - Path.is_dir raises for a name that is too long
        raise InputError(f"{path} is a folder", "Give the name of a file to write.")
    if os.path.exists(target) and not os.path.isfile(target):  # noqa: PTH110, PTH113 - as above
        raise InputError(f"{path} is no file, but a device or a pipe", "Give the name of a file to write.")
    if not os.path.isdir(target.parent):  # noqa: PTH112
        raise InputError(f"cannot write {path}: no folder {Path(path).parent}", "Make that folder first.")
    if not os.access(target.parent, os.W_OK):
        raise InputError(f"cannot write {path}: no permission", "Give a folder that you may write to.")


@contextmanager
def replacing(path: str | Path) -> Iterator[Path]:
    """A temporary path in the folder of ``path``; renamed to ``path`` if the block succeeds.

    Readers see the old file or the new one, never half of one, and a failure leaves the old one. A
    symbolic link keeps pointing where it did. File-system errors become
    :class:`~optiq.errors.InputError` with what to do about them.
    """
    given = Path(path)
    target = given.resolve()
    # Same folder, so that the rename stays on one file system; hidden, so that a glob does not find it.
    temporary = target.with_name(f".{target.stem[:80]}-{uuid.uuid4().hex}{target.suffix}")
    check_place(given)
    try:
        yield temporary
        with temporary.open("rb") as written:
            os.fsync(written.fileno())
        hand_over(temporary, target)
        temporary.replace(target)
    except OSError as error:
        remedy = "Check the disk, the permissions and the file name, then try again."
        raise InputError(f"cannot write {given}: {error.strerror or error}", remedy) from error
    finally:
        with suppress(OSError):
            temporary.unlink()
