"""JSON, TOML and YAML that models, servers or other people wrote: whatever is wrong with it is a ``ValueError``.

Parsers go down into what they read, so that text of a thousand brackets ends Python's stack and not only the parser; a
list that YAML names and repeats is small to read and endless to print.
"""

from __future__ import annotations

import json
from typing import Any

DEEPEST = 64
"""Lists and records inside one another: what reads them goes down into them, too."""

_TOO_DEEP = f"more than {DEEPEST} lists and records inside one another"


def parse_json(text: str | bytes) -> Any:
    """The value in ``text``, as Python's parser reads it: of a key given twice the last, ``NaN`` as a float.

    Raises
    ------
    ValueError
        if it is no JSON, or more than :data:`DEEPEST` deep.
    """
    try:
        value = json.loads(text)
    except RecursionError:
        raise ValueError(_TOO_DEEP) from None
    opened = (
        text.count("[") + text.count("{") if isinstance(text, str) else text.count(b"[") + text.count(b"{")
    )
    if opened > DEEPEST and too_deep(value):
        raise ValueError(_TOO_DEEP)
    return value


def parse_toml(text: str) -> dict[str, Any]:
    """The table in ``text``.

    Raises
    ------
    ValueError
        if it is no TOML, too deep, or a number has too many digits.
    """
    import tomllib

    try:
        return tomllib.loads(text)
    except RecursionError:
        raise ValueError(_TOO_DEEP) from None


def parse_yaml(text: str) -> Any:
    """The value in ``text``. A text may be named and repeated (``&a``, ``*a``), a list or a record may not.

    Raises
    ------
    ValueError
        if it is no YAML, too deep, repeats a list or a record, or a number or date is none.
    """
    import yaml  # type: ignore[import-untyped]

    class Loader(yaml.SafeLoader):  # type: ignore[misc]
        def compose_node(self, parent: Any, index: Any) -> Any:
            repeats = self.check_event(yaml.AliasEvent)
            node = super().compose_node(parent, index)
            if repeats and not isinstance(node, yaml.ScalarNode):
                raise ValueError("it repeats a list or a record by its name: write it out")
            return node

    try:
        value = yaml.load(text, Loader)
    except RecursionError:
        raise ValueError(_TOO_DEEP) from None
    except yaml.YAMLError as fault:
        raise ValueError(str(fault)) from None
    if too_deep(value):
        raise ValueError(_TOO_DEEP)
    return value


def too_deep(value: Any) -> bool:
    """Whether ``value`` has more than :data:`DEEPEST` lists and records inside one another."""
    level = [value]
    for _ in range(DEEPEST):
        level = [
            part
            for one in level
            if isinstance(one, list | dict)
            for part in (one.values() if isinstance(one, dict) else one)
        ]
        if not level:
            return False
    return any(isinstance(one, list | dict) for one in level)
