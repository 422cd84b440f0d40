"""Workflows in stages on a model server: written in YAML, or a fixed Opti-Q plan whose nodes are the roles.

::

    name: fact-check
    stages:
      - name: claim                 # the role
        prompt: "State this as a claim: {question}"
        models: [a, b]              # its candidates; left out: all of --models
        max_output_tokens: 64
        temperature: 0.7            # left out: 0
      - name: verdict
        prompt: "Claim: {claim}\\nTrue or false?"
    answer: verdict                 # default: the last stage

A prompt may name ``{question}``, ``{options}``, every column of the examples and every stage before it. Its braces are
the only thing that is filled in; braces inside answers stay as they are.

A combination is a plan, and is run as every plan is (:mod:`optiq.execution`): with its cache, retries, limits and
prices. A plan's nodes are asked as `optiq answer` asks them, a workflow's by the prompts of its stages.
"""

from __future__ import annotations

import asyncio
import dataclasses
import hashlib
import re
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import wait
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from string import ascii_uppercase
from typing import Any

from optiq.errors import InputError, PlanError
from optiq.execution import Execution, Executor, Shared, Work
from optiq.execution.accounting import Prices, known_sum
from optiq.execution.asking import BYTES_PER_OUTPUT_TOKEN
from optiq.execution.event_loop import EventLoop
from optiq.execution.identity import execution_id
from optiq.execution.ledger import LimitReached
from optiq.execution.trace import OVER_LIMIT, Call
from optiq.files.others_text import parse_yaml
from optiq.plans.plan import Plan
from optiq.plans.topology import MAX_OPERATIONS
from optiq.prompts.prompt_set import ZERO_SHOT
from optiq.questions.question import Budget, Kind, Question, parse_number
from optiq.selection.examples import Example, as_text
from optiq.selection.faults import PROVIDER
from optiq.selection.subjects import Made, added_up, wired
from optiq.servers.protocol import GenerateRequest, ModelServer

_FIELD = re.compile(r"\{([A-Za-z_]\w*)\}")
_STAGE_KEYS = {"name", "prompt", "models", "max_output_tokens", "stop", "temperature"}
MAX_OUTPUT_TOKENS = 64

_LOOK_S = 0.25


@dataclass(frozen=True)
class Stage:
    """One call. ``prompt`` is its template (that of a plan's node is the plan's own); ``after`` the stages it reads,
    ``columns`` those of the row.
    """

    name: str
    after: tuple[str, ...]
    prompt: str = ""
    candidates: tuple[str, ...] | None = None
    max_output_tokens: int = MAX_OUTPUT_TOKENS
    stop: tuple[str, ...] = ()
    columns: tuple[str, ...] = ()
    temperature: float = 0.0

    def ask(self, example: Example, outputs: Mapping[str, str]) -> str:
        """The prompt, given the ``outputs`` of stages before it."""
        question = example.question
        options = "\n".join(f"{ascii_uppercase[i % 26]}. {text}" for i, text in enumerate(question.options))
        values = {name: as_text(example.row.get(name)) for name in self.columns}
        values |= {"question": question.text, "options": options, **outputs}
        return _FIELD.sub(lambda match: values[match[1]].strip(), self.prompt)


