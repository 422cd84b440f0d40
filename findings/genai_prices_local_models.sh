#!/usr/bin/env bash
# genai-prices 0.2.3: a distillate on one's own machine costs what the hosted model costs; nobody counted costs nothing.
# Expected: a name that the table does not have has no price; unknown tokens have an unknown price.
# Seen: deepseek-r1:8b (Ollama's name of an 8B distillate) is priced as DeepSeek's hosted reasoner and deepseek-chat-local
#       and gpt-5-nano-clone by their first words, while gpt-oss:20b, mistral:7b and o3-mini-by-me raise LookupError:
#       whether a name is read by its beginning differs from model to model. Usage without counts costs 0.
# Hurts: bills of mixed pools: local calls look paid, calls without usage free.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
"${PYTHON:-python3}" -m venv "$folder/venv"
"$folder/venv/bin/python" -m pip install --quiet --disable-pip-version-check genai-prices==0.2.3
"$folder/venv/bin/python" - <<'PYTHON'
from importlib.metadata import version
from genai_prices import Usage, calc_price


def priced_as(name):
    try:
        return calc_price(Usage(input_tokens=1_000_000, output_tokens=1_000_000), name).model.id
    except LookupError:
        return None


names = ["deepseek-r1:8b", "deepseek-chat-local", "gpt-5-nano-clone", "gpt-oss:20b", "mistral:7b", "o3-mini-by-me"]
seen = {name: priced_as(name) for name in names}
uncounted = calc_price(Usage(), "gpt-4o").total_price
print("genai-prices", version("genai-prices"), seen, "without counts:", uncounted)
assert list(seen.values()) == ["deepseek-reasoner", "deepseek-chat", "gpt-5-nano", None, None, None]
assert uncounted == 0
PYTHON
