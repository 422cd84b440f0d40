#!/usr/bin/env bash
# dspy 3.4.1: five samples at temperature 1 are one call and five times the same text.
# Expected: at a temperature above 0 every call is a sample of its own, or the cached ones are marked.
# Seen: dspy.LM keeps replies on disk by default, whatever the temperature: five calls reach the server once, a second
#       process with the same folder not at all; the replies are equal. rollout_id or cache=False give samples.
# Hurts: self-consistency and majority votes over repeats, spreads over runs (0), costs per run (0 from the second on).
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
"${PYTHON:-python3}" -m venv "$folder/venv"
"$folder/venv/bin/python" -m pip install --quiet --disable-pip-version-check dspy==3.4.1
cat > "$folder/ask.py" <<'PYTHON'
import json, threading
from http.server import BaseHTTPRequestHandler, HTTPServer
from importlib.metadata import version
import dspy

asked = []


class Model(BaseHTTPRequestHandler):
    def log_message(self, *_):
        pass

    def do_POST(self):
        asked.append(json.loads(self.rfile.read(int(self.headers["content-length"]))))
        message = {"role": "assistant", "content": f"sample {len(asked)}"}
        reply = {"id": "1", "object": "chat.completion", "created": 1, "model": "m"}
        reply["choices"] = [{"index": 0, "message": message, "finish_reason": "stop"}]
        data = json.dumps(reply).encode()
        self.send_response(200)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)


server = HTTPServer(("127.0.0.1", 18765), Model)  # the address is part of what is cached
threading.Thread(target=server.serve_forever, daemon=True).start()
where = {"api_base": "http://127.0.0.1:18765/v1", "api_key": "none", "temperature": 1.0}
cached, fresh = dspy.LM("openai/m", **where), dspy.LM("openai/m", cache=False, **where)
one = {text for _ in range(5) for text in cached("Say something.")}
after = len(asked)
other = {text for _ in range(5) for text in fresh("Say something.")}
print("dspy", version("dspy"), "requests:", after, "texts:", len(one), "without the cache:", len(asked) - after, len(other))
assert len(one) == 1 and len(other) == len(asked) - after == 5
assert after == FIRST, after
PYTHON
for first in 1 0; do
    sed "s/FIRST/$first/" "$folder/ask.py" > "$folder/run.py"
    DSPY_CACHEDIR="$folder/cache" LITELLM_LOCAL_MODEL_COST_MAP=True "$folder/venv/bin/python" -W ignore "$folder/run.py" 2> /dev/null
done
