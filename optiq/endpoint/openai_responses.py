"""OpenAI's responses, as far as they are text and calls of functions: nothing is kept between requests."""

from __future__ import annotations

import json
import time
import uuid
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from optiq.endpoint.answering import Answered
from optiq.endpoint.asked import OURS, Asked, check_role, read_asked, refuse, switch, whole_number
from optiq.endpoint.dialect import choices_of, event, text_of
from optiq.endpoint.refusals import Refusal
from optiq.servers.conversing import plain_text
from optiq.servers.usage import part

_READ = (
    "model", "input", "instructions", "stream", "max_output_tokens", "text", "reasoning", "store", "tools",
    "tool_choice", "include", "truncation", OURS,
)  # fmt: skip
_NOT_OURS = ("previous_response_id", "conversation", "background", "prompt")
_TEXTS = ("input_text", "output_text", "text")


class OpenAIResponses:
    """``POST /v1/responses``."""

    media_type = "text/event-stream"

    def read(self, body: Mapping[str, Any], headers: Mapping[str, str]) -> Asked:
        """Text and functions; what would need memory, or tools of OpenAI's own, is refused, not left out."""
        refuse(
            body,
            _NOT_OURS,
            "is not served here: no response is kept",
            "Send the whole conversation as input, or use /v1/chat/completions.",
        )
        if body.get("top_logprobs") or "message.output_text.logprobs" in _listed(body.get("include")):
            raise Refusal(
                400,
                "log probabilities are not told in responses here",
                "Ask for them by /v1/chat/completions.",
                code="feature_not_available",
                param="top_logprobs" if body.get("top_logprobs") else "include",
            )
        options = {name: value for name, value in body.items() if name not in (*_READ, *_NOT_OURS)}
        whole_number(body, "max_output_tokens", 1)
        if body.get("max_output_tokens") is not None:
            options["max_tokens"] = body["max_output_tokens"]
        if (effort := part(body.get("reasoning"), "effort")) is not None:
            options["reasoning_effort"] = effort
        if (shape := _format(part(body.get("text"), "format"))) is not None:
            options["response_format"] = shape
        if tools := _tools(body.get("tools")):
            options["tools"] = tools
            if (choice := body.get("tool_choice")) is not None:
                options["tool_choice"] = _tool_choice(choice)
        stream = switch(body, "stream", False)
        return read_asked(body, _messages(body), options, headers, stream=stream)

    def reply(self, answered: Answered) -> dict[str, Any]:
        """A ``response``."""
        made = int(answered.last.started_at.timestamp())
        found = _response(f"resp_{answered.last.execution_id}", made, answered.asked.model, "completed")
        text, calls = text_of(answered), _listed(part(choices_of(answered)[0], "message", "tool_calls"))
        message = _message(text, f"msg_{answered.last.execution_id}", "completed")
        found["output"] = [message] * bool(text or not calls) + [_call(one, "completed") for one in calls]
        return found | {"usage": _usage(answered.usage()), OURS: answered.about()}

    def stream(self, asked: Asked) -> ResponseStream:
        return ResponseStream(asked)

    def refusal(self, refusal: Refusal) -> dict[str, Any]:
        return refusal.body()


class ResponseStream:
    """The events of a response: a message of one text, calls of functions, or both, each an item of its output."""

    def __init__(self, asked: Asked) -> None:
        self._id = f"resp_{uuid.uuid4().hex}"
        self._made, self._model = int(time.time()), asked.model
        self._number = -1
        self._began = False
        self._text: _Item | None = None
        self._called: dict[int, _Item] = {}
        self._items: list[_Item] = []

    def piece(self, chunk: Mapping[str, Any]) -> Iterable[bytes]:
        yield from self._begin()
        for choice in chunk.get("choices") or ():
            if text := plain_text(part(choice, "delta", "content")):
                yield from self._say_text(text)
            for at, call in enumerate(_listed(part(choice, "delta", "tool_calls"))):
                index = part(call, "index")
                yield from self._say_call(index if isinstance(index, int) else at, call)

    def end(self, answered: Answered) -> Iterable[bytes]:
        yield from self._begin()
        if not self._items:  # a server that does not stream
            choice = choices_of(answered)[0]
            for at, call in enumerate(_listed(part(choice, "message", "tool_calls"))):
                yield from self._say_call(at, call)
            if (whole := text_of(answered)) or not self._items:
                yield from self._say_text(whole)
        for at, item in enumerate(self._items):
            place = {"item_id": item.about["id"], "output_index": at}
            said, whole_item = "".join(item.said), item.whole("completed")
            if item is self._text:
                yield self._say("response.output_text.done", **place, content_index=0, text=said, logprobs=[])
                content = whole_item["content"][0]
                yield self._say("response.content_part.done", **place, content_index=0, part=content)
            else:
                name = whole_item["name"]
                yield self._say("response.function_call_arguments.done", **place, name=name, arguments=said)
            yield self._say("response.output_item.done", output_index=at, item=whole_item)
        output = [item.whole("completed") for item in self._items]
        found = self._response("completed")
        found |= {"output": output, "usage": _usage(answered.usage()), OURS: answered.about()}
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

    def _open(self, item: _Item) -> Iterable[bytes]:
        self._items.append(item)
        yield self._say(
            "response.output_item.added",
            output_index=len(self._items) - 1,
            item=item.whole("in_progress") | ({"content": []} if item is self._text else {}),
        )

    def _say_text(self, text: str) -> Iterable[bytes]:
        if self._text is None:
            self._text = _Item(_message("", f"msg_{uuid.uuid4().hex}", ""))
            yield from self._open(self._text)
            empty = self._text.whole("in_progress")["content"][0]
            yield self._say(
                "response.content_part.added", **self._place(self._text), content_index=0, part=empty
            )
        self._text.said.append(text)
        place = self._place(self._text)
        yield self._say("response.output_text.delta", **place, content_index=0, delta=text, logprobs=[])

    def _say_call(self, index: int, call: Any) -> Iterable[bytes]:
        if index not in self._called:
            self._called[index] = item = _Item(_call(call, "") | {"arguments": ""})
            yield from self._open(item)
        item = self._called[index]
        if arguments := part(call, "function", "arguments"):
            item.said.append(_written(arguments))
            place = self._place(item)
            yield self._say("response.function_call_arguments.delta", **place, delta=item.said[-1])

    def _place(self, item: _Item) -> dict[str, Any]:
        return {"item_id": item.about["id"], "output_index": self._items.index(item)}

    def _response(self, status: str) -> dict[str, Any]:
        return _response(self._id, self._made, self._model, status)

    def _say(self, kind: str, /, **fields: Any) -> bytes:
        self._number += 1
        return event({"type": kind, "sequence_number": self._number, **fields}, kind)


