"""Which form of answer is asked for: the rules of optiq.questions.form, and what a person says instead."""

import json
from pathlib import Path

import polars as pl
import pytest

from optiq.questions.form import inferred_form
from optiq.questions.question import TASKS, Kind
from optiq.questions.question_file import questions_in
from optiq.questions.reading import Reading

WITHOUT_REFERENCE = [
    ("What is the capital of Norway?", "open"),
    ("How many legs does a spider have?", "open"),
    ("Explain in three paragraphs how photosynthesis works.", "long"),
    ("Please summarize the plot of Hamlet", "long"),
    ("Compare TCP and UDP.", "long"),
    ("What causes tides? Answer in two sentences.", "long"),
    ("Write a haiku about rain", "long"),
    ("Write a Python function that reverses a list.", "code"),
    ("Give me a SQL query to count orders per day", "code"),
    ("Implement a class for a bounded queue in Rust", "code"),
    ("Return the name and the age as JSON: Ada, 36.", "json"),
    ("Extract the entities and respond with a JSON object.", "json"),
    ("Which company wrote the first spreadsheet program?", "open"),
    ("What does the function of the liver depend on?", "open"),
]
WITH_REFERENCE = [
    ("Explain what H2O is.", "water", "long"),
    ("Explain it.", "word " * 30, "long"),
    ("Name two.", "first line\nsecond line", "long"),
    ("Reverse a list.", "```python\nxs[::-1]\n```", "code"),
    ("Reverse a list.", "def reverse(xs):\n    return xs[::-1]", "code"),
    ("Extract the name.", '{"name": "Ada"}', "json"),
    ("Extract the names.", '[{"name": "Ada"}, {"name": "Bob"}]', "json"),
    ("Capital of the Netherlands?", '["Amsterdam", "The Hague"]', "open"),
    ("Which set is {1, 2}?", "{1, 2}", "open"),
]


def cases(name):
    lines = Path(__file__).with_name(name).read_text(encoding="utf-8").splitlines()
    return [json.loads(line) for line in lines]


CASES = cases("form_cases.jsonl")
REFERENCE_CASES = cases("reference_form_cases.jsonl")


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["question"][-40:])
def test_requests_stand_before_or_after_what_is_pasted(case):
    assert inferred_form(case["question"], None) is Kind(case["form"])


def test_a_request_is_found_at_either_end_of_a_long_document():
    document = "The lid was broken on Monday. It was mended on Friday.\n" * 400
    assert inferred_form(f"Summarise the text.\n\n{document}", None) is Kind.LONG
    assert inferred_form(f"{document}\nSummarise the text.", None) is Kind.LONG
    assert inferred_form(f"{document}\nWhen was the lid mended?", None) is Kind.OPEN
    block = "```\n" + "x = 1\n" * 300 + "```\n"
    assert inferred_form(f"{block}{document}\nSummarise the text.", None) is Kind.LONG
    assert inferred_form(f"{block}\nWhat is x?", None) is Kind.OPEN


@pytest.mark.parametrize("case", REFERENCE_CASES, ids=lambda case: case["question"][-40:])
def test_an_order_or_a_stub_goes_before_a_short_reference(case):
    assert inferred_form(case["question"], case["reference"]) is Kind(case["form"])


@pytest.mark.parametrize(("question", "form"), WITHOUT_REFERENCE)
def test_by_the_question(question, form):
    assert inferred_form(question, None) is inferred_form(question, " ") is Kind(form)


@pytest.mark.parametrize(("question", "reference", "form"), WITH_REFERENCE)
def test_by_the_reference(question, reference, form):
    assert inferred_form(question, reference) is Kind(form)


def read(reading=None, **cells):
    (row,) = questions_in(
        pl.DataFrame([{"question": "Who wrote it?", **cells}]), reading=reading or Reading()
    ).rows
    return row.error or row.question.kind


def test_what_a_person_says_goes_before():
    assert read(form="long") is Kind.LONG
    assert read(form="short") is read(kind="open") is read(kind="open", form="short") is Kind.OPEN
    assert read(kind="number", reference="4 kg") is Kind.NUMBER
    assert read(Reading(form="code")) is Kind.CODE
    assert read(Reading(form="code"), form="long") is Kind.LONG
    assert read(Reading(form="long"), options=["a", "b"]) is Kind.CHOICE
    assert "kind is code and form is long" in read(kind="code", form="long")
    assert "there are options" in read(form="long", options=["a", "b"])
    assert "kind is 'essay'" in read(form="essay")


def test_a_json_reference_may_be_a_cell_of_its_own_type():
    frame = pl.DataFrame([{"question": "Extract.", "form": "json", "reference": {"name": "Ada", "age": 36}}])
    (question,) = questions_in(frame).questions
    assert question.reference == '{"name": "Ada", "age": 36}'


def test_statistics_tell_apart_what_costs_other_tokens():
    assert TASKS == ("open", "choice", "long", "number", "code", "json")
    assert Kind.NUMBER.task == "number"
