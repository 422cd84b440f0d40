#!/usr/bin/env bash
# LangChain (langchain-core 1.8.3, langchain-openai 1.7.4, langchain-community 0.4.2): a call from the cache is paid again.
# Expected: of five equal calls with a cache on, one reaches the server, and the callbacks count the tokens and the cost
#           of one.
# Seen: one request, and five times its tokens in get_usage_metadata_callback and in get_openai_callback, whose total
#       cost is five times too high. Only a field of the message, total_cost 0, tells a cached answer.
# Hurts: budgets, price comparisons and traces taken from callbacks while a cache is on.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
"${PYTHON:-python3}" -m venv "$folder/venv"
"$folder/venv/bin/python" -m pip install --quiet --disable-pip-version-check \
    langchain-core==1.8.3 langchain-openai==1.7.4 langchain-community==0.4.2
"$folder/venv/bin/python" -W ignore - <<'PYTHON'
import json, threading
from http.server import BaseHTTPRequestHandler, HTTPServer
from langchain_community.callbacks import get_openai_callback
from langchain_core.caches import InMemoryCache
from langchain_core.callbacks import get_usage_metadata_callback
from langchain_core.globals import set_llm_cache
from langchain_openai import ChatOpenAI

requests = []


class Model(BaseHTTPRequestHandler):
    def log_message(self, *_):
        pass

    def do_POST(self):
        requests.append(self.rfile.read(int(self.headers["content-length"])))
        message = {"role": "assistant", "content": "Hello"}
        usage = {"prompt_tokens": 1000, "completion_tokens": 500, "total_tokens": 1500}
        reply = {"id": "1", "object": "chat.completion", "created": 1, "model": "gpt-4o", "usage": usage}
        reply["choices"] = [{"index": 0, "message": message, "finish_reason": "stop"}]
        data = json.dumps(reply).encode()
        self.send_response(200)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)


server = HTTPServer(("127.0.0.1", 0), Model)
threading.Thread(target=server.serve_forever, daemon=True).start()
set_llm_cache(InMemoryCache())
model = ChatOpenAI(model="gpt-4o", base_url=f"http://127.0.0.1:{server.server_port}/v1", api_key="none")
with get_usage_metadata_callback() as usage, get_openai_callback() as bill:
    messages = [model.invoke("Say hello.") for _ in range(5)]
counted = usage.usage_metadata["gpt-4o"]["total_tokens"]
marks = [message.usage_metadata.get("total_cost") for message in messages]
print(len(requests), "request;", counted, "tokens,", bill.total_cost, "USD;", marks)
assert len(requests) == 1 and counted == bill.total_tokens == 5 * 1500
assert abs(bill.total_cost - 5 * (1000 * 2.5e-6 + 500 * 10e-6)) < 1e-9
assert marks == [None, 0, 0, 0, 0]
PYTHON
