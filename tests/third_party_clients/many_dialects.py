"""A model server on a loopback port that speaks the dialects of the SDKs of test_selection_of_agents.py.

It answers every prompt with the word that stands behind its last "Say ", counts 10 prompt and 2 output tokens, and
keeps what it was asked. In a stream of chat completions it counts only if it is asked to (``include_usage``), as OpenAI
does.
"""

from __future__ import annotations

import contextlib
import json
import re
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

USAGE = {"prompt_tokens": 10, "completion_tokens": 2, "total_tokens": 12}
IN_OUT = {"input_tokens": 10, "output_tokens": 2}
GEMINI = {"promptTokenCount": 10, "candidatesTokenCount": 2, "totalTokenCount": 12}


class Server:
    """``asked`` are the model and the body of every request that came in."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, dict[str, Any]]] = []
        outer = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                body = json.loads(self.rfile.read(int(self.headers["content-length"])))
                in_url = re.search(r"/models/([^:/]+):|/deployments/([^/]+)/|/model/([^/]+)/", self.path)
                model = next(filter(None, in_url.groups())) if in_url else body["model"]
                outer.asked.append((model, body))
                said = re.findall(r"Say (\w+)", json.dumps(body))[-1]
                path = self.path.partition("?")[0]
                streams = body.get("stream", path.startswith("/api/") and not path.endswith("/embed"))
                if path.endswith("/embeddings"):
                    data = [{"object": "embedding", "index": 0, "embedding": [0.5]}]
                    usage = {"prompt_tokens": 10, "total_tokens": 10}
                    self.whole({"object": "list", "model": model, "data": data, "usage": usage})
                elif path.endswith("/chat/completions"):
                    self.chat(model, said, streams, body)
                elif path.endswith("/responses"):
                    self.response(model, said, streams)
                elif path.endswith("/messages"):
                    self.messages(model, said, streams)
                elif path.startswith("/api/chat"):
                    self.ollama(model, said, streams)
                elif path.endswith("/v2/chat"):
                    self.cohere(said, streams)
                elif path.endswith("/converse"):
                    message = {"role": "assistant", "content": [{"text": said}]}
                    usage = {"inputTokens": 10, "outputTokens": 2, "totalTokens": 12}
                    about = {"stopReason": "end_turn", "usage": usage, "metrics": {"latencyMs": 1}}
                    self.whole({"output": {"message": message}, **about})
                else:
                    self.gemini(said, path.endswith(":streamGenerateContent"))

            def chat(self, model: str, said: str, streams: bool, body: dict[str, Any]) -> None:
                about = {"id": "x", "created": 1, "model": model}
                if not streams:
                    message = {"role": "assistant", "content": said}
                    choice = {"index": 0, "message": message, "finish_reason": "stop"}
                    return self.whole(
                        {**about, "object": "chat.completion", "choices": [choice], "usage": USAGE}
                    )
                about["object"] = "chat.completion.chunk"
                counts = (body.get("stream_options") or {}).get("include_usage")
                more = {"usage": None} if counts else {}
                deltas = [{"role": "assistant", "content": said[:1]}, {"content": said[1:]}, {}]
                chunks = [
                    {
                        **about,
                        "choices": [{"index": 0, "delta": d, "finish_reason": None if d else "stop"}],
                        **more,
                    }
                    for d in deltas
                ]
                if counts:
                    chunks.append({**about, "choices": [], "usage": USAGE})
                return self.events([(None, chunk) for chunk in chunks], end="data: [DONE]\n\n")

            def response(self, model: str, said: str, streams: bool) -> None:
                content = {"type": "output_text", "text": said, "annotations": []}
                message = {
                    **{"type": "message", "id": "m", "status": "completed", "role": "assistant"},
                    "content": [content],
                }
                details = {
                    "input_tokens_details": {"cached_tokens": 0, "cache_write_tokens": 0},
                    "output_tokens_details": {"reasoning_tokens": 0},
                }
                response = {
                    **{
                        "id": "r",
                        "object": "response",
                        "created_at": 1,
                        "model": model,
                        "status": "completed",
                    },
                    **{"output": [message], "parallel_tool_calls": True, "tool_choice": "auto", "tools": []},
                    "usage": {**IN_OUT, **details, "total_tokens": 12},
                }
                if not streams:
                    return self.whole(response)
                begun = {**response, "status": "in_progress", "output": [], "usage": None}
                place = {"item_id": "m", "output_index": 0, "content_index": 0}
                empty = {**content, "text": ""}
                events: list[dict[str, Any]] = [
                    {"type": "response.created", "response": begun},
                    {
                        "type": "response.output_item.added",
                        "output_index": 0,
                        "item": {**message, "content": []},
                    },
                    {"type": "response.content_part.added", **place, "part": empty},
                    {"type": "response.output_text.delta", **place, "delta": said, "logprobs": []},
                    {"type": "response.output_text.done", **place, "text": said, "logprobs": []},
                    {"type": "response.content_part.done", **place, "part": content},
                    {"type": "response.output_item.done", "output_index": 0, "item": message},
                    {"type": "response.completed", "response": response},
                ]
                return self.events(
                    [(str(e["type"]), {**e, "sequence_number": n}) for n, e in enumerate(events)]
                )

            def messages(self, model: str, said: str, streams: bool) -> None:
                text = {"type": "text", "text": said}
                about = {
                    "id": "x",
                    "type": "message",
                    "role": "assistant",
                    "model": model,
                    "stop_sequence": None,
                }
                if not streams:
                    return self.whole(
                        {**about, "content": [text], "stop_reason": "end_turn", "usage": IN_OUT}
                    )
                begun = {**about, "content": [], "stop_reason": None, "usage": {**IN_OUT, "output_tokens": 1}}
                delta = {"stop_reason": "end_turn", "stop_sequence": None}
                events: list[dict[str, Any]] = [
                    {"type": "message_start", "message": begun},
                    {"type": "content_block_start", "index": 0, "content_block": {**text, "text": ""}},
                    {
                        "type": "content_block_delta",
                        "index": 0,
                        "delta": {"type": "text_delta", "text": said},
                    },
                    {"type": "content_block_stop", "index": 0},
                    {"type": "message_delta", "delta": delta, "usage": {"output_tokens": 2}},
                    {"type": "message_stop"},
                ]
                return self.events([(str(event["type"]), event) for event in events])

            def ollama(self, model: str, said: str, streams: bool) -> None:
                about = {"model": model, "created_at": "2026-11-01T00:00:00Z"}
                end = {"done": True, "done_reason": "stop", "prompt_eval_count": 10, "eval_count": 2}
                whole = {**about, "message": {"role": "assistant", "content": said}, **end}
                if not streams:
                    return self.whole(whole)
                first = {**about, "message": {"role": "assistant", "content": said}, "done": False}
                last = {**whole, "message": {"role": "assistant", "content": ""}}
                lines = "".join(json.dumps(line) + "\n" for line in (first, last))
                return self.send(lines.encode(), "application/x-ndjson")

            def cohere(self, said: str, streams: bool) -> None:
                text = {"type": "text", "text": said}
                usage = {"billed_units": IN_OUT, "tokens": {"input_tokens": 70, "output_tokens": 4}}
                if not streams:
                    message = {"role": "assistant", "content": [text]}
                    return self.whole(
                        {"id": "x", "finish_reason": "COMPLETE", "message": message, "usage": usage}
                    )
                begun = {"message": {"role": "assistant", "content": [], "tool_calls": [], "citations": []}}
                events: list[dict[str, Any]] = [
                    {"type": "message-start", "id": "x", "delta": begun},
                    {
                        "type": "content-start",
                        "index": 0,
                        "delta": {"message": {"content": {**text, "text": ""}}},
                    },
                    {"type": "content-delta", "index": 0, "delta": {"message": {"content": {"text": said}}}},
                    {"type": "content-end", "index": 0},
                    {"type": "message-end", "delta": {"finish_reason": "COMPLETE", "usage": usage}},
                ]
                return self.events([(str(event["type"]), event) for event in events])

            def gemini(self, said: str, streams: bool) -> None:
                candidate = {"content": {"role": "model", "parts": [{"text": said}]}, "index": 0}
                whole = {"candidates": [{**candidate, "finishReason": "STOP"}], "usageMetadata": GEMINI}
                return self.events([(None, whole)]) if streams else self.whole(whole)

            def whole(self, content: dict[str, Any]) -> None:
                self.send(json.dumps(content).encode(), "application/json")

            def events(self, events: list[tuple[str | None, dict[str, Any]]], end: str = "") -> None:
                text = ""
                for name, event in events:
                    text += (f"event: {name}\n" if name else "") + f"data: {json.dumps(event)}\n\n"
                self.send((text + end).encode(), "text/event-stream")

            def send(self, data: bytes, kind: str) -> None:
                with contextlib.suppress(OSError):
                    self.send_response(200)
                    self.send_header("content-type", kind)
                    self.send_header("content-length", str(len(data)))
                    self.end_headers()
                    self.wfile.write(data)

            def log_message(self, *arguments: object) -> None:
                """Tests print nothing."""

        self._http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._http.request_queue_size = 128
        self.url = f"http://127.0.0.1:{self._http.server_address[1]}"

    @contextlib.contextmanager
    def serving(self) -> Iterator[Server]:
        threading.Thread(target=self._http.serve_forever, daemon=True).start()
        try:
            yield self
        finally:
            self._http.shutdown()
            self._http.server_close()
