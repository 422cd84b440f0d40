"""From the parameters of a verb or a flow (the same names in both) to a budget and settings."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from optiq.configuration import Settings
from optiq.errors import InputError
from optiq.question import Budget, parse_number

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
    "max_operations",
    "bound_operations",
    "weights",
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