class StagedSubject:
    """Stages in order, each a call of the model server; the answer is one stage's output."""

    def __init__(
        self, name: str, stages: list[Stage], answer: str, content: str, *, is_plan: bool = False
    ) -> None:
        self.name = name
        self.stages = stages
        self.roles: tuple[str, ...] | None = tuple(stage.name for stage in stages)
        self.answering, self.is_plan = answer, is_plan
        self._hash = hashlib.sha256(content.encode()).hexdigest()[:12]

    def check(self, examples: Sequence[Example]) -> None:
        """:class:`~optiq.errors.InputError` if the examples lack what the stages read."""
        there = {name for example in examples for name in example.row}
        for stage in self.stages:
            if wrong := [name for name in stage.columns if name not in there]:
                raise InputError(
                    f"stage {stage.name!r} reads {{{wrong[0]}}}, which is neither a stage before it, nor question, "
                    "nor options, nor a column of the examples",
                    f"Columns are {', '.join(sorted(there))}.",
                )
            if taken := [name for name in stage.after if name in there]:
                raise InputError(
                    f"stage {stage.name!r} reads {{{taken[0]}}}, which is a stage and a column of the examples",
                    "Rename the stage.",
                )
        asks = self.is_plan or any("{question}" in stage.prompt for stage in self.stages)
        if asks and not all(example.is_question for example in examples):
            raise InputError(
                f"{self.name} asks the question, and the examples have no column 'question'",
                "Name yours: --column question=NAME.",
            )

    @property
    def candidates(self) -> dict[str, tuple[str, ...]]:
        """The stages that name candidates themselves."""
        return {stage.name: stage.candidates for stage in self.stages if stage.candidates is not None}

    @property
    def identity(self) -> str:
        return f"{self.name}@{self._hash}"

    @property
    def prompt(self) -> str:
        return ZERO_SHOT.label if self.is_plan else f"workflow:{self.identity}"

    @property
    def topic(self) -> str | None:
        """A plan's traces are like any other's; a workflow's prompts are its own, and so is its topic."""
        return None if self.is_plan else f"workflow/{self.name}"

    def wiring(self, assignment: Mapping[str, str]) -> tuple[Plan, dict[str, int]]:
        """The stages with their models; a chain in their order where a stage is read by nobody."""
        places = {stage.name: place for place, stage in enumerate(self.stages)}
        edges = [(places[name], places[stage.name]) for stage in self.stages for name in stage.after]
        try:
            return wired(assignment, edges)
        except PlanError:
            return wired(assignment, [(i, i + 1) for i in range(len(places) - 1)])

    def parts(self, assignment: Mapping[str, str]) -> list[tuple[Plan, dict[str, int]]]:
        """What is executed, one after the other, with the node of each role.

        That is one plan, or a plan of one model per stage if there are more stages than a plan may have nodes.
        """
        if len(assignment) <= MAX_OPERATIONS:
            return [self.wiring(assignment)]
        return [(Plan.of([model]), {role: 0}) for role, model in assignment.items()]


@dataclass(frozen=True)
class StageAsking:
    """How the stages of a workflow are asked on ``example`` (:class:`optiq.execution.asking.Asking`).

    ``stages`` are by node of the plan; ``said`` has the outputs of stages that were executed before it.
    ``temperature`` is that of stages which have none of their own.
    """

    subject: StagedSubject
    example: Example
    stages: Mapping[int, Stage]
    said: Mapping[str, str]
    temperature: float | None = None

    def label(self, plan: Plan) -> str:
        return self.subject.prompt

    def request(
        self, question: Question, plan: Plan, node: int, outputs: Mapping[int, str]
    ) -> GenerateRequest:
        stage = self.stages[node]
        said = {**self.said, **{self.stages[v].name: output for v, output in outputs.items()}}
        return GenerateRequest(
            plan.models[node],
            stage.ask(self.example, said),
            stage.max_output_tokens,
            stage.temperature or self.temperature or 0.0,
            stop=stage.stop,
        )

    def longest(self, question: Question, plan: Plan, node: int) -> int:
        return self.stages[node].max_output_tokens

    def prompt_chars(self, question: Question, plan: Plan, node: int) -> int:
        stage = self.stages[node]
        return len(stage.ask(self.example, dict.fromkeys(stage.after, "")))

    def prompt_bytes(self, question: Question, plan: Plan, node: int) -> int:
        stages = {stage.name: stage for stage in self.subject.stages}
        longest = {
            name: "." * (stages[name].max_output_tokens * BYTES_PER_OUTPUT_TOKEN)
            for name in self.stages[node].after
        }
        return len(self.stages[node].ask(self.example, longest).encode())

    def answer(self, question: Question, plan: Plan, node: int, outputs: Mapping[int, str | None]) -> str:
        """What the answering stage said, as it said it; of another node of the plan its own output."""
        named = {stage.name: node for node, stage in self.stages.items()}
        at = named.get(self.subject.answering, node) if node == plan.sink else node
        return outputs.get(at) or ""


