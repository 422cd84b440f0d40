"""What is chosen from: one model for each role of an agent, plan or workflow."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from optiq.errors import InputError

Combination = tuple[str, ...]
"""One model per role, in the order of the roles."""

MOST_COMBINATIONS = 20_000
"""More are refused: even one example of each would cost more than anybody means to spend."""


@dataclass(frozen=True)
class Space:
    """Every assignment of candidate models to roles; a combination is known by its place in ``combinations``.

    ``candidates[r]`` are the models that may take role ``roles[r]``.
    """

    roles: tuple[str, ...]
    candidates: tuple[tuple[str, ...], ...]

    def __post_init__(self) -> None:
        if not self.roles:
            raise InputError("there is no role to choose a model for", "Name at least one role.")
        if len(set(self.roles)) < len(self.roles):
            raise InputError(f"a role is named twice: {', '.join(self.roles)}", "Name each role once.")
        for role, models in zip(self.roles, self.candidates, strict=True):
            if not models:
                raise InputError(f"role {role!r} has no candidate model", "Give it at least one model.")
            if len(set(models)) < len(models):
                raise InputError(f"role {role!r} names a model twice", "Name each candidate once.")
        size = int(np.prod([len(models) for models in self.candidates], dtype=float))
        if size > MOST_COMBINATIONS:
            raise InputError(
                f"{size:,} combinations are more than {MOST_COMBINATIONS:,}",
                "Leave out candidates that cannot win, or roles whose model is settled.",
            )

    @classmethod
    def of(cls, models: Mapping[str, Sequence[str]]) -> Space:
        """From candidates by role, in the mapping's order."""
        return cls(tuple(models), tuple(tuple(candidates) for candidates in models.values()))

    @cached_property
    def combinations(self) -> tuple[Combination, ...]:
        """All of them, the last role changing fastest."""
        return tuple(itertools.product(*self.candidates))

    @cached_property
    def codes(self) -> np.ndarray:
        """Which candidate takes each role: (combinations, roles) integers."""
        return np.array(list(itertools.product(*(range(len(models)) for models in self.candidates))))

    @cached_property
    def places(self) -> dict[Combination, int]:
        """The place of each combination."""
        return {combination: place for place, combination in enumerate(self.combinations)}

    def __len__(self) -> int:
        return len(self.combinations)

    def assignment(self, place: int) -> dict[str, str]:
        """The model of each role in the combination at ``place``."""
        return dict(zip(self.roles, self.combinations[place], strict=True))

    def neighbours(self, place: int) -> list[int]:
        """The combinations that differ in one role, in order."""
        return np.flatnonzero((self.codes != self.codes[place]).sum(axis=1) == 1).tolist()

    def same_model(self) -> list[int]:
        """The combinations that use one model in all roles."""
        return [place for place, combination in enumerate(self.combinations) if len(set(combination)) == 1]

    def describe(self, place: int) -> str:
        """``planner=a, solver=b``; the bare model where there is one role."""
        if len(self.roles) == 1:
            return self.combinations[place][0]
        return ", ".join(f"{role}={model}" for role, model in self.assignment(place).items())
