#!/usr/bin/env bash
# openai 3.54.0: an error that comes with status 200 is a completion without choices, and no exception.
# Expected: {"error": {"message": …, "code": 502}}, which routers send with status 200 when the server behind them has
#           failed, raises APIError, as it does when it comes in a stream; or at least what is no completion is refused.
# Seen: ChatCompletion with id, model and choices None, although all are typed as never None; it is not tried again. The
#       agent fails at made.choices[0] with a TypeError that names neither the server nor the code.
# Hurts: evaluations count the provider's failures as the model's wrong answers; caches keep them.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
"${PYTHON:-python3}" -m venv "$folder/venv"
"$folder/venv/bin/python" -m pip install --quiet --disable-pip-version-check openai==3.54.0
cat > "$folder/ask.py" <<'PYTHON'
import json, threading
from http.server import BaseHTTPRequestHandler, HTTPServer
import openai

asked = []


class Router(BaseHTTPRequestHandler):
    def log_message(self, *_):
        pass

    def do_POST(self):
        asked.append(json.loads(self.rfile.read(int(self.headers["content-length"]))))
        data = json.dumps({"error": {"message": "the provider has gone", "code": 502}}).encode()
        kind = "application/json"
        if asked[-1].get("stream"):
            data, kind = b"data: " + data + b"\n\n", "text/event-stream"
        self.send_response(200)
        self.send_header("content-type", kind)
        self.send_header("content-length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)


server = HTTPServer(("127.0.0.1", 0), Router)
threading.Thread(target=server.serve_forever, daemon=True).start()
client = openai.OpenAI(base_url=f"http://127.0.0.1:{server.server_address[1]}/v1", api_key="none", max_retries=2)
question = {"model": "m", "messages": [{"role": "user", "content": "Say something."}]}
made = client.chat.completions.create(**question)
print("openai", openai.__version__, type(made).__name__, "choices:", made.choices, "requests:", len(asked))
assert (type(made).__name__, made.id, made.choices, len(asked)) == ("ChatCompletion", None, None, 1)
try:
    list(client.chat.completions.create(**question, stream=True))
except openai.APIError as fault:
    print("in a stream:", type(fault).__name__, fault)
else:
    raise AssertionError("streams raise nothing either")
PYTHON
"$folder/venv/bin/python" "$folder/ask.py"
