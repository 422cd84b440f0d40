#!/usr/bin/env bash
# genai-prices 0.2.3: the same call has two prices, and without a timestamp the clock on the wall picks one.
# Expected: a price of a provider and a model is a function of the usage; if time matters, it must be given.
# Seen: deepseek-chat and deepseek-reasoner cost 0.135 USD per million prompt tokens at 17:00 UTC; at noon 0.27 and 0.55.
#       A calculation without a timestamp takes the hour at which it runs, so pricing yesterday's log twice gives
#       two bills, and a model ranks first or second by the time of day.
# Hurts: whoever prices recorded calls later, in batch, or in a test.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
"${PYTHON:-python3}" -m venv "$folder/venv"
"$folder/venv/bin/python" -m pip install --quiet --disable-pip-version-check genai-prices==0.2.3
"$folder/venv/bin/python" - <<'PYTHON'
from datetime import datetime, timezone
from importlib.metadata import version
from genai_prices import Usage, calc_price

def price(model, when=None):
    usage = Usage(input_tokens=1_000_000)
    return str(calc_price(usage, model_ref=model, provider_id="deepseek", genai_request_timestamp=when).total_price)

noon, evening = (datetime(2026, 11, 1, hour, tzinfo=timezone.utc) for hour in (12, 17))
models = ("deepseek-chat", "deepseek-reasoner")
seen = {model: (price(model, noon), price(model, evening)) for model in models}
print("genai-prices", version("genai-prices"), seen, "now:", price("deepseek-chat"))
assert seen == {"deepseek-chat": ("0.27", "0.135"), "deepseek-reasoner": ("0.55", "0.135")}
assert price("deepseek-chat", None) in seen["deepseek-chat"]
PYTHON
