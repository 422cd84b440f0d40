"""OpenAI's chat completions."""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping
from typing import Any

from optiq.endpoint.answering import Answered
from optiq.endpoint.asked import OURS, Asked, read_asked, switch
from optiq.endpoint.dialect import choices_of, event
from optiq.endpoint.refusals import Refusal
from optiq.servers.usage import part

_READ = ("model", "messages", "stream", "stream_options", OURS)


class OpenAIChat:
    """``POST /v1/chat/completions``."""

    media_type = "text/event-stream"

    def read(self, body: Mapping[str, Any], headers: Mapping[str, str]) -> Asked:
        """Fields that we do not read go to the model as they are."""
        stream = switch(body, "stream", False)
        usage = bool(part(body.get("stream_options"), "include_usage"))
        options = {name: value for name, value in body.items() if name not in _READ}
        return read_asked(body, body.get("messages"), options, headers, stream=stream, usage=usage)

    def reply(self, answered: Answered) -> dict[str, Any]:
        """A ``chat.completion``: the choices of the last model, tokens of all calls, and ``optiq``."""
        body = dict(answered.heard.body or {})
        body |= {
            "id": f"chatcmpl-{answered.last.execution_id}",
            "object": "chat.completion",
            "created": int(answered.last.started_at.timestamp()),
            "model": answered.asked.model,
            "choices": choices_of(answered),
            OURS: answered.about(),
        }
        usage = answered.usage()
        return {**body, "usage": usage} if usage else {k: v for k, v in body.items() if k != "usage"}

    def stream(self, asked: Asked) -> ChatStream:
        return ChatStream(asked)

    def refusal(self, refusal: Refusal) -> dict[str, Any]:
        return refusal.body()


class ChatStream:
    """Chunks. The one with the reason of the end waits for the end, as it carries ``optiq``."""

    def __init__(self, asked: Asked) -> None:
        self._asked = asked
        self._head: dict[str, Any] = {}
        self._last: list[dict[str, Any]] = []
        self._began = False

    def piece(self, chunk: Mapping[str, Any]) -> Iterable[bytes]:
        choices = chunk.get("choices")
        if not isinstance(choices, list) or not choices:
            return
        if not self._head:
            self._head = self._begin(chunk)
        out = []
        for choice in choices:
            if not self._began:  # servers that say the role in no piece
                choice = {**choice, "delta": {"role": "assistant", **(choice.get("delta") or {})}}
            if choice.get("finish_reason") is not None:
                self._last.append(choice)
            else:
                out.append(choice)
        self._began = True
        if out:
            yield event({**chunk, **self._head, "choices": out, "usage": None} if self._asked.usage else
                        {**{k: v for k, v in chunk.items() if k != "usage"}, **self._head, "choices": out})  # fmt: skip

    def end(self, answered: Answered) -> Iterable[bytes]:
        if not self._began:  # a server that does not stream
            for choice in choices_of(answered):
                whole = {**choice, "delta": choice.get("message", {})}
                whole.pop("message", None)
                yield from self.piece({"choices": [whole]})
        last = self._last or [{"index": 0, "delta": {}, "finish_reason": "stop"}]
        more = {"usage": None} if self._asked.usage else {}
        yield event({**self._head, "choices": last, **more, OURS: answered.about()})
        if self._asked.usage:
            yield event({**self._head, "choices": [], "usage": answered.usage()})
        yield event("[DONE]")

    def fault(self, refusal: Refusal) -> Iterable[bytes]:
        yield event(refusal.body())

    def _begin(self, chunk: Mapping[str, Any]) -> dict[str, Any]:
        return {
            "id": str(chunk.get("id") or f"chatcmpl-{id(self):x}{time.time_ns():x}"),
            "object": "chat.completion.chunk",
            "created": int(time.time()),
            "model": self._asked.model,
        }
