"""Settings: ``optiq.toml`` (or ``$OPTIQ_CONFIG``), overridden by ``OPTIQ_*`` variables, overridden by flags.

API keys are no settings: servers read them from the environment, so that they are never written anywhere.
"""

from __future__ import annotations

import difflib
import math
import os
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from typing import Any

from optiq.errors import ConfigurationError, UnknownName
from optiq.prompts.prompt_set import PROMPT_NAMES
from optiq.prompts.variants import Variant, read_variants
from optiq.questions.question import Weights

_LISTS = {"models"}
_SWITCHES = {"constrain", "distrust_drifted", "looks"}
_CHOICES = {
    "bound_operations": ("upper", "sample", "none"),
    "prompt": PROMPT_NAMES,
    "energy": ("auto", "measured", "predicted"),
    "topic_model": ("centroid", "bertopic"),
    "neighbours": ("auto", "off"),
}
_INTEGERS = {"max_operations", "seed", "chunk_size", "max_output_tokens", "keep"}


@dataclass(frozen=True, slots=True)
class Settings:
    """What a command runs with.

    ``models`` is the pool (``None``: every served model that PerfDB knows), ``blender`` the model of blend
    nodes (``None``: the served model with the highest QoA). ``max_operations`` bounds the nodes of a plan,
    ``estimator`` names how plans are estimated (:mod:`optiq.estimation.estimator`), ``neighbours`` whether
    past questions like one that is asked say how good models are on it (``auto``, where they do; ``off``), ``looks``
    whether how a question looks says how dear it is (:mod:`optiq.estimation.looks`),
    and ``bound_operations`` says how a budget bounds them further (``upper``, ``sample`` or ``none``).
    ``confidence`` is the probability with which limits are to hold (``None``: they hold for expected figures).
    ``timeout_s`` is how long one attempt of a call may take.

    ``prompt`` names the prompt set, ``examples`` the labelled file of few-shot ones (``None``: PerfDB);
    ``constrain`` holds answers to letters where a server can. ``genfuser`` is the folder or hub name of a
    GenFuser that may be the blender. ``energy`` is ``auto`` (measured where it can be), ``measured`` or
    ``predicted``.

    ``variants`` are models with a prompt set or cap of their own (:mod:`optiq.prompts.variants`); only files have them.

    Of refreshes: ``keep`` snapshots, ``half_life_days`` after which an observation counts half (0: age does not
    matter), ``distrust_drifted`` (start a drifted model's statistics again at its drift), ``topic_model``.
    """

    home: str = ".optiq"
    server: str = "auto"
    server_url: str | None = None
    models: tuple[str, ...] | None = None
    blender: str | None = None
    planner: str = "exact"
    estimator: str = "shrunk"
    neighbours: str = "auto"
    looks: bool = True
    max_operations: int = 3
    bound_operations: str = "upper"
    weights: Weights = field(default_factory=Weights)
    confidence: float | None = None
    seed: int = 0
    chunk_size: int = 25
    max_output_tokens: int | None = None
    timeout_s: float = 120.0
    prompt: str = "zero-shot"
    examples: str | None = None
    variants: tuple[Variant, ...] = ()
    constrain: bool = True
    genfuser: str | None = None
    energy: str = "auto"
    keep: int = 7
    half_life_days: float = 180.0
    distrust_drifted: bool = False
    topic_model: str = "centroid"

    @classmethod
    def load(
        cls, flags: Mapping[str, Any] | None = None, environ: Mapping[str, str] | None = None
    ) -> Settings:
        """Defaults, then the file, then the environment, then the flags that are not ``None``.

        Raises
        ------
        ConfigurationError
            naming the file or variable whose value cannot be used.
        """
        environ = os.environ if environ is None else environ
        settings = cls()
        for values in (_from_file(environ), _from_environment(environ)):
            settings = _apply(settings, values)
        given = {name: (value, f"--{name.replace('_', '-')}") for name, value in (flags or {}).items()}
        return _apply(settings, {name: pair for name, pair in given.items() if pair[0] is not None})


def _names() -> list[str]:
    return [f.name for f in fields(Settings)]


