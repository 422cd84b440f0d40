#!/usr/bin/env bash
# rouge-score 0.1.2: what is not a-z or 0-9 does not exist.
# Expected: a text compared with itself scores 1, and texts that differ in what they mean less than 1.
# Seen: "Москва" and "東京" score 0 against themselves; "-5" and "5", "$5" and "5%", "C++" and "C#", "café" and "caf"
#       score 1.
# Hurts: scores of answers in other scripts (all models look equally bad), of signed numbers and of code.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
"${PYTHON:-python3}" -m venv "$folder/venv"
"$folder/venv/bin/python" -m pip install --quiet --disable-pip-version-check rouge-score==0.1.2
"$folder/venv/bin/python" - <<'PYTHON'
from rouge_score import rouge_scorer

scorer = rouge_scorer.RougeScorer(["rougeL"])
score = lambda a, b: scorer.score(a, b)["rougeL"].fmeasure
same = {text: score(text, text) for text in ["Moscow", "Москва", "東京"]}
differing = {pair: score(*pair) for pair in [("-5", "5"), ("$5", "5%"), ("C++", "C#"), ("café", "caf")]}
print("rouge-score 0.1.2", same, differing)
assert list(same.values()) == [1, 0, 0]
assert set(differing.values()) == {1}
PYTHON
