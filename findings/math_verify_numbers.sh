#!/usr/bin/env bash
# math-verify 0.9.0 misreads numbers as models write them, and its equality is not transitive.
# Expected: 70k, 1e3, 1.5 million, "minus 5" are read whole or not at all; if 50 equals 50% and 50% equals 0.5,
#           either 50 equals 0.5 or one of the two was false.
# Seen: they are read as 70, 1, 1.5 and 5 without a sign of doubt, so a right 1e3 is wrong and "minus 5" is right for 5.
#       "between 12 and 15" is 15 and "1,5" is 1.5. 50 = 50% and 50% = 0.5 hold, 50 = 0.5 does not. Units do not
#       count: 5 L equals 5 mL.
# Hurts: graders and rewards that use it on plain prose instead of LaTeX.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
"${PYTHON:-python3}" -m venv "$folder/venv"
"$folder/venv/bin/python" -m pip install --quiet --disable-pip-version-check 'math-verify[antlr4_13_2]==0.9.0' latex2sympy2_extended==1.11.0
"$folder/venv/bin/python" - <<'PYTHON'
from importlib.metadata import version
from math_verify import parse, verify

texts = ["70k", "1e3", "1.5 million", "minus 5", "between 12 and 15", "1,5"]
read = [float(parse(text)[0]) for text in texts]
pairs = [("1000", "1e3"), ("5", "minus 5"), ("50", "50%"), ("50%", "0.5"), ("50", "0.5"), ("5 L", "5 mL")]
equal = [verify(parse(gold), parse(answer)) for gold, answer in pairs]
print("math-verify", version("math-verify"), dict(zip(texts, read)), dict(zip(pairs, equal)))
assert read == [70, 1, 1.5, 5, 15, 1.5]
assert equal == [False, True, True, True, False, True]
PYTHON
