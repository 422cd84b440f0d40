#!/usr/bin/env bash
# agentopt-py 0.1.0: two servers that are asked alike share one answer, in later processes too.
# Expected: an answer belongs to the server that gave it: the same model name may be another quantisation elsewhere, and
#           Azure's addresses name the deployment in the path and nowhere else.
# Seen: the cache, which is on unless it is turned off, looks at the body alone. The second server is never called, its
#       answer and its seconds are those of the first, also from ./.agentopt_cache when another process asks.
# Hurts: whoever compares servers, deployments or quantisations: the candidates tie, at the first one's speed and price.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
"${PYTHON:-python3}" -m venv "$folder/venv"
"$folder/venv/bin/python" -m pip install --quiet --disable-pip-version-check agentopt-py==0.1.0
cd "$folder"
cat > ask.py <<'PYTHON'
import http.server, json, sys, threading
from importlib.metadata import version

import httpx
from agentopt import LLMTracker

called = []


class Deployments(http.server.BaseHTTPRequestHandler):
    def do_POST(self):
        self.rfile.read(int(self.headers["Content-Length"]))
        name = self.path.split("/")[2]
        called.append(name)
        message = {"role": "assistant", "content": f"said by {name}"}
        usage = {"prompt_tokens": 3, "completion_tokens": 2, "total_tokens": 5}
        body = json.dumps({"model": name, "choices": [{"index": 0, "message": message}], "usage": usage}).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Deployments)
threading.Thread(target=server.serve_forever, daemon=True).start()
tracker = LLMTracker()
tracker.start()
said = {}
for name in sys.argv[1:]:
    address = f"http://127.0.0.1:{server.server_port}/deployments/{name}/chat/completions"
    reply = httpx.post(address, json={"messages": [{"role": "user", "content": "Who are you?"}]}, trust_env=False)
    said[name] = reply.json()["choices"][0]["message"]["content"]
tracker.stop()
print("agentopt-py", version("agentopt-py"), "| asked:", sys.argv[1:], "| called:", called, "| said:", said)
assert set(said.values()) == {"said by small"}, said
assert called in (["small"], []), called
PYTHON
"$folder/venv/bin/python" ask.py small large
"$folder/venv/bin/python" ask.py third
