"""Model calls as they look on the wire: which request is one, and what its answer says it used.

Known are the chat, completion, response and embedding calls of OpenAI-compatible servers (Azure's among them),
Anthropic's messages, Ollama's chat, generate and embed, Gemini's generateContent, Cohere's chat, embed and rerank, and
Bedrock's converse and invoke; whole or streamed. Anything else that names a model and asks it for something is taken
for a call, too, but what only counts tokens or judges a text for nothing.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import cached_property
from typing import Any
from urllib.parse import quote, unquote, urlsplit, urlunsplit

import orjson

from optiq.files.others_text import parse_json
from optiq.servers.usage import counted, part

_ASKING = (
    *("messages", "prompt", "input", "contents", "content", "requests"),
    *("message", "texts", "query", "inputs"),  # of Cohere, and of servers of Hugging Face
)
_CANONICAL = json.JSONEncoder(sort_keys=True, ensure_ascii=False, separators=(",", ":"))
_IN_URL = re.compile(
    r"/models/(?P<gemini>[^/:]+):(?:generateContent|streamGenerateContent|embedContent|batchEmbedContents|predict)$"
    r"|/deployments/(?P<azure>[^/]+)/"
    r"|/model/(?P<bedrock>[^/]+)/(?:converse|converse-stream|invoke|invoke-with-response-stream)$"
)
"""Where the name of the model stands in the path."""

_EMBEDDING = ("/embeddings", "/embed", "/rerank", ":embedContent", ":batchEmbedContents")
_FREE = (
    "/count_tokens",
    "/input_tokens",
    "/tokenize",
    "/detokenize",
    "/moderations",
    "/api/show",
    "/api/pull",
)
"""Ends of paths that name a model, and for which nobody is billed."""

_NOT_TOLD = re.compile(
    r"/batch(?:es|/jobs)$|:batchGenerateContent$|/model-invocation-job$"
    r"|/audio/(?:transcriptions|translations)$|/images/(?:edits|variations)$|/videos$|/threads(?:/[^/]+)?/runs$"
)
"""Where a request is billed for what its answer does not tell: calls that others make later, sound, images."""

_NOT_WRITTEN = {
    "id",
    "object",
    "model",
    "role",
    "finish_reason",
    "type",
    "system_fingerprint",
    "status",
    "name",
}


@dataclass(frozen=True)
class Asked:
    """A request that asks a model for something. ``signed``: who changes it breaks its signature."""

    url: str
    body: Mapping[str, Any]
    model: str
    signed: bool = False

    @cached_property
    def path(self) -> str:
        """The path of its URL."""
        return urlsplit(self.url).path

    @cached_property
    def embeds(self) -> bool:
        """Whether it asks for vectors: there are no output tokens then."""
        return self.path.endswith(_EMBEDDING)

    @property
    def streams_uncounted(self) -> bool:
        """Whether it asks for a stream at whose end nobody would say how many tokens there were."""
        told = part(self.body, "stream_options", "include_usage")
        counts = self.path.endswith(("/chat/completions", "/completions"))
        return bool(self.body.get("stream")) and counts and told is not True

    def of(self, model: str) -> Asked:
        """The same, asked of another model."""
        body = {**self.body, "model": model} if "model" in self.body else self.body
        parts = urlsplit(self.url)
        path = parts.path
        if found := _IN_URL.search(path):
            start, end = found.span(str(found.lastgroup))
            path = path[:start] + quote(model, safe="") + path[end:]
        return Asked(urlunsplit(parts._replace(path=path)), body, model, self.signed)

    def with_body(self, body: Mapping[str, Any]) -> Asked:
        """The same, with another body."""
        return Asked(self.url, body, self.model, self.signed)


def asked_in(method: str, url: str, headers: Mapping[str, str], content: bytes) -> Asked | None:
    """What a request asks a model for; None for any other request."""
    if method != "POST":
        return None
    path = urlsplit(url).path
    in_url = _IN_URL.search(path)
    if (
        (in_url is None and b'"model"' not in content)
        or path.endswith(_FREE)
        or is_billed_untold(method, url)
    ):
        return None
    try:
        body = parse_json(content)
    except ValueError:
        return None
    if not isinstance(body, dict):
        return None
    model = unquote(str(in_url[str(in_url.lastgroup)])) if in_url else body.get("model")
    if not isinstance(model, str) or not (in_url or any(name in body for name in _ASKING)):
        return None
    signed = str(headers.get("authorization", "")).startswith("AWS4-HMAC")
    return Asked(url, body, model, signed)


def is_billed_untold(method: str, url: str) -> bool:
    """Whether a request costs what nobody here will see: a batch that is handed in, a recording, a picture."""
    return method == "POST" and _NOT_TOLD.search(urlsplit(url).path) is not None


def prompt_chars(body: Mapping[str, Any]) -> int:
    """Characters of all text that a request asks with."""
    return sum(_chars(body[name]) for name in (*_ASKING, "system") if name in body)


def _chars(value: Any) -> int:
    if isinstance(value, str):
        return len(value)
    if isinstance(value, list):
        return sum(_chars(item) for item in value)
    if isinstance(value, dict):
        return sum(_chars(value.get(name)) for name in ("content", "text", "parts"))
    return 0


def request_key(url: str, body: Mapping[str, Any], trial: int) -> str:
    """What two requests share that get the same answer: place, content, and the how-manieth trial it is.

    Headers are left out: they carry keys, and ids that differ each time.
    """
    canonical = _CANONICAL.encode(body)
    return hashlib.sha256(f"{trial}\n{url}\n{canonical}".encode()).hexdigest()


def usage_in(content: bytes) -> tuple[int | None, int | None, str | None]:
    """Prompt tokens, output tokens and text of an answer; None where it does not say."""
    prompt = output = None
    texts: list[str] = []
    for item in _objects(content):
        usage = _usage(item)
        asked = _count(usage, _READ) or counted(item.get("prompt_eval_count"))
        if asked is not None:  # Anthropic counts what it put into its prompt cache, and found there, apart
            prompt = asked + sum(counted(usage.get(name)) or 0 for name in _CACHED)
        said = _count(usage, _WRITTEN) or counted(item.get("eval_count"))
        if said is not None:
            output = said + (counted(usage.get("thoughtsTokenCount")) or 0)
        texts.append(_text(item))
    return prompt, output, "".join(texts) or None


def failure_in(content: bytes) -> tuple[str, int | None] | None:
    """What an answer says that came with status 200 and is a failure, and the status that it names; None for others.

    Routers (OpenRouter) pass on so that the server behind them failed, streams (Ollama, Anthropic) that they broke off,
    and gateways send a page, or nothing.
    """
    if content[:200].lstrip().lower().startswith((b"<!doctype", b"<html")) or not content.strip():
        return content[:200].decode("utf-8", "replace").strip() or "nothing", None
    if b'"error"' not in content:
        return None
    for item in _objects(content):
        told = item.get("error") or part(item, "response", "error")
        if told:
            status = part(told, "code")
            known = isinstance(status, int) and 400 <= status < 600
            return str(part(told, "message") or told), status if known else None
    return None


_READ = ("prompt_tokens", "input_tokens", "inputTokens", "promptTokenCount")
_CACHED = ("cache_creation_input_tokens", "cache_read_input_tokens")
_WRITTEN = ("completion_tokens", "output_tokens", "outputTokens", "candidatesTokenCount")


def _usage(item: Mapping[str, Any]) -> Mapping[str, Any]:
    """Where an answer, or a part of a stream, counts its tokens; nothing if it does not."""
    for told in (item.get("usage"), item.get("usageMetadata"), item.get("meta")):
        if isinstance(told, dict):
            return _billed(told)
    for name in ("message", "response", "delta"):  # streamed messages nest what they are about
        if isinstance(told := part(item, name, "usage"), dict):
            return _billed(told)
    return {}


def _billed(told: Mapping[str, Any]) -> Mapping[str, Any]:
    """Of Cohere's two counts that which is paid for; others have one."""
    for name in ("billed_units", "tokens"):
        if isinstance(inner := told.get(name), dict):
            return inner
    return told


