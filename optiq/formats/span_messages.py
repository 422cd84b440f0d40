"""What was asked and answered in a GenAI span, in each of the ways that instrumentations have written it.

OpenTelemetry's conventions moved the texts from numbered attributes over events, a message each, to two attributes (or
one event) with all messages; OpenInference numbers its attributes in its own way.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from optiq.formats.chat import asked_in, text_of
from optiq.formats.json_stream import loads

Events = Iterable[tuple[str, Mapping[str, Any]]]
"""(name, content) of the events of a span, be they in it or log records beside it."""


def asked(attributes: Mapping[str, Any], events: Events) -> str | None:
    """The text of the last message of a user; None if no text was recorded."""
    if messages := structured(attributes.get("gen_ai.input.messages")):
        return asked_in(messages)
    told = []
    for name, content in events:
        if name.startswith("gen_ai.") and name.endswith(".message"):
            told.append({"role": name.split(".")[1], **content})
        elif name == "gen_ai.content.prompt" and (messages := structured(content.get("gen_ai.prompt"))):
            return asked_in(messages)
    if told:
        return asked_in(told)
    prompts = _numbered(attributes, "gen_ai.prompt.")
    if prompts:
        return asked_in([_user(one) for one in prompts])
    messages = [_open_inference(one) for one in _numbered(attributes, "llm.input_messages.", "message.")]
    if messages:
        return asked_in(messages)
    texts = [one.get("text") for one in _numbered(attributes, "llm.prompts.", "prompt.")]
    return asked_in([{"content": text} for text in texts])


def written(attributes: Mapping[str, Any], events: Events) -> list[dict[str, Any]]:
    """Keys of a call (output, thinking, finish_reason) of each answer that was written; empty if none was recorded."""
    messages = structured(attributes.get("gen_ai.output.messages"))
    if isinstance(messages, list) and messages:
        return [_output(one) for one in messages if isinstance(one, dict)]
    told = []
    for name, content in events:
        if name == "gen_ai.choice":
            message = structured(content.get("message"))
            told.append({**content, **(message if isinstance(message, dict) else {})})
        elif name == "gen_ai.content.completion":
            completion = structured(content.get("gen_ai.completion"))
            told += [one for one in completion or () if isinstance(one, dict)]
    if told:
        return [_output(one) for one in told]
    if completions := _numbered(attributes, "gen_ai.completion."):
        return [_output(one) for one in completions]
    outputs = [_open_inference(one) for one in _numbered(attributes, "llm.output_messages.", "message.")]
    outputs = outputs or [
        {"content": one.get("text")} for one in _numbered(attributes, "llm.choices.", "completion.")
    ]
    return [_output({"finish_reason": attributes.get("llm.finish_reason"), **one}) for one in outputs]


def structured(value: Any) -> Any:
    """A value that may be written as JSON text; None where that is none."""
    if not isinstance(value, str):
        return value
    try:
        return loads(value)
    except (ValueError, RecursionError):
        return None


def _output(message: Mapping[str, Any]) -> dict[str, Any]:
    parts = message.get("parts", message.get("content"))
    thoughts = [
        part.get("content", part.get("text"))
        for part in (parts if isinstance(parts, list) else ())
        if isinstance(part, dict) and part.get("type") in ("reasoning", "thinking")
    ]
    finish = message.get("finish_reason")
    return {
        "output": text_of(parts),
        "thinking": "\n".join(one for one in thoughts if isinstance(one, str)) or None,
        "finish_reason": finish if isinstance(finish, str) else None,
    }


def _numbered(attributes: Mapping[str, Any], prefix: str, inner: str = "") -> list[dict[str, Any]]:
    """``prefix.N.inner.key`` → value, as a record by key for each number, in their order."""
    found: dict[int, dict[str, Any]] = {}
    for name, value in attributes.items():
        if name.startswith(prefix):
            number, _, key = name.removeprefix(prefix).partition(".")
            if number.isdecimal():
                found.setdefault(int(number), {})[key.removeprefix(inner)] = value
    return [found[number] for number in sorted(found)]


def _user(prompt: Mapping[str, Any]) -> dict[str, Any]:
    """A numbered prompt as a message: that of a completion has its text under the role (``user``) or no role."""
    content = prompt.get("content", prompt.get("user"))
    parts = structured(content) if isinstance(content, str) and content.startswith("[{") else None
    return {"role": prompt.get("role", "user"), "content": parts or content}


def _open_inference(message: Mapping[str, Any]) -> dict[str, Any]:
    parts = [
        {"type": one.get("type", "text"), "text": one.get("text")}
        for one in _numbered(message, "contents.", "message_content.")
    ]
    return {"role": message.get("role"), "content": message.get("content", parts or None)}
