"""Tests of programs: they are run, never only defined, and whoever asks for a function gets that one tested."""

import json
from pathlib import Path

import pytest

from optiq.errors import OptiqWarning
from optiq.questions.question import Kind, Question
from optiq.scoring import score
from optiq.scoring.metrics import Metrics
from optiq.scoring.program_tests import NothingTested, passes

CASES = [
    json.loads(line)
    for line in Path(__file__).with_name("program_cases.jsonl").read_text(encoding="utf-8").splitlines()
]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["why"])
def test_a_program_is_as_good_as_its_tests_say(case):
    for wanted, programs in ((1.0, case["right"]), (0.0, case["wrong"])):
        for program in programs:
            assert (program, passes(program, case["tests"], case["question"])) == (program, wanted)


@pytest.mark.parametrize(
    ("tests", "why"),
    [
        ("", "run no assertion"),
        ("# none yet", "run no assertion"),
        ("METADATA = {'author': 'x'}", "run no assertion"),
        ("def check_all(candidate):\n    assert candidate(1) == 1", "run no assertion"),
        ("def test_it(fixture):\n    assert fixture", "run no assertion"),
        ("class Checks:\n    def check(self):\n        assert twice(2) == 4", "run no assertion"),
        ("[1, 2]", "run no assertion"),
        ("it doubles", "no Python"),
        ("return max(xs)", "no Python"),
        ("def check(candidate):\n    assert candidate(2) == 4", "which function"),
    ],
)
def test_a_reference_that_tests_nothing_leaves_answers_unjudged(tests, why):
    program = "def one(x):\n    return 2 * x\ndef other(x):\n    return x"
    with pytest.raises(NothingTested, match=why):
        passes(program, tests, "Write it.")
    asked = Question("1", "Write it.", kind=Kind.CODE, reference=tests or "pass")
    with pytest.warns(OptiqWarning, match="unjudged"):
        assert score(asked, program, Metrics((("", "tests"),), runs_programs=True)).qoa is None
