"""Columns of JSON schemas and of chats, prompts of one's own, and what stands before everything."""

import json
import warnings

import polars as pl
import pytest

from optiq.configuration import Settings
from optiq.errors import ConfigurationError, InputError
from optiq.execution.asking import PromptSetAsking
from optiq.plans.plan import Plan
from optiq.prompts.prompt_set import PromptSet
from optiq.questions.question import Kind, Question
from optiq.questions.question_file import questions_in, read_questions
from optiq.questions.reading import AS_IT_IS, Reading
from optiq.servers.protocol import ANY_OBJECT

PERSON = {"type": "object", "properties": {"name": {"type": "string"}}}


def read(reading=AS_IT_IS, **columns):
    frame = pl.DataFrame({name: [value] for name, value in columns.items()})
    [row] = questions_in(frame, reading=reading).rows
    return row.question or row.error


@pytest.mark.parametrize("form", [None, "json"])
def test_a_schema_makes_an_answer_json_and_is_asked_for(form):
    question = read(question="Who?", schema=json.dumps(PERSON), **({"form": form} if form else {}))
    assert question.kind is Kind.JSON
    assert json.loads(question.schema) == PERSON
    asking = PromptSetAsking(PromptSet(), {}, None, constrain=True)
    assert asking.request(question, Plan.parse("a"), 0, {}).json_schema == question.schema
    bare = read(question="Who?", form="json")
    assert asking.request(bare, Plan.parse("a"), 0, {}).json_schema == ANY_OBJECT
    free = PromptSetAsking(PromptSet(), {}, None, constrain=False)
    assert free.request(bare, Plan.parse("a"), 0, {}).json_schema is None


@pytest.mark.parametrize(
    ("schema", "says"),
    [
        ("{", "no JSON"),
        ("[1]", "no JSON object"),
        ('{"type": "thing"}', "schema is none"),
        ('{"properties": 7}', "schema is none"),
    ],
)
def test_a_schema_that_is_none_makes_its_row_invalid(schema, says):
    assert says in read(question="Who?", form="json", schema=schema)


def test_a_column_of_that_name_that_holds_something_else_is_passed_over():
    question = read(question="How many users are there?", schema="create table users (id int)")
    assert (question.kind, question.schema) == (Kind.OPEN, None)


@pytest.mark.parametrize(
    ("messages", "asked"),
    [
        ([("user", "Who?")], "Who?"),
        ([("system", "Be short."), ("user", "Who?")], "Be short.\n\nWho?"),
        (
            [("user", "Hi"), ("assistant", "Hello"), ("user", "Who {is} it?")],
            "user: Hi\n\nassistant: Hello\n\nuser: Who {is} it?",
        ),
    ],
)
def test_a_chat_is_a_question(messages, asked):
    chat = [{"role": role, "content": text} for role, text in messages]
    assert read(messages=json.dumps(chat)).text == asked
    parts = [{"role": role, "content": [{"type": "text", "text": text}]} for role, text in messages]
    assert read(messages=json.dumps(parts)).text == asked


NO_CHATS = ["", "hello", "[1]", "[]", '[{"role": "user"}]', '[{"role": "system", "content": "x"}]']


@pytest.mark.parametrize("messages", NO_CHATS)
def test_what_is_no_chat_makes_its_row_invalid(messages):
    assert "the question is empty" in read(messages=messages)


def test_a_template_over_the_columns():
    reading = Reading(template="Say {{it}} in {language}: {text}")
    asked = read(reading, language="French", text="a {brace} \\1 {text}").text
    assert asked == "Say {it} in French: a {brace} \\1 {text}"
    assert "the question is empty" in read(reading, language="French", text="")
    with pytest.raises(InputError, match="names 'language', but"):
        read(reading, text="hello")


def test_what_stands_before_everything_is_counted_and_has_a_version_of_its_own():
    usual, told = PromptSet(), PromptSet(system="You are {careful}.")
    question = Question("1", "Who?")
    assert told.ask(question) == f"You are {{careful}}.\n\n{usual.ask(question)}"
    assert told.base_chars(question) == len(told.ask(question)) - len("Who?")
    assert told.label != usual.label


def test_temperature():
    asking = PromptSetAsking(PromptSet(), {}, None, False, temperature=0.7)
    assert asking.request(Question("1", "Who?"), Plan.parse("a"), 0, {}).temperature == 0.7
    with pytest.raises(ConfigurationError):
        Settings.load({"temperature": 3}, {})


@pytest.mark.parametrize("suffix", [".jsonl", ".json"])
def test_records_of_different_keys_stay_as_they_were_written(tmp_path, suffix):
    """Polars gives each record the keys of all: a schema would have properties that are null."""
    rows = [
        {
            "question": "As JSON?",
            "form": "json",
            "schema": {"type": "object", "properties": {key: {"type": "string"}}},
            "reference": {key: "x", "none": None},
        }
        for key in ("name", "city")
    ] + [{"question": "Where?", "reference": "Oslo"}]
    path = tmp_path / f"questions{suffix}"
    text = json.dumps(rows) if suffix == ".json" else "".join(json.dumps(row) + "\n" for row in rows)
    path.write_text(text, encoding="utf-8")
    file = read_questions(path)
    assert not file.invalid
    for row, read in zip(rows, file.questions, strict=True):
        if "schema" in row:
            assert json.loads(read.schema) == row["schema"]
            assert json.loads(read.reference) == row["reference"]
        else:
            assert read.reference == row["reference"]


@pytest.mark.parametrize(
    ("chat", "asked", "reference"),
    [
        ([{"role": "user", "content": "Who?"}, {"role": "assistant", "content": "Ann"}], "Who?", "Ann"),
        ([{"from": "human", "value": "Who?"}, {"from": "gpt", "value": "Ann"}], "Who?", "Ann"),
        (
            [{"from": "system", "value": "Be short."}, {"from": "human", "value": "Who?"}],
            "Be short.\n\nWho?",
            None,
        ),
        (
            [
                {"role": "user", "content": "Hi"},
                {"role": "assistant", "content": "Hello"},
                {"role": "user", "content": "Who?"},
                {"role": "assistant", "content": "Ann"},
            ],
            "user: Hi\n\nassistant: Hello\n\nuser: Who?",
            "Ann",
        ),
    ],
)
def test_the_answer_that_a_chat_ends_with_is_not_asked_but_expected(chat, asked, reference):
    other = [{"role": "user", "content": "Where?"}]
    frame = pl.DataFrame({"messages": [json.dumps(chat), json.dumps(other)]})
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        one, two = questions_in(frame).questions
    assert (one.text, one.reference, two.text, two.reference) == (asked, reference, "Where?", None)
    assert ["1 of 2 chats" in str(warning.message) for warning in told] == ([True] if reference else [])
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        given = questions_in(frame.with_columns(reference=pl.lit("Bob"))).questions
    assert [question.reference for question in given] == ["Bob", "Bob"]


def test_chats_of_another_column():
    frame = pl.DataFrame({"input": [[{"role": "user", "content": "Who?"}]], "ideal": ["Ann"]})
    reading = Reading(columns=(("messages", "input"), ("reference", "ideal")))
    [question] = questions_in(frame, reading=reading).questions
    assert (question.text, question.reference) == ("Who?", "Ann")
