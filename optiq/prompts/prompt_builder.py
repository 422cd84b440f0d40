"""The prompt of each node of a plan: the question, and what its predecessors said (section 3.1).

=================  ========================================================================
node               prompt
=================  ========================================================================
no predecessor     Q
one predecessor    context prompt ⊕ its output ⊕ Q
several            blend prompt ⊕ their outputs, each behind the name of its model ⊕ Q
=================  ========================================================================

The paper writes Q first. What comes last is what a model answers: with the question last, mean QoA of
chains and blends of the embedded models rose by 0.06 to 0.1 on 30 easy questions, and a chain became better
than either of its models alone.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from optiq.plans.plan import Plan
from optiq.prompts import fill, fixed_chars, template
from optiq.prompts.output_lengths import THINKING_TOKENS, Longest, longest_output
from optiq.prompts.prompt_set import ZERO_SHOT, PromptSet, question_text
from optiq.prompts.shape import PromptShape
from optiq.prompts.variants import Operators
from optiq.questions.question import Question

NO_OUTPUT = "(no answer)"
_NO_OPERATORS: Operators = MappingProxyType({})


def build_prompt(
    question: Question, plan: Plan, node: int, outputs: Mapping[int, str], prompts: PromptSet = ZERO_SHOT
) -> str:
    """What ``node`` of ``plan`` is asked, given the ``outputs`` of its predecessors by node."""
    asked = prompts.ask(question)
    said = predecessors_said(plan, node, outputs)
    if not said:
        return asked
    if plan.is_blend(node):
        branches = "; ".join(f"{plan.models[v]}: {output}" for v, output in said.items())
        evidence = fill(template("blend"), outputs=branches)
    else:
        evidence = fill(template("context"), outputs=next(iter(said.values())))
    return f"{evidence}\n{asked}"


def predecessors_said(plan: Plan, node: int, outputs: Mapping[int, str]) -> dict[int, str]:
    """The outputs before ``node``, by node."""
    return {v: outputs[v].strip() or NO_OUTPUT for v in plan.predecessors(node)}


def prompt_shape(
    question: Question,
    prompts: PromptSet = ZERO_SHOT,
    operators: Operators = _NO_OPERATORS,
    max_output_tokens: int | None = None,
) -> PromptShape:
    """How long the prompts for ``question`` are, in characters; options count as part of the question.

    ``operators`` with other prompts or caps have lengths of their own; ``max_output_tokens`` caps all outputs if given.

    The names that a blend puts before each output are not counted: they depend on the plan.
    """
    bases = {label: used.base_chars(question) for label, used in _others(prompts, operators).items()}
    return PromptShape(
        question_chars=len(question_text(question)),
        base_chars=prompts.base_chars(question),
        context_chars=1 + fixed_chars(template("context")),  # 1: the line break after it
        blend_chars=1 + fixed_chars(template("blend")),
        base_chars_of=tuple(
            (name, bases[label])
            for name, item in sorted(operators.items())
            if (label := item.prompts.label) in bases
        ),
        longest=_longest(question, prompts, max_output_tokens),
        longest_of=tuple(
            (name, _longest(question, item.prompts, max_output_tokens, item.max_output_tokens))
            for name, item in sorted(operators.items())
        ),
    )


def _longest(question: Question, prompts: PromptSet, *caps: int | None) -> Longest:
    """A cap that somebody set holds for thoughts, too."""
    room = 0 if any(cap is not None for cap in caps) else THINKING_TOKENS
    return Longest(longest_output(question.kind, prompts.reasoning_tokens, *caps), room)


def _others(prompts: PromptSet, operators: Operators) -> dict[str, PromptSet]:
    """The prompt sets of ``operators`` that are not ``prompts``, by label."""
    used = {item.prompts.label: item.prompts for item in operators.values()}
    return {label: item for label, item in used.items() if label != prompts.label}


def longest_prompt_chars(question: Question, prompts: PromptSet = ZERO_SHOT) -> int:
    """Characters of the longest prompt for ``question``, without the outputs that go into it."""
    shape = prompt_shape(question, prompts)
    return shape.question_chars + shape.base_chars + max(shape.context_chars, shape.blend_chars)


def extra_prompt_bytes(question: Question, prompts: PromptSet = ZERO_SHOT) -> int:
    """Bytes of the prompt beyond one per character: letters that UTF-8 writes with several."""
    asked = prompts.ask(question)
    return len(asked.encode()) - len(asked)
