"""What other tools call models, and what they are called here: given once, remembered in the home."""

from __future__ import annotations

import json
from collections.abc import Iterable

from optiq.errors import InputError
from optiq.files.atomic import replacing
from optiq.files.others_text import parse_json
from warehouse.home import Home, usable

FILE = "model_names.json"


def names_given(pairs: Iterable[str]) -> dict[str, str]:
    """Their name → ours, from ``THEIRS=OURS``; theirs may hold ``=``, ours may not."""
    found = {}
    for pair in pairs:
        theirs, equals, ours = pair.rpartition("=")
        if not equals or not theirs.strip() or not ours.strip():
            raise InputError(
                f"--map {pair} names no two models", "Write --map THEIRS=OURS, such as openai:gpt-4o=gpt-4o."
            )
        found[theirs.strip()] = ours.strip()
    return found


def remembered_names(home: Home) -> dict[str, str]:
    """Their name → ours, as remembered; nothing if the file cannot be used."""
    home.fetch(FILE)
    path = home.path / FILE
    if not path.is_file():
        return {}
    try:
        found = parse_json(path.read_text(encoding="utf-8"))
        return {str(theirs): str(ours) for theirs, ours in found.items()}
    except (ValueError, AttributeError):
        raise InputError(f"{path} is no JSON object of names", "Mend it, or delete it.") from None


def remember_names(home: Home, names: dict[str, str]) -> None:
    """Add ``names`` to those that are remembered."""
    home.create()
    path = home.path / FILE
    with usable(home), replacing(path) as temporary:
        text = json.dumps(names, ensure_ascii=False, indent=1, sort_keys=True)
        temporary.write_text(text + "\n", encoding="utf-8")
    home.share(path)
