#!/usr/bin/env bash
# ollama 0.6.3 (the Python client): of 150 calls at once, 50 wait in the client, where nobody sees them.
# Expected: an asynchronous client passes on as many calls as it is asked for; or says how many it makes.
# Seen: it keeps httpx's default of 100 connections and no time-out, so at most 100 are in flight and the rest waits
#       without an error. The openai client (1,000 connections) makes 150 of 150.
# Hurts: servers with more slots than 100 are never full; latencies measured around a call include the wait.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
"${PYTHON:-python3}" -m venv "$folder/venv"
"$folder/venv/bin/python" -m pip install --quiet --disable-pip-version-check ollama==0.6.3 openai==3.57.0
"$folder/venv/bin/python" - <<'PYTHON'
import asyncio, json, threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from importlib.metadata import version
import ollama, openai

lock, everybody = threading.Lock(), threading.Event()
here = most = 0


class Model(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    def do_POST(self):
        global here, most
        self.rfile.read(int(self.headers["content-length"]))
        with lock:
            here += 1
            most = max(most, here)
        if here == 150:
            everybody.set()
        everybody.wait(3)  # for all that come
        with lock:
            here -= 1
        message = {"role": "assistant", "content": "Hello"}
        reply = {"model": "m", "created_at": "2026-01-01T00:00:00Z", "message": message, "done": True}
        if self.path.startswith("/v1"):
            choice = {"index": 0, "message": message, "finish_reason": "stop"}
            reply = {"id": "1", "object": "chat.completion", "created": 1, "model": "m", "choices": [choice]}
        data = json.dumps(reply).encode()
        self.send_response(200)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)


class Server(ThreadingHTTPServer):
    request_queue_size = 1024


server = Server(("127.0.0.1", 0), Model)
threading.Thread(target=server.serve_forever, daemon=True).start()
url = f"http://127.0.0.1:{server.server_port}"
asked = [{"role": "user", "content": "Say hello."}]


async def at_once(call):
    global most
    most = 0
    everybody.clear()
    await asyncio.gather(*[call() for _ in range(150)])
    return most


async def main():
    one, other = ollama.AsyncClient(host=url), openai.AsyncOpenAI(base_url=url + "/v1", api_key="none")
    seen = await at_once(lambda: one.chat(model="m", messages=asked))
    return seen, await at_once(lambda: other.chat.completions.create(model="m", messages=asked))


seen = asyncio.run(main())
print("ollama", version("ollama"), "openai", version("openai"), "in flight at once:", seen)
assert seen == (100, 150)
PYTHON
