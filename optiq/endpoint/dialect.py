"""What a dialect is: how it writes what was asked, an answer, its pieces, and a refusal."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Protocol

from optiq.endpoint.answering import Answered
from optiq.endpoint.asked import Asked
from optiq.endpoint.refusals import Refusal
from optiq.files.compact_json import compact
from optiq.servers.usage import part


class Stream(Protocol):
    """One streamed answer, as bytes to send."""

    def piece(self, chunk: Mapping[str, Any]) -> Iterable[bytes]:
        """What is sent of a piece in OpenAI's form."""
        ...

    def end(self, answered: Answered) -> Iterable[bytes]:
        """What is sent when the answer is whole."""
        ...

    def fault(self, refusal: Refusal) -> Iterable[bytes]:
        """What is sent when it will not be whole."""
        ...


class Dialect(Protocol):
    """One way of asking and answering."""

    media_type: str
    """Of a stream."""

    def read(self, body: Mapping[str, Any], headers: Mapping[str, str]) -> Asked:
        """What was asked; a :class:`Refusal` for what cannot be used."""
        ...

    def reply(self, answered: Answered) -> dict[str, Any]:
        """The body of a whole answer."""
        ...

    def stream(self, asked: Asked) -> Stream:
        """The stream of an answer."""
        ...

    def refusal(self, refusal: Refusal) -> dict[str, Any]:
        """The body of a refusal."""
        ...


def event(data: Mapping[str, Any] | str, name: str = "") -> bytes:
    """A server-sent event."""
    text = data.encode() if isinstance(data, str) else compact(data)
    head = f"event: {name}\n".encode() if name else b""
    return head + b"data: " + text + b"\n\n"


def choices_of(answered: Answered) -> list[dict[str, Any]]:
    """The choices of an answer as the last model gave them; else made of its text."""
    told = part(answered.heard.body, "choices")
    if isinstance(told, list) and isinstance(part(told, 0, "message"), dict):
        return [one for one in told if isinstance(one, dict)]
    last = answered.last
    sink = next(call for call in last.calls if call.node == last.plan.sink)
    message = {"role": "assistant", "content": sink.output or ""}
    return [{"index": 0, "message": message, "finish_reason": sink.finish_reason or "stop"}]


def text_of(answered: Answered) -> str:
    """The text of an answer."""
    said = part(choices_of(answered), 0, "message", "content")
    return said if isinstance(said, str) else ""
