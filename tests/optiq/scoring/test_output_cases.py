"""Golden cases: outputs as models write them, and the answer in each; `real_outputs.jsonl` has what small ones said."""

import json
from pathlib import Path

import pytest

from optiq.questions.question import Question
from optiq.scoring import score
from optiq.scoring.answers import open_answer, option_letters, parse_answer

CASES = [
    json.loads(line)
    for name in ("output_cases.jsonl", "real_outputs.jsonl")
    for line in Path(__file__).with_name(name).read_text(encoding="utf-8").splitlines()
]
OPEN = [case for case in CASES if "answer" in case]
CHOICE = [case for case in CASES if "letters" in case]


@pytest.mark.parametrize("case", OPEN, ids=[case["output"][:40] for case in OPEN])
def test_the_answer_in_an_output(case):
    assert open_answer(case["output"]) == case["answer"]


@pytest.mark.parametrize("case", CHOICE, ids=[case["output"][:40] for case in CHOICE])
def test_the_options_that_an_output_chooses(case):
    found = option_letters(case["output"], case["options"], case.get("several", False))
    assert "".join(found) == case["letters"]


@pytest.mark.parametrize("case", OPEN, ids=[case["output"][:40] for case in OPEN])
def test_an_answer_that_was_read_once_stays_as_it_is(case):
    assert open_answer(case["answer"]) == case["answer"]


SPOKEN = [
    json.loads(line)
    for line in Path(__file__).with_name("spoken_cases.jsonl").read_text(encoding="utf-8").splitlines()
]


@pytest.mark.parametrize("case", SPOKEN, ids=[case["output"][:40] for case in SPOKEN])
def test_an_output_is_read_and_judged(case):
    asked = Question("1", "Which?", reference=case["reference"])
    judged = score(asked, parse_answer(asked, case["output"])).qoa
    assert judged == case["right"]
