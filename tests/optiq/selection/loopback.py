"""A model server on a loopback port that speaks OpenAI's chat and Ollama's, and agents that call it.

It answers by model: ``good`` says what stands behind "Say " in the prompt, ``bad`` says nonsense, ``refused`` is a
404 (``REFUSALS`` has more).
Prompts with "slowly" wait until ``patience`` is set. Faults and speed are the point; the embedded models answer
in test_select_verb.py.
"""

from __future__ import annotations

import contextlib
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

REFUSALS = {"refused": 404, "overloaded": 503, "overloaded, swallowed": 529, "too long": 400}


class Server:
    """``requests`` are the bodies that came in."""

    def __init__(self) -> None:
        self.requests: list[dict] = []
        self.usage = {"prompt_tokens": 10, "completion_tokens": 2, "total_tokens": 12}
        self.patience = threading.Event()
        outer = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                body = json.loads(self.rfile.read(int(self.headers["content-length"])))
                outer.requests.append(body)
                prompt = body["messages"][-1]["content"]
                if "slowly" in prompt:
                    outer.patience.wait(240)
                said = prompt.rpartition("Say ")[2] if body["model"] == "good" else "nonsense"
                if body["model"] in REFUSALS:
                    self._send(REFUSALS[body["model"]], {"error": {"message": "not now"}})
                elif self.path.startswith("/api/"):
                    counts = {"prompt_eval_count": 10, "eval_count": 2, "done": True}
                    self._send(
                        200,
                        {"model": body["model"], "message": {"role": "assistant", "content": said}, **counts},
                    )
                else:
                    choice = {
                        "index": 0,
                        "message": {"role": "assistant", "content": said},
                        "finish_reason": "stop",
                    }
                    kind = {"id": "x", "object": "chat.completion", "created": 1, "model": body["model"]}
                    self._send(200, {**kind, "choices": [choice], "usage": outer.usage})

            def _send(self, status: int, content: dict) -> None:
                data = json.dumps(content).encode()
                with contextlib.suppress(OSError):  # who asked may have gone
                    self.send_response(status)
                    self.send_header("content-type", "application/json")
                    self.send_header("content-length", str(len(data)))
                    self.end_headers()
                    self.wfile.write(data)

            def log_message(self, *args: object) -> None:
                """Tests print nothing."""

        self._http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._http.server_address[1]}"

    @contextmanager
    def serving(self) -> Iterator[Server]:
        thread = threading.Thread(target=self._http.serve_forever, daemon=True)
        thread.start()
        try:
            yield self
        finally:
            self._http.shutdown()
            self._http.server_close()
