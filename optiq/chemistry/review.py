"""Review: models grade each other's answers from 0 to 10 on a model server (section 2.1)."""

from __future__ import annotations

import asyncio
import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

from optiq.chemistry.profiles import HIGHEST_GRADE
from optiq.errors import ServerError
from optiq.execution.calling import of_our_own
from optiq.execution.limits import limits_of
from optiq.prompts import fill
from optiq.prompts.variants import Operators, served_model
from optiq.servers.protocol import GenerateRequest, ModelServer

_GRADE_TOKENS = 16
_GRADES = tuple(str(grade) for grade in range(int(HIGHEST_GRADE) + 1))
"""What servers that can hold outputs to a list let out; small models say no number otherwise."""
_NUMBER = r"(\d{1,3}(?:[.,]\d+)?)"
_OF_TEN = re.compile(_NUMBER + r"\s*(?:/|out of|of)\s*10\b", re.IGNORECASE)
_SAID = re.compile(r"(?:grade|score|rating)\D{0,12}" + _NUMBER, re.IGNORECASE)
_ALONE = re.compile(r"\s*" + _NUMBER + r"\s*\.?\s*")
_FIRST = re.compile(r"(?<![\d-])" + _NUMBER)


@dataclass(frozen=True, slots=True)
class Answer:
    """An output to be graded, by ``author`` (a model), for ``question``."""

    item: str
    question: str
    text: str
    author: str


@dataclass(frozen=True, slots=True)
class Grade:
    """What ``reviewer`` makes of ``item``; NaN with an ``error`` where no grade could be had."""

    item: str
    author: str
    reviewer: str
    grade: float
    error: str | None = None


def read_grade(output: str) -> float:
    """The grade in a model's output, NaN if there is none from 0 to 10.

    Read are ``8``, ``8/10``, ``8 out of 10``, ``Grade: 7.5``, ``7,5`` and a number that opens the text.
    """
    for pattern, anywhere in ((_ALONE, False), (_OF_TEN, True), (_SAID, True), (_FIRST, True)):
        found = pattern.search(output) if anywhere else pattern.fullmatch(output)
        if found:
            grade = float(found.group(1).replace(",", "."))
            return grade if grade <= HIGHEST_GRADE else math.nan
    return math.nan


def review_prompt(answer: Answer) -> str:
    """The prompt that asks for a grade. Question and answer are data: what closes their marks is taken out."""
    marks = re.compile(r"<{3,}|>{3,}")
    return fill(_template(), question=marks.sub("", answer.question), answer=marks.sub("", answer.text))


async def review(
    server: ModelServer,
    answers: Sequence[Answer],
    reviewers: Sequence[str],
    *,
    own: bool = False,
    operators: Operators | None = None,
    timeout_s: float = 120.0,
) -> list[Grade]:
    """Have every reviewer grade every answer, own ones only if ``own``; in the order of answers and reviewers.

    A reviewer that is a variant (``operators``) grades as its model does, with the prompt for grades.

    A call that fails leaves a grade that is not known, and says why; the others go on.
    """
    limits = limits_of(server)

    async def one(answer: Answer, reviewer: str) -> Grade:
        model = served_model(reviewer, operators or {})
        request = GenerateRequest(
            model,
            review_prompt(answer),
            max_output_tokens=_GRADE_TOKENS,
            timeout_s=timeout_s,
            letters=_GRADES,
        )
        await limits.acquire(model)
        try:
            generation = await server.generate(request)
        except ServerError as fault:
            return Grade(answer.item, answer.author, reviewer, math.nan, str(fault))
        except Exception as fault:  # one reply that nobody can read ends no review
            return Grade(answer.item, answer.author, reviewer, math.nan, of_our_own(fault))
        finally:
            limits.release(model)
        grade = read_grade(generation.text)
        error = f"no grade from 0 to 10 in {generation.text[:60]!r}" if math.isnan(grade) else None
        return Grade(answer.item, answer.author, reviewer, grade, error)

    # Models one after the other: a local server keeps few of them in memory.
    wanted = [(a, r) for r in reviewers for a in answers if own or a.author != r]
    found = await asyncio.gather(*(one(answer, reviewer) for answer, reviewer in wanted))
    place = {answer.item: i for i, answer in enumerate(answers)}
    return sorted(found, key=lambda grade: (place[grade.item], reviewers.index(grade.reviewer)))


@cache
def _template() -> str:
    return files("optiq.chemistry").joinpath("review.txt").read_text(encoding="utf-8").removesuffix("\n")