def _count(usage: Mapping[str, Any], names: Sequence[str]) -> int | None:
    """The first count of tokens under one of ``names``: one that says nothing, or less than nothing, is none."""
    for name in names:
        if (number := counted(usage.get(name))) is not None:
            return number
    return None


def written_bytes(content: bytes) -> int:
    """No fewer tokens than this were written in an answer that does not count them: bytes of all its strings."""
    return sum(_bytes(item) for item in _objects(content))


def _bytes(value: Any) -> int:
    if isinstance(value, str):
        return len(value.encode())
    if isinstance(value, list):
        return sum(map(_bytes, value))
    if isinstance(value, dict):
        return sum(_bytes(inner) for name, inner in value.items() if name not in _NOT_WRITTEN)
    return 0


def _objects(content: bytes) -> list[dict[str, Any]]:
    whole = _read(content)
    if whole is not None:
        return [item for item in (whole if isinstance(whole, list) else [whole]) if isinstance(item, dict)]
    lines = (line.removeprefix(b"data:").strip() for line in content.splitlines())
    return [item for item in map(_read, (line for line in lines if line.startswith(b"{"))) if item]


def _read(content: bytes) -> Any:
    """JSON; None for anything else. What only the standard library reads (NaN, say) some servers write."""
    try:
        return orjson.loads(content)
    except ValueError:
        with suppress(ValueError):
            return parse_json(content)
    return None


