"""OpenAI's completions, the older API: a prompt is said as one message of the user."""

from __future__ import annotations

import time
import uuid
from collections.abc import Iterable, Mapping
from typing import Any

from optiq.endpoint.answering import Answered
from optiq.endpoint.asked import OURS, Asked, read_asked, switch
from optiq.endpoint.dialect import choices_of, event
from optiq.endpoint.refusals import Refusal
from optiq.servers.usage import part

_READ = ("model", "prompt", "stream", "stream_options", OURS)
_RAW = ("echo", "suffix", "logprobs", "best_of")
"""What only the raw completions of one model have."""


def raw_feature(body: Mapping[str, Any]) -> str | None:
    """The field of a request that only a raw completion answers: none of a plan is one."""
    for name in _RAW:
        value = body.get(name)
        by_itself = 1 if name == "best_of" else False if name == "echo" else ""
        if value is not None and value != by_itself:
            return name
    prompt = body.get("prompt")
    several = isinstance(prompt, list) and (len(prompt) > 1 or not all(isinstance(p, str) for p in prompt))
    return "prompt" if several else None


class OpenAIText:
    """``POST /v1/completions``."""

    media_type = "text/event-stream"

    def read(self, body: Mapping[str, Any], headers: Mapping[str, str]) -> Asked:
        """One prompt, as text."""
        prompt = body.get("prompt")
        if (name := raw_feature(body)) is not None:
            raise Refusal(
                400,
                f"{'a prompt of several texts, or of tokens,' if name == 'prompt' else name} is of raw completions, "
                "which plans have none of",
                "Leave it out, or ask a served model by its own name.",
                param=name,
            )
        if isinstance(prompt, list) and len(prompt) == 1:
            prompt = prompt[0]
        if not isinstance(prompt, str) or not prompt:
            raise Refusal(400, "prompt is no text", "Give one text; ask once for each.", param="prompt")
        stream = switch(body, "stream", False)
        usage = bool(part(body.get("stream_options"), "include_usage"))
        options = {k: v for k, v in body.items() if k not in (*_READ, *_RAW)}
        messages = [{"role": "user", "content": prompt}]
        return read_asked(body, messages, options, headers, stream=stream, usage=usage)

    def reply(self, answered: Answered) -> dict[str, Any]:
        """A ``text_completion``."""
        choices = [
            {
                "index": choice.get("index", at),
                "text": part(choice, "message", "content") or "",
                "finish_reason": choice.get("finish_reason"),
                "logprobs": None,
            }
            for at, choice in enumerate(choices_of(answered))
        ]
        body = {
            "id": f"cmpl-{answered.last.execution_id}",
            "object": "text_completion",
            "created": int(answered.last.started_at.timestamp()),
            "model": answered.asked.model,
            "choices": choices,
            OURS: answered.about(),
        }
        usage = answered.usage()
        return {**body, "usage": usage} if usage else body

    def stream(self, asked: Asked) -> TextStream:
        return TextStream(asked)

    def refusal(self, refusal: Refusal) -> dict[str, Any]:
        return refusal.body()


class TextStream:
    """Pieces of text."""

    def __init__(self, asked: Asked) -> None:
        self._usage = asked.usage
        self._began = False
        self._reason = "stop"
        self._head = {
            "id": f"cmpl-{uuid.uuid4().hex}",
            "object": "text_completion",
            "created": int(time.time()),
            "model": asked.model,
        }

    def piece(self, chunk: Mapping[str, Any]) -> Iterable[bytes]:
        for choice in chunk.get("choices") or ():
            self._began = True
            self._reason = choice.get("finish_reason") or self._reason
            if text := part(choice, "delta", "content"):
                yield self._event(text, choice.get("index", 0), None)

    def end(self, answered: Answered) -> Iterable[bytes]:
        if not self._began:
            for choice in choices_of(answered):
                yield self._event(part(choice, "message", "content") or "", choice.get("index", 0), None)
        yield self._event("", 0, self._reason, {OURS: answered.about()})
        if self._usage:
            yield event({**self._head, "choices": [], "usage": answered.usage()})
        yield event("[DONE]")

    def fault(self, refusal: Refusal) -> Iterable[bytes]:
        yield event(refusal.body())

    def _event(
        self, text: str, index: int, reason: str | None, more: Mapping[str, Any] | None = None
    ) -> bytes:
        choice = {"index": index, "text": text, "finish_reason": reason, "logprobs": None}
        return event({**self._head, "choices": [choice], **(more or {})})
