"""How the nodes of a plan are asked: with which prompts, for how long an output, held to what, and read how."""

from __future__ import annotations

import json
from collections.abc import Mapping
from string import ascii_uppercase
from typing import Protocol

from optiq.plans.plan import Plan
from optiq.prompts.output_lengths import THINKING_TOKENS, longest_output
from optiq.prompts.prompt_builder import (
    build_prompt,
    extra_prompt_bytes,
    longest_prompt_chars,
    predecessors_said,
)
from optiq.prompts.prompt_set import BARE, PromptSet, question_text
from optiq.prompts.variants import Operator, Operators
from optiq.questions.question import Kind, Question
from optiq.scoring.answers import node_answer
from optiq.servers.protocol import (
    ANY_OBJECT,
    LETTERS_ROOM,
    Conversation,
    Fusion,
    GenerateRequest,
    NobodyListens,
)

LONGEST_ANSWER_TOKENS = 1024
"""The most that a model writes to a request that sets no cap."""
OF_MANY_LINES = frozenset({Kind.LONG, Kind.CODE, Kind.JSON})
"""Forms of an answer that may have many lines."""
"""The JSON schema of an answer of which no other is given."""

BYTES_PER_OUTPUT_TOKEN = 8
"""A token of an output is rarely longer; a longer one is caught when the next call draws on the reservation."""


class Asking(Protocol):
    """What an executor must know to ask the nodes of a plan: everything about prompts is behind it."""

    def label(self, plan: Plan) -> str:
        """The prompts of a plan and their versions, as recorded with its executions."""
        ...

    def request(
        self, question: Question, plan: Plan, node: int, outputs: Mapping[int, str]
    ) -> GenerateRequest:
        """The call of ``node``, given the outputs so far by node, with the longest output that it may have."""
        ...

    def longest(self, question: Question, plan: Plan, node: int) -> int:
        """Most output tokens of a node, whatever the budget leaves."""
        ...

    def prompt_chars(self, question: Question, plan: Plan, node: int) -> int:
        """Characters of a node's longest prompt, without the outputs that go into it."""
        ...

    def prompt_bytes(self, question: Question, plan: Plan, node: int) -> int:
        """The most bytes of a node's prompt, with the longest outputs that may go into it."""
        ...

    def answer(self, question: Question, plan: Plan, node: int, outputs: Mapping[int, str | None]) -> str:
        """The answer of a node, by the outputs of all nodes; empty if it says none."""
        ...


def _chat(question: Question) -> Conversation | None:
    """The chat that a request came as, in its own messages."""
    wishes = question.wishes
    if wishes is None or wishes.messages is None:
        return None
    options = {"temperature": wishes.temperature}
    return Conversation(tuple(json.loads(wishes.messages)), options, NobodyListens(), capped=True)


class PromptSetAsking:
    """By prompt sets (section 3.1). ``prompts`` are those of names that are no variant (``operators``).

    ``max_output_tokens`` caps every output if given. ``constrain``: outputs are held to letters where options are
    to be chosen and the prompts do not ask for reasoning. ``stop_loops``: long answers, code and JSON are ended where
    they repeat themselves word for word.
    """

    def __init__(
        self,
        prompts: PromptSet,
        operators: Operators,
        max_output_tokens: int | None,
        constrain: bool,
        temperature: float = 0.0,
        stop_loops: bool = False,
    ) -> None:
        self._temperature = temperature
        self._stop_loops = stop_loops
        self._prompts = prompts
        self._operators = operators
        self._cap = max_output_tokens
        self._constrain = constrain

    def _of(self, name: str, question: Question | None = None) -> Operator:
        """What a name in a plan stands for; a request is asked in its own words."""
        if question is not None and question.wishes is not None and name not in self._operators:
            return Operator(name, PromptSet(BARE), question.wishes.max_output_tokens)
        return self._operators.get(name) or Operator(name, self._prompts)

    def label(self, plan: Plan) -> str:
        return " + ".join(sorted({self._of(name).prompts.label for name in plan.models}))

    def request(
        self, question: Question, plan: Plan, node: int, outputs: Mapping[int, str]
    ) -> GenerateRequest:
        operator = self._of(plan.models[node], question)
        prompts = operator.prompts
        reasons = prompts.reasoning_tokens > 0
        held = self._constrain and not reasons
        fusion = None
        if plan.is_blend(node):
            said = predecessors_said(plan, node, outputs)
            fusion = Fusion(prompts.instruction(question), question_text(question), tuple(said.values()))
        return GenerateRequest(
            operator.model,
            build_prompt(question, plan, node, outputs, prompts),
            max_output_tokens=self.longest(question, plan, node),
            temperature=question.wishes.temperature if question.wishes is not None else self._temperature,
            json_schema=(question.schema or ANY_OBJECT) if held and question.kind is Kind.JSON else None,
            letters=tuple(ascii_uppercase[: len(question.options)]) if held else (),
            several_letters=held and question.kind is Kind.MULTI,
            letters_room=LETTERS_ROOM if held and question.options else 0,
            reasons=reasons,
            many_lines=question.wishes is not None or question.kind in OF_MANY_LINES,
            stop_loops=self._stop_loops and question.wishes is None and question.kind in OF_MANY_LINES,
            thinking_room=0 if self._capped(operator) else THINKING_TOKENS,
            fusion=fusion,
            conversation=None if plan.predecessors(node) else _chat(question),
        )

    def longest(self, question: Question, plan: Plan, node: int) -> int:
        operator = self._of(plan.models[node], question)
        caps = self._cap, operator.max_output_tokens
        if question.wishes is not None:
            return min((cap for cap in caps if cap is not None), default=LONGEST_ANSWER_TOKENS)
        return longest_output(question.kind, operator.prompts.reasoning_tokens, *caps)

    def _capped(self, operator: Operator) -> bool:
        """Whether somebody has set a cap; it holds for thinking too."""
        return self._cap is not None or operator.max_output_tokens is not None

    def prompt_chars(self, question: Question, plan: Plan, node: int) -> int:
        return longest_prompt_chars(question, self._of(plan.models[node], question).prompts)

    def prompt_bytes(self, question: Question, plan: Plan, node: int) -> int:
        said = sum(
            self.longest(question, plan, v) * BYTES_PER_OUTPUT_TOKEN + len(plan.models[v].encode()) + 4
            for v in plan.predecessors(node)
        )
        beyond = extra_prompt_bytes(question, self._of(plan.models[node], question).prompts)
        return self.prompt_chars(question, plan, node) + beyond + said

    def answer(self, question: Question, plan: Plan, node: int, outputs: Mapping[int, str | None]) -> str:
        if question.wishes is not None:
            return (outputs.get(node) or "").strip()
        return node_answer(question, plan, node, outputs)
