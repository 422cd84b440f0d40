"""Conversations in Ollama's dialect: from OpenAI's form to it, and back."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from optiq.errors import RequestRefused
from optiq.files.others_text import parse_json
from optiq.servers.conversing import CAPS, StreamedAnswer, asked_schema, plain_text
from optiq.servers.protocol import Conversation, GenerateRequest
from optiq.servers.usage import part

_SAMPLING = ("temperature", "top_p", "seed", "presence_penalty", "frequency_penalty")


def as_ollama(request: GenerateRequest, conversation: Conversation) -> dict[str, Any]:
    """The body of ``/api/chat``. Fields that Ollama calls otherwise are called that, others stay as they are.

    Raises
    ------
    RequestRefused
        for several answers, which Ollama does not give, and for pictures that are no data.
    """
    left = dict(conversation.options)
    if (left.pop("n", None) or 1) != 1:
        raise RequestRefused("Ollama gives one answer to a call", "Ask for one (n = 1), or several times.")
    options = {name: left.pop(name) for name in _SAMPLING if name in left}
    if (stop := left.pop("stop", None)) is not None:
        options["stop"] = [stop] if isinstance(stop, str) else stop
    cap = next((left.pop(name) for name in CAPS if left.get(name) is not None), None)
    if conversation.capped and request.max_output_tokens is not None:
        cap = request.max_output_tokens
    if cap is not None:
        options["num_predict"] = cap
    if isinstance(own := left.pop("options", None), Mapping):
        options |= own
    call: dict[str, Any] = {
        "model": request.model,
        "messages": [_message(one) for one in conversation.messages],
        "stream": conversation.listener.streams,
        "options": options,
    }
    asked = left.pop("response_format", None)
    if part(asked, "type") == "json_schema":
        call["format"] = part(asked, "json_schema", "schema")
    elif part(asked, "type") == "json_object":
        call["format"] = "json"
    else:
        asked_schema(asked)
    for name in ("stream_options", *CAPS):
        left.pop(name, None)
    return {**left, **call}


def _message(one: Mapping[str, Any]) -> dict[str, Any]:
    """A message with its pictures beside its text, and the arguments of its tool calls as objects."""
    message = dict(one)
    content = one.get("content")
    if isinstance(content, list):
        message["content"] = plain_text(content)
        pictures = [_picture(piece) for piece in content if part(piece, "type") == "image_url"]
        if pictures:
            message["images"] = pictures
    elif content is None:
        message["content"] = ""
    if isinstance(calls := one.get("tool_calls"), list):
        message["tool_calls"] = [{"function": _arguments_as(dict, part(call, "function"))} for call in calls]
    return message


def _picture(piece: Any) -> str:
    url = part(piece, "image_url", "url")
    if not isinstance(url, str) or not url.startswith("data:") or "," not in url:
        raise RequestRefused(
            "Ollama takes pictures as data, not by an address", "Send data:image/png;base64,… ."
        )
    return url.partition(",")[2]


def _arguments_as(kind: type, function: Any) -> dict[str, Any]:
    """A called function with its arguments as an object (Ollama) or as text (OpenAI)."""
    found = dict(function) if isinstance(function, Mapping) else {}
    arguments = found.get("arguments")
    if kind is dict and isinstance(arguments, str):
        try:
            found["arguments"] = parse_json(arguments)
        except ValueError:
            found["arguments"] = {}
    elif kind is str and not isinstance(arguments, str):
        found["arguments"] = json.dumps(arguments or {})
    return found


def _said(message: Any) -> dict[str, Any]:
    """A message of Ollama in OpenAI's form."""
    said: dict[str, Any] = {"role": "assistant", "content": part(message, "content") or ""}
    if thought := part(message, "thinking"):
        said["reasoning_content"] = thought
    if isinstance(calls := part(message, "tool_calls"), list) and calls:
        said["tool_calls"] = [
            {
                "index": at,
                "id": part(call, "id") or f"call_{at}",
                "type": "function",
                "function": _arguments_as(str, part(call, "function")),
            }
            for at, call in enumerate(calls)
        ]
    return said


def _finish_reason(body: Mapping[str, Any], called: bool) -> str | None:
    if not body.get("done"):
        return None
    return "tool_calls" if called else str(body.get("done_reason") or "stop")


def _logprobs(body: Mapping[str, Any]) -> dict[str, Any]:
    """The log probabilities in OpenAI's form: the entries are the same."""
    told = body.get("logprobs")
    return {"logprobs": {"content": told}} if isinstance(told, list) and told else {}


def _usage(body: Mapping[str, Any]) -> dict[str, int] | None:
    asked, said = body.get("prompt_eval_count"), body.get("eval_count")
    if not isinstance(asked, int) or not isinstance(said, int):
        return None
    return {"prompt_tokens": asked, "completion_tokens": said, "total_tokens": asked + said}


def whole_of(body: Mapping[str, Any]) -> dict[str, Any]:
    """A whole answer of ``/api/chat`` in OpenAI's form."""
    said = _said(body.get("message"))
    choice = {"index": 0, "message": said, "finish_reason": _finish_reason(body, "tool_calls" in said)}
    choice |= _logprobs(body)
    return {"model": body.get("model"), "choices": [choice], "usage": _usage(body)}


class OllamaStream(StreamedAnswer):
    """The same of a stream of ``/api/chat``: lines of JSON, the last one with the counts."""

    _end: Mapping[str, Any] | None = None
    _called = False

    def line(self, line: bytes) -> None:
        if not line.strip() or self.done:
            return
        try:
            body = parse_json(line)
        except ValueError:
            raise self.broken(f"sent what is no JSON: {line[:80].decode('utf-8', 'replace')}") from None
        if not isinstance(body, dict):
            return
        if body.get("error"):
            raise self.broken(f"said: {str(body['error'])[:200]}")
        said = _said(body.get("message"))
        self._called = self._called or "tool_calls" in said
        reason = _finish_reason(body, self._called)
        self.chunk({"choices": [{"index": 0, "delta": said, "finish_reason": reason, **_logprobs(body)}]})
        if body.get("done"):
            self._end, self.done = body, True
            if (usage := _usage(body)) is not None:
                self._listener.piece({"choices": [], "usage": usage})

    def body(self) -> dict[str, Any]:
        """The last line with the whole message in it, as Ollama would have answered without a stream."""
        if self._end is None:
            raise self.broken("ended without its end")
        choice = super().body()["choices"][0]
        message = choice["message"]
        thought = message.get("reasoning_content")
        return {
            **self._end,
            "logprobs": part(choice, "logprobs", "content"),
            "message": {"role": "assistant", "content": message["content"], "thinking": thought},
        }
