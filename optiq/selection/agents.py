"""Agents: classes of the user's, whose model calls are seen at the transport while they run."""

from __future__ import annotations

import hashlib
import inspect
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from optiq.errors import InputError
from optiq.plans.plan import Plan
from optiq.questions.question import Question
from optiq.selection.metrics import load
from optiq.selection.recording import tagged
from optiq.selection.subjects import wired

RUN_THREAD = "optiq-run"
"""How the threads of runs are named: one that is there after the selection was given up."""

_LOOK_S = 0.25


class AgentSubject:
    """A class of the user's: ``__init__(models: dict[role, model])`` and ``run(example)``, plain or async.

    ``run`` gets a dict with ``question``, ``question_id``, ``options``, ``kind`` and ``topics`` (never the reference).
    Models are given to it as ``model#role``: what it sends tells the role, and the transport puts the model.
    """

    roles: tuple[str, ...] | None = None

    def __init__(self, agent: str | type) -> None:
        self._class = load(agent, "agent") if isinstance(agent, str) else agent
        self.name = agent if isinstance(agent, str) else f"{agent.__module__}:{agent.__qualname__}"
        if not callable(self._class) or not callable(getattr(self._class, "run", None)):
            raise InputError(f"{self.name} is no agent class", "It needs __init__(models) and run(example).")

    @property
    def asynchronous(self) -> bool:
        """Whether it is run by an event loop."""
        return inspect.iscoroutinefunction(getattr(self._class, "run", self._class))

    @property
    def identity(self) -> str:
        """The hash of the file that the class is in."""
        try:
            source = Path(inspect.getfile(self._class)).read_bytes()
        except (OSError, TypeError):
            source = b""
        return f"{self.name}@{hashlib.sha256(source).hexdigest()[:12]}"

    @property
    def prompt(self) -> str:
        return f"agent:{self.identity}"

    @property
    def topic(self) -> str | None:
        return f"agent/{self.name}"

    def answer(self, question: Question, assignment: Mapping[str, str]) -> Any:
        """Run on one question. May raise anything. May return an awaitable."""
        models = {role: tagged(model, role) for role, model in assignment.items()}
        example = {
            "question_id": question.question_id,
            "question": question.text,
            "options": list(question.options),
            "kind": question.kind.value,
            "topics": [name for name, _ in question.topics],
        }
        return self._class(models).run(example)

    def wiring(self, assignment: Mapping[str, str]) -> tuple[Plan, dict[str, int]]:
        """A chain in the order of the roles: what the agent does between its calls nobody can see."""
        return wired(assignment, [(i, i + 1) for i in range(len(assignment) - 1)])
