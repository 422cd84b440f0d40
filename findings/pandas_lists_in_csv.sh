#!/usr/bin/env bash
# pandas 3.1.1 with NumPy 2.4.6 and PyArrow 26.0.1: a list of texts that goes from Parquet to CSV comes back as one text.
# Expected: options or accepted answers of a public set (a list column of a Parquet file) that are written with to_csv and
#           read with ast.literal_eval are the same list, or an error.
# Seen: the column is read as NumPy arrays, which print without commas; Python joins texts that stand beside each other, so
#       that ['whale', 'blue shark'] becomes ['whaleblue shark'], and nothing is said. Inside a record (choices of ARC,
#       answers of SQuAD) the cell says array([...], dtype=object), which literal_eval refuses.
# Hurts: question files made from public sets: four options become one, and no answer equals the joined reference.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
"${PYTHON:-python3}" -m venv "$folder/venv"
"$folder/venv/bin/python" -m pip install --quiet --disable-pip-version-check pandas==3.1.1 numpy==2.4.6 pyarrow==26.0.1
cd "$folder"
venv/bin/python - <<'PYTHON'
import ast

import numpy
import pandas
import pyarrow
import pyarrow.parquet

OPTIONS = ["whale", "blue shark"]
table = pyarrow.table({"options": [OPTIONS], "choices": [{"text": OPTIONS, "label": ["A", "B"]}]})
pyarrow.parquet.write_table(table, "set.parquet")
pandas.read_parquet("set.parquet").to_csv("set.csv", index=False)
[options, choices] = pandas.read_csv("set.csv").iloc[0]
read = ast.literal_eval(options)
try:
    record = ast.literal_eval(choices)
except ValueError as fault:
    record = str(fault).split(":")[0]
print("pandas", pandas.__version__, "numpy", numpy.__version__, "pyarrow", pyarrow.__version__)
print("in the CSV:", options, "and", choices)
print("read back:", read, "and", record)
assert read == ["whaleblue shark"], "the commas are there now"
assert record == "malformed node or string on line 1"
PYTHON
