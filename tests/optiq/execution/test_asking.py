"""How nodes are asked by prompt sets: how long outputs may be, what they are held to, how much a prompt may hold."""

import dataclasses

import pytest

from optiq.execution.asking import PromptSetAsking
from optiq.execution.identity import call_key
from optiq.plans.plan import Plan
from optiq.prompts.prompt_builder import prompt_shape
from optiq.prompts.prompt_set import ZERO_SHOT, PromptSet
from optiq.prompts.variants import Operator
from optiq.questions.question import Kind, Question, Wishes
from optiq.servers import GenerateRequest

COT = PromptSet("cot")
OPEN = Question("q", "Where?")
CHOICE = Question("q", "Which?", options=("Rome", "Oslo", "Paris"), kind=Kind.CHOICE)
MULTI = dataclasses.replace(CHOICE, kind=Kind.MULTI)
SINGLE = Plan.of(["a"])
BLEND = Plan.of(["ä", "bb", "c"], [(0, 2), (1, 2)])


def asking(prompts=ZERO_SHOT, operators=None, cap=None, constrain=False):
    return PromptSetAsking(prompts, operators or {}, cap, constrain)


@pytest.mark.parametrize(("question", "tokens"), [(OPEN, 32), (CHOICE, 16), (MULTI, 24)])
def test_an_output_has_room_for_a_short_answer_and_for_reasoning_where_it_is_asked_for(question, tokens):
    assert asking().longest(question, SINGLE, 0) == tokens
    assert COT.reasoning_tokens > 0
    assert asking(COT).longest(question, SINGLE, 0) == tokens + COT.reasoning_tokens
    assert asking(COT).request(question, SINGLE, 0, {}).max_output_tokens == tokens + COT.reasoning_tokens


@pytest.mark.parametrize(
    ("cap", "own", "tokens"), [(50, None, 50), (None, 7, 7), (50, 7, 7), (5, 7, 5), (0, None, 0)]
)
def test_the_tighter_cap_holds(cap, own, tokens):
    operators = {"a": Operator("model", max_output_tokens=own)}
    assert asking(operators=operators, cap=cap).longest(OPEN, SINGLE, 0) == tokens


def test_a_variant_is_asked_of_its_model_with_its_prompts():
    variant = asking(operators={"a": Operator("model:7b", COT)})
    request = variant.request(OPEN, SINGLE, 0, {})
    assert (request.model, request.reasons) == ("model:7b", True)
    plain = asking().request(OPEN, SINGLE, 0, {})
    assert (plain.model, plain.reasons) == ("a", False)
    assert request.prompt != plain.prompt
    assert variant.label(Plan.of(["a", "b"], [(0, 1)])) == " + ".join(sorted([COT.label, ZERO_SHOT.label]))


@pytest.mark.parametrize(
    ("question", "constrain", "prompts", "letters", "several"),
    [
        (CHOICE, True, ZERO_SHOT, ("A", "B", "C"), False),
        (MULTI, True, ZERO_SHOT, ("A", "B", "C"), True),
        (MULTI, False, ZERO_SHOT, (), False),
        (MULTI, True, COT, (), False),
        (OPEN, True, ZERO_SHOT, (), False),
    ],
)
def test_outputs_are_held_to_letters_unless_they_are_to_reason(
    question, constrain, prompts, letters, several
):
    request = asking(prompts, constrain=constrain).request(question, SINGLE, 0, {})
    assert (request.letters, request.several_letters) == (letters, several)


@pytest.mark.parametrize("kind", list(Kind))
def test_answers_of_many_lines_are_ended_where_they_go_round_in_circles(kind):
    options = ("x", "y") if kind in (Kind.CHOICE, Kind.MULTI) else ()
    question = Question("q", "Which?", kind=kind, options=options)
    given = PromptSetAsking(ZERO_SHOT, {}, None, False, stop_loops=True).request(question, SINGLE, 0, {})
    assert given.stop_loops == given.many_lines == (kind in (Kind.LONG, Kind.CODE, Kind.JSON))
    assert not asking().request(question, SINGLE, 0, {}).stop_loops
    chat = dataclasses.replace(question, wishes=Wishes())
    client = PromptSetAsking(ZERO_SHOT, {}, None, False, stop_loops=True).request(chat, SINGLE, 0, {})
    assert not client.stop_loops, "what a client left out is the server's own"


def test_only_a_blend_gets_the_parts_of_its_prompt():
    said = {0: "Oslo", 1: "Bergen"}
    fusion = asking().request(CHOICE, BLEND, 2, said).fusion
    assert fusion.candidates == ("Oslo", "Bergen")
    assert "Which?" in fusion.question
    assert asking().request(CHOICE, BLEND, 0, {}).fusion is None


def test_a_prompt_holds_the_longest_outputs_of_those_before_it():
    """Eight bytes a token, and each with its name, a colon, a space, a semicolon and a space."""
    own = asking().prompt_bytes(OPEN, BLEND, 0)
    shape = prompt_shape(OPEN)
    chars = shape.question_chars + shape.base_chars + max(shape.context_chars, shape.blend_chars)
    assert own == asking().prompt_chars(OPEN, BLEND, 0) == chars
    named = len("ä".encode()) + 4 + len(b"bb") + 4
    assert asking().prompt_bytes(OPEN, BLEND, 2) == own + 2 * 32 * 8 + named
    umlauts = Question("q", "Wö?")
    assert asking().prompt_bytes(umlauts, SINGLE, 0) == asking().prompt_chars(umlauts, SINGLE, 0) + 1


def test_what_an_output_is_held_to_is_part_of_what_it_is_kept_under():
    plain = GenerateRequest("m", "p", 8)
    others = [
        dataclasses.replace(plain, letters=("A", "B")),
        dataclasses.replace(plain, letters=("A", "B"), several_letters=True),
        dataclasses.replace(plain, letters=("A", "B", "C")),
        dataclasses.replace(plain, reasons=True),
        dataclasses.replace(plain, seed=7),
        dataclasses.replace(plain, stop_loops=True),
    ]
    keys = {call_key("m", request) for request in [plain, *others]}
    assert len(keys) == 7
    assert None not in keys
    assert call_key("m", dataclasses.replace(plain, temperature=0.5)) is None
