"""The policies by name, made with the options that their text names."""

from __future__ import annotations

import inspect
import warnings
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

from optiq.configuration import Settings
from optiq.errors import InputError, OptiqWarning
from optiq.evaluation.outcomes import Outcomes
from optiq.evaluation.replay import HindsightPolicy, Policy
from optiq.extensions.built_in import POLICIES
from optiq.questions.question import parse_number

PRESET: dict[str, dict[str, object]] = {"opti-q-paper": {"estimator": "paper"}}
"""Options that a name stands for."""

RENAMED = {"opti-q-shrunk": "opti-q"}
"""Names of old, and what they mean now."""

NEEDS_ANSWERS = ("frugalgpt", "thriftllm", "llm-ensemble", "llm-blender")
"""Policies that look at answers: without any in the traces they are left out of the usual set."""

Maker = Callable[[], Policy | HindsightPolicy]


def default_policies(outcomes: Outcomes) -> list[str]:
    """Each single model, then every policy that the traces allow."""
    singles = [f"single:{outcomes.plans[i].models[0]}" for i in outcomes.singles]
    others = [name for name in POLICIES.built_in if name not in ("single", "best-single")]
    if not outcomes.answers:
        others = [name for name in others if name not in NEEDS_ANSWERS]
    if not any(asked.topics for asked in outcomes.questions):
        others.remove("best-single-per-topic")
    return ["best-single", *singles, *others]


def as_planned(spec: str, settings: Settings) -> str:
    """``opti-q`` as ``settings`` plan where they are not the usual ones and its options do not say otherwise.

    What only search depends on has no part in it: every recorded plan is estimated.
    """
    name, _, rest = spec.partition(":")
    if RENAMED.get(name, name) != "opti-q":
        return spec
    usual, given = Settings(), [part.partition("=")[0] for part in rest.split(",")]
    own = {
        "estimator": settings.estimator if settings.estimator != usual.estimator else None,
        "neighbours": "off" if settings.neighbours == "off" else None,
        "looks": None if settings.looks else "off",
        "caution": settings.caution or None,
        "safe_limits": None if settings.safe_limits else "off",
        "gain_probability": None
        if settings.gain_probability == usual.gain_probability
        else settings.gain_probability,
        "worth": settings.weights.worth_usd,
    }
    added = [f"{key}={value}" for key, value in own.items() if value is not None and key not in given]
    options = ",".join(filter(None, [rest, *added]))
    return f"{name}:{options}" if options else name


def make_policies(specs: Sequence[str]) -> dict[str, Maker]:
    """Makers by the text that names them; :class:`~optiq.errors.InputError` says what cannot be read."""
    return {spec: _maker(spec) for spec in specs}


def _maker(spec: str) -> Maker:
    name, _, rest = spec.partition(":")
    if name in RENAMED:
        warnings.warn(f"policy {name} is called {RENAMED[name]} now", OptiqWarning, stacklevel=3)
        name = RENAMED[name]
    kind: Any = POLICIES.load(name)
    known = inspect.signature(kind).parameters
    if name == "single":
        if not rest:
            raise InputError("policy single names no model", "Write single:MODEL, such as single:phi4:14b.")
        return partial(kind, rest)
    options: dict[str, Any] = dict(PRESET.get(name, {}))
    for part in filter(None, rest.split(",")):
        key, _, value = part.partition("=")
        if key not in known:
            listed = ", ".join(known) or "none"
            raise InputError(f"policy {name} has no option {key!r}", f"Its options: {listed}.")
        options[key] = _read(value, known[key].default, f"{name}:{key}")
    return partial(kind, **options)


def _read(value: str, default: object, name: str) -> bool | float | str:
    """``value`` as what the option's default is: a switch, a text or a number."""
    if isinstance(default, str):
        return value
    if not isinstance(default, bool):
        return parse_number(value, name)
    if value not in ("on", "off"):
        raise InputError(f"{name} is {value!r}", f"Write {name}=on or {name}=off.")
    return value == "on"
