"""Where a person lets a result be written: one rule for every verb that is given the name of a file.

A file that is there is replaced, and that is said. It is not where the name can only be a mistake: a file that the
same command reads, one of a home, one whose content is of another kind than its name (nothing here wrote it), what is
no file, or a link, which came with a folder, that leads to a file of another name.
"""

from __future__ import annotations

import os
import warnings
from collections.abc import Callable
from pathlib import Path

from optiq.errors import InputError, OptiqNote
from optiq.files.atomic import check_place

_OTHER = "Give another name, or move it away first."
_LOOKED_AT = 4096
_OF_A_HOME = "perfdb.duckdb"
_FOLDERS_OF_A_HOME = frozenset(
    "cache gate landing prefect runs selection serving snapshots spending work".split()  # noqa: SIM905
)


def check_output(path: str | Path, *inputs: str | Path) -> None:
    """Check, before the work is done, that its result may go to ``path``; ``inputs`` are files that the work reads.

    Raises
    ------
    InputError
        if it may not, with what stands there.
    """
    check_place(path)
    target = Path(path).resolve()
    if any(target == Path(one).resolve() for one in inputs):
        raise InputError(f"{path} is a file that this command reads", "Give another file to write.")
    if any((above / _OF_A_HOME).is_file() and _is_homes(target, above) for above in target.parents):
        raise InputError(f"{path} is in a home of PerfDB, which keeps its own files there", _OTHER)
    if target.suffix.lower() != Path(path).suffix.lower():
        raise InputError(f"{path} is a link that leads to {target}", _OTHER)
    if not target.exists():
        return
    check = _KINDS.get(target.suffix.lower())
    try:
        with target.open("rb") as file:
            head = file.read(_LOOKED_AT)
    except OSError:
        return  # one that may not be read can be replaced where its folder may be written
    if head and check is not None and not check(head):
        raise InputError(f"{path} is there, and holds something else than its name says", _OTHER)


def _is_homes(target: Path, home: Path) -> bool:
    """Whether a place below ``home`` is for its own files. Somebody's project may be a home, too."""
    first, *rest = target.relative_to(home).parts
    return first in _FOLDERS_OF_A_HOME if rest else home != Path.cwd() or first.startswith("perfdb.duckdb")


def tell_replaced(path: str | Path, line: str = "") -> None:
    """Say that what is at ``path`` will be replaced, if anything is; ``line`` says it in better words."""
    if os.path.lexists(path):
        target = Path(path).resolve()
        leads = "" if target.name == Path(path).name else f" (it leads to {target})"
        warnings.warn(line or f"{path} is there and will be replaced{leads}", OptiqNote, stacklevel=3)


def _is_text(head: bytes) -> bool:
    try:
        head.decode("utf-8")
    except UnicodeDecodeError as fault:
        if fault.start < len(head) - 3:  # else it is the character that the look ended in
            return False
    return b"\0" not in head


def _begins(*ways: bytes) -> Callable[[bytes], bool]:
    return lambda head: head.startswith(ways)


def _is_markup(head: bytes) -> bool:
    return _is_text(head) and head.removeprefix(b"\xef\xbb\xbf").lstrip().startswith(b"<")


def _is_json(head: bytes) -> bool:
    return _is_text(head) and head.removeprefix(b"\xef\xbb\xbf").lstrip().startswith((b"{", b"["))


_KINDS: dict[str, Callable[[bytes], bool]] = {
    ".csv": _is_text,
    ".tsv": _is_text,
    ".json": _is_json,
    ".jsonl": _is_json,
    ".ndjson": _is_json,
    ".parquet": _begins(b"PAR1"),
    ".xlsx": _begins(b"PK"),
    ".png": _begins(b"\x89PNG"),
    ".svg": _is_markup,
    ".html": _is_markup,
    ".htm": _is_markup,
}
"""Of a kind of file, by suffix: whether what it begins with is of that kind."""
