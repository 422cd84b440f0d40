"""Profiles: names that clients ask for, each with limits, preferences and a pool of its own.

``[profiles.support]`` in ``optiq.toml`` makes the model ``optiq/support``, also called ``support``.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any

from optiq.errors import ConfigurationError, InputError, meant
from optiq.prompts.prompt_set import PROMPT_NAMES
from optiq.questions.question import Budget, Weights

_REMEDY = "Such as [profiles.support] with max_cost = 0.002 and min_qoa = 0.6."


@dataclass(frozen=True, slots=True)
class Profile:
    """Settings of its own for requests that name it; what is None is as `optiq serve` is set."""

    name: str
    max_cost: float | None = None
    max_latency: float | None = None
    max_energy: float | None = None
    min_qoa: float | None = None
    models: tuple[str, ...] | None = None
    blender: str | None = None
    prompt: str | None = None
    weights: Weights | None = None
    max_operations: int | None = None
    max_output_tokens: int | None = None
    topic: str | None = None

    @property
    def budget(self) -> Budget:
        """Its limits on one request."""
        return Budget(self.max_cost, self.max_latency, self.max_energy, self.min_qoa)


BUILT_IN = (
    Profile("cheap", weights=Weights(1.0, 0.0, 0.0, 0.0)),
    Profile("fast", weights=Weights(0.0, 1.0, 0.0, 0.0)),
    Profile("best", weights=Weights(0.0, 0.0, 0.0, 1.0)),
)
"""Profiles that there are without configuration; one of the same name in ``optiq.toml`` takes its place."""


def read_profiles(value: Any, origin: str) -> tuple[Profile, ...]:
    """Profiles from the tables of a configuration file; sorted by name.

    Raises
    ------
    ConfigurationError
        naming the profile and the field that cannot be used.
    """
    if isinstance(value, tuple) and all(isinstance(one, Profile) for one in value):
        return value
    if not isinstance(value, Mapping):
        raise ConfigurationError(f"{origin} is {value!r}", _REMEDY)
    return tuple(
        _profile(name, table, f"{origin}: profile {name!r}") for name, table in sorted(value.items())
    )


def _profile(name: str, table: Any, where: str) -> Profile:
    if not isinstance(table, Mapping) or not name or "/" in name:
        raise ConfigurationError(f"{where} is none", _REMEDY)
    known = [one.name for one in fields(Profile) if one.name != "name"]
    for key in table:
        if key not in known:
            hint = meant(key, known, f"Known: {', '.join(known)}.")
            raise ConfigurationError(f"{where} sets {key!r}", hint)
    given = dict(table)
    for key in ("max_operations", "max_output_tokens"):
        if (number := given.get(key)) is not None and (type(number) is not int or number < 1):
            raise ConfigurationError(f"{where} has {key} {number!r}", "Give a whole number from 1 up.")
    if given.get("prompt", PROMPT_NAMES[0]) not in PROMPT_NAMES:
        raise ConfigurationError(
            f"{where} has the prompt {given['prompt']!r}", f"Give one of {', '.join(PROMPT_NAMES)}."
        )
    try:
        if (models := given.get("models")) is not None:
            parts = models.split(",") if isinstance(models, str) else list(models)
            given["models"] = tuple(str(part).strip() for part in parts if str(part).strip()) or None
        if (weights := given.get("weights")) is not None:
            said = (
                ",".join(f"{k}={v}" for k, v in weights.items()) if isinstance(weights, Mapping) else weights
            )
            given["weights"] = Weights.parse(str(said))
        found = Profile(name, **given)
        found.budget  # noqa: B018 - checks the limits
    except (InputError, TypeError) as fault:
        raise ConfigurationError(f"{where}: {fault}", _REMEDY) from None
    return found


def read_features(value: Any, origin: str) -> tuple[tuple[str, tuple[str, ...]], ...]:
    """Which models have a feature: ``[features]`` with ``images = ["llava:7b"]``.

    Raises
    ------
    ConfigurationError
        for what is no table of lists of names.
    """
    if isinstance(value, tuple):
        return value
    if not isinstance(value, Mapping) or not all(
        isinstance(models, list | tuple) and all(isinstance(name, str) for name in models)
        for models in value.values()
    ):
        raise ConfigurationError(
            f"{origin} is {value!r}", 'Give lists of models by feature, such as images = ["llava:7b"].'
        )
    return tuple((str(name), tuple(models)) for name, models in sorted(value.items()))
