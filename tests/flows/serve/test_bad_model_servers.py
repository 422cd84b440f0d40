"""Model servers that send what is no answer: who asks the endpoint is told so in its dialect."""

from __future__ import annotations

import json
import shutil
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from benchmarks.model_server import Behaviour
from tests.flows.serve.conftest import running

MODEL = "phi4:14b"
SAID = {
    "choices": [{"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": "Oslo"}}],
    "usage": {"prompt_tokens": 5, "completion_tokens": 1},
}
PIECE = {"choices": [{"index": 0, "delta": {"content": "Oslo"}, "finish_reason": None}]}
ENDLESS = b"data: " + json.dumps(PIECE).encode() + b"\n\n"


class Odd(BaseHTTPRequestHandler):
    """Sends what ``kind`` of the server says."""

    protocol_version = "HTTP/1.1"

    def log_message(self, *args: Any) -> None:
        pass

    def do_GET(self) -> None:
        self.whole(json.dumps({"object": "list", "data": [{"id": MODEL, "object": "model"}]}).encode())

    def whole(self, body: bytes, kind: str = "application/json", status: int = 200, **headers: str) -> None:
        self.send_response(status)
        for name, value in {"Content-Type": kind, "Content-Length": str(len(body)), **headers}.items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()
        self.wfile.write(body)

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        kind = self.server.kind  # type: ignore[attr-defined]
        if kind == "html":
            self.whole(b"<html><script>x</script>Sign in</html>", "text/html")
        elif kind == "another name":
            self.whole(json.dumps({**SAID, "model": "somebody-else:70b"}).encode())
        elif kind == "a day":
            self.whole(b"{}", status=429, Retry_After="86400")
        else:
            self.send_response(200)
            self.send_header("Content-Length" if kind == "200 MB" else "Connection", str(200 * 2**20))
            self.end_headers()
            piece = ENDLESS * 1000 if kind == "endless" else b" " * 2**16
            for _ in range(200 * 2**20 // len(piece)):
                self.wfile.write(piece)


@contextmanager
def odd_server() -> Iterator[tuple[str, ThreadingHTTPServer]]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Odd)
    server.handle_error = lambda *_: None  # type: ignore[method-assign]
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}", server
    finally:
        server.shutdown()
        server.server_close()
        thread.join(10)


def test_whatever_a_model_server_sends_the_endpoint_answers(fresh_home: Path, tmp_path: Path) -> None:
    shutil.copytree(fresh_home, home := tmp_path / "home")
    body = {"model": MODEL, "messages": [{"role": "user", "content": "What is the capital of Norway?"}]}
    with odd_server() as (url, server), running(home, url, Behaviour([MODEL])) as endpoint:
        server.kind = "another name"  # type: ignore[attr-defined]
        told = endpoint.client.post("/v1/chat/completions", json=body).json()
        assert told["choices"][0]["message"]["content"] == "Oslo"
        for kind, said in {"html": "", "200 MB": "16 MB", "endless": "16 MB", "a day": ""}.items():
            server.kind = kind  # type: ignore[attr-defined]
            reply = endpoint.client.post("/v1/chat/completions", json=body)
            assert 400 <= reply.status_code < 600, kind
            assert said in reply.json()["error"]["message"], kind
            other = endpoint.client.post("/api/chat", json={**body, "stream": False})
            assert 400 <= other.status_code < 600, kind
            assert isinstance(other.json()["error"], str), kind
        for kind in ("html", "200 MB", "endless"):  # as it comes
            server.kind = kind  # type: ignore[attr-defined]
            with endpoint.client.stream(
                "POST", "/v1/chat/completions", json={**body, "stream": True}
            ) as stream:
                lines = [line for line in stream.iter_lines() if line]
            assert stream.status_code >= 400 or "error" in lines[-1] or "error" in lines[-2], kind
