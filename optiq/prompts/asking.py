"""How the models of a plan are asked: with which prompts, for how long an output, held to what."""

from __future__ import annotations

from collections.abc import Mapping
from string import ascii_uppercase
from typing import Any

from optiq.plans.plan import Plan
from optiq.prompts.prompt_builder import extra_prompt_bytes, longest_prompt_chars
from optiq.prompts.prompt_set import PromptSet
from optiq.prompts.variants import Operator, Operators
from optiq.questions.question import Kind, Question

MAX_OUTPUT_TOKENS: Mapping[Kind, int] = {Kind.OPEN: 32, Kind.CHOICE: 16, Kind.MULTI: 24}
"""How long an output may get where nothing else is said: room for a short answer, not for an essay."""


class Asking:
    """``prompts`` are those of names that are no variant; ``max_output_tokens`` caps every output if given."""

    def __init__(
        self, prompts: PromptSet, operators: Operators, max_output_tokens: int | None, constrain: bool
    ) -> None:
        self._prompts = prompts
        self._operators = operators
        self._cap = max_output_tokens
        self._constrain = constrain

    def of(self, name: str) -> Operator:
        """What a name in a plan stands for."""
        return self._operators.get(name) or Operator(name, self._prompts)

    def label(self, plan: Plan) -> str:
        """The prompt sets of a plan and their versions, as recorded with its executions."""
        return " + ".join(sorted({self.of(name).prompts.label for name in plan.models}))

    def longest(self, name: str, question: Question) -> int:
        """Most output tokens of a call of ``name``, whatever the budget leaves."""
        operator = self.of(name)
        caps = [cap for cap in (self._cap, operator.max_output_tokens) if cap is not None]
        return min(caps, default=MAX_OUTPUT_TOKENS[question.kind] + operator.prompts.reasoning_tokens)

    def prompt_chars(self, name: str, question: Question) -> int:
        """Characters of the longest prompt for ``name``, without the outputs that go into it."""
        return longest_prompt_chars(question, self.of(name).prompts)

    def prompt_bytes(self, name: str, question: Question) -> int:
        """Bytes of that prompt."""
        return self.prompt_chars(name, question) + extra_prompt_bytes(question, self.of(name).prompts)

    def form(self, name: str, question: Question) -> dict[str, Any]:
        """The fields of a request that say what form the output has; reasoning is never held to letters."""
        reasons = self.of(name).prompts.reasoning_tokens > 0
        held = self._constrain and not reasons
        return {
            "letters": tuple(ascii_uppercase[: len(question.options)]) if held else (),
            "several_letters": held and question.kind is Kind.MULTI,
            "reasons": reasons,
        }
