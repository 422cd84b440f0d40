"""A served model as judge: it grades answers 0 to 10 by a rubric (``optiq/prompts/judge.txt``).

A judge call goes the way of every call: prices, total limits, kept responses and health of models hold for it, and its
cost is the run's. A judge does not grade what it had a part in, unless somebody allows it. What is no grade (a refusal,
prose, a number beyond 10) is none: the answer stays unjudged.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable, Coroutine, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from optiq.execution.executor import Executor, Work
from optiq.execution.trace import ANSWERED, Execution
from optiq.plans.plan import Plan
from optiq.prompts import fill, template
from optiq.prompts.prompt_set import question_text
from optiq.prompts.variants import Operators, served_model
from optiq.questions.question import Kind, Question
from optiq.scoring.metrics import JUDGE, Metrics
from optiq.servers.protocol import GenerateRequest

MOST_CHARS = 12_000
"""Characters of an answer that a judge reads: the beginning and the end."""

_OUTPUT_TOKENS = 120
_SCORE = re.compile(
    r"(?:\b(?:score|grade|rating|mark|note)\b[\s:=*_]{0,6}(?:is\s+)?|^[\s*_]*)(-?\d+(?:\.\d+)?)\s*(?:/\s*(\d+)|out of "
    r"(\d+))?(?![\d%])[^\n\w]*(?:$|\n)",
    re.IGNORECASE | re.MULTILINE,
)
_OF_TEN = re.compile(r"(?<![\d.])(\d+(?:\.\d+)?)\s*(?:/|out of)\s*10\b", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Judge:
    """``model`` grades; ``itself``: also answers that it had a part in."""

    model: str
    itself: bool = False

    @property
    def prompt(self) -> str:
        """Name and version of its prompt."""
        return f"judge@{hashlib.sha256(template('judge').encode()).hexdigest()[:8]}"

    @property
    def provenance(self) -> str:
        """What is recorded with a grade, as JSON."""
        return json.dumps({"model": self.model, "prompt": self.prompt})

    def may_grade(self, plan: Plan, operators: Operators) -> bool:
        """Whether no node of ``plan`` is the judge itself."""
        mine = served_model(self.model, operators)
        return self.itself or all(served_model(name, operators) != mine for name in plan.models)


def grade_in(output: str) -> float | None:
    """The grade that a judge's output gives, 0 to 1: the last ``Score: N`` of 0 to 10; None if there is none."""
    found = list(_SCORE.finditer(output.strip()))
    if found:
        value, most = found[-1][1], found[-1][2] or found[-1][3]
        if most is not None and float(most) != 10:
            return None
    elif of_ten := list(_OF_TEN.finditer(output)):
        value = of_ten[-1][1]
    else:
        return None
    grade = float(value)
    return grade / 10 if 0 <= grade <= 10 else None


def judge_prompt(question: Question, answer: str) -> str:
    """What a judge is asked about an answer; a long answer without its middle."""
    if len(answer) > MOST_CHARS:
        half = MOST_CHARS // 2
        answer = f"{answer[:half]}\n[…]\n{answer[-half:]}"
    known = question.reference is not None
    return fill(
        template("judge"),
        question=question_text(question),
        reference=f"\nRight answer:\n{question.reference}\n" if known else "",
        answer=answer.replace(">>>", "> > >"),
        measure="Only what agrees with the right answer is right; other words for it are right too."
        if known
        else "",
    )


class JudgeAsking:
    """How a judge is asked: once, about one answer."""

    def __init__(self, judge: Judge, operators: Operators, prompt: str) -> None:
        self._model = served_model(judge.model, operators)
        self._label = judge.prompt
        self._prompt = prompt

    def label(self, plan: Plan) -> str:
        return self._label

    def request(
        self, question: Question, plan: Plan, node: int, outputs: Mapping[int, str]
    ) -> GenerateRequest:
        return GenerateRequest(
            self._model, self._prompt, max_output_tokens=_OUTPUT_TOKENS, reasons=True, many_lines=True
        )

    def longest(self, question: Question, plan: Plan, node: int) -> int:
        return _OUTPUT_TOKENS

    def prompt_chars(self, question: Question, plan: Plan, node: int) -> int:
        return len(self._prompt)

    def prompt_bytes(self, question: Question, plan: Plan, node: int) -> int:
        return len(self._prompt.encode())

    def answer(self, question: Question, plan: Plan, node: int, outputs: Mapping[int, str | None]) -> str:
        return outputs.get(node) or ""


@dataclass(frozen=True, slots=True)
class Graded:
    """What came of judging an execution: the call, and the grade, 0 to 1, or why there is none."""

    of: Execution
    call: Execution | None = None
    grade: float | None = None
    why: str | None = None


def graded_by_judge(metrics: Metrics, executions: Sequence[Execution]) -> list[Execution]:
    """The answered executions whose form is judged by a model."""
    return [
        one for one in executions
        if one.status == ANSWERED and one.answer and metrics.of(one.question.kind) == JUDGE
    ]  # fmt: skip


def judge_executions(
    judge: Judge,
    metrics: Metrics,
    executions: Sequence[Execution],
    executor: Executor,
    operators: Operators,
    run: Callable[[Coroutine[Any, Any, list[Execution]]], list[Execution]] | None = None,
) -> list[Graded]:
    """Grade the executions that ``metrics`` leave to a judge, and set their QoA.

    ``run`` runs the calls in an event loop that there is. Scores that a reference gives stay beside the grade, so that
    how well the judge agrees with references can be told.
    """
    found, work = [], []
    for one in graded_by_judge(metrics, executions):
        if not judge.may_grade(one.plan, operators):
            found.append(
                Graded(one, why=f"{judge.model} does not grade its own answers (--judge-itself allows it)")
            )
            continue
        asked = replace(
            one.question, question_id=f"{one.question.question_id}/judge", kind=Kind.OPEN, options=()
        )
        prompt = judge_prompt(one.question, one.answer or "")
        work.append((one, Work(asked, Plan.parse(judge.model), asking=JudgeAsking(judge, operators, prompt))))
    items = [item for _, item in work]
    made = [] if not items else executor.run(items) if run is None else run(executor.execute_all(items))
    for (one, _), call in zip(work, made, strict=False):
        grade = grade_in(call.answer or "") if call.status == ANSWERED else None
        why = None if grade is not None else call.error or f"no grade in {(call.answer or '')[:80]!r}"
        found.append(Graded(one, call, grade, why))
    for graded in found:
        scores = graded.of.scores
        others = dict(scores.others)
        if graded.grade is not None:
            others[JUDGE] = graded.grade
        graded.of.scores = replace(scores, qoa=graded.grade, metric=JUDGE, others=others)
        graded.of.judge = judge.provenance
    return found
