"""Agents: classes of the user's, whose model calls are seen at the transport while they run."""

from __future__ import annotations

import copy
import hashlib
import inspect
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from optiq.errors import InputError
from optiq.plans.plan import Plan
from optiq.selection.examples import Example
from optiq.selection.metrics import load
from optiq.selection.roles import RoleModel, RoleModels
from optiq.selection.subjects import wired


class AgentSubject:
    """Code of the user's that answers with the models it is given:

    - a class with ``__init__(models)`` and ``run(example)``;
    - a function ``run(example, models)``;
    - a function ``make(models)`` that returns something with ``run(example)``, or a function of the example.

    Each may be async, or give its answer piece by piece (text is put together). ``models`` is a dict by role. It gets
    the row without its reference, or the one field of it that was asked for
    (:class:`optiq.selection.examples.Example`).
    Models are given by the names that they have (:class:`optiq.selection.roles.RoleModel`). ``make_model`` (name →
    object) makes client objects of the user's of these names.
    """

    roles: tuple[str, ...] | None = None

    def __init__(self, agent: str | Callable[..., Any], make_model: str | Callable[[str], Any] | None = None):
        self._agent: Any = load(agent, "agent") if isinstance(agent, str) else agent
        named = f"{getattr(agent, '__module__', '')}:{getattr(agent, '__qualname__', type(agent).__name__)}"
        self.name = agent if isinstance(agent, str) else named
        self._make_model = load(make_model, "model factory") if isinstance(make_model, str) else make_model
        if not callable(self._agent) or (
            inspect.isclass(self._agent) and not callable(getattr(self._agent, "run", None))
        ):
            raise InputError(
                f"{self.name} is no agent",
                "It needs to be a class with __init__(models) and run(example), or a function run(example, models).",
            )
        run = getattr(self._agent, "run", self._agent)
        self.asynchronous = inspect.iscoroutinefunction(run) or inspect.isasyncgenfunction(run)
        """Whether it is run by an event loop."""
        self._takes_both = not inspect.isclass(self._agent) and _takes_example(self._agent)

    @property
    def identity(self) -> str:
        """The hash of the file that the agent is in."""
        try:
            source = Path(inspect.getfile(self._agent)).read_bytes()
        except (OSError, TypeError):
            source = b""
        return f"{self.name}@{hashlib.sha256(source).hexdigest()[:12]}"

    @property
    def prompt(self) -> str:
        return f"agent:{self.identity}"

    @property
    def topic(self) -> str | None:
        return f"agent/{self.name}"

    def answer(self, example: Example, assignment: Mapping[str, str]) -> Any:
        """Run on one example. May raise anything. May return an awaitable."""
        names = {role: RoleModel(model, role) for role, model in assignment.items()}
        make = self._make_model
        models = RoleModels({role: name if make is None else make(name) for role, name in names.items()})
        given = copy.deepcopy(example.given)  # what a run changes in it the next must not see
        if self._takes_both:
            return self._agent(given, models=models)
        made = self._agent(models)
        return made.run(given) if hasattr(made, "run") else made(given)

    def wiring(self, assignment: Mapping[str, str]) -> tuple[Plan, dict[str, int]]:
        """A chain in the order of the roles: what the agent does between its calls nobody can see."""
        return wired(assignment, [(i, i + 1) for i in range(len(assignment) - 1)])


def _takes_example(function: Callable[..., Any]) -> bool:
    """Whether a function takes the models beside the example, or makes an agent of them."""
    try:
        parameters = inspect.signature(function).parameters
    except (TypeError, ValueError):
        return False
    return "models" in parameters and len(parameters) > 1
