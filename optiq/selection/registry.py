"""Methods by name: the entry points of the group ``optiq.selectors``, so that another package can add one.

Those that come with Optiq are known even where the installation's metadata is older than the code.
"""

from __future__ import annotations

import importlib
import inspect
from collections.abc import Mapping
from functools import lru_cache
from importlib.metadata import EntryPoint, entry_points
from typing import Any, cast

from optiq.errors import InputError, UnknownName
from optiq.selection.protocol import Problem, Selector

GROUP = "optiq.selectors"
DEFAULT = "arm-elimination"

BUILT_IN = {
    "arm-elimination": "optiq.selection.methods.arm_elimination:ArmElimination",
    "bayesian-optimisation": "optiq.selection.methods.bayesian:BayesianOptimisation",
    "brute-force": "optiq.selection.methods.brute_force:BruteForce",
    "epsilon-lucb": "optiq.selection.methods.epsilon_lucb:EpsilonLUCB",
    "hill-climbing": "optiq.selection.methods.hill_climbing:HillClimbing",
    "lm-proposal": "optiq.selection.methods.lm_proposal:LMProposal",
    "mixllm": "optiq.selection.methods.mixllm:MixLLM",
    "random": "optiq.selection.methods.random_search:RandomSearch",
    "threshold-successive-elimination": "optiq.selection.methods.threshold_elimination:ThresholdElimination",
    "uct": "optiq.selection.methods.uct:UCT",
}


@lru_cache(maxsize=1)
def _registered() -> dict[str, EntryPoint]:
    return {point.name: point for point in entry_points(group=GROUP)}


def selector_names() -> tuple[str, ...]:
    """All methods that can be asked for, sorted."""
    return tuple(sorted({*BUILT_IN, *_registered()}))


def make_selector(name: str, problem: Problem, options: Mapping[str, Any] | None = None) -> Selector:
    """A method by name, with its options.

    Raises
    ------
    UnknownName
        for a method or an option that does not exist; the message lists those that do.
    """
    if name in BUILT_IN:
        module, _, attribute = BUILT_IN[name].partition(":")
        made = getattr(importlib.import_module(module), attribute)
    elif name in _registered():
        made = _registered()[name].load()
    else:
        raise UnknownName(f"unknown method {name!r}", f"Methods are {', '.join(selector_names())}.")
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
