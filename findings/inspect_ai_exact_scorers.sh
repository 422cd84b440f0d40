#!/usr/bin/env bash
# inspect_ai 0.3.285: exact() and f1() take -5 for 5, and the answer "A" is never right.
# Expected: exact match tells a number from its negative; an answer that equals its target is right.
# Seen: both compare after throwing away punctuation, minus signs included, and English articles: -5 scores C against 5,
#       and "A" against "A" scores I, because nothing is left of either ("B" against "B" is right). match(), which looks
#       at the end of the answer by default, gives C to -5 for 5, to 12 for 2 and to 1.5 for 5.
# Hurts: multiple choice and arithmetic that are scored with the scorer of the obvious name: accuracy is too low by all
#        questions whose key is A, and too high where signs are wrong.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
"${PYTHON:-python3}" -m venv "$folder/venv"
"$folder/venv/bin/python" -m pip install --quiet --disable-pip-version-check inspect_ai==0.3.285
cd "$folder"
venv/bin/python - <<'PYTHON'
import asyncio
from importlib.metadata import version

from inspect_ai.model import ModelOutput
from inspect_ai.scorer import Target, exact, f1, match
from inspect_ai.solver import TaskState

def score(scorer, answer, target):
    state = TaskState(model="m", sample_id=1, epoch=1, input="question", messages=[])
    state.output = ModelOutput.from_content("m", answer)
    return asyncio.run(scorer(state, Target(target))).value

pairs = [("-5", "5"), ("A", "A"), ("B", "B"), ("12", "2"), ("1.5", "5")]
seen = {make.__name__: [score(make(), *pair) for pair in pairs] for make in (exact, f1, match)}
print("inspect_ai", version("inspect_ai"), "answer, target:", pairs, seen)
assert seen == {
    "exact": ["C", "I", "C", "I", "I"],
    "f1": [1.0, 0.0, 1.0, 0.0, 0.0],
    "match": ["C", "C", "C", "C", "C"],
}
PYTHON
