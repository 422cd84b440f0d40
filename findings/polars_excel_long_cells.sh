#!/usr/bin/env bash
# polars writes a text that a spreadsheet's cell cannot hold without its end, and says nothing.
# Expected: write_excel raises, warns, or writes the whole text, as every other writer of polars does.
# Seen: of 40,000 characters 32,767 stand in the file, the limit of Excel; the call returns as usual, and the cell bears no
#       mark. (xlsxwriter returns -2 from write_string, which is not looked at.)
# Hurts: whoever keeps prompts, answers or documents in .xlsx: their ends are gone when the file is read again.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
"${PYTHON:-python3}" -m venv "$folder/venv"
"$folder/venv/bin/python" -m pip install --quiet --disable-pip-version-check polars==2.1.0 xlsxwriter==3.3.1 fastexcel==0.21.0
cd "$folder"
venv/bin/python -W error - <<'PYTHON'
import polars as pl

text = "x" * 40_000 + " the end"
pl.DataFrame({"text": [text]}).write_excel("t.xlsx")
(back,) = pl.read_excel("t.xlsx")["text"]
print("polars", pl.__version__, "wrote", len(text), "characters, the file has", len(back), "and ends with", back[-8:])
assert len(back) == 32_767 and "the end" not in back
PYTHON
