"""What models are selected for: something that has roles and answers a question; and what one run of it gave."""

from __future__ import annotations

import itertools
import threading
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any, Protocol

from optiq.execution.ledger import LimitReached
from optiq.execution.trace import Call, Execution
from optiq.plans.plan import Plan
from optiq.selection.agent_loop import AgentLoop
from optiq.selection.evidence import RoleCalls
from optiq.selection.examples import Example
from optiq.selection.recording import CallRecord, Recorder


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

    def wiring(self, assignment: Mapping[str, str]) -> tuple[Plan, dict[str, int]]:
        """How its models are wired, and the plan's node of each role: for traces."""
        ...


@dataclass(frozen=True)
class Made:
    """What one run gave: ``answer`` or ``error``, its calls, and their figures (None where not known).

    ``fault`` is whose the error is (:mod:`optiq.selection.faults`), ``again`` says why the run was made again before.
    ``output`` is what the metric judges: an agent's own object, of which ``answer`` is the text.
    ``role_cost_usd`` and ``role_calls`` are by role. An agent has a ``recorder`` of its calls, a plan or
    workflow its ``executions``.
    """

    answer: str | None
    error: str | None
    calls: Sequence[Call | CallRecord]
    cost_usd: float | None
    latency_s: float | None
    role_cost_usd: tuple[float | None, ...]
    wall_s: float
    recorder: Recorder | None = None
    executions: tuple[Execution, ...] = ()
    fault: str | None = None
    again: tuple[str, ...] = ()
    output: Any = None
    role_calls: tuple[RoleCalls, ...] = ()


class LoopPerformer(Protocol):
    """Performs runs as coroutines of one event loop, so that none needs a thread."""

    loop: AgentLoop

    async def perform_here(
        self,
        example: Example,
        assignment: Mapping[str, str],
        trial: int,
        lost: Callable[[Made | LimitReached], None],
    ) -> Made | None:
        """One attempt at a run; None if the loop was left behind with it. Then ``lost`` is told what becomes of it.

        ``lost`` is not told of a run that had not begun.
        """
        ...

    def left(self) -> bool:
        """Leave the loop behind if a run does not let go of it. Asked from outside, now and then."""
        ...


class Performer(Protocol):
    """Runs a subject's combinations: interception for agents, the executor for plans and workflows.

    ``spent_usd`` is what is billed so far; what is found in a cache was paid before. ``in_loop`` is how runs that begin
    now are made in one event loop; None if each takes a thread.
    """

    @property
    def spent_usd(self) -> float: ...

    @property
    def in_loop(self) -> LoopPerformer | None: ...

    def running(self) -> AbstractContextManager[None]:
        """Runs are made inside."""
        ...

    def perform(
        self, example: Example, assignment: Mapping[str, str], trial: int, interrupted: threading.Event
    ) -> Made | None:
        """One run on one example, from any thread; None if it was ``interrupted``.

        :class:`~optiq.execution.ledger.LimitReached` if a limit on the whole bill leaves no room for it.
        """
        ...


def role_topic(subject: Subject, role: str) -> str | None:
    """The topic of calls that are made for a role; None where nodes are asked as those of all plans are."""
    return None if subject.topic is None else f"{subject.topic}/{role}"


def added_up(calls: Sequence[Call | CallRecord]) -> RoleCalls:
    """What the calls of one role took; those that were not answered took nothing that anybody knows."""
    answered = [call for call in calls if call.error is None]
    counted = all(getattr(call, "counted", True) for call in answered)  # bounds are no counts
    latency, prompt, output = (
        None if None in figures else sum(figure for figure in figures if figure is not None)
        for figures in (
            [call.latency_s for call in answered],
            [call.prompt_tokens if counted else None for call in answered],
            [call.output_tokens if counted else None for call in answered],
        )
    )
    return RoleCalls(
        len(answered),
        latency,
        None if prompt is None else int(prompt),
        None if output is None else int(output),
    )


def wired(assignment: Mapping[str, str], edges: Sequence[tuple[int, int]]) -> tuple[Plan, dict[str, int]]:
    """The canonical plan of roles in their order with ``edges`` between them, and the node of each role."""
    models = list(assignment.values())
    plan = Plan.of(models, edges)
    for nodes in itertools.permutations(range(len(models))):
        same = all(plan.models[node] == model for node, model in zip(nodes, models, strict=True))
        if same and {(nodes[a], nodes[b]) for a, b in edges} == set(plan.edges):
            return plan, dict(zip(assignment, nodes, strict=True))
    raise AssertionError(f"{plan.key} is no numbering of {models}")
