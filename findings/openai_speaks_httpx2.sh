#!/usr/bin/env bash
# openai 3.54.0 speaks httpx2: the cause of its errors is never an exception of httpx.
# Expected: as for years, a refused connection is an APIConnectionError whose __cause__ is httpx.ConnectError.
# Seen: it is httpx2.ConnectError, a class of another package without a common ancestor; httpx 0.28.1 beside it makes
#       no difference. A check with isinstance(cause, httpx.ConnectError) is silently never true.
# Hurts: clients that tell "nobody listens" (try another server) from "it broke on the way" (a call may be billed).
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
"${PYTHON:-python3}" -m venv "$folder/venv"
"$folder/venv/bin/python" -m pip install --quiet --disable-pip-version-check openai==3.54.0 httpx==0.28.1
"$folder/venv/bin/python" - <<'PYTHON'
import socket
import httpx, openai

with socket.socket() as free:
    free.bind(("127.0.0.1", 0))
    port = free.getsockname()[1]
try:
    openai.OpenAI(base_url=f"http://127.0.0.1:{port}", api_key="none", max_retries=0).models.list()
except openai.APIConnectionError as error:
    cause = error.__cause__
print("openai", openai.__version__, "httpx", httpx.__version__, "cause:", type(cause).__module__, type(cause).__name__)
assert type(cause).__name__ == "ConnectError" and not isinstance(cause, httpx.HTTPError)
PYTHON