class StagePerformer:
    """Runs a plan or workflow on the executor. ``shared`` keeps its outputs, its bill and its calls in flight.

    Repeated runs (trial above 0) are at ``repeat_temperature``, but for stages that have a temperature of their own.
    """

    def __init__(
        self,
        subject: StagedSubject,
        server: ModelServer,
        prices: Prices | None,
        shared: Shared,
        run_id: str,
        timeout_s: float,
        repeat_temperature: float = 0.0,
    ) -> None:
        self._repeat_temperature = repeat_temperature
        self._subject, self._server, self._shared = subject, server, shared
        self._run_id, self._timeout_s = run_id, timeout_s
        self._loop: EventLoop | None = None
        self._parts = cache(lambda models: subject.parts(dict(models)))
        self._executor = cache(
            lambda trial: Executor(
                server,
                run_id,
                prices,
                timeout_s=timeout_s,
                seed=trial,
                shared=shared,
                temperature=self._temperature(trial),
            )
        )

    def _temperature(self, trial: int) -> float:
        """A repeated run at temperature 0 would be the same again: it has another seed, and a temperature."""
        return self._repeat_temperature if trial else 0.0

    @property
    def spent_usd(self) -> float:
        return self._shared.ledger.spent.cost_usd

    @property
    def in_loop(self) -> None:
        """Calls take so long that a thread for each run costs nothing beside them."""
        return None

    @contextmanager
    def running(self) -> Iterator[None]:
        """Calls are made inside."""
        self._loop = EventLoop()
        try:
            yield
        finally:
            self._loop.close(self._server.disconnect())

    def perform(
        self, example: Example, assignment: Mapping[str, str], trial: int, interrupted: threading.Event
    ) -> Made | None:
        assert self._loop is not None, "runs are made while it is running"
        made = self._loop.submit(self._perform(example, assignment, trial))
        while not wait([made], _LOOK_S).done:
            if interrupted.is_set():
                made.cancel()
                return None
        return made.result()

    async def _perform(self, example: Example, assignment: Mapping[str, str], trial: int) -> Made:
        started, executions, late = time.perf_counter(), [], None
        calls: dict[str, Call] = {}
        try:
            async with asyncio.timeout(self._timeout_s):
                for plan, nodes in self._parts(tuple(assignment.items())):
                    work = self._work(example, plan, nodes, calls, trial)
                    execution = await self._executor(trial).execute(work)
                    if execution.status == OVER_LIMIT:
                        raise LimitReached(str(execution.error))
                    # Two combinations may be one plan: what a workflow's stages say tells them apart.
                    name = f"{plan.key}={'>'.join(assignment.values())}"
                    execution.execution_id = execution_id(
                        self._run_id, work.question.question_id, name, work.attempt
                    )
                    executions.append(execution)
                    made = {call.node: call for call in execution.calls}
                    calls |= {role: made[node] for role, node in nodes.items() if node in made}
                    if any(call.error is not None for call in made.values()):
                        break
        except TimeoutError:
            late = f"no answer within {self._timeout_s:g} s"
        return self._made(executions, calls, late, list(assignment), time.perf_counter() - started)

    def _work(
        self, example: Example, plan: Plan, nodes: Mapping[str, int], calls: Mapping[str, Call], trial: int
    ) -> Work:
        """A part on an example. Limits of the question do not hold here: combinations are compared without."""
        subject, question = self._subject, example.question
        asked = dataclasses.replace(question, budget=Budget())
        if subject.is_plan:
            return Work(asked, plan, attempt=trial + 1)
        stages = {nodes[stage.name]: stage for stage in subject.stages if stage.name in nodes}
        said = {role: call.output or "" for role, call in calls.items()}
        asking = StageAsking(subject, example, stages, said, self._temperature(trial))
        topic = str(subject.topic)
        if len(nodes) < len(subject.stages):  # a call alone: how good the whole is, is not its doing
            [role] = nodes
            name, topic = f"{question.question_id}/{role}/{len(calls)}", f"{topic}/{role}"
            asked = dataclasses.replace(asked, question_id=name, options=(), kind=Kind.OPEN, reference=None)
        asked = dataclasses.replace(asked, topics=((topic, 1.0),), topics_inferred=False)
        return Work(asked, plan, attempt=trial + 1, asking=asking)

    def _made(
        self,
        executions: list[Execution],
        calls: Mapping[str, Call],
        late: str | None,
        roles: list[str],
        wall_s: float,
    ) -> Made:
        faults = [e.error for e in executions if any(call.error is not None for call in e.calls)]
        error = late or next(iter(faults), None)
        answer = None
        if error is None:  # an empty answer is one, if a wrong one
            whole = executions[0].answer if len(executions) == 1 else calls[self._subject.answering].output
            answer = whole or ""
        costs = {role: call.cost_usd for role, call in calls.items() if call.error is None}
        latencies = [execution.latency_s for execution in executions]
        return Made(
            answer,
            error,
            [call for call in calls.values() if call.attempts],
            known_sum(costs.values()),
            None if error or None in latencies else sum(s for s in latencies if s is not None),
            tuple(costs.get(role, 0.0) for role in roles),
            wall_s,
            executions=tuple(executions),
            fault=PROVIDER
            if late
            else None,  # there is no code of an agent here that could have taken the time
            output=answer,
            role_calls=tuple(added_up([calls[role]] if role in calls else []) for role in roles),
        )


