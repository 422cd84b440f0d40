"""Prompt sets: what each asks, which examples it shows, how long it is, and when its version changes."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from optiq import prompts
from optiq.errors import UnknownName
from optiq.plans.plan import Plan
from optiq.prompts.prompt_builder import build_prompt, longest_prompt_chars, prompt_shape
from optiq.prompts.prompt_set import PROMPT_NAMES, SHOTS, ZERO_SHOT, PromptSet, draw_examples
from optiq.questions.question import Kind, Question

CITY = Question("c", "Which is a city?", options=("ant", "Rome"), kind=Kind.CHOICE, reference="B")
CAPITALS = ["Norway Oslo", "Sweden Stockholm", "Denmark Copenhagen", "Finland Helsinki", "Iceland Reykjavik"]
LABELLED = [
    Question(str(i), f"What is the capital of {pair.split()[0]}?", reference=pair.split()[1])
    for i, pair in enumerate(CAPITALS)
] + [CITY]
FEW_SHOT = PromptSet("few-shot", draw_examples(LABELLED, seed=0))
SETS = [PromptSet(name) for name in PROMPT_NAMES if name != "few-shot"] + [FEW_SHOT]


@pytest.mark.parametrize("used", SETS, ids=lambda used: used.name)
@pytest.mark.parametrize("kind", list(Kind))
def test_every_set_has_a_prompt_for_every_kind(used, kind):
    question = Question(
        "q", "Which {question} is it?", options=() if kind is Kind.OPEN else ("x", "y"), kind=kind
    )
    asked = used.ask(question)
    put = "Which {question} is it?" + ("" if kind is Kind.OPEN else "\nA. x\nB. y")
    if used.name == "bare":
        assert (asked, used.instruction(question), used.base_chars(question)) == (put, "", 0)
    else:
        assert asked.endswith(f"Question: {put}")
        assert used.instruction(question) == asked.splitlines()[0]


def test_the_default_is_what_it_was():
    assert ZERO_SHOT.ask(Question("q", "Why?")) == "Answer in one to five words.\nQuestion: Why?"


def test_reasoning_gets_room():
    assert PromptSet("cot").reasoning_tokens > 100
    assert ZERO_SHOT.reasoning_tokens == 0


def test_an_unknown_set_is_refused():
    with pytest.raises(UnknownName, match="zero-shot, few-shot, cot, baseline"):
        PromptSet("magic")


def test_examples_are_shown_with_their_answers():
    asked = FEW_SHOT.ask(Question("q", "What is the capital of Poland?"))
    assert asked.count("Answer: ") == SHOTS
    assert asked.endswith("\n\nQuestion: What is the capital of Poland?")
    assert "Question: Which is a city?\nA. ant\nB. Rome\nAnswer: B\n" in FEW_SHOT.ask(
        Question("q", "Which?", options=("a", "b"), kind=Kind.CHOICE)
    )


@pytest.mark.parametrize("question", LABELLED[:-1], ids=lambda question: question.reference)
def test_a_question_is_never_its_own_example(question):
    shouted = Question("q", f"  {question.text.upper()} ")
    asked = FEW_SHOT.ask(shouted)
    assert question.reference not in asked
    assert asked.count("Answer: ") == SHOTS, "another takes its place"


@given(seed=st.integers(0, 5), order=st.permutations(LABELLED))
def test_examples_depend_on_seed_and_questions_only(seed, order):
    assert draw_examples(order, seed) == draw_examples(LABELLED, seed)


def test_examples_that_would_mislead_are_left_out():
    twice = [Question("1", "Who?", reference="Ada"), Question("2", "who?", reference="Bob")]
    unusable = [Question("3", "x" * 700, reference="y"), Question("4", "When?")]
    assert draw_examples(twice + unusable, 0) == ()


@pytest.mark.parametrize("used", SETS, ids=lambda used: used.name)
@given(text=st.text(min_size=1, max_size=60).filter(str.strip), said=st.text(min_size=1, max_size=20))
def test_the_shape_is_that_of_the_prompts(used, text, said):
    question, chain = Question("q", text), Plan.of(["a", "b"], [(0, 1)])
    shape = prompt_shape(question, used)
    built = build_prompt(question, chain, 1, {0: said}, used)
    said = said.strip() or "(no answer)"
    assert len(built) == shape.question_chars + shape.base_chars + shape.template_chars(1) + len(said)
    assert longest_prompt_chars(question, used) >= len(built) - len(said)


def test_the_version_is_the_content(monkeypatch):
    assert len({used.label for used in SETS}) == len(SETS)
    assert PromptSet("few-shot", draw_examples(LABELLED, 0)).version == FEW_SHOT.version
    assert PromptSet("few-shot").version != FEW_SHOT.version, "examples are content"
    before = PromptSet("cot").version
    monkeypatch.setattr(
        "optiq.prompts.prompt_set.template",
        lambda name: prompts.template(name) + ("!" if name == "context" else ""),
    )
    assert PromptSet("cot").version != before
