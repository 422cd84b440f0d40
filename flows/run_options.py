"""From the flags of `optiq answer` that say how a run goes about it to :class:`RunOptions`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from optiq.errors import InputError
from optiq.questions.question import parse_number
from tasks.run_state import RunOptions


def options_of(given: Mapping[str, Any]) -> RunOptions:
    """The options among ``given``; an :class:`InputError` names the flag whose value cannot be used."""
    return RunOptions(
        limit=whole(given, "limit"),
        retry_errors=bool(given.get("retry_errors")),
        fresh=bool(given.get("fresh")),
        cache=bool(given.get("cache", True)),
        max_total_cost_usd=amount(given, "max_total_cost"),
        max_total_energy_j=amount(given, "max_total_energy"),
        fail_after=whole(given, "fail_after"),
    )


def amount(given: Mapping[str, Any], name: str) -> float | None:
    """A number from 0 up, or None."""
    if given.get(name) is None:
        return None
    flag = f"--{name.replace('_', '-')}"
    number = parse_number(given[name], flag)
    if number < 0:
        raise InputError(f"{flag} is {number:g}", "Give a number from 0 up, or leave it out for no limit.")
    return number


def whole(given: Mapping[str, Any], name: str) -> int | None:
    """A whole number from 1 up, or None."""
    if given.get(name) is None:
        return None
    flag = f"--{name.replace('_', '-')}"
    number = parse_number(given[name], flag)
    if number != int(number) or number < 1:
        raise InputError(f"{flag} is {given[name]}", "Give a whole number from 1 up.")
    return int(number)