def plan_subject(text: str) -> StagedSubject:
    """A fixed plan whose nodes are roles: ``{"models": ["draft", "check"], "edges": [[0, 1]]}``."""
    plan = Plan.parse(text)
    if len(set(plan.models)) < len(plan.models):
        raise InputError("two nodes of the plan have one name", "Give each node a role name of its own.")
    stages = [
        Stage(name, tuple(plan.models[v] for v in plan.predecessors(node)))
        for node, name in enumerate(plan.models)
    ]
    return StagedSubject("plan", stages, plan.models[plan.sink], plan.to_json(), is_plan=True)


def read_workflow(path: str | Path) -> StagedSubject:
    """A workflow from a YAML file; :class:`~optiq.errors.InputError` says what is wrong with it."""
    try:
        text = Path(path).read_text(encoding="utf-8")
        given = parse_yaml(text)
    except (OSError, ValueError) as fault:
        raise InputError(f"{path} cannot be read as YAML: {fault}", "Check the file.") from None
    if not isinstance(given, dict) or not isinstance(given.get("stages"), list) or not given["stages"]:
        raise InputError(f"{path} has no list of stages", "See examples/select/fact_check.yaml.")
    every = [str(item.get("name")) for item in given["stages"] if isinstance(item, dict)]
    stages: list[Stage] = []
    for number, item in enumerate(given["stages"], start=1):
        before = [stage.name for stage in stages]
        stages.append(_stage(item, before, every[len(stages) :], f"{path} stage {number}"))
    names = [stage.name for stage in stages]
    answer = given.get("answer", names[-1])
    if answer not in names:
        raise InputError(f"{path}: answer {answer!r} is no stage", f"Stages are {', '.join(names)}.")
    return StagedSubject(str(given.get("name", Path(path).stem)), stages, answer, text)


def _stage(item: Any, before: list[str], not_yet: list[str], where: str) -> Stage:
    if (
        not isinstance(item, dict)
        or not isinstance(item.get("name"), str)
        or not isinstance(item.get("prompt"), str)
    ):
        raise InputError(f"{where} lacks a name or a prompt", "Each stage needs both, as text.")
    if unknown := sorted(set(map(str, item)) - _STAGE_KEYS):
        raise InputError(
            f"{where} has an unknown key {unknown[0]!r}", f"Known are {', '.join(sorted(_STAGE_KEYS))}."
        )
    name, prompt = item["name"], item["prompt"]
    if name in before or name in ("question", "options"):
        raise InputError(f"{where}: the name {name!r} is taken", "Name each stage once.")
    used = _FIELD.findall(prompt)
    if wrong := [field for field in used if field in not_yet]:
        raise InputError(
            f"{where}: {{{wrong[0]}}} is no stage before it", "A prompt reads what is there when it is asked."
        )
    models = item.get("models")
    if models is not None and (not isinstance(models, list) or not all(isinstance(m, str) for m in models)):
        raise InputError(f"{where}: models is no list of names", "Such as [a, b].")
    longest = item.get("max_output_tokens", MAX_OUTPUT_TOKENS)
    if not isinstance(longest, int) or isinstance(longest, bool) or longest < 1:
        raise InputError(f"{where}: max_output_tokens is {longest!r}", "Give a whole number from 1 up.")

    stop = item.get("stop") or ()
    temperature = parse_number(item.get("temperature", 0.0), f"{where}: temperature")
    if temperature < 0:
        raise InputError(f"{where}: temperature is {temperature:g}", "Give 0 or more.")
    after = tuple(dict.fromkeys(field for field in used if field in before))
    columns = tuple(dict.fromkeys(field for field in used if field not in (*before, "question", "options")))
    candidates = tuple(models) if models else None
    return Stage(name, after, prompt, candidates, longest, tuple(map(str, stop)), columns, temperature)
