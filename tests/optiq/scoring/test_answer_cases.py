"""Golden cases: outputs as models write them, and the answer that each holds (`answer_cases.json`)."""

import json
from pathlib import Path

import pytest

from optiq.plans.plan import Plan
from optiq.questions.question import Kind, Question
from optiq.scoring.answers import node_answer, open_answer, option_letters
from optiq.scoring.denial import refuses
from optiq.scoring.outputs import affirms

CASES = json.loads(Path(__file__).with_name("answer_cases.json").read_text(encoding="utf-8"))
OPTIONS = CASES["options"]


@pytest.mark.parametrize(("output", "answer"), CASES["open"])
def test_open(output, answer):
    assert open_answer(output) == answer


@pytest.mark.parametrize(("output", "options", "letter"), CASES["choice"])
def test_choice(output, options, letter):
    assert option_letters(output, OPTIONS[options]) == ((letter,) if letter else ())


@pytest.mark.parametrize(("output", "options", "letters"), CASES["multi"])
def test_multi(output, options, letters):
    assert option_letters(output, OPTIONS[options], several=True) == tuple(letters)


@pytest.mark.parametrize(
    "output",
    ["Correct", "correct.", "That is correct.", "The other answer is correct.", "Yes, that's right."],
)
def test_a_verdict_alone_affirms(output):
    assert affirms(output)


@pytest.mark.parametrize(
    "output", ["Yes", "No", "True", "Correct: Oslo", "Incorrect", "That is not correct", ""]
)
def test_what_affirms_nothing(output):
    assert not affirms(output)


@pytest.mark.parametrize(
    "output",
    [
        "I don't know.",
        "I'm sorry, but I can't help with that.",
        "As an AI, I have no access to it.",
        "There is no information on that in the text.",
        "It cannot be determined.",
        "Unknown",
        "N/A",
    ],
)
def test_refusals(output):
    assert refuses(output)


@pytest.mark.parametrize(
    "output", ["Unknown Pleasures", "I think it is Oslo", "The sorry state of it", "No", "Oslo"]
)
def test_what_is_no_refusal(output):
    assert not refuses(output)


def test_a_verdict_in_a_chain_means_the_answer_that_was_shown():
    question, chain = Question("1", "What is the capital of Norway?"), Plan.of(["a", "b"], [(0, 1)])
    assert node_answer(question, chain, 1, {0: "Answer: Oslo", 1: "Correct."}) == "Oslo"
    assert node_answer(question, chain, 1, {0: "Bergen", 1: "Correct: Oslo"}) == "Oslo"
    assert node_answer(question, chain, 0, {0: "Correct."}) == "Correct", "nothing was shown to it"


def test_a_verdict_on_several_answers_counts_where_they_agree():
    question = Question("1", "Which?", options=("Rome", "Paris"), kind=Kind.CHOICE)
    blend = Plan.of(["a", "b", "c"], [(0, 2), (1, 2)])
    assert node_answer(question, blend, 2, {0: "B", 1: "It is Paris", 2: "That is correct."}) == "B"
    assert node_answer(question, blend, 2, {0: "A", 1: "B", 2: "That is correct."}) == "That is correct"


def test_a_verdict_goes_back_along_a_chain_to_what_was_said_first():
    question, chain = Question("1", "Where?"), Plan.of(["a", "b", "c"], [(0, 1), (1, 2)])
    assert node_answer(question, chain, 2, {0: "Oslo", 1: "Correct.", 2: "That is right."}) == "Oslo"
    assert node_answer(question, chain, 1, {0: None, 1: "Correct."}) == "Correct", "nothing was said before"
    assert node_answer(question, chain, 2, {}) == ""


def test_a_verdict_on_several_letters_means_them_all():
    question = Question("1", "Which?", options=("Rome", "Paris", "Madrid"), kind=Kind.MULTI)
    chain = Plan.of(["a", "b"], [(0, 1)])
    assert node_answer(question, chain, 0, {0: "C and A"}) == "A, C"
    assert node_answer(question, chain, 1, {0: "A, C", 1: "Correct."}) == "A, C"


def test_a_verdict_that_is_an_option_is_chosen():
    question = Question("1", "Is it?", options=("Correct", "Incorrect"), kind=Kind.CHOICE)
    chain = Plan.of(["a", "b"], [(0, 1)])
    assert node_answer(question, chain, 1, {0: "Incorrect", 1: "Correct"}) == "A"
