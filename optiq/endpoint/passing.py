"""What a model server answers by itself: embeddings, and the raw completions of one model. Nothing is planned.

What it costs counts against who asks all the same: it is written down at its most before it goes out.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from optiq.endpoint.answering import Ready, Spender, limit_reached
from optiq.endpoint.conversation import LONGEST_OUTPUT_TOKENS
from optiq.endpoint.refusals import Refusal
from optiq.errors import AnswerLost, ServerError
from optiq.execution.accounting import Tariff, call_bound
from optiq.execution.ledger import Amount, LimitReached
from optiq.files.compact_json import compact
from optiq.questions.metric import ADDITIVE
from optiq.questions.question import Kind
from optiq.servers.http import HttpAnswer
from optiq.servers.usage import counted, part
from optiq.statistics.snapshot import ANY_TOPIC, ModelFigures


@dataclass(frozen=True, slots=True)
class Passed:
    """An answer, and what it took: tokens that the server counted, None where it did not; USD, NaN where unknown."""

    answer: HttpAnswer
    prompt_tokens: int | None
    output_tokens: int | None
    cost_usd: float


async def pass_on(
    path: str, body: Mapping[str, Any], ready: Ready, spender: Spender, timeout_s: float
) -> Passed:
    """What the model server answers at ``path``.

    Raises
    ------
    Refusal
        if it has no such path, or the limit of who asks leaves too little.
    ServerError
        if it does not answer.
    """
    onward = getattr(ready.server, "pass_on", None)
    if onward is None:
        raise Refusal(404, f"{ready.server.name} serves no {path}", code="not_served")
    model, writes = str(body.get("model")), path == "/completions"
    figures = ready.planning.statistics.figures(model, ANY_TOPIC, Kind.OPEN)
    ledger, hold = spender.ledger, None
    if ledger is not None:
        if writes and body.get("max_tokens") is None:
            body = {**body, "max_tokens": LONGEST_OUTPUT_TOKENS}
        try:
            hold = ledger.draw(
                None, call_bound(figures, len(compact(body)), _most_tokens(body) if writes else 0), None
            )
        except LimitReached as fault:
            raise limit_reached(str(fault)) from None
    unknown = Amount(math.nan, math.nan)
    taken = unknown
    try:
        answer: HttpAnswer = await onward(path, dict(body), timeout_s)
        usage = part(answer.body, "usage")
        prompt, output = counted(part(usage, "prompt_tokens")), counted(part(usage, "completion_tokens"))
        taken = _charge(figures, prompt, output if writes else 0) if answer.status == 200 else Amount()
    except AnswerLost:
        raise  # it may be billed
    except ServerError:
        taken = Amount()
        raise
    finally:
        if ledger is not None and hold is not None:
            ledger.settle(hold, taken)
        else:
            spender.note(taken.or_else(Amount()).cost_usd)
    return Passed(answer, prompt, output, taken.cost_usd)


def _charge(figures: ModelFigures, prompt_tokens: int | None, output_tokens: int | None) -> Amount:
    charges = (Tariff.at(metric, figures).charge(prompt_tokens, output_tokens) for metric in ADDITIVE)
    return Amount(*(math.nan if charge is None else charge for charge in charges))


def _most_tokens(body: Mapping[str, Any]) -> int:
    """The most that all completions of a request may have: of each prompt as many as are asked for."""
    numbers = {name: body.get(name) for name in ("max_tokens", "n", "best_of")}
    for name, number in numbers.items():
        if number is not None and (isinstance(number, bool) or not isinstance(number, int) or number < 0):
            raise Refusal(400, f"{name} is {str(number)[:80]!r}", "Give a whole number.", param=name)
    prompt = body.get("prompt")
    several = isinstance(prompt, list) and prompt and not isinstance(prompt[0], int)
    each = max(numbers["n"] or 1, numbers["best_of"] or 1)
    return (numbers["max_tokens"] or 0) * each * (len(prompt) if several and prompt else 1)
