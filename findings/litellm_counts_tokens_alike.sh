#!/usr/bin/env bash
# litellm 1.110.2: token_counter counts a dozen families of models with one tokenizer, without saying so.
# Expected: counts that fit the model, or an error for a model that it does not know.
# Seen: Claude, Gemini, Phi, Mistral and a name that does not exist get the very count of gpt-3.5-turbo; a Japanese
#       sentence costs 27 % more by it than by gpt-4o's own tokenizer. Nothing marks the number as an estimate.
# Hurts: budgets, limits of context and prices that are computed before a call.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
"${PYTHON:-python3}" -m venv "$folder/venv"
"$folder/venv/bin/python" -m pip install --quiet --disable-pip-version-check litellm==1.110.2
export LITELLM_LOCAL_MODEL_COST_MAP=True
"$folder/venv/bin/python" - <<'PYTHON'
from importlib.metadata import version
import litellm

text = "Größe: 東京は日本の首都です。" * 20
models = ["claude-3-5-sonnet-20241022", "gemini/gemini-2.5-pro", "ollama/phi4", "mistral/mistral-small", "no-such-model"]
seen = {model: litellm.token_counter(model=model, text=text) for model in ["gpt-4o", "gpt-3.5-turbo", *models]}
print("litellm", version("litellm"), seen)
assert {seen[model] for model in models} == {seen["gpt-3.5-turbo"]} == {280}
assert seen["gpt-4o"] == 220
PYTHON
