#!/usr/bin/env bash
# Babel 2.19.0: "1,5" is 15 in English, and "1.5" is 15 in German.
# Expected: a separator of thousands with one digit after it is no number of that locale, or is doubted.
# Seen: parse_decimal drops every group separator wherever it stands: "1,5" is 15 and "12,34,5" 12345 (en), "1.5" is 15
#       (de). strict=True refuses these and still reads "1.234" (de) and "1000.50" (en).
# Hurts: graders and importers of figures from people and models of other countries: wrong by ten, without an error.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
"${PYTHON:-python3}" -m venv "$folder/venv"
"$folder/venv/bin/python" -m pip install --quiet --disable-pip-version-check babel==2.19.0
"$folder/venv/bin/python" - <<'PYTHON'
from importlib.metadata import version
from babel.numbers import NumberFormatError, parse_decimal

texts = [("1,5", "en"), ("12,34,5", "en"), ("1.5", "de"), ("1.234", "de")]
read = {pair: int(parse_decimal(pair[0], locale=pair[1])) for pair in texts}


def strictly(text, locale):
    try:
        return str(parse_decimal(text, locale=locale, strict=True))
    except NumberFormatError:
        return "refused"


strict = {pair: strictly(*pair) for pair in [*texts, ("1000.50", "en")]}
print("babel", version("babel"), read, strict)
assert list(read.values()) == [15, 12345, 15, 1234]
assert list(strict.values()) == ["refused", "refused", "refused", "1234", "1000.50"]
PYTHON
