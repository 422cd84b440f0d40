"""Which tool wrote a file: told by its content, or by the name that a person gave."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from pathlib import Path

from optiq.errors import InputError, OptiqWarning
from optiq.extensions.built_in import FORMATS
from optiq.formats.protocol import Format, Role
from optiq.formats.source import Source


def recognised(source: Source, name: str | None = None) -> tuple[Format, Role] | None:
    """The format of a file and what the file is to it; None if no format knows it.

    ``name`` is a registered format that a person named: it is taken at their word where it does not deny the file.
    One of another package that breaks on a file that nobody named it for is passed over, with a warning.
    """
    if name is not None:
        form: Format = FORMATS.load(name)()
        return form, form.recognises(source) or Role.ANSWERS
    if source.beginning[:4] == b"PAR1":
        return None
    for one in FORMATS.names():
        try:
            form = FORMATS.load(one)()
            role = form.recognises(source)
        except Exception as fault:
            if one in FORMATS.built_in:
                raise
            told = f"the format {one!r} of another package is passed over: {type(fault).__name__}: {fault}"
            warnings.warn(told, OptiqWarning, stacklevel=2)
            continue
        if role is not None:
            return form, role
    return None


def files_in(paths: Sequence[Path]) -> tuple[list[Path], set[Path]]:
    """The files of ``paths``, those in folders included (sorted, hidden ones left out), and which of them those are.

    Raises
    ------
    InputError
        if there is no such file or a folder is empty.
    """
    found: dict[Path, None] = {}
    inside: set[Path] = set()
    for path in paths:
        if path.is_dir():
            parts = [
                part
                for part in sorted(path.rglob("*"))
                if part.is_file() and not any(name.startswith(".") for name in part.relative_to(path).parts)
            ]
            if not parts:
                raise InputError(f"{path} is a folder without files", "Give a file, or a folder with some.")
            found |= dict.fromkeys(parts)
            inside |= set(parts)
        elif not path.is_file():
            raise InputError(f"no file {path}", "Check the path.")
        else:
            found[path] = None
    return list(found), inside - {path for path in paths if path.is_file()}
