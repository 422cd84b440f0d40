"""Selections that were begun and are not finished: what each was asked for, so that `optiq select --resume` goes on."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from optiq.errors import InputError
from optiq.files.atomic import replacing
from warehouse.home import Home

_FOLDER = "selection/begun"


def keep_begun(home: Home, same: Mapping[str, Any], given: Mapping[str, Any]) -> Path:
    """Write down the parameters of a selection, until it is finished.

    What tells it from others (``same``) names the file: gone on with under a higher limit, it is the same one.
    """
    folder = str(Path.cwd())
    which = json.dumps([folder, same], sort_keys=True, default=str)
    told = json.dumps({"folder": folder, "given": dict(given)}, sort_keys=True, default=str)
    path = home.path / _FOLDER / f"{hashlib.sha256(which.encode()).hexdigest()[:32]}.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    with replacing(path) as temporary:
        temporary.write_text(told + "\n", encoding="utf-8")
    return path


def latest_begun(home: Home) -> dict[str, Any]:
    """The parameters of the selection that was begun last and is not finished.

    Raises
    ------
    InputError
        if there is none, or it was begun in another folder: its files would not be found.
    """
    found = (home.path / _FOLDER).glob("[!.]*.json")  # hidden ones are still being written
    # By the moment, then by name: two of one moment have an order all the same.
    every = sorted(found, key=lambda path: (path.stat().st_mtime_ns, path.name))
    if not every:
        raise InputError("no selection was broken off", "Say what to select: `optiq select --help`.")
    try:
        kept = json.loads(every[-1].read_text(encoding="utf-8"))
        folder, given = Path(kept["folder"]), dict(kept["given"])
    except (OSError, ValueError, KeyError, TypeError) as fault:
        raise InputError(
            f"{every[-1]} cannot be read: {fault}",
            "Run the same `optiq select` again: it goes on all the same.",
        ) from None
    if folder != Path.cwd():
        raise InputError(f"the selection was begun in {folder}", f"Go there first: cd {folder}")
    return given


def forget_begun(path: Path) -> None:
    """It is finished."""
    with suppress(FileNotFoundError):
        path.unlink()
