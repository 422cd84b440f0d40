"""Outputs held to letters: what is sent to each kind of server, and what comes back from the real one."""

import asyncio
import json
import re
from itertools import combinations

import pytest
from dialects import DIALECTS, connect
from dialects import ask as ask_one
from hypothesis import given
from hypothesis import strategies as st
from scripted_http import OLLAMA_ANSWER, OPENAI_ANSWER, Reply, scripted_server

from optiq.servers import GenerateRequest, open_server
from optiq.servers.letters import fits_json, grammar, plain_letters, response_format, schema

SMOLLM = "smollm2:135m"
ABCD = tuple("ABCD")
PROMPT = (
    "Answer with the letter of the right option.\nQuestion: Which is a city?\nA. ant\nB. Rome\nC. tea\nD. red"
)


@pytest.fixture(scope="module")
def server():
    opened = open_server("embedded")
    yield opened
    opened.close()


def ask(server, prompt, **options):
    return asyncio.run(server.generate(GenerateRequest(SMOLLM, prompt, 16, **options)))


@pytest.mark.parametrize("prompt", [PROMPT, "Say hello.", "Answer with Z.", "Write a poem about A and B."])
def test_a_real_model_gives_a_letter_whatever_it_is_asked(server, prompt):
    answer = ask(server, prompt, letters=ABCD)
    assert answer.text in ABCD
    assert answer.constrained is True


def test_a_real_model_gives_several_letters(server):
    answer = ask(server, "List letters: A, B, C, D.", letters=ABCD, several_letters=True)
    assert re.fullmatch(r"[A-D](, [A-D])*", answer.text)
    assert answer.text.split(", ") == sorted(set(answer.text.split(", "))), "none twice, in order"


def test_without_letters_nothing_is_said_about_them(server):
    assert ask(server, PROMPT).constrained is None


@pytest.mark.parametrize("model", ["llama_url", "gemma_url"])
def test_a_real_llama_cpp_is_held_by_a_grammar(model, request):
    served = open_server("openai", f"{request.getfixturevalue(model)}/v1")

    async def ask_all(asked):
        try:
            return [await served.generate(one) for one in asked]
        finally:
            await served.disconnect()

    prompts = [PROMPT, "Say hello.", "Write a poem about tea.", "What is 2 + 2?", ""]
    one = [GenerateRequest("any", prompt, 16, letters=ABCD) for prompt in prompts]
    several = [GenerateRequest("any", PROMPT, 24, letters=ABCD, several_letters=True)]
    answers = asyncio.run(ask_all([*one, *several]))
    assert {answer.constrained for answer in answers} == {True}
    assert {answer.finish_reason for answer in answers} == {"stop"}
    assert all(answer.text in ABCD for answer in answers[:-1])
    assert re.fullmatch(r"[A-D](, [A-D])*", answers[-1].text)
    assert max(answer.output_tokens for answer in answers[:-1]) <= 3, "no JSON is paid for"


def test_a_server_that_is_no_llama_cpp_has_room_for_json():
    with scripted_server(Reply({**OPENAI_ANSWER, "choices": [_says('{ "answer": "B" }')]})) as fake:
        server = connect("openai", fake.url)
        answer = ask_one(server, letters=ABCD, letters_room=32, max_output_tokens=16)
        sent = fake.requests[0]
    assert (answer.text, answer.constrained) == ("B", True)
    assert (sent["max_tokens"], sent["response_format"]["type"]) == (48, "json_schema")


@pytest.mark.parametrize("dialect", DIALECTS)
@pytest.mark.parametrize(
    ("text", "read", "held"),
    [
        ('{"answer": "B', "B", True),
        ('{\n\n "answer"  :  "', "", False),
        ('{   \n   ', "", False),
        ('{"answer": ["A", "C', "A, C", True),
        ('{"answer": ["', "", False),
        ('"C', "C", True),
        ("answer", "answer", False),
        ('"Rome" is a city', '"Rome" is a city', False),
    ],
)  # fmt: skip
def test_json_that_was_cut_is_what_it_is(dialect, text, read, held):
    message = {"role": "assistant", "content": text}
    reply = {**OLLAMA_ANSWER, "message": message, "done_reason": "length"}
    if dialect == "openai":
        reply = {**OPENAI_ANSWER, "choices": [_says(text)]}
    with scripted_server(Reply(reply)) as fake:
        several = "[" in text
        answer = ask_one(connect(dialect, fake.url), letters=ABCD, several_letters=several)
    assert (answer.text, answer.constrained, answer.finish_reason) == (read, held, "length")


def _says(text):
    return {"index": 0, "finish_reason": "length", "message": {"role": "assistant", "content": text}}


@given(letters=st.integers(2, 10), several=st.booleans(), data=st.data())
def test_json_of_letters_comes_back_as_plain_letters(letters, several, data):
    allowed = tuple("ABCDEFGHIJ"[:letters])
    request = GenerateRequest("m", "p", letters=allowed, several_letters=several)
    chosen = (
        data.draw(st.lists(st.sampled_from(allowed), min_size=1, unique=True)) if several else [allowed[-1]]
    )
    value = chosen if several else chosen[0]
    for text in (json.dumps(value), json.dumps({"answer": value})):
        assert plain_letters(text, request) == ", ".join(sorted(chosen))


@pytest.mark.parametrize("text", ["B", '"E"', "[]", "{}", '{"answer": 3}', "null", '["A", "B"]', ""])
def test_anything_else_is_left_as_it_is(text):
    assert plain_letters(text, GenerateRequest("m", "p", letters=ABCD)) is None


def test_a_list_that_was_cut_off_counts_as_far_as_it_goes():
    request = GenerateRequest("m", "p", letters=ABCD, several_letters=True)
    assert plain_letters('{"answer": ["A", "C", "', request) == "A, C"


def test_the_grammar_of_several_letters_is_every_ordered_choice():
    rules = dict(rule.split(" ::= ") for rule in grammar(tuple("ABC"), True).splitlines())

    def texts(name):  # the same three rules, read by hand
        letter = re.match(r'"(.)"', rules[name])[1]
        following = f"s{int(name[1]) + 1}"
        rest = texts(following) if following in rules else []
        return [letter, *[f"{letter}, {text}" for text in rest], *rest]

    every = [", ".join(c) for n in (1, 2, 3) for c in combinations("ABC", n)]
    assert sorted(texts("s0")) == sorted(every)


def test_the_schema_and_when_there_is_room_for_it():
    one = GenerateRequest("m", "p", 16, letters=ABCD)
    assert schema(one) == {"type": "string", "enum": ["A", "B", "C", "D"]}
    assert response_format(one)["json_schema"]["schema"]["required"] == ["answer"]
    assert fits_json(one)
    assert not fits_json(GenerateRequest("m", "p", 4, letters=ABCD)), "JSON would be cut off"
