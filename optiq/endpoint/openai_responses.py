"""OpenAI's responses, as far as they are text: nothing is kept between requests."""

from __future__ import annotations

import time
import uuid
from collections.abc import Iterable, Mapping
from typing import Any

from optiq.endpoint.answering import Answered
from optiq.endpoint.asked import OURS, Asked, read_asked, switch
from optiq.endpoint.dialect import event, text_of
from optiq.endpoint.refusals import Refusal
from optiq.servers.usage import part

_READ = ("model", "input", "instructions", "stream", "max_output_tokens", "text", "reasoning", "store", OURS)
_NOT_OURS = ("previous_response_id", "conversation", "tools", "background", "prompt")
_TEXTS = ("input_text", "output_text", "text")


class OpenAIResponses:
    """``POST /v1/responses``."""

    media_type = "text/event-stream"

    def read(self, body: Mapping[str, Any], headers: Mapping[str, str]) -> Asked:
        """Text in, text out; what would need memory or tools is refused, not left out."""
        for name in _NOT_OURS:
            if body.get(name):
                raise Refusal(
                    400,
                    f"{name} is not served here: responses are text, and none is kept",
                    "Send the whole conversation as input, or use /v1/chat/completions.",
                    param=name,
                )
        options = {name: value for name, value in body.items() if name not in (*_READ, *_NOT_OURS)}
        if body.get("max_output_tokens") is not None:
            options["max_tokens"] = body["max_output_tokens"]
        if (effort := part(body.get("reasoning"), "effort")) is not None:
            options["reasoning_effort"] = effort
        if (shape := _format(part(body.get("text"), "format"))) is not None:
            options["response_format"] = shape
        stream = switch(body, "stream", False)
        return read_asked(body, _messages(body), options, headers, stream=stream)

    def reply(self, answered: Answered) -> dict[str, Any]:
        """A ``response``."""
        made = int(answered.last.started_at.timestamp())
        found = _response(f"resp_{answered.last.execution_id}", made, answered.asked.model, "completed")
        found["output"] = [_message(text_of(answered), f"msg_{answered.last.execution_id}", "completed")]
        return found | {"usage": _usage(answered.usage()), OURS: answered.about()}

    def stream(self, asked: Asked) -> ResponseStream:
        return ResponseStream(asked)

    def refusal(self, refusal: Refusal) -> dict[str, Any]:
        return refusal.body()


class ResponseStream:
    """The events of a response with one message of one text."""

    def __init__(self, asked: Asked) -> None:
        self._id, self._item = f"resp_{uuid.uuid4().hex}", f"msg_{uuid.uuid4().hex}"
        self._made, self._model = int(time.time()), asked.model
        self._number = -1
        self._texts: list[str] = []
        self._began = False

    def piece(self, chunk: Mapping[str, Any]) -> Iterable[bytes]:
        yield from self._begin()
        for choice in chunk.get("choices") or ():
            if text := part(choice, "delta", "content"):
                self._texts.append(text)
                yield self._say("response.output_text.delta", **self._place, delta=text, logprobs=[])

    def end(self, answered: Answered) -> Iterable[bytes]:
        yield from self._begin()
        if not self._texts and (whole := text_of(answered)):
            self._texts.append(whole)
            yield self._say("response.output_text.delta", **self._place, delta=whole, logprobs=[])
        text = "".join(self._texts)
        message = _message(text, self._item, "completed")
        yield self._say("response.output_text.done", **self._place, text=text, logprobs=[])
        yield self._say("response.content_part.done", **self._place, part=message["content"][0])
        yield self._say("response.output_item.done", output_index=0, item=message)
        found = self._response("completed")
        found |= {"output": [message], "usage": _usage(answered.usage()), OURS: answered.about()}
        yield self._say("response.completed", response=found)

    def fault(self, refusal: Refusal) -> Iterable[bytes]:
        error = {"code": refusal.code or refusal.kind, "message": str(refusal)}
        yield self._say("response.failed", response={**self._response("failed"), "error": error})

    def _begin(self) -> Iterable[bytes]:
        if self._began:
            return
        self._began = True
        yield self._say("response.created", response=self._response("in_progress"))
        yield self._say("response.in_progress", response=self._response("in_progress"))
        item = {**_message("", self._item, "in_progress"), "content": []}
        yield self._say("response.output_item.added", output_index=0, item=item)
        empty = _message("", self._item, "in_progress")["content"][0]
        yield self._say("response.content_part.added", **self._place, part=empty)

    @property
    def _place(self) -> dict[str, Any]:
        return {"item_id": self._item, "output_index": 0, "content_index": 0}

    def _response(self, status: str) -> dict[str, Any]:
        return _response(self._id, self._made, self._model, status)

    def _say(self, name: str, **fields: Any) -> bytes:
        self._number += 1
        return event({"type": name, "sequence_number": self._number, **fields}, name)


def _messages(body: Mapping[str, Any]) -> list[dict[str, Any]]:
    given, found = body.get("input"), []
    if isinstance(instructions := body.get("instructions"), str) and instructions:
        found.append({"role": "system", "content": instructions})
    if isinstance(given, str) and given:
        return [*found, {"role": "user", "content": given}]
    if not isinstance(given, list) or not given:
        raise Refusal(400, "input is empty", "Give text, or a list of messages.", param="input")
    for at, item in enumerate(given):
        if part(item, "type") not in (None, "message") or not isinstance(part(item, "role"), str):
            raise Refusal(
                400,
                f"input[{at}] is no message",
                "Give messages with role and content.",
                param=f"input[{at}]",
            )
        content = item.get("content")
        if isinstance(content, list):
            if any(part(piece, "type") not in _TEXTS for piece in content):
                raise Refusal(
                    400,
                    f"input[{at}] has other than text",
                    "Send pictures and files by /v1/chat/completions.",
                    param=f"input[{at}]",
                )
            content = "".join(str(part(piece, "text") or "") for piece in content)
        role = "system" if item["role"] == "developer" else item["role"]
        found.append({"role": role, "content": content})
    return found


def _format(asked: Any) -> dict[str, Any] | None:
    """The form of the text, as chat completions write it."""
    kind = part(asked, "type")
    if kind == "json_schema":
        return {"type": kind, "json_schema": {k: v for k, v in asked.items() if k != "type"}}
    return {"type": kind} if kind == "json_object" else None


def _response(name: str, made: int, model: str, status: str) -> dict[str, Any]:
    return {
        "id": name,
        "object": "response",
        "created_at": made,
        "status": status,
        "error": None,
        "incomplete_details": None,
        "instructions": None,
        "metadata": {},
        "model": model,
        "output": [],
        "parallel_tool_calls": False,
        "temperature": None,
        "tool_choice": "auto",
        "tools": [],
        "top_p": None,
    }


def _message(text: str, name: str, status: str) -> dict[str, Any]:
    content = [{"type": "output_text", "text": text, "annotations": [], "logprobs": []}]
    return {"id": name, "type": "message", "role": "assistant", "status": status, "content": content}


def _usage(usage: Mapping[str, Any] | None) -> dict[str, Any] | None:
    if not usage:
        return None
    asked, said = usage.get("prompt_tokens") or 0, usage.get("completion_tokens") or 0
    cached = part(usage, "prompt_tokens_details", "cached_tokens") or 0
    thought = part(usage, "completion_tokens_details", "reasoning_tokens") or 0
    return {
        "input_tokens": asked,
        "input_tokens_details": {"cached_tokens": cached},
        "output_tokens": said,
        "output_tokens_details": {"reasoning_tokens": thought},
        "total_tokens": asked + said,
    }
