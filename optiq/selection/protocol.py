"""What every method is given, and what it gives back: ask for runs, see outcomes, end with a ranking."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Protocol

import numpy as np

from optiq.selection.evidence import Evidence, Run
from optiq.selection.objective import Objective
from optiq.selection.space import Space

Advisor = Callable[[str], str]
"""A language model that answers a prompt: what ``lm-proposal`` asks for a shortlist."""


@dataclass(frozen=True)
class Known:
    """Words by role and by model; ``past`` are lines on what models came to in roles in earlier selections."""

    roles: Mapping[str, str] = field(default_factory=dict)
    models: Mapping[str, str] = field(default_factory=dict)
    past: tuple[str, ...] = ()


@dataclass(frozen=True)
class Problem:
    """One selection: which combination of ``space`` is best on ``n_examples`` labelled examples.

    ``task`` says in words what the agent does and ``advisor`` is asked about it, for methods that use a
    language model; ``known`` is what it can be told of roles and models. A method draws all random numbers from
    ``seed``. ``repeat_temperature``: repeated runs are made at that temperature while first ones are at 0, so they say
    how much accuracy fluctuates only among themselves.
    """

    space: Space
    n_examples: int
    objective: Objective = field(default_factory=Objective)
    seed: int = 0
    task: str = ""
    advisor: Advisor | None = None
    known: Known | None = None
    repeat_temperature: float | None = None

    @cached_property
    def order(self) -> list[int]:
        """The order in which examples are taken, one for all combinations: so that they can be compared."""
        return np.random.default_rng(self.seed).permutation(self.n_examples).tolist()

    def evidence(self) -> Evidence:
        """Nothing seen yet."""
        return Evidence(len(self.space), self.n_examples, len(self.space.roles))


@dataclass(frozen=True)
class Ranking:
    """Where a method stands. Arrays are by combination.

    ``order`` has the combinations that may be deployed, the best first. ``value`` is what they are ordered by,
    ``low`` and ``high`` bound the accuracy (95 %). ``eliminated`` ones were surely worse and are never in
    ``order``. ``floor`` is the accuracy floor that was used, if any; ``note`` says what a reader must know.
    """

    order: tuple[int, ...]
    value: np.ndarray
    low: np.ndarray
    high: np.ndarray
    eliminated: np.ndarray
    floor: float | None = None
    note: str = ""


class Selector(Protocol):
    """A method. Made with a :class:`Problem` from the entry-point group ``optiq.selectors``.

    Options are keyword arguments of its constructor, each with a default.
    """

    name: str

    def ask(self, evidence: Evidence) -> list[Run]:
        """What to run next, none of it in ``evidence``; empty when the method has finished.

        The same outcomes lead to the same questions: a run that was broken off is repeated from what is kept.
        """
        ...

    def ranking(self, evidence: Evidence) -> Ranking:
        """The ranking by what is known, at any time."""
        ...
