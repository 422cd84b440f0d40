"""Workflows in stages on a model server: written in YAML, or a fixed Opti-Q plan whose nodes are the roles.

::

    name: fact-check
    stages:
      - name: claim                 # the role
        prompt: "State this as a claim: {question}"
        models: [a, b]              # its candidates; left out: all of --models
        max_output_tokens: 64
      - name: verdict
        prompt: "Claim: {claim}\\nTrue or false?"
    answer: verdict                 # default: the last stage

A prompt may name ``{question}``, ``{options}`` and every stage before it. Its braces are the only thing that is
filled in; braces inside answers stay as they are.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from optiq.errors import InputError, PlanError
from optiq.plans.plan import Plan
from optiq.prompts.prompt_builder import build_prompt
from optiq.prompts.prompt_set import ZERO_SHOT
from optiq.questions.question import Question
from optiq.scoring.answers import parse_answer
from optiq.selection.interception import Transport
from optiq.selection.recording import CallRecord, Recorder, clock
from optiq.selection.store import Response
from optiq.selection.subjects import wired
from optiq.servers.protocol import GenerateRequest, Generation, ModelServer

_FIELD = re.compile(r"\{([A-Za-z_]\w*)\}")
_STAGE_KEYS = {"name", "prompt", "models", "max_output_tokens", "stop"}
MAX_OUTPUT_TOKENS = 64


@dataclass(frozen=True)
class Stage:
    """One call. ``ask(question, outputs by stage)`` is its prompt; ``after`` the stages that it reads."""

    name: str
    ask: Callable[[Question, Mapping[str, str]], str]
    after: tuple[str, ...]
    candidates: tuple[str, ...] | None = None
    max_output_tokens: int = MAX_OUTPUT_TOKENS
    stop: tuple[str, ...] = ()


class StagedSubject:
    """Stages in order, each a call of the model server; the answer is one stage's output."""

    def __init__(
        self, name: str, stages: list[Stage], answer: str, content: str, *, is_plan: bool = False
    ) -> None:
        self.name = name
        self.stages = stages
        self.roles: tuple[str, ...] | None = tuple(stage.name for stage in stages)
        self._answer, self._is_plan = answer, is_plan
        self._hash = hashlib.sha256(content.encode()).hexdigest()[:12]
        self._server: ModelServer | None = None
        self._transport: Transport | None = None

    def connect(self, server: ModelServer, transport: Transport) -> None:
        """Where its models answer."""
        self._server, self._transport = server, transport

    @property
    def candidates(self) -> dict[str, tuple[str, ...]]:
        """The stages that name candidates themselves."""
        return {stage.name: stage.candidates for stage in self.stages if stage.candidates is not None}

    @property
    def identity(self) -> str:
        return f"{self.name}@{self._hash}"

    @property
    def prompt(self) -> str:
        return ZERO_SHOT.label if self._is_plan else f"workflow:{self.identity}"

    @property
    def topic(self) -> str | None:
        """A plan's traces are like any other's; a workflow's prompts are its own, and so is its topic."""
        return None if self._is_plan else f"workflow/{self.name}"

    async def answer(self, question: Question, recorder: Recorder) -> str:
        """The output of the answering stage."""
        assert self._server is not None
        outputs: dict[str, str] = {}
        try:
            for stage in self.stages:
                outputs[stage.name] = await self._call(stage, question, outputs, recorder)
        finally:
            await self._server.disconnect()
        said = outputs[self._answer]
        return parse_answer(question, said) if self._is_plan else said

    async def _call(
        self, stage: Stage, question: Question, outputs: Mapping[str, str], recorder: Recorder
    ) -> str:
        import asyncio

        assert self._server is not None
        assert self._transport is not None
        recorder.check()
        model, transport, server = recorder.assignment[stage.name], self._transport, self._server
        request = GenerateRequest(
            model, stage.ask(question, outputs), stage.max_output_tokens, seed=recorder.trial, stop=stage.stop
        )
        described = json.dumps(
            [server.identity(model), request.prompt, stage.max_output_tokens, stage.stop, recorder.trial]
        )
        key = hashlib.sha256(described.encode()).hexdigest()
        asked_at = clock()
        while (kept := self._kept(stage, request, key, recorder, asked_at)) is None:
            if transport.take_off(key):
                break
            await asyncio.sleep(0.002)
        else:
            return kept
        try:
            kept = self._kept(stage, request, key, recorder, asked_at)  # made while this one waited
            return await self._make(stage, request, key, recorder, asked_at) if kept is None else kept
        finally:
            transport.land(key)

    def _kept(
        self, stage: Stage, request: GenerateRequest, key: str, recorder: Recorder, asked_at: float
    ) -> str | None:
        """The text of an earlier, identical call, recorded with the latency that it had."""
        assert self._transport is not None
        kept = self._transport.store.response(key) if self._transport.store is not None else None
        if kept is None:
            return None
        prompt, output, text = json.loads(kept.body)
        now = clock()
        recorder.waited(now - asked_at)
        recorder.add(
            CallRecord(
                stage.name,
                request.model,
                now,
                clock(),
                kept.latency_s,
                prompt,
                output,
                None,
                True,
                text,
                None,
                len(request.prompt),
            )
        )
        return str(text)

    async def _make(
        self, stage: Stage, request: GenerateRequest, key: str, recorder: Recorder, asked_at: float
    ) -> str:
        """A call of the server, kept and recorded."""
        import asyncio

        assert self._server is not None
        assert self._transport is not None
        transport, model = self._transport, request.model
        while not transport.slots.acquire(blocking=False):
            await asyncio.sleep(0.002)
        started = clock()
        recorder.waited(started - asked_at)
        try:
            recorder.check()
            made = await self._server.generate(request)
        except Exception as fault:
            error = f"{type(fault).__name__}: {fault}"
            recorder.add(
                CallRecord(
                    stage.name, model, started, clock(), None, error=error, prompt_chars=len(request.prompt)
                )
            )
            raise
        finally:
            transport.slots.release()
        latency = _latency(made, clock() - started)
        prompt, output, text = made.prompt_tokens, made.output_tokens, made.text
        recorder.add(
            CallRecord(
                stage.name,
                model,
                started,
                clock(),
                latency,
                prompt,
                output,
                None,
                False,
                text,
                None,
                len(request.prompt),
            )
        )
        if transport.store is not None:
            body = json.dumps([prompt, output, text]).encode()
            transport.store.keep_response(key, Response(200, {}, body, latency))
        return text

    def wiring(self, assignment: Mapping[str, str]) -> tuple[Plan, dict[str, int]]:
        """The stages with their models; a chain, as they were executed, where a stage is read by nobody."""
        places = {stage.name: place for place, stage in enumerate(self.stages)}
        edges = [(places[name], places[stage.name]) for stage in self.stages for name in stage.after]
        try:
            return wired(assignment, edges)
        except PlanError:
            return wired(assignment, [(i, i + 1) for i in range(len(places) - 1)])


