"""The record of a selection in the home, ``selection/results/<run_id>.json``, and its page."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from optiq.errors import InputError, UnknownName
from optiq.files.atomic import replacing
from warehouse.home import Home

_FOLDER = "selection/results"


def keep_selection(home: Home, record: Mapping[str, Any]) -> None:
    """Write what a selection found, for :func:`find_selection`. ``record`` has a ``run_id``."""
    path = home.path / _FOLDER / f"{record['run_id']}.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    with replacing(path) as temporary:
        temporary.write_text(json.dumps(record, default=str) + "\n", encoding="utf-8")
    home.share(path)


def find_selection(home: Home, name: str) -> dict[str, Any]:
    """The record of a selection by its name or how that begins; ``last`` is the latest.

    Raises
    ------
    UnknownName
        if no selection, or more than one, begins like this.
    InputError
        if its record cannot be read.
    """
    home.fetch(_FOLDER)
    every = sorted((home.path / _FOLDER).glob("*.json"), reverse=True)
    found = every[:1] if name == "last" else [path for path in every if path.stem.startswith(name)]
    if len(found) != 1:
        what = "no selection" if not found else f"{len(found)} selections"
        raise UnknownName(f"{what} named {name!r}", _there_are(every))
    try:
        record = json.loads(found[0].read_text(encoding="utf-8"))
    except (OSError, ValueError) as fault:
        raise InputError(
            f"{found[0]} cannot be read: {fault}",
            "Run the same `optiq select` again; it calls nothing twice.",
        ) from None
    return dict(record)


def _there_are(paths: list[Path]) -> str:
    if not paths:
        return "`optiq select` makes one."
    names = ", ".join(path.stem for path in paths[:5])
    return f"The latest are {names}." if len(paths) > 1 else f"There is {names}."
