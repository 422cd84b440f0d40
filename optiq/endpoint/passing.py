"""What a model server answers by itself: embeddings, and the raw completions of one model. Nothing is planned.

What it costs counts against who asks all the same: it is written down at its most before it goes out.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from optiq.endpoint.answering import Ready, Spender, limit_reached
from optiq.endpoint.asked import whole_number
from optiq.endpoint.conversation import LONGEST_OUTPUT_TOKENS
from optiq.endpoint.dialect import event
from optiq.endpoint.refusals import Refusal
from optiq.errors import AnswerLost, ServerError
from optiq.execution.accounting import call_bound, charged
from optiq.execution.ledger import Amount, LimitReached
from optiq.files.compact_json import compact, read_compact
from optiq.questions.question import Kind
from optiq.servers.http import HttpAnswer
from optiq.servers.usage import counted, part
from optiq.statistics.snapshot import ANY_TOPIC


@dataclass(frozen=True, slots=True)
class Passed:
    """An answer, and what it took: tokens that the server counted, None where it did not; USD, NaN where unknown."""

    answer: HttpAnswer
    prompt_tokens: int | None
    output_tokens: int | None
    cost_usd: float


class PassedStream:
    """A stream of raw completions as it comes from a server: its chunks to ``tell``, its usage kept.

    The server is always asked for the usage, which is what is spent; a client that did not ask is not told.
    """

    media_type = "text/event-stream"

    def __init__(self, body: Mapping[str, Any], tell: Callable[[Mapping[str, Any]], None]) -> None:
        self._tell = tell
        options = body.get("stream_options")
        if options is not None and not isinstance(options, Mapping):
            raise Refusal(400, "stream_options is no object", "Such as {}.", param="stream_options")
        self._usage_wanted = bool(part(options, "include_usage"))
        self.usage: Any = None

    def line(self, line: bytes) -> None:
        """One line of the server's."""
        name, _, data = line.strip().partition(b":")
        if name != b"data" or data.strip() == b"[DONE]":
            return
        try:
            chunk = read_compact(data)
        except (ValueError, RecursionError):
            raise AnswerLost("a chunk of the stream is no JSON") from None
        if not isinstance(chunk, dict):
            return
        self.usage = chunk.get("usage") or self.usage
        if self._usage_wanted or chunk.get("choices") or "error" in chunk:
            self._tell(chunk)

    def piece(self, chunk: Mapping[str, Any]) -> Iterable[bytes]:
        yield event(chunk)

    def end(self, _: Passed) -> Iterable[bytes]:
        yield event("[DONE]")

    def fault(self, refusal: Refusal) -> Iterable[bytes]:
        yield event(refusal.body())


async def pass_on(
    path: str,
    body: Mapping[str, Any],
    ready: Ready,
    spender: Spender,
    timeout_s: float,
    stream: PassedStream | None = None,
) -> Passed:
    """What the model server answers at ``path``; with ``stream``, told as it comes.

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
    if writes:
        for name, least in (("max_tokens", 0), ("n", 1), ("best_of", 1)):  # 0 tokens: the prompt is looked at
            whole_number(body, name, least)
    figures = ready.planning.statistics.figures(model, ANY_TOPIC, Kind.OPEN)
    ledger, hold, began = spender.ledger, None, datetime.now(UTC)
    if ledger is not None:
        if writes and body.get("max_tokens") is None:
            body = {**body, "max_tokens": LONGEST_OUTPUT_TOKENS}
        try:
            hold = ledger.draw(
                None,
                call_bound(figures, len(compact(body)), _most_tokens(body) if writes else 0, began),
                None,
            )
        except LimitReached as fault:
            raise limit_reached(str(fault)) from None
    taken = Amount(math.nan, math.nan)  # unknown: it counts at its most
    try:
        if stream is None:
            answer: HttpAnswer = await onward(path, dict(body), timeout_s)
            usage = part(answer.body, "usage")
        else:
            options = {**(body.get("stream_options") or {}), "include_usage": True}
            answer = await onward(path, {**body, "stream_options": options}, timeout_s, stream.line)
            usage = stream.usage
        prompt, output = counted(part(usage, "prompt_tokens")), counted(part(usage, "completion_tokens"))
        taken = Amount()
        if answer.status == 200:
            taken = charged(figures, prompt, output if writes else 0, began)
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


def _most_tokens(body: Mapping[str, Any]) -> int:
    """The most that all completions of a request may have: of each prompt as many as are asked for."""
    prompt = body.get("prompt")
    several = isinstance(prompt, list) and prompt and not isinstance(prompt[0], int)
    each = max(body.get("n") or 1, body.get("best_of") or 1)
    return int(body.get("max_tokens") or 0) * each * (len(prompt) if several and prompt else 1)
