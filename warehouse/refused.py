"""Landed files that cannot be merged: which they are, where they are kept, and how they are tried again.

A landed file must never stop the night. What is wrong with most files is seen before they are merged
(:mod:`warehouse.faults`). For the rest this finds the file at fault by merging fewer of them: DuckDB has no savepoints,
and a file may break a step long after its rows went in.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from contextlib import suppress
from datetime import UTC, datetime

import duckdb

from optiq.errors import GateError
from warehouse.home import Home
from warehouse.landing import LandedFile
from warehouse.migrate import code_version

FOLDER = "refused"


def culprit(
    files: Sequence[LandedFile],
    fails: Callable[[Sequence[LandedFile]], bool],
    sound: int = 0,
    most: int = 100,
) -> tuple[int, LandedFile | None]:
    """The last file of the shortest prefix of ``files`` that ``fails``, and how many files before it do not together.

    ``fails`` is true of ``files`` and not of the first ``sound`` of them; it is asked about ``most`` prefixes at most,
    log2 of the number of files mostly. No file if that is not enough. Files that fail often stand side by side: after
    some that are sound the next ones are looked at first.
    """
    good, bad, step = sound, len(files), 1 if sound else len(files)
    while bad - good > 1:
        if most <= 0:
            return good, None
        most -= 1
        middle = min(good + step, (good + bad) // 2)
        if fails(files[:middle]):
            bad = middle
        else:
            good, step = middle, 2 * step
    return good, files[good]


def reason_of(fault: BaseException) -> str:
    """A fault in one line, as it is kept with the file."""
    if isinstance(fault, GateError):
        return f"the quality gate refuses it: {fault.message}"
    what = str(fault).splitlines()[0] if str(fault).strip() else ""
    kind = "" if isinstance(fault, duckdb.Error) else f"{type(fault).__name__}: "
    return f"it cannot be merged: {kind}{what or 'no reason was given'}"[:500]


def set_aside(home: Home, file: LandedFile, reason: str) -> None:
    """Move ``file`` to ``landing/refused/``, with its reason beside it; one of a bundle with all of that."""
    folder = home.landing / FOLDER
    folder.mkdir(exist_ok=True)
    report = {
        "reason": reason,
        "kind": file.kind,
        "rows": file.n_rows(),
        "source_file": file.source()[0],
        "refused_at": datetime.now(UTC).isoformat(timespec="seconds"),
        "optiq": code_version(),
    }
    place = file.place
    beside = folder / f"{place.name}.json"
    temporary = folder / f".{beside.name}"
    temporary.write_text(json.dumps(report, indent=2) + "\n", encoding="utf-8")
    temporary.replace(beside)
    target = folder / place.name
    with suppress(FileNotFoundError):  # others of its bundle were set aside before
        place.replace(target)
    home.share(beside, target)
    home.forget(place)


def retry_refused(home: Home) -> list[str]:
    """Put every file that was set aside back into landing, for the next refresh; returns their names."""
    names = []
    for folder in (home.landing / FOLDER, home.landing / "rejected"):  # the latter is its name of old
        for path in sorted(folder.glob("*.parquet")):
            target = home.landing / path.name
            path.replace(target)
            beside = folder / f"{path.name}.json"
            beside.unlink(missing_ok=True)
            home.share(target)
            home.forget(path, beside)
            names.append(path.name)
    return names
