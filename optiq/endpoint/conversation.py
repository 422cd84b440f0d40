"""How the nodes of a plan are asked in a conversation: as it came, with what earlier nodes said before the question."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

from optiq.endpoint.asked import Asked, last_asked, length
from optiq.execution.asking import BYTES_PER_OUTPUT_TOKEN
from optiq.plans.plan import Plan
from optiq.prompts.prompt_builder import (
    build_prompt,
    extra_prompt_bytes,
    longest_prompt_chars,
    predecessors_said,
)
from optiq.prompts.prompt_set import BARE, PromptSet, question_text
from optiq.prompts.variants import Operator, Operators
from optiq.questions.question import Question
from optiq.servers.conversing import as_one_prompt, plain_text
from optiq.servers.protocol import Conversation, Fusion, GenerateRequest
from optiq.servers.usage import part

LONGEST_OUTPUT_TOKENS = 4096
"""The most tokens that a call is taken to write where nobody caps it; the cap where money is limited."""

NOTHING_SAID = " "
"""The answer of a call that was answered without words, as one that calls a tool."""


class Heard:
    """What the last node says, as it comes. ``pieces`` is told of each piece of a stream."""

    def __init__(self, pieces: Callable[[Mapping[str, Any]], None] | None = None) -> None:
        self.streams = pieces is not None
        self.body: Mapping[str, Any] | None = None
        self.began = False
        self.called = False
        self._pieces = pieces

    def piece(self, chunk: Mapping[str, Any]) -> None:
        """Pass a piece on."""
        choices = chunk.get("choices")
        if choices:
            self.began = True
            self.called = self.called or bool(part(choices, 0, "delta", "tool_calls"))
        if self._pieces is not None:
            self._pieces(chunk)

    def whole(self, body: Mapping[str, Any]) -> None:
        """Keep the answer."""
        self.began, self.body = True, body
        self.called = bool(part(body, "choices", 0, "message", "tool_calls"))


class ConversationAsking:
    """One conversation as an :class:`~optiq.execution.asking.Asking`.

    ``operators`` say how names in plans are asked, names without one with the question as it stands. ``capped``: money
    or time is limited, so that outputs are, too. ``longest`` caps outputs of which the client says nothing.
    """

    def __init__(
        self, asked: Asked, heard: Heard, operators: Operators, *, capped: bool, longest: int | None = None
    ) -> None:
        self._asked, self.heard, self._operators = asked, heard, operators
        self._capped = capped or longest is not None
        self._longest = asked.cap or longest or LONGEST_OUTPUT_TOKENS
        self._at = last_asked(asked.messages)
        self._text = plain_text(asked.messages[self._at].get("content"))
        self._chars = length(asked.messages)
        self._answers = max(int(asked.options.get("n") or 1), 1)
        self._bytes = self._other_bytes = 0
        if capped:  # a token is at least a byte of what was sent
            self._bytes = len(json.dumps([asked.messages, asked.options]).encode())
            self._other_bytes = max(self._bytes - len(as_one_prompt(asked.messages).encode()), 0)

    def _of(self, name: str) -> Operator:
        return self._operators.get(name) or Operator(name, PromptSet(BARE))

    def _question(self, question: Question) -> Question:
        """The question in full: planning looks at a part of it."""
        return Question(question.question_id, self._text, kind=question.kind)

    def label(self, plan: Plan) -> str:
        return " + ".join(sorted({self._of(name).prompts.label for name in plan.models}))

    def request(
        self, question: Question, plan: Plan, node: int, outputs: Mapping[int, str]
    ) -> GenerateRequest:
        operator, messages = self._of(plan.models[node]), self._asked.messages
        fusion = None
        if operator.prompts.name != BARE or plan.predecessors(node):
            full = self._question(question)
            prompt = build_prompt(full, plan, node, outputs, operator.prompts)
            messages = (*messages[: self._at], _saying(messages[self._at], prompt), *messages[self._at + 1 :])
            if plan.is_blend(node):
                said = predecessors_said(plan, node, outputs)
                fusion = Fusion(operator.prompts.instruction(full), question_text(full), tuple(said.values()))
        listener = self.heard if node == plan.sink else Heard()
        capped = self._capped or operator.max_output_tokens is not None
        return GenerateRequest(
            operator.model,
            as_one_prompt(messages),
            max_output_tokens=self.longest(question, plan, node),
            many_lines=True,
            fusion=fusion,
            conversation=Conversation(
                messages, self._asked.options, listener, capped, self._answers, self._other_bytes
            ),
        )

    def longest(self, question: Question, plan: Plan, node: int) -> int:
        """Of one answer: the executor asks for no more, whoever pays."""
        cap = self._of(plan.models[node]).max_output_tokens
        return self._longest if cap is None else min(cap, self._longest)

    def prompt_chars(self, question: Question, plan: Plan, node: int) -> int:
        prompts, full = self._of(plan.models[node]).prompts, self._question(question)
        return self._chars + longest_prompt_chars(full, prompts) - len(question_text(full))

    def prompt_bytes(self, question: Question, plan: Plan, node: int) -> int:
        said = sum(
            self.longest(question, plan, v) * BYTES_PER_OUTPUT_TOKEN + len(plan.models[v].encode()) + 4
            for v in plan.predecessors(node)
        )
        prompts, full = self._of(plan.models[node]).prompts, self._question(question)
        around = longest_prompt_chars(full, prompts) + extra_prompt_bytes(full, prompts)
        return self._bytes + around + said

    def answer(self, question: Question, plan: Plan, node: int, outputs: Mapping[int, str | None]) -> str:
        """What the node said, whatever it is: a client that asks for nothing but white space gets that."""
        return (outputs[node] or "").strip() or (
            NOTHING_SAID if node == plan.sink and self.heard.began else ""
        )


def _saying(message: Mapping[str, Any], text: str) -> dict[str, Any]:
    """The message with another text; its pictures stay."""
    content = message.get("content")
    if not isinstance(content, list):
        return {**message, "content": text}
    others = [piece for piece in content if part(piece, "type") != "text"]
    return {**message, "content": [{"type": "text", "text": text}, *others]}