def _latency(made: Generation, measured_s: float) -> float:
    """The loaded model's time: loading it is paid once, not per run."""
    whole = measured_s if made.latency_s is None else made.latency_s
    return max(whole - (made.load_s or 0.0), 0.0)


def plan_subject(text: str) -> StagedSubject:
    """A fixed plan whose nodes are roles: ``{"models": ["draft", "check"], "edges": [[0, 1]]}``."""
    plan = Plan.parse(text)
    if len(set(plan.models)) < len(plan.models):
        raise InputError("two nodes of the plan have one name", "Give each node a role name of its own.")

    def stage(node: int) -> Stage:
        def ask(question: Question, outputs: Mapping[str, str]) -> str:
            said = {place: outputs[role] for place, role in enumerate(plan.models) if role in outputs}
            return build_prompt(question, plan, node, said)

        return Stage(plan.models[node], ask, tuple(plan.models[v] for v in plan.predecessors(node)), None, 32)

    stages = [stage(node) for node in range(len(plan.models))]
    return StagedSubject("plan", stages, plan.models[plan.sink], plan.to_json(), is_plan=True)


def read_workflow(path: str | Path) -> StagedSubject:
    """A workflow from a YAML file; :class:`~optiq.errors.InputError` says what is wrong with it."""
    import yaml  # type: ignore[import-untyped]

    try:
        text = Path(path).read_text(encoding="utf-8")
        given = yaml.safe_load(text)
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as fault:
        raise InputError(f"{path} cannot be read as YAML: {fault}", "Check the file.") from None
    if not isinstance(given, dict) or not isinstance(given.get("stages"), list) or not given["stages"]:
        raise InputError(f"{path} has no list of stages", "See examples/select/fact_check.yaml.")
    stages: list[Stage] = []
    for number, item in enumerate(given["stages"], start=1):
        stages.append(_stage(item, [stage.name for stage in stages], f"{path} stage {number}"))
    names = [stage.name for stage in stages]
    answer = given.get("answer", names[-1])
    if answer not in names:
        raise InputError(f"{path}: answer {answer!r} is no stage", f"Stages are {', '.join(names)}.")
    return StagedSubject(str(given.get("name", Path(path).stem)), stages, answer, text)


def _stage(item: Any, before: list[str], where: str) -> Stage:
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
    if wrong := [field for field in used if field not in (*before, "question", "options")]:
        raise InputError(
            f"{where}: {{{wrong[0]}}} is neither a stage before it, nor question, nor options",
            "A prompt reads what is there when it is asked.",
        )
    models = item.get("models")
    if models is not None and (not isinstance(models, list) or not all(isinstance(m, str) for m in models)):
        raise InputError(f"{where}: models is no list of names", "Such as [a, b].")
    longest = item.get("max_output_tokens", MAX_OUTPUT_TOKENS)
    if not isinstance(longest, int) or isinstance(longest, bool) or longest < 1:
        raise InputError(f"{where}: max_output_tokens is {longest!r}", "Give a whole number from 1 up.")

    def ask(question: Question, outputs: Mapping[str, str]) -> str:
        letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
        options = "\n".join(f"{letters[i % 26]}. {text}" for i, text in enumerate(question.options))
        values = {"question": question.text, "options": options, **outputs}
        return _FIELD.sub(lambda match: values[match[1]].strip(), prompt)

    stop = item.get("stop") or ()
    after = tuple(dict.fromkeys(field for field in used if field in before))
    return Stage(name, ask, after, tuple(models) if models else None, longest, tuple(map(str, stop)))
