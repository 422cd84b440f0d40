"""What models are selected for: something that has roles and answers a question."""

from __future__ import annotations

import hashlib
import inspect
import itertools
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol

from optiq.errors import InputError
from optiq.plans.plan import Plan
from optiq.questions.question import Question
from optiq.selection.metrics import load
from optiq.selection.recording import Recorder, tagged


class Subject(Protocol):
    """An agent, a plan or a staged workflow.

    ``identity`` changes when what it does changes; ``prompt`` is what its traces say about their prompts.
    """

    name: str
    roles: tuple[str, ...] | None

    @property
    def identity(self) -> str: ...

    @property
    def prompt(self) -> str: ...

    @property
    def topic(self) -> str | None:
        """The topic that its traces land under; None: the question's own."""
        ...

    def answer(self, question: Question, recorder: Recorder) -> Any:
        """Run on one question; calls go to ``recorder``. May raise anything. May return an awaitable."""
        ...

    def wiring(self, assignment: Mapping[str, str]) -> tuple[Plan, dict[str, int]]:
        """How its models are wired, and the plan's node of each role: for traces."""
        ...


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

    def answer(self, question: Question, recorder: Recorder) -> Any:
        models = {role: tagged(model, role) for role, model in recorder.assignment.items()}
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


def wired(assignment: Mapping[str, str], edges: Sequence[tuple[int, int]]) -> tuple[Plan, dict[str, int]]:
    """The canonical plan of roles in their order with ``edges`` between them, and the node of each role."""
    models = list(assignment.values())
    plan = Plan.of(models, edges)
    for nodes in itertools.permutations(range(len(models))):
        same = all(plan.models[node] == model for node, model in zip(nodes, models, strict=True))
        if same and {(nodes[a], nodes[b]) for a, b in edges} == set(plan.edges):
            return plan, dict(zip(assignment, nodes, strict=True))
    raise AssertionError(f"{plan.key} is no numbering of {models}")