def _text(item: dict[str, Any]) -> str:
    for name in ("response", "text"):
        if isinstance(item.get(name), str) and "type" not in item:
            return str(item[name])
    message = item.get("message")
    if isinstance(message, dict) and isinstance(message.get("content"), str):
        return str(message["content"])
    delta = item.get("delta")
    if isinstance(delta, str):
        return delta if item.get("type") == "response.output_text.delta" else ""
    for said in (part(delta, "text"), part(delta, "message", "content", "text")):
        if isinstance(said, str):
            return said
    parts = []
    for choice in item.get("choices") or ():
        if isinstance(choice, dict):
            inner = choice.get("message") or choice.get("delta") or choice
            text = inner.get("content") if isinstance(inner, dict) else None
            parts.append(text if isinstance(text, str) else str(choice.get("text") or ""))
    if not _IN_BLOCKS.isdisjoint(item):
        parts += _in_blocks(item)
    return "".join(parts)


_IN_BLOCKS = frozenset(("content", "message", "output", "candidates"))


def _in_blocks(item: Mapping[str, Any]) -> Iterator[str]:
    """Texts of an answer that is made of blocks: of Anthropic, Bedrock, Cohere, Gemini, and OpenAI's Responses."""
    blocks = [
        item.get("content"),
        part(item, "message", "content"),
        part(item, "output", "message", "content"),
        *(part(one, "content") for one in _list(item.get("output"))),
        *(part(one, "content", "parts") for one in _list(item.get("candidates"))),
    ]
    for block in (one for several in blocks for one in _list(several)):
        if isinstance(block, dict) and isinstance(block.get("text"), str):
            yield block["text"]


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def counting(body: Mapping[str, Any]) -> dict[str, Any]:
    """The body of a request for a stream, so that the stream ends with its counts."""
    given = body.get("stream_options")
    return {**body, "stream_options": {**(given if isinstance(given, dict) else {}), "include_usage": True}}


def without_counts(content: bytes) -> bytes:
    """A stream as it would have been without :func:`counting`."""
    lines: list[bytes] = []
    dropped = False
    for line in content.splitlines(keepends=True):
        if dropped and not line.strip():
            dropped = False  # the blank line that ends an event
            continue
        if line.startswith(b"data:") and b'"usage"' in line:
            try:
                item = parse_json(line[5:])
            except ValueError:
                item = None
            if isinstance(item, dict) and "usage" in item:
                told = item.pop("usage")
                if told is not None and not item.get("choices"):
                    dropped = True
                    continue
                end = line[len(line.rstrip(b"\r\n")) :]
                line = b"data: " + json.dumps(item, ensure_ascii=False, separators=(",", ":")).encode() + end
        lines.append(line)
    return b"".join(lines)


def output_cap(path: str, body: Mapping[str, Any]) -> int | None:
    """The longest output that a request asks for, in tokens; None if it sets no limit."""
    nested, _ = _place_of_cap(path)
    place = body.get(nested) if nested is not None else None
    if not isinstance(place, dict):
        place = body
    return min((number for name in _CAPS if (number := counted(place.get(name))) is not None), default=None)


def with_output_cap(path: str, body: Mapping[str, Any], tokens: int) -> dict[str, Any]:
    """The request with a limit of ``tokens`` on its output, in the dialect of its ``path``."""
    nested, name = _place_of_cap(path)
    if nested is None:
        return {**body, name: tokens}
    given = body.get(nested)
    return {**body, nested: {**(given if isinstance(given, dict) else {}), name: tokens}}


def _place_of_cap(path: str) -> tuple[str | None, str]:
    if path.endswith(("/api/chat", "/api/generate")):
        return "options", "num_predict"
    if path.endswith((":generateContent", ":streamGenerateContent")):
        return "generationConfig", "maxOutputTokens"
    if path.endswith(("/converse", "/converse-stream")):
        return "inferenceConfig", "maxTokens"
    if path.endswith("/responses"):
        return None, "max_output_tokens"
    return None, "max_completion_tokens" if path.endswith("/chat/completions") else "max_tokens"


def answers_asked_for(body: Mapping[str, Any]) -> int:
    """How many outputs a request asks for at once."""
    several = (body.get("n"), body.get("best_of"), part(body, "generationConfig", "candidateCount"))
    return max(counted(number) or 1 for number in several)


_CAPS = (
    "max_completion_tokens",
    "max_tokens",
    "max_output_tokens",
    "num_predict",
    "maxOutputTokens",
    "maxTokens",
)
