"""The methods of selection by name, made with their options."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from typing import Any, cast

from optiq.errors import InputError, UnknownName
from optiq.extensions.built_in import SELECTORS
from optiq.selection.protocol import Problem, Selector

DEFAULT = "arm-elimination"


def make_selector(name: str, problem: Problem, options: Mapping[str, Any] | None = None) -> Selector:
    """A method by name, with its options.

    Raises
    ------
    UnknownName
        for a method or an option that does not exist; the message lists those that do.
    """
    made = SELECTORS.load(name)
    options = dict(options or {})
    known = [parameter for parameter in inspect.signature(made).parameters if parameter != "problem"]
    for option in options:
        if option not in known:
            raise UnknownName(
                f"{name} has no option {option!r}", f"Its options are {', '.join(known) or 'none'}."
            )
    try:
        return cast(Selector, made(problem, **options))
    except TypeError as fault:
        raise InputError(
            f"an option of {name} has a value of the wrong kind: {fault}", "Give a number."
        ) from None
