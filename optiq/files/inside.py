"""Names that come from elsewhere (a store's keys, parameters of a run) as places in a folder, and nowhere else."""

from __future__ import annotations

import re
from pathlib import Path

from optiq.errors import InputError

_ODD = re.compile(r"[\x00-\x1f\x7f\\]|^[A-Za-z]:")

_LONGEST = 200
"""Bytes of a name; file systems take 255, and what is being written has a longer one."""


def stays_inside(name: str) -> bool:
    """Whether ``name`` is a plain relative path with ``/`` between its parts, none of them empty, ``.`` or ``..``.

    Nor longer than a file system takes: one such key would keep all the others from being fetched.
    """
    parts = name.split("/")
    return not _ODD.search(name) and all(
        part not in ("", ".", "..") and len(part.encode(errors="replace")) <= _LONGEST for part in parts
    )


def inside(folder: Path, name: str, what: str) -> Path:
    """The place of ``name`` in ``folder``.

    Raises
    ------
    InputError
        if it may be elsewhere: absolute, with ``..``, another separator or a control character, or through a link
        that leads out of the folder. ``what`` says what the name is of.
    """
    place = folder / name
    if not stays_inside(name) or not place.resolve().is_relative_to(folder.resolve()):
        raise InputError(
            f"{what} {name!r} would be outside of {folder}",
            "Nothing was read or written there. Remove it where it comes from, or check the name.",
        )
    return place
