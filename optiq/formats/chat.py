"""Chats as tools log them: what was asked, what was answered, and the counts of OpenAI's bodies."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def text_of(content: Any) -> str | None:
    """The text of a message's content: a text, or a list of parts of which some are texts."""
    if isinstance(content, str):
        return content
    if isinstance(content, list):
        parts = [
            part if isinstance(part, str) else part.get("text", part.get("content"))
            for part in content
            if isinstance(part, str)
            or (isinstance(part, dict) and part.get("type", "text") in ("text", "input_text", "output_text"))
        ]
        texts = [part for part in parts if isinstance(part, str)]
        return "\n".join(texts) if texts else None
    return None


def asked_in(messages: Any) -> str | None:
    """What was asked: the text of the last message of a user, else of the last message."""
    if isinstance(messages, str):
        return messages
    if not isinstance(messages, list):
        return None
    chat = [one for one in messages if isinstance(one, dict)]
    users = [one for one in chat if one.get("role") == "user"]
    for one in reversed(users or chat):
        text = text_of(one.get("content", one.get("parts")))
        if text:
            return text
    return None


def count(value: Any) -> int | None:
    """A number of tokens; None where nobody counted (0 and less included)."""
    if isinstance(value, str) and value.strip().isdecimal():
        value = int(value)
    if isinstance(value, bool) or not isinstance(value, int | float) or value != value or value <= 0:
        return None
    return int(value)


def usage_of(usage: Any) -> dict[str, Any]:
    """Keys of a call from a ``usage`` in OpenAI's form, whose prompt tokens have the cached ones in them."""
    if not isinstance(usage, dict):
        return {}
    prompt = count(usage.get("prompt_tokens")) or count(usage.get("input_tokens"))
    output = count(usage.get("completion_tokens")) or count(usage.get("output_tokens"))
    read = _detail(usage, ("prompt_tokens_details", "input_tokens_details"), "cached_tokens")
    thought = _detail(usage, ("completion_tokens_details", "output_tokens_details"), "reasoning_tokens")
    return {
        "prompt_tokens": prompt,
        "cached_tokens": read if prompt is not None else None,
        "output_tokens": output,
        "thinking_tokens": thought or None,
    }


def _detail(usage: Mapping[str, Any], names: tuple[str, ...], key: str) -> int | None:
    for name in names:
        details = usage.get(name)
        value = details.get(key) if isinstance(details, dict) else None
        if isinstance(value, int) and not isinstance(value, bool) and value >= 0:
            return value
    return None


def choices_of(body: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Keys of a call (output, thinking, finish_reason) for each answer in the body of a response.

    Chat completions, completions, and OpenAI's responses.
    """
    choices = body.get("choices")
    if isinstance(choices, list):
        found = []
        for one in choices:
            if not isinstance(one, dict):
                continue
            message = one["message"] if isinstance(one.get("message"), dict) else {}
            thought = message.get("reasoning_content") or message.get("reasoning")
            found.append(
                {
                    "output": text_of(message.get("content")) if message else one.get("text"),
                    "thinking": thought if isinstance(thought, str) else None,
                    "finish_reason": one.get("finish_reason"),
                }
            )
        return found
    items = body.get("output")
    if isinstance(items, list):
        texts = [
            text_of(one.get("content"))
            for one in items
            if isinstance(one, dict) and one.get("type") == "message"
        ]
        whole = "\n".join(text for text in texts if text)
        return [{"output": whole, "finish_reason": body.get("status")}] if whole else []
    return []


def error_in(value: Any) -> str | None:
    """An error in words: a text, or an object with a message in it; None where there is none."""
    if isinstance(value, dict):
        for name in ("message", "error", "detail", "code", "type"):
            if value.get(name):
                return error_in(value[name])
        return None if not value else str(value)
    if value is None or value is False or value == "":
        return None
    return str(value)