def _from_file(environ: Mapping[str, str]) -> dict[str, tuple[Any, str]]:
    given = environ.get("OPTIQ_CONFIG")
    path = Path(given or "optiq.toml")
    if not path.is_file():
        if given:
            raise ConfigurationError(
                f"$OPTIQ_CONFIG names {path}, which is no file", "Point it at a TOML file or unset it."
            )
        return {}
    try:
        table = tomllib.loads(path.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, OSError) as fault:
        raise ConfigurationError(
            f"{path} cannot be read as TOML: {fault}", "Mend the file or remove it."
        ) from None
    for name in table:
        if name not in _names():
            close = difflib.get_close_matches(name, _names(), n=1)
            hint = f"Did you mean {close[0]!r}?" if close else f"Known settings: {', '.join(_names())}."
            raise ConfigurationError(f"{path} sets {name!r}, which is no setting", hint)
    return {name: (value, f"{name} in {path}") for name, value in table.items()}


def _from_environment(environ: Mapping[str, str]) -> dict[str, tuple[Any, str]]:
    found = {}
    for name in _names():
        variable = f"OPTIQ_{name.upper()}"
        if environ.get(variable) and name != "variants":
            found[name] = (environ[variable], f"${variable}")
    return found


def _apply(settings: Settings, values: Mapping[str, tuple[Any, str]]) -> Settings:
    return replace(
        settings, **{name: _convert(name, value, origin) for name, (value, origin) in values.items()}
    )


def _convert(name: str, value: Any, origin: str) -> Any:
    if name == "weights":
        if isinstance(value, Weights):
            return value
        if isinstance(value, Mapping):
            given = {key: part for key, part in value.items() if part is not None}
            if "worth_usd" in given:
                return Weights(worth_usd=given["worth_usd"])
            value = ",".join(f"{key}={part}" for key, part in given.items())
        return Weights.parse(str(value))
    if name == "confidence":
        return _probability(value, origin)
    if name == "neighbours" and isinstance(value, bool):
        return "auto" if value else "off"
    if name in _LISTS:
        parts = value.split(",") if isinstance(value, str) else list(value)
        names = tuple(dict.fromkeys(str(part).strip() for part in parts if str(part).strip()))
        if not names:
            raise ConfigurationError(f"{origin} names no model", "Give model names separated by commas.")
        return names
    if name == "variants":
        return read_variants(value, origin)
    if name == "half_life_days":
        return _days(value, origin)
    if name in _INTEGERS:
        try:
            number = int(str(value))
        except ValueError:
            raise ConfigurationError(f"{origin} is {value!r}", "Give a whole number.") from None
        if number < (0 if name == "seed" else 1):
            raise ConfigurationError(f"{origin} is {number}", "Give a number from 1 up.")
        return number
    if name in _SWITCHES:
        known = {
            "true": True,
            "on": True,
            "yes": True,
            "1": True,
            "false": False,
            "off": False,
            "no": False,
            "0": False,
        }
        if str(value).lower() not in known:
            raise ConfigurationError(f"{origin} is {value!r}", "Give true or false.")
        return known[str(value).lower()]
    if name in _CHOICES and value not in _CHOICES[name]:
        *others, last = _CHOICES[name]
        raise ConfigurationError(f"{origin} is {value!r}", f"Give {', '.join(others)} or {last}.")
    if name == "estimator":
        from optiq.estimation.estimator import ESTIMATORS

        try:
            ESTIMATORS.check(str(value))
        except UnknownName as fault:
            raise ConfigurationError(f"{origin} is {value!r}", fault.remedy) from None
    if name == "timeout_s":
        try:
            seconds = float(str(value))
        except ValueError:
            seconds = math.nan
        if not 0 < seconds < math.inf:
            raise ConfigurationError(f"{origin} is {value!r}", "Give seconds, more than 0.")
        return seconds
    if not isinstance(value, str | Path):
        raise ConfigurationError(f"{origin} is {value!r}", "Give text.")
    return str(value)


def _days(value: Any, origin: str) -> float:
    try:
        days = float(str(value))
    except ValueError:
        days = -1.0
    if not 0 <= days < float("inf"):
        raise ConfigurationError(f"{origin} is {value!r}", "Give a number of days, or 0 to turn it off.")
    return days


def _probability(value: Any, origin: str) -> float:
    try:
        number = math.nan if isinstance(value, bool) else float(str(value))
    except ValueError:
        number = math.nan
    if not 0 < number < 1:
        raise ConfigurationError(
            f"{origin} is {value}",
            "Give a probability between 0 and 1, such as 0.95, or leave it out: limits then hold for what is expected.",
        )
    return number
