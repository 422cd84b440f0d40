"""Model calls as they look on the wire: which request is one, and what its answer says it used.

Known are the chat, completion and response calls of OpenAI-compatible servers, Anthropic's messages, and
Ollama's chat and generate, whole or streamed.
"""

from __future__ import annotations

import hashlib
import json
from typing import Any

from optiq.servers.usage import counted

_ASKING = ("messages", "prompt", "input")


def model_call(method: str, content: bytes) -> dict[str, Any] | None:
    """The JSON body of a request that asks a model for text; None for any other request."""
    if method != "POST" or b'"model"' not in content:
        return None
    try:
        body = json.loads(content)
    except (ValueError, UnicodeDecodeError):
        return None
    if not isinstance(body, dict) or not isinstance(body.get("model"), str):
        return None
    return body if any(name in body for name in _ASKING) else None


def prompt_chars(body: dict[str, Any]) -> int:
    """Characters of all text that a request asks with."""
    return sum(_chars(body.get(name)) for name in (*_ASKING, "system"))


def _chars(value: Any) -> int:
    if isinstance(value, str):
        return len(value)
    if isinstance(value, list):
        return sum(_chars(item) for item in value)
    if isinstance(value, dict):
        return _chars(value.get("content")) + _chars(value.get("text"))
    return 0


def request_key(url: str, body: dict[str, Any], trial: int) -> str:
    """What two requests share that get the same answer: place, content, and the how-manieth trial it is.

    Headers are left out: they carry keys, and ids that differ each time.
    """
    canonical = json.dumps(body, sort_keys=True, ensure_ascii=False, separators=(",", ":"))
    return hashlib.sha256(f"{trial}\n{url}\n{canonical}".encode()).hexdigest()


def usage_in(content: bytes) -> tuple[int | None, int | None, str | None]:
    """Prompt tokens, output tokens and text of an answer; None where it does not say."""
    prompt = output = None
    texts: list[str] = []
    for item in _objects(content):
        usage = item.get("usage") or (item.get("message") or {}).get("usage") or {}
        response = item.get("response")
        if isinstance(response, dict):  # streamed responses nest the whole answer in their last event
            usage = response.get("usage") or usage
        if not isinstance(usage, dict):
            usage = {}
        prompt = _first(
            usage.get("prompt_tokens"), usage.get("input_tokens"), item.get("prompt_eval_count"), prompt
        )
        output = _first(
            usage.get("completion_tokens"), usage.get("output_tokens"), item.get("eval_count"), output
        )
        texts.append(_text(item))
    return prompt, output, "".join(texts) or None


def _objects(content: bytes) -> list[dict[str, Any]]:
    try:
        whole = json.loads(content)
        return [whole] if isinstance(whole, dict) else []
    except (ValueError, UnicodeDecodeError):
        pass
    found = []
    for line in content.decode("utf-8", "replace").splitlines():
        line = line.removeprefix("data:").strip()
        if line.startswith("{"):
            try:
                found.append(json.loads(line))
            except ValueError:
                continue
    return found


def _text(item: dict[str, Any]) -> str:
    if isinstance(item.get("response"), str):
        return str(item["response"])
    message = item.get("message")
    if isinstance(message, dict) and isinstance(message.get("content"), str):
        return str(message["content"])
    parts = []
    for choice in item.get("choices") or ():
        if isinstance(choice, dict):
            inner = choice.get("message") or choice.get("delta") or choice
            text = inner.get("content") if isinstance(inner, dict) else None
            parts.append(text if isinstance(text, str) else str(choice.get("text") or ""))
    for block in item.get("content") or ():
        if isinstance(block, dict) and isinstance(block.get("text"), str):
            parts.append(block["text"])
    return "".join(parts)


def _first(*values: Any) -> int | None:
    """The first that is a count of tokens: one that says nothing, or less than nothing, is none."""
    return next((number for value in values if (number := counted(value)) is not None), None)


def output_cap(path: str, body: dict[str, Any]) -> int | None:
    """The longest output that a request asks for, in tokens; None if it sets no limit."""
    options = body.get("options")
    place = options if _is_ollama(path) and isinstance(options, dict) else body
    return min((number for name in _CAPS if (number := counted(place.get(name))) is not None), default=None)


def with_output_cap(path: str, body: dict[str, Any], tokens: int) -> dict[str, Any]:
    """The request with a limit of ``tokens`` on its output, in the dialect of its ``path``."""
    if _is_ollama(path):
        given = body.get("options")
        return {**body, "options": {**(given if isinstance(given, dict) else {}), "num_predict": tokens}}
    if path.endswith("/responses"):
        return {**body, "max_output_tokens": tokens}
    name = "max_completion_tokens" if path.endswith("/chat/completions") else "max_tokens"
    return {**body, name: tokens}


def answers_asked_for(body: dict[str, Any]) -> int:
    """How many outputs a request asks for at once."""
    return max(counted(body.get("n")) or 1, counted(body.get("best_of")) or 1)


_CAPS = ("max_completion_tokens", "max_tokens", "max_output_tokens", "num_predict")


def _is_ollama(path: str) -> bool:
    return path.endswith(("/api/chat", "/api/generate"))
