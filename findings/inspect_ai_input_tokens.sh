#!/usr/bin/env bash
# inspect_ai's logs count cached prompt tokens inside input_tokens in one version and outside in another.
# Expected: the same call of the same server is logged with the same input_tokens, or the log says what they are.
# Seen: a server that says 40 prompt tokens, 31 of them cached, is logged by 0.3.150 as input_tokens 40 with
#       input_tokens_cache_read 31, by 0.3.285 as input_tokens 9 with input_tokens_cache_read 31. Both logs have version 2;
#       only total_tokens tells them apart.
# Hurts: whoever adds the two (right for new logs) or does not (right for old ones) over a folder of past evaluations.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
cat >served.py <<'PYTHON'
import json
import os
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

REPLY = {
    "id": "x", "object": "chat.completion", "created": 1, "model": "m",
    "choices": [{"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": "Paris"}}],
    "usage": {
        "prompt_tokens": 40, "completion_tokens": 2, "total_tokens": 42, "prompt_tokens_details": {"cached_tokens": 31},
    },
}  # fmt: skip


class Answers(BaseHTTPRequestHandler):
    def do_POST(self):
        self.rfile.read(int(self.headers["content-length"]))
        body = json.dumps(REPLY).encode()
        self.send_response(200)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


server = ThreadingHTTPServer(("127.0.0.1", 0), Answers)
threading.Thread(target=server.serve_forever, daemon=True).start()
os.environ |= {"LOCAL_API_KEY": "none", "LOCAL_BASE_URL": f"http://127.0.0.1:{server.server_port}/v1"}

from importlib.metadata import version

from inspect_ai import Task, eval
from inspect_ai.dataset import Sample
from inspect_ai.scorer import includes
from inspect_ai.solver import generate

task = Task(dataset=[Sample("Capital of France?", target="Paris")], solver=generate(), scorer=includes())
(log,) = eval(task, model="openai-api/local/m", log_dir="logs", display="none")
usage = log.samples[0].output.usage
print("inspect_ai", version("inspect_ai"), "log version", log.version, "input_tokens", usage.input_tokens,
      "cache_read", usage.input_tokens_cache_read, "total", usage.total_tokens)  # fmt: skip
assert usage.input_tokens == int(sys.argv[1]), usage
assert (usage.input_tokens_cache_read, usage.total_tokens, log.version) == (31, 42, 2)
PYTHON
for pair in 0.3.150:40 0.3.285:9; do
    "${PYTHON:-python3}" -m venv venv-"${pair%%:*}"
    pins=(inspect_ai=="${pair%%:*}")
    [ "${pair%%:*}" = 0.3.150 ] && pins+=("openai==2.19.0") || pins+=("openai==3.57.0")
    venv-"${pair%%:*}"/bin/python -m pip install --quiet --disable-pip-version-check "${pins[@]}"
    venv-"${pair%%:*}"/bin/python served.py "${pair##*:}"
done
