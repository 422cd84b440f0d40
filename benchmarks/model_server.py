"""A model server without models, in a process of its own: Ollama's and OpenAI's dialects, with scripted faults.

    python benchmarks/model_server.py --delay 0.05 --errors 0.1

prints its port and answers until its standard input closes. ``GET /stats`` says what it was asked. The answer
to a prompt is a function of model and prompt, so that the same call gives the same text.
"""

from __future__ import annotations

import argparse
import asyncio
import hashlib
import json
import random
import sys
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any


@dataclass
class Behaviour:
    """Shares (0 to 1) of calls that end badly; ``dying`` models answer ``lives`` calls and never again."""

    models: list[str]
    delay_s: float = 0.0
    errors: float = 0.0
    hangs: float = 0.0
    truncated: float = 0.0
    empty: float = 0.0
    dying: str = ""
    lives: int = 0
    hang_s: float = 5.0
    words: int = 3
    counts: bool = True
    between_s: float = 0.0
    slots: int = 0
    per_minute: int = 0
    room: asyncio.Semaphore | None = None
    minute_s: float = 0.0
    taken: int = 0
    refused: int = 0
    chance: random.Random = field(default_factory=lambda: random.Random(0))
    asked: Counter[str] = field(default_factory=Counter)
    answered: Counter[str] = field(default_factory=Counter)
    in_flight: int = 0
    most_in_flight: int = 0
    hung: int = 0
    given_up: int = 0
    last: dict[str, Any] = field(default_factory=dict)


def text_for(model: str, prompt: str, words: int) -> str:
    """The answer: words that depend on nothing but model and prompt."""
    digest = hashlib.sha256(f"{model}\n{prompt}".encode()).hexdigest()
    return " ".join(f"w{digest[i : i + 5]}" for i in range(0, 5 * words, 5))


def tokens(prompt: str, text: str) -> tuple[int, int]:
    """What this server counts for a prompt and an output."""
    return len(prompt) // 4, max(len(text) // 3, 1)


def prompt_of(body: dict[str, Any]) -> str:
    """What the last message says, or the prompt."""
    if "messages" not in body:
        return json.dumps(body["prompt"])
    said = body["messages"][-1].get("content")
    return said if isinstance(said, str) else json.dumps(said)


def pieces(path: str, model: str, prompt: str, answer: dict[str, Any]) -> list[bytes]:
    """A whole answer as it is streamed in the dialect of ``path``, word by word."""
    if path == "/api/chat":
        words = answer["message"]["content"].split(" ")
        lines = [
            {"model": model, "message": {"role": "assistant", "content": f"{word} "}, "done": False}
            for word in words[:-1]
        ]
        last = {**answer, "message": {"role": "assistant", "content": words[-1]}}
        return [json.dumps(line).encode() + b"\n" for line in [*lines, last]]
    if path == "/v1/completions":
        head = {"id": "1", "object": "text_completion", "created": 1, "model": model}
        chunks = [
            {**head, "choices": [{**choice, "text": f"{word} ", "finish_reason": None}]}
            for choice in answer["choices"]
            for word in choice["text"].split(" ")
        ]
        chunks += [{**head, "choices": [{**choice, "text": ""}]} for choice in answer["choices"]]
        chunks.append({**head, "choices": [], "usage": answer["usage"]})
        return [f"data: {json.dumps(chunk)}\n\n".encode() for chunk in chunks] + [b"data: [DONE]\n\n"]
    words = answer["choices"][0]["message"]["content"].split(" ")
    texts = [f"{word} " for word in words[:-1]] + words[-1:]
    head = {"id": "1", "object": "chat.completion.chunk", "created": 1, "model": model}
    deltas = [{"role": "assistant", "content": ""}, *({"content": text} for text in texts), {}]
    chunks = [
        {**head, "choices": [{"index": 0, "delta": delta, "finish_reason": None if delta else "stop"}]}
        for delta in deltas
    ]
    chunks.append({**head, "choices": [], "usage": answer["usage"]})
    return [f"data: {json.dumps(chunk)}\n\n".encode() for chunk in chunks] + [b"data: [DONE]\n\n"]


