"""Answers and references that come as two files: what is read of each, what is refused, and what is judged by what."""

import polars as pl
import pytest

from optiq.errors import InputError
from optiq.questions.question import Kind
from optiq.scoring.references import KnownQuestion, question_of, read_answers, read_references


@pytest.fixture
def table(tmp_path):
    """Writes columns as a CSV file and gives its path."""

    def write(**columns):
        pl.DataFrame(columns).write_csv(tmp_path / "table.csv")
        return tmp_path / "table.csv"

    return write


def test_names_and_answers_are_text_whatever_they_were_written_as(tmp_path):
    columns = {
        "question_id": [1, 2],
        "status": ["answered", "failed"],
        "answer": [1905, None],
        "run_id": [7, 7],
        "plan_key": [8, 8],
        "qoa": [0.5, None],
    }
    pl.DataFrame(columns).write_parquet(tmp_path / "answers.parquet")
    frame = read_answers(tmp_path / "answers.parquet")
    assert frame.rows() == [("1", "answered", "1905", "7", "8", 0.5), ("2", "failed", None, "7", "8", None)]


@pytest.mark.parametrize("missing", ["question_id", "status", "answer"])
def test_a_file_without_answers_is_none(table, missing):
    columns = {"question_id": ["1"], "status": ["answered"], "answer": ["Oslo"]}
    del columns[missing]
    with pytest.raises(InputError, match=f"no column '{missing}'"):
        read_answers(table(**columns))


def test_a_status_that_is_none_is_said(table):
    with pytest.raises(InputError, match="row 2 has the status 'Answered'"):
        read_answers(table(question_id=["1", "2"], status=["answered", "Answered"], answer=["a", "b"]))


def test_a_question_has_one_answer_but_any_number_of_rows_that_were_no_question(table):
    names, answers = ["1", "2", "2"], ["a", "b", "c"]
    with pytest.raises(InputError, match=r"two answers to question_id .?2"):
        read_answers(table(question_id=names, status=["answered", "failed", "answered"], answer=answers))
    for statuses in (["answered", "invalid", "answered"], ["answered", "invalid", "invalid"]):
        assert len(read_answers(table(question_id=names, status=statuses, answer=answers))) == 3


def test_references_go_by_name(table):
    found = read_references(
        table(
            question_id=["a", "b", "c"],
            reference=["Oslo", None, " "],
            options=["x", "y", "z"],
            kind=["open", "open", "open"],
            question=["Where?", "Who?", "What?"],
            topic=["geography", "", ""],
            unrelated=[1, 2, 3],
        )
    )
    cells = {"question_id": "a", "reference": "Oslo", "options": "x", "kind": "open"}
    cells |= {"question": "Where?", "topic": "geography"}
    assert found == {"a": cells}, "rows without a reference are left out"


def test_without_names_rows_are_counted_from_one(table):
    found = read_references(table(question=["Where?", "Who?"], reference=["Oslo", "0"]))
    assert list(found) == ["1", "2"]
    assert [cells["reference"] for cells in found.values()] == ["Oslo", "0"]


@pytest.mark.parametrize(
    ("columns", "says"),
    [
        (
            {"question_id": ["1"], "answer": ["Oslo"]},
            "no column 'reference'; its columns are 'question_id', 'answer'",
        ),
        ({"reference": ["Oslo"]}, "no column 'question_id'"),
        (
            {"question_id": ["x", "y", "x"], "reference": ["a", "b", "c"]},
            r"row 3: question_id '?x'? is that of row 1",
        ),
        ({"question_id": ["1", "2"], "reference": [None, " "]}, "no reference in any row"),
    ],
)
def test_files_without_usable_references_say_what_is_wrong(table, columns, says):
    with pytest.raises(InputError, match=says):
        read_references(table(**columns))


CITIES = ("Rome", "Oslo")


@pytest.mark.parametrize(
    ("cells", "asked", "kind", "options"),
    [
        # What the file of references says goes first,
        (
            {"kind": "multi", "options": '["a", "b"]'},
            KnownQuestion("?", CITIES, Kind.CHOICE),
            Kind.MULTI,
            ("a", "b"),
        ),
        ({"options": '["a", "b"]'}, KnownQuestion("?", (), Kind.OPEN), Kind.OPEN, ("a", "b")),
        # then what was asked,
        ({}, KnownQuestion("?", CITIES, Kind.MULTI), Kind.MULTI, CITIES),
        ({}, KnownQuestion("?", CITIES, Kind.CHOICE), Kind.CHOICE, CITIES),
        ({}, KnownQuestion("?", (), Kind.OPEN), Kind.OPEN, ()),
        # then what the reference looks like.
        ({}, KnownQuestion("?", CITIES), Kind.CHOICE, CITIES),
        ({}, KnownQuestion("?"), Kind.OPEN, ()),
    ],
)
def test_options_and_kind_of_a_question(cells, asked, kind, options):
    question = question_of("q", {"reference": "A"} | cells, asked)
    assert (question.kind, question.options) == (kind, options)
    assert question.reference is not None


@pytest.mark.parametrize("kind", [Kind.CHOICE, Kind.MULTI])
def test_a_choice_whose_options_nobody_recorded_is_judged_by_letters(kind):
    question = question_of("q", {"reference": "B"}, KnownQuestion("?", (), kind))
    assert (question.options[:3], len(question.options), question.kind) == (("A", "B", "C"), 26, kind)
    assert question_of("q", {"reference": "B", "kind": "open"}, KnownQuestion("?", (), kind)).options == ()


def test_the_words_of_a_question_are_those_asked_then_those_of_the_file_then_its_name():
    cells = {"reference": "Oslo", "question": "Where, says the file?"}
    assert question_of("q", cells, KnownQuestion("Where?")).text == "Where?"
    assert question_of("q", cells, KnownQuestion()).text == "Where, says the file?"
    assert question_of("q", {"reference": "Oslo"}, KnownQuestion()).text == "q"
