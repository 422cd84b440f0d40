"""A fake model server for faults: answers in Ollama's and in OpenAI's dialect, misbehaves as scripted.

The faults cannot be had from a real server on demand; everything else is tested on real models.
"""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

OLLAMA_ANSWER = {
    "model": "tiny:1b",
    "created_at": "2026-01-01T00:00:00Z",
    "message": {"role": "assistant", "content": "Oslo"},
    "done": True,
    "done_reason": "stop",
    "total_duration": 1_500_000_000,
    "load_duration": 250_000_000,
    "prompt_eval_count": 12,
    "prompt_eval_duration": 300_000_000,
    "eval_count": 3,
    "eval_duration": 600_000_000,
}
OLLAMA_MODELS = {
    "models": [
        {
            "model": "tiny:1b",
            "name": "tiny:1b",
            "digest": "abc",
            "size": 7,
            "details": {"parameter_size": "1.2B"},
        }
    ]
}
OPENAI_ANSWER = {
    "id": "1",
    "object": "chat.completion",
    "created": 1,
    "model": "tiny-2026",
    "choices": [
        {"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": "Oslo"}},
    ],
    "usage": {"prompt_tokens": 12, "completion_tokens": 3, "total_tokens": 15},
}
OPENAI_MODELS = {
    "object": "list",
    "data": [{"id": "tiny", "object": "model", "created": 1, "owned_by": "me", "max_model_len": 4096}],
}


@dataclass
class Reply:
    """One scripted answer. ``cut`` sends only so many bytes of the body and then hangs up."""

    body: Any = None
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    delay_s: float = 0.0
    cut: int | None = None


@dataclass
class ScriptedServer:
    """``script`` replies are used up first, then every call gets what ``reply`` says, or is answered well."""

    url: str
    script: list[Reply] = field(default_factory=list)
    lists: dict[str, Any] = field(default_factory=lambda: dict(_LISTS))
    reply: Callable[[dict[str, Any]], Reply | None] = lambda body: None
    requests: list[dict[str, Any]] = field(default_factory=list)
    authorizations: list[str | None] = field(default_factory=list)
    in_flight: int = 0
    most_in_flight: int = 0
    lock: threading.Lock = field(default_factory=threading.Lock)


_LISTS = {"/api/tags": OLLAMA_MODELS, "/v1/models": OPENAI_MODELS}
_ANSWERS = {"/api/chat": OLLAMA_ANSWER, "/v1/chat/completions": OPENAI_ANSWER}


@contextmanager
def scripted_server(*script: Reply) -> Iterator[ScriptedServer]:
    """A server on a loopback port of its own."""
    state = ScriptedServer("")

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, *_: Any) -> None:
            """Say nothing."""

        def do_GET(self) -> None:
            state.authorizations.append(self.headers.get("Authorization"))
            self._send(Reply(state.lists[self.path]) if self.path in state.lists else Reply("lost", 404))

        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            with state.lock:
                state.requests.append(body)
                state.in_flight += 1
                state.most_in_flight = max(state.most_in_flight, state.in_flight)
                reply = state.script.pop(0) if state.script else state.reply(body) or Reply()
            if reply.body is None and reply.status == 200:
                reply.body = _ANSWERS.get(self.path)
            time.sleep(reply.delay_s)
            with state.lock:
                state.in_flight -= 1
            self._send(reply)

        def _send(self, reply: Reply) -> None:
            data = reply.body if isinstance(reply.body, bytes) else json.dumps(reply.body).encode()
            try:
                self.send_response(reply.status)
                for name, value in {"Content-Type": "application/json", **reply.headers}.items():
                    self.send_header(name, value)
                self.send_header("Content-Length", str(len(data)))
                self.end_headers()
                self.wfile.write(data[: reply.cut])
                if reply.cut is not None:
                    self.close_connection = True
            except (BrokenPipeError, ConnectionResetError):
                pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    state.url = f"http://127.0.0.1:{server.server_address[1]}"
    state.script.extend(script)
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    try:
        yield state
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def closed_port() -> int:
    """A port where nobody listens."""
    import socket

    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])