async def respond(
    behaviour: Behaviour, path: str, body: dict[str, Any], gone: Callable[[], bool]
) -> tuple[int, bytes, int | None]:
    """Status, body, and how many bytes of it to send (None: all). ``gone`` says whether the client gave up."""
    behaviour.last = body
    if path == "/v1/embeddings":
        data = [{"object": "embedding", "index": 0, "embedding": [0.0, 1.0]}]
        usage = {"prompt_tokens": tokens(str(body["input"]), "")[0]}
        listed = {"object": "list", "data": data, "model": body["model"], "usage": usage}
        return 200, json.dumps(listed).encode(), None
    if path == "/v1/completions":
        prompts = body["prompt"] if isinstance(body["prompt"], list) else [body["prompt"]]
        texts = [text_for(body["model"], str(prompt), behaviour.words) for prompt in prompts]
        counts = [tokens(str(prompt), text) for prompt, text in zip(prompts, texts, strict=True)]
        usage = {"prompt_tokens": sum(n for n, _ in counts), "completion_tokens": sum(n for _, n in counts)}
        choices = [{"index": at, "text": text, "finish_reason": "stop"} for at, text in enumerate(texts)]
        raw = {"object": "text_completion", "model": body["model"], "choices": choices, "usage": usage}
        return 200, json.dumps(raw).encode(), None
    model, prompt = body["model"], prompt_of(body)
    behaviour.asked[model] += 1
    if model not in behaviour.models:
        return 404, json.dumps({"error": f"model '{model}' not found"}).encode(), None
    if model == behaviour.dying and behaviour.asked[model] > behaviour.lives:
        await asyncio.sleep(behaviour.delay_s)
        return 500, b'{"error": "the runner has died"}', None
    if behaviour.per_minute and not take(behaviour, time.monotonic()):
        return 429, b'{"error": {"message": "too many requests this minute"}}', None
    draw = behaviour.chance.random()
    if behaviour.slots:
        behaviour.room = behaviour.room or asyncio.Semaphore(behaviour.slots)
        async with behaviour.room:
            await asyncio.sleep(behaviour.delay_s)
    else:
        await asyncio.sleep(behaviour.delay_s)
    if draw < behaviour.errors:
        return 500, b'{"error": "crash"}', None
    draw -= behaviour.errors
    if draw < behaviour.hangs:
        behaviour.hung += 1
        until = time.monotonic() + behaviour.hang_s
        while time.monotonic() < until and not gone():
            await asyncio.sleep(0.01)
        behaviour.given_up += gone()
        return 500, b'{"error": "late"}', None
    draw -= behaviour.hangs
    text = text_for(model, prompt, behaviour.words)
    if behaviour.truncated <= draw < behaviour.truncated + behaviour.empty:
        text = ""
    behaviour.answered[f"{model}\n{prompt}"] += 1
    answer = completion(path, model, prompt, text, behaviour.delay_s, behaviour.counts)
    return 200, answer, len(answer) // 2 if draw < behaviour.truncated else None


def take(behaviour: Behaviour, now_s: float) -> bool:
    """Whether this minute has a call left; a minute begins with its first call."""
    if now_s - behaviour.minute_s >= 60 or not behaviour.taken:
        behaviour.minute_s, behaviour.taken = now_s, 0
    taken = behaviour.taken < behaviour.per_minute
    behaviour.taken += taken
    behaviour.refused += not taken
    return taken


def completion(path: str, model: str, prompt: str, text: str, seconds: float, counts: bool = True) -> bytes:
    """The body in the dialect of ``path``; without ``counts`` it says nothing of tokens."""
    prompt_tokens, output_tokens = tokens(prompt, text)
    if path == "/api/chat":
        answer: dict[str, Any] = {
            "model": model,
            "created_at": "2026-01-01T00:00:00Z",
            "message": {"role": "assistant", "content": text},
            "done": True,
            "done_reason": "stop",
            "total_duration": int(seconds * 1e9),
            "load_duration": 0,
            "prompt_eval_count": prompt_tokens,
            "prompt_eval_duration": int(seconds * 2e8),
            "eval_count": output_tokens,
            "eval_duration": int(seconds * 8e8),
        }
    else:
        message = {"role": "assistant", "content": text}
        answer = {
            "id": "1",
            "object": "chat.completion",
            "created": 1,
            "model": model,
            "choices": [{"index": 0, "finish_reason": "stop", "message": message}],
            "usage": {
                "prompt_tokens": prompt_tokens,
                "completion_tokens": output_tokens,
                "total_tokens": prompt_tokens + output_tokens,
            },
        }
    if not counts:
        for name in ("prompt_eval_count", "eval_count", "usage"):
            answer.pop(name, None)
    return json.dumps(answer).encode()


