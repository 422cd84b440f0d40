"""Long answers, programs and JSON in outputs, and JSON judged field by field."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from optiq.questions.question import Kind, Question
from optiq.scoring.answers import parse_answer
from optiq.scoring.forms import formed_answer, json_in, same_fields
from optiq.scoring.judging import score

ESSAY = "Plants take in light.\n\nThey make sugar of it. That is photosynthesis.\n\n- light\n- water"
PROGRAM = "def f(x):\n    return x"
CASES = [
    ("long", ESSAY, ESSAY),
    ("long", f"<think>How long?</think>\n{ESSAY}", ESSAY),
    ("long", f"Sure! Here is an explanation:\n\n{ESSAY}", ESSAY),
    ("long", f"It is about light. First I think.\nAnswer:\n{ESSAY}", ESSAY),
    ("long", f"Answer: {ESSAY}", ESSAY),
    (
        "code",
        "Here you go:\n```python\ndef f(x):\n    return x\n```\nRun it with:\n```\nf(1)\n```",
        "def f(x):\n    return x",
    ),
    ("code", f"Here you go:\n```python\n{PROGRAM}\n```\nRun it with:\n```\nf(1)\n```", PROGRAM),
    ("code", PROGRAM, PROGRAM),
    ("code", "```js\nconst a = 1;", "const a = 1;"),
    ("json", 'The result is {"name": "Ada", "tags": ["a"]}. Done.', '{"name": "Ada", "tags": ["a"]}'),
    ("json", '```json\n[{"a": 1}]\n```', '[{"a": 1}]'),
    ("json", 'First {"a": 1}, then {"a": 1, "b": 2}', '{"a": 1, "b": 2}'),
    ("json", "I cannot say.", "I cannot say."),
]


@pytest.mark.parametrize(("kind", "output", "answer"), CASES)
def test_answers_of_each_form(kind, output, answer):
    assert parse_answer(Question("q", "?", kind=Kind(kind)), output) == answer


@pytest.mark.parametrize(
    ("answer", "reference", "share"),
    [
        ('{"name": "Ada", "age": 36}', '{"age": 36.0, "name": "ada "}', 1.0),
        ('{"name": "Ada", "age": 37}', '{"name": "Ada", "age": 36}', 0.5),
        ('{"name": "Ada"}', '{"name": "Ada", "age": 36}', 0.5),
        ('{"name": "Ada", "age": 36, "more": 1}', '{"name": "Ada", "age": 36}', 2 / 3),
        ('{"yes": true}', '{"yes": 1}', 0.0),
        ('{"a": {"b": [1, 2]}}', '{"a": {"b": [1, 3]}}', 0.5),
        ("no idea", '{"a": 1}', 0.0),
        ("{}", "{}", 1.0),
    ],
)
def test_fields_of_json(answer, reference, share):
    assert same_fields(answer, reference) == pytest.approx(share)
    found = score(Question("q", "?", kind=Kind.JSON, reference=reference), answer)
    assert (found.qoa, found.exact) == (pytest.approx(share), float(share == 1.0))


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


@given(st.dictionaries(st.text(), VALUES, min_size=1) | st.lists(VALUES, min_size=1))
def test_json_is_found_as_it_was_written_and_agrees_with_itself(value):
    text = json.dumps(value)
    assert json_in(f"So: {text}, I think") == (value,)
    assert same_fields(text, json.dumps(value, indent=1)) == 1.0


@pytest.mark.parametrize(
    ("output", "program"),
    [
        (
            "<think>```python\nx = 1\n```</think>\n```python\ndef f():\n    return 2\n```",
            "def f():\n    return 2",
        ),
        (
            "def f():\n    return 2\n```\n\nIt returns two, which is what was asked for.",
            "def f():\n    return 2",
        ),
        (
            "```python\ndef f():\n    return 2\n```\nUse:\n```python\nprint(f(), f(), f(), f(), f(), f(), f())\n```",
            "def f():\n    return 2",
        ),
        ("```\n1 + 1\n```", "1 + 1"),
    ],
)
def test_the_program_is_what_defines_something_outside_of_thoughts(output, program):
    assert formed_answer(Kind.CODE, output) == program


@pytest.mark.parametrize("kind", list(Kind))
def test_an_answer_of_200_kb_is_read_and_judged(kind):
    options = ("Rome", "Oslo") if kind.has_options else ()
    long = "The answer is { [ ( **Oslo** ``` \\boxed{ 1,000 not " * 4_000
    reference = "B" if options else '{"a": 1}' if kind is Kind.JSON else "Oslo"
    asked = Question("1", "Is it?", options=options, kind=kind, reference=reference)
    assert 0 <= score(asked, parse_answer(asked, long)).qoa <= 1
