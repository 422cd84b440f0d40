#!/usr/bin/env bash
# quantulum3 0.10.0 turns a range into its middle, and k and M after a figure into kelvin and metres.
# Expected: "3 to 5 km" gives 3 and 5 (or an interval), "70k" 70,000, "1.5M" 1,500,000; or nothing.
# Seen: one quantity of 4.0 km, which the text does not have; 70 kelvin; 1.5 metres. "10^3" is two numbers, 10 and 3.
# Hurts: extraction of figures from answers: a vague answer that spans the truth is graded as exactly right.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
"${PYTHON:-python3}" -m venv "$folder/venv"
"$folder/venv/bin/python" -m pip install --quiet --disable-pip-version-check quantulum3==0.10.0
"$folder/venv/bin/python" -W ignore - <<'PYTHON'
from importlib.metadata import version
from quantulum3 import parser

def read(text):
    return [(quantity.value, quantity.unit.name) for quantity in parser.parse(text)]

seen = {text: read(text) for text in ("3 to 5 km", "70k", "1.5M", "10^3")}
print("quantulum3", version("quantulum3"), seen)
assert seen == {
    "3 to 5 km": [(4.0, "kilometre")],
    "70k": [(70.0, "kelvin")],
    "1.5M": [(1.5, "metre")],
    "10^3": [(10.0, "dimensionless"), (3.0, "dimensionless")],
}
PYTHON