def listing(behaviour: Behaviour, path: str) -> bytes | None:
    """The body of a GET; None if there is nothing."""
    if path == "/api/tags":
        rows = [{"model": m, "name": m, "digest": f"sha-{m}", "size": 1} for m in behaviour.models]
        return json.dumps({"models": rows}).encode()
    if path == "/v1/models":
        data = [{"id": m, "object": "model", "created": 1, "owned_by": "me"} for m in behaviour.models]
        return json.dumps({"object": "list", "data": data}).encode()
    if path == "/stats":
        stats = {
            "asked": behaviour.asked,
            "answered": behaviour.answered,
            "most_in_flight": behaviour.most_in_flight,
            "hung": behaviour.hung,
            "refused": behaviour.refused,
            "given_up": behaviour.given_up,
        }
        return json.dumps(stats).encode()
    return None


async def send_stream(
    behaviour: Behaviour,
    path: str,
    asked: dict[str, Any],
    answer: dict[str, Any],
    cut: bool,
    reader: asyncio.StreamReader,
    writer: asyncio.StreamWriter,
) -> None:
    """The answer in pieces; ``cut``: it ends in the middle."""
    sent = pieces(path, asked["model"], prompt_of(asked), answer)
    behaviour.in_flight += 1
    try:
        await _send_pieces(behaviour, sent, cut, reader, writer)
    finally:
        behaviour.in_flight -= 1


async def _send_pieces(
    behaviour: Behaviour,
    sent: list[bytes],
    cut: bool,
    reader: asyncio.StreamReader,
    writer: asyncio.StreamWriter,
) -> None:
    writer.write(b"HTTP/1.1 200 X\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n")
    for number, piece in enumerate(sent):
        if cut and number >= len(sent) // 2:
            return
        if reader.at_eof():
            behaviour.given_up += 1
            raise ConnectionResetError
        writer.write(f"{len(piece):x}\r\n".encode() + piece + b"\r\n")
        await writer.drain()
        if behaviour.between_s:
            await asyncio.sleep(behaviour.between_s)
    writer.write(b"0\r\n\r\n")
    await writer.drain()


async def serve_client(
    behaviour: Behaviour, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
) -> None:
    """One connection, kept alive."""
    try:
        while line := await reader.readline():
            method, path, _ = line.decode().split(" ", 2)
            length = 0
            while (header := await reader.readline()) not in (b"\r\n", b""):
                name, _, value = header.partition(b":")
                if name.lower() == b"content-length":
                    length = int(value)
            body = await reader.readexactly(length) if length else b""
            cut, asked = None, {}
            if method == "POST":
                asked = json.loads(body)
                behaviour.in_flight += 1
                behaviour.most_in_flight = max(behaviour.most_in_flight, behaviour.in_flight)
                try:
                    status, data, cut = await respond(behaviour, path, asked, reader.at_eof)
                finally:
                    behaviour.in_flight -= 1
            else:
                found = listing(behaviour, path)
                status, data = (404, b"{}") if found is None else (200, found)
            if status == 200 and asked.get("stream"):
                await send_stream(behaviour, path, asked, json.loads(data), cut is not None, reader, writer)
                if cut is not None:
                    break
                continue
            head = f"HTTP/1.1 {status} X\r\nContent-Type: application/json\r\nContent-Length: {len(data)}\r\n\r\n"
            writer.write(head.encode() + data[:cut])
            await writer.drain()
            if cut is not None:
                break
    except (ConnectionError, asyncio.IncompleteReadError, ValueError):
        pass
    finally:
        writer.close()


async def main(behaviour: Behaviour, port: int) -> None:
    """Serve until standard input closes."""
    server = await asyncio.start_server(
        lambda reader, writer: serve_client(behaviour, reader, writer), "127.0.0.1", port, backlog=512
    )
    print(server.sockets[0].getsockname()[1], flush=True)
    await asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--models", default="mistral:7b,phi4:14b,qwen2.5:14b")
    parser.add_argument("--delay", type=float, default=0.0)
    for share in ("errors", "hangs", "truncated", "empty"):
        parser.add_argument(f"--{share}", type=float, default=0.0)
    parser.add_argument("--dying", default="")
    parser.add_argument("--lives", type=int, default=0)
    parser.add_argument("--hang", type=float, default=5.0)
    parser.add_argument("--words", type=int, default=3)
    parser.add_argument("--slots", type=int, default=0, help="calls at once; others wait here")
    parser.add_argument("--per-minute", type=int, default=0, help="calls that are taken in a minute")
    parser.add_argument("--no-usage", action="store_true")
    parser.add_argument("--between", type=float, default=0.0, help="seconds between the pieces of a stream")
    given = parser.parse_args()
    asyncio.run(
        main(
            Behaviour(
                given.models.split(","),
                given.delay,
                given.errors,
                given.hangs,
                given.truncated,
                given.empty,
                given.dying,
                given.lives,
                given.hang,
                given.words,
                not given.no_usage,
                given.between,
                given.slots,
                given.per_minute,
            ),
            given.port,
        )
    )