@dataclass(eq=False)
class _Item:
    """A message or a call while it is being said."""

    about: dict[str, Any]
    said: list[str] = field(default_factory=list)

    def whole(self, status: str) -> dict[str, Any]:
        """The item with what was said so far."""
        text = "".join(self.said)
        if self.about["type"] == "message":
            return _message(text, self.about["id"], status)
        return {**self.about, "arguments": text, "status": status}


def _messages(body: Mapping[str, Any]) -> list[dict[str, Any]]:
    given, found = body.get("input"), []
    if isinstance(instructions := body.get("instructions"), str) and instructions:
        found.append({"role": "system", "content": instructions})
    if isinstance(given, str) and given:
        return [*found, {"role": "user", "content": given}]
    if not isinstance(given, list) or not given:
        raise Refusal(400, "input is empty", "Give text, or a list of messages.", param="input")
    for at, item in enumerate(given):
        if said := _said_of_a_call(item):
            calls = said.get("tool_calls")
            if calls and found and found[-1].get("tool_calls"):  # of one turn
                found[-1]["tool_calls"] += calls
            else:
                found.append(said)
            continue
        if part(item, "type") not in (None, "message") or not isinstance(part(item, "role"), str):
            raise Refusal(
                400,
                f"input[{at}] is no message, call or output of a function",
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
        check_role(item["role"], f"input[{at}]")
        role = "system" if item["role"] == "developer" else item["role"]
        found.append({"role": role, "content": content})
    return found


def _said_of_a_call(item: Any) -> dict[str, Any] | None:
    """A call of a function, or what came of it, as a message of the chat API; None for what is neither."""
    kind, name = part(item, "type"), part(item, "call_id")
    if not isinstance(name, str):
        return None
    if kind == "function_call":
        function = {"name": part(item, "name"), "arguments": part(item, "arguments") or ""}
        return {
            "role": "assistant",
            "content": None,
            "tool_calls": [{"id": name, "type": "function", "function": function}],
        }
    if kind == "function_call_output":
        return {"role": "tool", "tool_call_id": name, "content": _written(part(item, "output"))}
    return None


def _tools(given: Any) -> list[dict[str, Any]]:
    """The functions that a model may call, as the chat API has them."""
    if given is not None and not isinstance(given, list):
        raise Refusal(400, "tools is no list", "Give a list of functions.", param="tools")
    found = []
    for at, tool in enumerate(given or ()):
        if part(tool, "type") != "function":
            said = f"tools[{at}] is of the type {str(part(tool, 'type'))[:40]!r}, which OpenAI itself has"
            raise Refusal(400, said, "Give functions.", param=f"tools[{at}]")
        found.append({"type": "function", "function": {k: v for k, v in tool.items() if k != "type"}})
    return found


def _tool_choice(asked: Any) -> Any:
    name = part(asked, "name")
    return {"type": "function", "function": {"name": name}} if name is not None else asked


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


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def _call(call: Any, status: str) -> dict[str, Any]:
    """A call of a function as an item of the output."""
    name = part(call, "id") or f"call_{uuid.uuid4().hex}"
    return {
        "type": "function_call",
        "id": f"fc_{uuid.uuid4().hex}",
        "call_id": name,
        "name": part(call, "function", "name") or "",
        "arguments": _written(part(call, "function", "arguments") or ""),
        "status": status,
    }


def _written(value: Any) -> str:
    """Text as it is, anything else as JSON: some servers give arguments as an object."""
    return value if isinstance(value, str) else json.dumps(value)


def _usage(usage: Mapping[str, Any] | None) -> dict[str, Any] | None:
    if not usage:
        return None
    asked, said = usage.get("prompt_tokens") or 0, usage.get("completion_tokens") or 0
    details = {
        name: part(usage, "prompt_tokens_details", name) or 0
        for name in ("cached_tokens", "cache_write_tokens")
    }
    thought = part(usage, "completion_tokens_details", "reasoning_tokens") or 0
    return {
        "input_tokens": asked,
        "input_tokens_details": details,
        "output_tokens": said,
        "output_tokens_details": {"reasoning_tokens": thought},
        "total_tokens": asked + said,
    }
