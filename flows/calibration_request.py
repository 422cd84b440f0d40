"""From the flags of `optiq calibrate` to what is wanted."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from flows.parameters import budget_of, settings_of
from flows.run_options import amount
from optiq.errors import InputError
from optiq.questions.question import parse_number
from tasks.calibration import Wanted


def wanted_of(given: Mapping[str, Any]) -> Wanted:
    """What is wanted; an :class:`InputError` names the flag whose value cannot be used."""
    return Wanted(
        file=given["file"],
        settings=settings_of(given),
        budget=budget_of(given),
        topic=given.get("topic"),
        plans=tuple(given.get("plans") or ()),
        per_question=_whole(given, "per_question", 1),
        singles_only=bool(given.get("singles_only")),
        cache=bool(given.get("cache", True)),
        max_executions=_whole(given, "max_executions", 0),
        max_total_cost_usd=amount(given, "max_total_cost"),
        max_total_energy_j=amount(given, "max_total_energy"),
    )


def _whole(given: Mapping[str, Any], name: str, least: int) -> int | None:
    if given.get(name) is None:
        return None
    flag = f"--{name.replace('_', '-')}"
    number = parse_number(given[name], flag)
    if number != int(number) or number < least:
        raise InputError(f"{flag} is {given[name]}", f"Give a whole number from {least} up.")
    return int(number)
