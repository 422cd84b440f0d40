"""From the parameters of a verb or a flow (the same names in both) to a budget and settings."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from optiq.configuration import Settings
from optiq.errors import InputError
from optiq.questions.question import Budget, parse_number

if TYPE_CHECKING:
    from warehouse.evidence import Part

_LIMITS = {
    "max_cost": "max_cost_usd",
    "max_latency": "max_latency_s",
    "max_energy": "max_energy_j",
    "min_qoa": "min_qoa",
}
_SETTINGS = (
    "server",
    "server_url",
    "models",
    "blender",
    "planner",
    "estimator",
    "neighbours",
    "max_operations",
    "bound_operations",
    "weights",
    "confidence",
    "seed",
    "chunk_size",
    "prompt",
    "examples",
    "constrain",
)


def settings_of(given: Mapping[str, Any]) -> Settings:
    """Settings with the given parameters on top; other names in ``given`` are not settings."""
    return Settings.load({"home": given.get("perfdb"), **{name: given.get(name) for name in _SETTINGS}})


def budget_of(given: Mapping[str, Any]) -> Budget:
    """The limits on one question; an :class:`InputError` names the flag whose value cannot be used."""
    values = {}
    for name, field in _LIMITS.items():
        if given.get(name) is None:
            continue
        flag = f"--{name.replace('_', '-')}"
        values[field] = parse_number(given[name], flag)
        if values[field] < 0:
            raise InputError(
                f"{flag} is {values[field]:g}", "Give a number from 0 up, or leave it out for no limit."
            )
    return Budget(**values)


_AGO = re.compile(r"(\d+)\s*([dhw])")
_UNITS = {"h": "hours", "d": "days", "w": "weeks"}


def time_of(given: str | None, flag: str, now: datetime | None = None) -> datetime | None:
    """A time in UTC from a date, a date and time (ISO 8601), or so long ago: ``12h``, ``30d``, ``4w``.

    An :class:`InputError` names the flag whose value is none of these.
    """
    if given is None:
        return None
    text = str(given).strip()
    try:
        if ago := _AGO.fullmatch(text):
            return (now or datetime.now(UTC)) - timedelta(**{_UNITS[ago[2]]: int(ago[1])})
        found = datetime.fromisoformat(text)
    except (ValueError, OverflowError):
        raise InputError(
            f"{flag} is {text!r}", "Give a date such as 2026-10-01, a time, or how long ago: 12h, 30d, 4w."
        ) from None
    return found.replace(tzinfo=UTC) if found.tzinfo is None else found.astimezone(UTC)


def part_of(given: Mapping[str, Any]) -> Part:
    """Which executions are wanted: ``since``, ``until``, ``run``, ``prompt``, ``max_questions``."""
    from warehouse.evidence import MOST_QUESTIONS, Part

    since, until = (time_of(given.get(name), f"--{name}") for name in ("since", "until"))
    if since is not None and until is not None and since >= until:
        raise InputError("--since is not before --until", "Give an earlier --since.")
    return Part(
        since, until, given.get("run"), given.get("prompt"), given.get("max_questions") or MOST_QUESTIONS
    )
