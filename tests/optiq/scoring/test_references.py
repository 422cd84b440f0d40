"""Answers and references that come as two files: what is read of each, what is refused, and what is judged by what."""

import polars as pl
import pytest

from optiq.errors import InputError
from optiq.questions.question import Kind
from optiq.questions.reading import Reading
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
    frame, faults = read_answers(tmp_path / "answers.parquet")
    assert faults == []
    assert frame.rows() == [("1", "answered", "1905", "7", "8", 0.5), ("2", "failed", None, "7", "8", None)]


@pytest.mark.parametrize(
    ("columns", "says"),
    [
        (("question_id", "status"), ("no column 'answer'", "--column answer=THEIRS")),
        (("status", "answer"), ("no column 'question_id'", "--column question_id=THEIRS")),
        (("id", "prediction"), ("--column question_id=id --column answer=prediction.",)),
        (("ID", "Model_Answer"), ("--column question_id=ID --column answer=Model_Answer.",)),
        (
            ("question_id", "response"),
            ("no column 'answer'", "for those of another tool: --column answer=response."),
        ),
    ],
)
def test_a_file_without_answers_says_what_answers_need(table, columns, says):
    with pytest.raises(InputError) as refused:
        read_answers(table(**{name: ["answered"] for name in columns}))
    for words in (*says, "the columns question_id and answer"):
        assert words in str(refused.value)


@pytest.mark.parametrize(
    "columns",
    [
        {"id": ["1", "2"], "prediction": ["Oslo", " "]},
        {"question_id": ["1", "2"], "id": ["x", "y"], "prediction": ["Oslo", None]},
        {"question_id": ["1", "2"], "prediction": ["Oslo", None], "status": ["answered", "failed"]},
        {"question_id": ["1", "2"], "prediction": ["Oslo", None], "answer": ["ours", "too"]},
    ],
)
def test_answers_of_other_tools_are_read_under_their_names(table, columns):
    pairs = (("question_id", "id"), ("answer", "prediction"), ("reference", "gold"))
    frame, _ = read_answers(table(**columns), Reading(columns=pairs))
    assert frame["question_id"].to_list() == ["1", "2"]
    assert frame["answer"][0] == "Oslo"
    assert frame["status"].to_list() == ["answered", "failed"]


def test_a_column_that_the_answers_have_not_is_said(table):
    with pytest.raises(InputError, match=r"no column 'output' to read as 'answer'.*'id', 'pred'"):
        read_answers(table(id=["1"], pred=["x"]), Reading(columns=(("answer", "output"),)))


def test_a_status_that_is_none_is_said(table):
    with pytest.raises(InputError, match="row 2 has the status 'Answered'"):
        read_answers(table(question_id=["1", "2"], status=["answered", "Answered"], answer=["a", "b"]))


@pytest.mark.parametrize(
    ("statuses", "answers", "left"),
    [
        ("answered answered answered", ("a", "b", "b"), ["a", "b"]),  # equal ones are one
        ("answered answered answered", ("a", "b", "c"), ["a"]),  # nobody can tell which is meant
        ("answered answered failed", ("a", "b", None), ["a"]),
        ("answered invalid answered", ("a", "b", "c"), ["a", "b", "c"]),  # no question, so nobody's answer
        ("answered invalid invalid", ("a", "b", "c"), ["a", "b", "c"]),
    ],
)
def test_two_rows_of_one_question_are_one_answer_or_none(table, statuses, answers, left):
    frame, faults = read_answers(table(question_id=["1", "2", "2"], status=statuses.split(), answer=answers))
    assert frame["answer"].to_list() == left
    odd = left == ["a"]
    assert len(faults) == odd
    assert all("question_id '2': rows 2 and 3 of" in fault for fault in faults)


@pytest.mark.parametrize(
    ("rows", "left"),
    [
        ([("1", "Oslo"), ("2", "8"), ("2", "8")], {"1": "Oslo", "2": "8"}),
        ([("1", "Oslo"), ("2", "8"), ("2", " 8 ")], {"1": "Oslo", "2": "8"}),
        ([("1", "Oslo"), ("2", None), ("2", "8")], {"1": "Oslo", "2": "8"}),
        ([("1", "Oslo"), ("2", "8"), ("2", "9"), ("2", "8")], {"1": "Oslo"}),
    ],
)
def test_two_rows_of_one_reference_are_one_or_none(table, rows, left):
    names, references = zip(*rows, strict=True)
    found, faults = read_references(table(question_id=names, reference=references))
    assert {name: cells["reference"].strip() for name, cells in found.items()} == left
    assert len(faults) == ("2" not in left)
    assert all("question_id '2': rows 2 and 3 of" in fault for fault in faults)


def test_references_go_by_name(table):
    found, _ = read_references(
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
    found, _ = read_references(table(question=["Where?", "Who?"], reference=["Oslo", "0"]))
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
            {"question_id": ["x", "x"], "reference": ["a", "b"]},
            r"no reference to use: question_id 'x': rows 1 and 2 of .* say different things of it",
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
