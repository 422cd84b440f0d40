#!/usr/bin/env bash
# Pint 0.25.3 reads what people write side by side as a product, and takes a decimal comma out.
# Expected: "5 1/2 cup" is 5.5 cups, "2 ft 3 in" 27 inches, "1,5 m" 1.5 m; or an error.
# Seen: a space multiplies: 2.5 cups and 6 foot·inches. Commas vanish wherever they stand: 15 m. "3 am" is 3 attometres,
#       "1.5M" 1.5 molar, "70k" 70 times Boltzmann's constant.
# Hurts: whoever parses units out of text by people or models instead of out of formulas.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
"${PYTHON:-python3}" -m venv "$folder/venv"
"$folder/venv/bin/python" -m pip install --quiet --disable-pip-version-check pint==0.25.3
"$folder/venv/bin/python" - <<'PYTHON'
import pint

registry = pint.UnitRegistry()
texts = ["5 1/2 cup", "2 ft 3 in", "1,5 m", "3 am", "1.5M", "70k"]
seen = [str(registry.parse_expression(text)) for text in texts]
print("pint", pint.__version__, dict(zip(texts, seen)))
assert seen == ["2.5 cup", "6 foot * inch", "15 meter", "3 attometer", "1.5 molar", "70 boltzmann_constant"]
PYTHON
