#!/usr/bin/env bash
# litellm 1.110.2: cost-based routing takes a dollar a token before a model that is declared free.
# Expected: of two deployments the one whose price per token is lower; a price that is not known is told.
# Seen: a price of 0 counts as none given, and none given and not found by the very name as 5 USD a token. So a local
#       model at 0 loses to one at 1 USD a token; openai/gpt-4o and openai/gpt-4o-mini, whose prices are in its table
#       without the prefix, both cost 10 USD and the one that is listed first is taken.
# Hurts: routers that were told to be cheap; local models that are never asked.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
"${PYTHON:-python3}" -m venv "$folder/venv"
"$folder/venv/bin/python" -m pip install --quiet --disable-pip-version-check litellm==1.110.2
LITELLM_LOCAL_MODEL_COST_MAP=True "$folder/venv/bin/python" -W ignore - 2> /dev/null <<'PYTHON'
import asyncio
from importlib.metadata import version
import litellm


def pick(**deployments):
    """The name of the one that is taken; nothing is asked."""
    models = [
        {
            "model_name": "any",
            "litellm_params": {"model": model, "api_key": "none"} | prices,
            "model_info": {"id": name},
        }
        for name, (model, prices) in deployments.items()
    ]
    router = litellm.Router(model_list=models, routing_strategy="cost-based-routing")
    taken = router.async_get_available_deployment(
        model="any", messages=[{"role": "user", "content": "Say hello."}], request_kwargs={}
    )
    return asyncio.run(taken)["model_info"]["id"]


def price(usd):
    return {"input_cost_per_token": usd, "output_cost_per_token": usd}


big, small = ("openai/gpt-4o", {}), ("openai/gpt-4o-mini", {})
seen = [
    pick(free=("ollama_chat/mine", price(0.0)), dollar=("openai/theirs", price(1.0))),
    pick(nearly_free=("ollama_chat/mine", price(1e-12)), dollar=("openai/theirs", price(1.0))),
    pick(big=big, small=small),
    pick(small=small, big=big),
    pick(big=("gpt-4o", {}), small=("gpt-4o-mini", {})),
]
print("litellm", version("litellm"), seen)
assert seen == ["dollar", "nearly_free", "big", "small", "small"]
PYTHON
