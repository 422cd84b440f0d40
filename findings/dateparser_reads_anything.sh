#!/usr/bin/env bash
# dateparser 1.5.0 finds dates in "no", "a" and "5 L", and fills gaps from today's date.
# Expected: None for what is no date; "May 1945" as a month (the first, or marked as incomplete).
# Seen: "no" and "sat" are days of this week, "a" is January (both are words in some language it tries), "5 L" the 5th.
#       "May 1945" gets the day of the month on which the program runs, so the same text parses differently tomorrow.
#       "44 BC" and "850" are None. Restricting languages and STRICT_PARSING help with the first, not by default.
# Hurts: graders that ask it whether two answers are the same date, and tests that pass on some days only.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
"${PYTHON:-python3}" -m venv "$folder/venv"
"$folder/venv/bin/python" -m pip install --quiet --disable-pip-version-check dateparser==1.5.0
"$folder/venv/bin/python" - <<'PYTHON'
from datetime import datetime
from importlib.metadata import version
import dateparser

def read(text, today):
    found = dateparser.parse(text, settings={"RELATIVE_BASE": today})
    return found and f"{found:%Y-%m-%d}"

base = datetime(2026, 11, 28)
seen = {text: read(text, base) for text in ("no", "a", "5 L", "May 1945", "44 BC", "850")}
later = read("May 1945", datetime(2026, 12, 3))
print("dateparser", version("dateparser"), seen, "on another day May 1945 is", later)
assert seen == {
    "no": "2026-11-28", "a": "2026-01-28", "5 L": "2026-11-05", "May 1945": "1945-05-28", "44 BC": None, "850": None,
}
assert later == "1945-05-03"
PYTHON
