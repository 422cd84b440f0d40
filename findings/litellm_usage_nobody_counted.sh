#!/usr/bin/env bash
# litellm 1.110.2: where the server counted no tokens, usage says 0, or a guess that nothing tells from a count.
# Expected: usage is missing, or marked as estimated, if the reply has none.
# Seen: an OpenAI-compatible reply without usage becomes 0 prompt and 0 completion tokens, an Ollama reply without counts
#       10 and 1, counted by another model's tokenizer; a stream that is put together again gets such a guess, too.
# Hurts: bills (0 USD for calls that were paid), tokens per second, and traces that teach from invented counts.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
"${PYTHON:-python3}" -m venv "$folder/venv"
"$folder/venv/bin/python" -m pip install --quiet --disable-pip-version-check litellm==1.110.2
LITELLM_LOCAL_MODEL_COST_MAP=True "$folder/venv/bin/python" -W ignore - 2> /dev/null <<'PYTHON'
import json, threading
from http.server import BaseHTTPRequestHandler, HTTPServer
from importlib.metadata import version
import litellm


class Model(BaseHTTPRequestHandler):
    def log_message(self, *_):
        pass

    def do_POST(self):
        asked = json.loads(self.rfile.read(int(self.headers["content-length"])))
        message = {"role": "assistant", "content": "Hello"}
        if self.path.startswith("/v1"):
            reply = {"id": "1", "object": "chat.completion", "created": 1, "model": "m"}
            reply["choices"] = [{"index": 0, "message": message, "finish_reason": "stop"}]
        else:
            reply = {"model": "m", "created_at": "2026-01-01T00:00:00Z", "message": message, "done": True}
        data, kind = json.dumps(reply).encode(), "application/json"
        if asked.get("stream") and self.path.startswith("/v1"):
            reply["object"] = "chat.completion.chunk"
            reply["choices"] = [{"index": 0, "delta": message, "finish_reason": "stop"}]
            data, kind = b"data: " + json.dumps(reply).encode() + b"\n\ndata: [DONE]\n\n", "text/event-stream"
        self.send_response(200)
        self.send_header("content-type", kind)
        self.send_header("content-length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)


server = HTTPServer(("127.0.0.1", 0), Model)
threading.Thread(target=server.serve_forever, daemon=True).start()
url = f"http://127.0.0.1:{server.server_port}"
asked = [{"role": "user", "content": "Say hello."}]
counts = lambda usage: (usage.prompt_tokens, usage.completion_tokens)
hosted = litellm.completion(model="openai/m", api_base=url + "/v1", api_key="none", messages=asked)
local = litellm.completion(model="ollama_chat/m", api_base=url, messages=asked)
stream = litellm.completion(model="openai/m", api_base=url + "/v1", api_key="none", messages=asked, stream=True)
whole = litellm.stream_chunk_builder(list(stream), messages=asked)
seen = {"openai": counts(hosted.usage), "ollama": counts(local.usage), "stream": counts(whole.usage)}
print("litellm", version("litellm"), seen)
assert seen["openai"] == (0, 0)
assert min(*seen["ollama"], *seen["stream"]) > 0
PYTHON
