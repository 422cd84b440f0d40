"""Conversations with model servers: what a client of :mod:`optiq.endpoint` said goes to the model as it came.

The form inside is that of OpenAI's chat API. Servers of another dialect translate to it and from it.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from optiq.errors import AnswerBrokeOff, AnswerLost, RequestRefused, ServerError
from optiq.files.others_text import parse_json
from optiq.servers.protocol import ANY_OBJECT, Conversation, GenerateRequest, Listener
from optiq.servers.usage import part

CAPS = ("max_completion_tokens", "max_tokens")
"""What a client may call the most tokens of an answer."""


def plain_text(content: Any) -> str:
    """The text in the content of a message: its own, or that of its parts; images and sounds have none."""
    if isinstance(content, str):
        return content
    if not isinstance(content, Sequence):
        return ""
    texts = [part(one, "text") for one in content]
    return "\n".join(text for text in texts if isinstance(text, str))


def as_one_prompt(messages: Sequence[Mapping[str, Any]]) -> str:
    """A conversation as one text, for servers that take nothing else: of one message its text, else who said what."""
    if len(messages) == 1:
        return plain_text(messages[0].get("content"))
    return "\n\n".join(f"{one.get('role')}: {plain_text(one.get('content'))}" for one in messages)


def chat_body(request: GenerateRequest, conversation: Conversation, cap: str) -> dict[str, Any]:
    """What an OpenAI-compatible server is sent; ``cap`` is what it calls the most tokens, if the client says none."""
    body = {**conversation.options, "model": request.model, "messages": list(conversation.messages)}
    if conversation.capped and request.max_output_tokens is not None:
        named = next((name for name in CAPS if body.get(name) is not None), cap)
        body[named] = request.max_output_tokens
    if conversation.listener.streams:
        body["stream"] = True
        body["stream_options"] = {**(body.get("stream_options") or {}), "include_usage": True}
    return body


def plain_options(request: GenerateRequest, conversation: Conversation) -> GenerateRequest:
    """The request with the client's wishes that any server of text can fulfil: length, temperature, seed, stop strings,
    and the form of the answer.

    Raises
    ------
    RequestRefused
        for a form of another kind than JSON.
    """
    options = conversation.options
    cap = next((options[name] for name in CAPS if options.get(name) is not None), None)
    if conversation.capped and request.max_output_tokens is not None:
        cap = request.max_output_tokens
    stop = options.get("stop") or ()
    temperature, seed = options.get("temperature"), options.get("seed")
    return replace(
        request,
        max_output_tokens=cap,
        temperature=1.0 if temperature is None else float(temperature),
        seed=seed,
        stop=(stop,) if isinstance(stop, str) else tuple(stop),
        many_lines=True,
        json_schema=asked_schema(options.get("response_format")),
    )


def asked_schema(shape: Any) -> str | None:
    """The JSON schema that a ``response_format`` wants kept; None for text, a :class:`RequestRefused` for others."""
    kind = part(shape, "type")
    if shape is None or kind == "text":
        return None
    if kind == "json_object":
        return ANY_OBJECT
    schema = part(shape, "json_schema", "schema")
    if kind == "json_schema" and isinstance(schema, Mapping):
        return json.dumps(schema)
    raise RequestRefused(
        f"a response_format of the type {str(kind)[:40]!r} is kept by nobody here",
        "Give json_object, json_schema or text.",
    )


_BOM = b"\xef\xbb\xbf"
_FIELDS = (b"event", b"id", b"retry")


class StreamedAnswer:
    """Tells a listener of the chunks of a stream, and puts them together as the answer would have come whole."""

    def __init__(self, listener: Listener, who: str) -> None:
        self._listener, self._who = listener, who
        self._texts: list[str] = []
        self._thoughts: list[str] = []
        self._refusals: list[str] = []
        self._logprobs: list[Any] = []
        self._unread: list[bytes] = []
        self._plain: list[bytes] = []
        self._events = False
        self._last: dict[str, Any] = {}
        self._finish_reason: Any = None
        self.began = False
        self.done = False

    def line(self, line: bytes) -> None:
        """A line of server-sent events; or of a plain answer, which some servers give to who wants a stream."""
        name, _, data = line.strip().removeprefix(_BOM).partition(b":")
        if self.done or name in _FIELDS:
            return
        if not line.strip() and self._unread:  # the event is over
            raise self._no_json()
        if name != b"data":
            if name and not self._events:
                self._plain.append(line)
            return
        data = data.strip()
        self._events, self._plain = True, []
        if data == b"[DONE]":
            self.done = True
            return
        self._unread.append(data)  # one event may have several lines
        try:
            chunk = parse_json(b"\n".join(self._unread))
        except ValueError:
            return
        self._unread = []
        if isinstance(chunk, dict):
            self.chunk(chunk)

    def chunk(self, chunk: Mapping[str, Any]) -> None:
        """A chunk in OpenAI's form."""
        if (fault := chunk.get("error")) is not None:
            said = part(fault, "message") or fault
            raise self.broken(f"said: {str(said)[:200]}")
        listed = chunk.get("choices") if isinstance(chunk.get("choices"), list) else []
        choices = [
            one if isinstance(one.get("delta"), dict) else {**one, "delta": {}}
            for one in listed or ()
            if isinstance(one, dict)
        ]
        first = next((one for one in choices if part(one, "index") in (0, None)), None)
        if isinstance(text := part(first, "delta", "content"), str):
            self._texts.append(text)
        if isinstance(refusal := part(first, "delta", "refusal"), str):
            self._refusals.append(refusal)
        if isinstance(logprobs := part(first, "logprobs", "content"), list):
            self._logprobs += logprobs
        for name in ("reasoning_content", "reasoning", "thinking"):
            if isinstance(thought := part(first, "delta", name), str):
                self._thoughts.append(thought)
                break
        self._finish_reason = part(first, "finish_reason") or self._finish_reason
        self._last.update({name: value for name, value in chunk.items() if value and name != "choices"})
        if usage := part(first, "usage") or part(chunk, "x_groq", "usage"):  # as Moonshot and Groq have it
            self._last["usage"] = usage
        self.began = self.began or bool(choices)
        self._listener.piece({**chunk, "choices": choices} if "choices" in chunk else chunk)

    def ended(self, reason: str, usage: Mapping[str, int]) -> dict[str, Any]:
        """The answer so far, which we ended; ``usage`` is what it took if nobody has told."""
        self._finish_reason = reason
        self._last.setdefault("usage", dict(usage))
        return self.body()

    def _no_json(self) -> ServerError:
        return self.broken(f"sent what is no JSON: {b' '.join(self._unread)[:80].decode('utf-8', 'replace')}")

    def broken(self, why: str) -> ServerError:
        """The fault of an answer that ended before its end, by whether a part of it was passed on."""
        kind = AnswerBrokeOff if self.began else AnswerLost
        return kind(f"the answer of {self._who} broke off: it {why}")

    def body(self) -> dict[str, Any]:
        """The answer as it would have come whole; a fault if its end did not come."""
        if self._plain and (whole := self._whole()) is not None:
            return whole
        if self._unread:
            raise self._no_json()
        if not self.done and self._finish_reason is None:
            raise self.broken("ended without its end")
        message: dict[str, Any] = {"role": "assistant", "content": "".join(self._texts)}
        if self._thoughts:
            message["reasoning_content"] = "".join(self._thoughts)
        if self._refusals:
            message["refusal"] = "".join(self._refusals)
        choice: dict[str, Any] = {"index": 0, "message": message, "finish_reason": self._finish_reason}
        if self._logprobs:
            choice["logprobs"] = {"content": self._logprobs}
        return {**self._last, "choices": [choice]}

    def _whole(self) -> dict[str, Any] | None:
        """The answer of a server that does not stream, told as one piece; None if it is none."""
        try:
            body = parse_json(b"".join(self._plain))
        except ValueError:
            return None
        message = part(body, "choices", 0, "message")
        if not isinstance(message, dict):
            if part(body, "error") is not None:
                self.chunk(body)  # raises what it says
            return None
        reason = part(body, "choices", 0, "finish_reason")
        self._listener.piece({"choices": [{"index": 0, "delta": message, "finish_reason": reason}]})
        found: dict[str, Any] = body
        return found
