#!/usr/bin/env bash
# dspy 3.4.1: calls of models go over sockets of its own, past httpx, requests, aiohttp, urllib3 and http.client.
# Expected: a call of dspy.LM("openai/…") is made by an HTTP library, or by litellm, which dspy depends on, so that what
#           hooks, mocks or traces those (respx, responses, VCR, instrumentations, litellm's callbacks) has seen it.
# Seen: each of them is made to fail, and dspy answers all the same: lm15, a copy of which it has, writes HTTP itself.
# Hurts: cost trackers and spending limits that look at transports; tests that believe they are offline.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
"${PYTHON:-python3}" -m venv "$folder/venv"
"$folder/venv/bin/python" -m pip install --quiet --disable-pip-version-check dspy==3.4.1
cat > "$folder/ask.py" <<'PYTHON'
import http.client, json, threading
from http.server import BaseHTTPRequestHandler, HTTPServer
from importlib.metadata import version
import aiohttp, dspy, httpx, litellm, requests, urllib3


class Model(BaseHTTPRequestHandler):
    def log_message(self, *_):
        pass

    def do_POST(self):
        self.rfile.read(int(self.headers["content-length"]))
        choice = {"index": 0, "message": {"role": "assistant", "content": "seen by nobody"}, "finish_reason": "stop"}
        data = json.dumps({"id": "1", "object": "chat.completion", "created": 1, "model": "m", "choices": [choice]}).encode()
        self.send_response(200)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)


def refuse(*_, **__):
    raise AssertionError("an HTTP library was used")


for owner, name in (
    (httpx.Client, "send"), (httpx.AsyncClient, "send"), (requests.Session, "send"), (litellm, "completion"),
    (urllib3.HTTPConnectionPool, "urlopen"), (http.client.HTTPConnection, "request"), (aiohttp.ClientSession, "_request"),
):
    setattr(owner, name, refuse)
server = HTTPServer(("127.0.0.1", 0), Model)
threading.Thread(target=server.serve_forever, daemon=True).start()
where = f"http://127.0.0.1:{server.server_address[1]}/v1"
(text,) = dspy.LM("openai/m", api_base=where, api_key="none", cache=False)("Say something.")
print("dspy", version("dspy"), "answered:", text)
assert text == "seen by nobody", text
PYTHON
DSPY_CACHEDIR="$folder/cache" LITELLM_LOCAL_MODEL_COST_MAP=True "$folder/venv/bin/python" -W ignore "$folder/ask.py" 2> "$folder/errors" || { tail -5 "$folder/errors"; exit 1; }
