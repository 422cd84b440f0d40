#!/usr/bin/env bash
# litellm 1.110.2: what an unknown model costs depends on its provider: an error, nothing, or a guess from its name.
# Expected: a model without a price raises, as most do.
# Seen: a model that does not exist raises at groq; costs 0.0 at ollama and huggingface, like a model that is known to be
#       free; and at fireworks_ai has the price of its size, read out of "8b" in the name that was made up.
# Hurts: budgets and comparisons of models: a typing error is free, or priced with confidence.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
"${PYTHON:-python3}" -m venv "$folder/venv"
"$folder/venv/bin/python" -m pip install --quiet --disable-pip-version-check litellm==1.110.2
export LITELLM_LOCAL_MODEL_COST_MAP=True
"$folder/venv/bin/python" - <<'PYTHON'
from importlib.metadata import version
import litellm

litellm.suppress_debug_info = True

def price(model):
    try:
        return litellm.cost_per_token(model=model, prompt_tokens=1_000_000, completion_tokens=0)[0]
    except Exception as error:
        return type(error).__name__

names = [f"{provider}/no-such-model-8b" for provider in ("groq", "ollama", "huggingface", "fireworks_ai")]
seen = {name: price(name) for name in names}
print("litellm", version("litellm"), "USD per million prompt tokens:", seen)
assert isinstance(seen[names[0]], str)
assert seen[names[1]] == seen[names[2]] == 0.0
assert abs(seen[names[3]] - 0.2) < 1e-9
PYTHON
