"""Question files: what is read, what is inferred, and that a fault costs its own row only."""

import datetime
import json

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from optiq.errors import InputError, OptiqWarning
from optiq.files.tables import write_table
from optiq.questions.question import Budget, Kind
from optiq.questions.question_cells import accepted
from optiq.questions.question_file import COLUMNS, LIMITS, questions_in, read_questions
from optiq.questions.reading import Reading


def write(tmp_path, name, text):
    (tmp_path / name).write_text(text)
    return tmp_path / name


def read_one(**cells):
    """The one row of a file with these cells, as JSON would give them."""
    (row,) = questions_in(pl.DataFrame([{"question": "Which?", **cells}]), source="q.jsonl").rows
    return row


def good(**cells):
    row = read_one(**cells)
    assert row.error is None, row.error
    return row.question


def fault(**cells):
    row = read_one(**cells)
    assert row.question is None
    assert row.error.startswith("q.jsonl row 1: ")
    assert "\n" not in row.error
    return row.error


# --- what is read ---------------------------------------------------------------------------------------


def test_a_file_with_every_column(tmp_path):
    path = write(
        tmp_path,
        "q.csv",
        "question_id,question,topic,options,kind,reference,max_cost_usd,max_latency_s,max_energy_j,min_qoa,mine\n"
        "007, Capital of Norway? ,geography,,open, Oslo ,0.001,2,3,0.5,x\n"
        '8,Which is red?,,"[""leaf"", ""rose""]",choice,B,,,,,\n',
    )
    capital, red = read_questions(path, Budget(max_cost_usd=1, max_latency_s=9)).questions
    assert (capital.question_id, capital.text, capital.topics) == (
        "007",
        "Capital of Norway?",
        (("geography", 1.0),),
    )
    assert (capital.kind, capital.reference, capital.budget) == (Kind.OPEN, "Oslo", Budget(0.001, 2, 3, 0.5))
    assert (red.kind, red.options, red.reference) == (Kind.CHOICE, ("leaf", "rose"), "B")
    assert red.budget == Budget(max_cost_usd=1, max_latency_s=9)


def test_only_a_question_column_is_needed(tmp_path):
    first, second = read_questions(write(tmp_path, "q.csv", "question\nWho?\nWhat?\n")).questions
    assert (first.question_id, first.kind, first.topics, first.reference) == ("1", Kind.OPEN, (), None)
    assert second.question_id == "2"


@pytest.mark.parametrize("suffix", [".csv", ".jsonl", ".json", ".parquet"])
def test_every_format_gives_the_same_questions(tmp_path, suffix):
    frame = pl.DataFrame(
        {
            "question": ["Which are red?", "Who?"],
            "options": [["a", "b, c"], None],
            "reference": ["A", "Ada"],
            "topic": [[{"topic": "x", "weight": 3.0}, {"topic": "y", "weight": 1.0}], []],
            "max_energy_j": [0.5, None],
        }
    )
    write_table(frame, tmp_path / f"q{suffix}")
    which, who = read_questions(tmp_path / f"q{suffix}").questions
    assert which.options == ("a", "b, c")
    assert which.topics == (("x", 0.75), ("y", 0.25))
    assert which.budget == Budget(max_energy_j=0.5)
    assert (who.kind, who.topics, who.budget) == (Kind.OPEN, (), Budget())


def test_a_file_can_be_put_on_one_topic(tmp_path):
    file = read_questions(write(tmp_path, "q.csv", "question,topic,options\nWho?,a,\nWhat?,,x\n"))
    music = file.with_topic("music")
    assert [row.question and row.question.topics for row in music.rows] == [(("music", 1.0),), None]
    assert music.invalid == file.invalid


def test_whole_numbers_read_as_they_were_written():
    assert good(question_id=7.0, reference=1945.0).question_id == "7"
    assert good(question_id=7.0, reference=1945.0).reference == "1945"
    assert good(reference=3.14).reference == "3.14"


# --- kinds, references, topics --------------------------------------------------------------------------

CITIES = ["Oslo", "Rome", "Bern", "Riga"]


@pytest.mark.parametrize(
    ("cells", "kind"),
    [
        ({}, Kind.OPEN),
        ({"options": []}, Kind.OPEN),
        ({"options": CITIES}, Kind.CHOICE),
        ({"options": CITIES, "reference": "C"}, Kind.CHOICE),
        ({"options": CITIES, "reference": "A, C"}, Kind.MULTI),
        ({"options": CITIES, "reference": ["A"]}, Kind.MULTI),
        ({"options": CITIES, "question": "Select all capitals."}, Kind.MULTI),
        ({"options": CITIES, "question": "Which are capitals? Mark all that apply."}, Kind.MULTI),
        ({"options": CITIES, "question": "Who won all four?"}, Kind.CHOICE),
        ({"options": CITIES, "kind": " Multi "}, Kind.MULTI),
    ],
)
def test_kind(cells, kind):
    assert good(**cells).kind == kind


@pytest.mark.parametrize(
    ("reference", "letters"),
    [
        ("B", "B"),
        ("b", "B"),
        ("(B)", "B"),
        ("b.", "B"),
        ("B) Rome", "B"),
        ("rome", "B"),
        ("D,A", "A, D"),
        ("A and C", "A, C"),
        ("A C", "A, C"),
        ("AC", "A, C"),
        ("(a), (c)", "A, C"),
        ("Oslo; Bern", "A, C"),
        ("Bern, Riga", "C, D"),
        ('["A", "Riga"]', "A, D"),
        (["A", "Riga"], "A, D"),
        (["A", "A"], "A"),
    ],
)
def test_references_to_options_become_letters(reference, letters):
    assert good(options=CITIES, reference=reference).reference == letters


def test_a_capital_letter_is_a_letter_even_where_options_are_letters_too():
    assert good(options=["B", "A"], reference="A").reference == "A"
    assert good(options=["b", "a"], reference="a").reference == "B"


def test_a_comma_in_an_option_does_not_split_it():
    assert good(options=["red, blue", "green"], reference="red, blue").reference == "A"


@pytest.mark.parametrize("reference", [None, "", " ", []])
def test_no_reference(reference):
    assert good(options=CITIES, reference=reference).reference is None


@pytest.mark.parametrize(
    ("topic", "topics"),
    [
        (None, ()),
        ("  ", ()),
        (" modern art ", (("modern art", 1.0),)),
        ('["a", "b"]', (("a", 0.5), ("b", 0.5))),
        (["a", "a", "b"], (("a", 2 / 3), ("b", 1 / 3))),
        ('[{"topic": "a", "weight": 3}, {"topic": "b"}]', (("a", 0.75), ("b", 0.25))),
        ('{"topic": "a"}', (("a", 1.0),)),
        (["a", '{"topic": "b", "weight": 3}'], (("a", 0.25), ("b", 0.75))),
    ],
)
def test_topics(topic, topics):
    read = good(topic=topic).topics
    assert [name for name, _ in read] == [name for name, _ in topics]
    assert dict(read) == pytest.approx(dict(topics))


# --- faults in a row ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("cells", "words"),
    [
        ({"question": None}, "question is empty"),
        ({"question": " \t"}, "question is empty"),
        (
            {"options": "Oslo, Rome"},
            'options is \'Oslo, Rome\', not a list. Write a JSON list such as ["a","b"], or a|b.',
        ),
        ({"options": '["Oslo", Rome]'}, "not a list"),
        ({"options": '{"A": "Oslo"}'}, "not a list"),
        ({"options": {"north": "Oslo", "south": "Rome"}}, "not a list"),
        ({"options": ["Oslo"]}, "only 1 option"),
        ({"options": ["Oslo", None]}, "option 2 is empty"),
        ({"options": ["Oslo", " "]}, "option 2 is empty"),
        ({"options": [["Oslo"], ["Rome"]]}, "option 1 is empty or no text"),
        ({"options": [str(n) for n in range(27)]}, "27 options"),
        ({"kind": "essay"}, "kind is 'essay'. Kinds are open, choice, multi"),
        ({"kind": "choice"}, "there are no options"),
        ({"kind": "open", "options": CITIES}, "kind is open, but there are options"),
        (
            {"options": CITIES, "reference": "E"},
            "reference is 'E', which names no option. Give a letter from A to D",
        ),
        ({"options": CITIES, "reference": "A, E"}, "names no option"),
        ({"options": CITIES, "reference": "Paris"}, "names no option"),
        ({"options": CITIES, "reference": "A, B", "kind": "choice"}, "names 2 options, but kind is choice"),
        ({"max_cost_usd": -0.5}, "max_cost_usd is -0.5"),
        ({"max_cost_usd": float("nan")}, "max_cost_usd is nan"),
        ({"max_latency_s": "NaN"}, "max_latency_s is 'NaN'"),
        ({"max_energy_j": "cheap"}, "max_energy_j is 'cheap', not a number"),
        ({"max_cost_usd": "0.5 USD"}, "not a number"),
        ({"max_cost_usd": True}, "max_cost_usd is True"),
        ({"max_cost_usd": [1.0]}, "max_cost_usd is"),
        ({"min_qoa": float("inf")}, "min_qoa is inf"),
        ({"min_qoa": 1.5}, "min_qoa is 1.5"),
        ({"topic": "*"}, "topic '*' is reserved"),
        ({"topic": '["a", "b"'}, "not valid JSON"),
        ({"topic": [{"topic": "a", "weight": -1.0}]}, "topic 'a' has the weight -1.0"),
        ({"topic": [{"topic": "a", "weight": "much"}]}, "topic 'a' has the weight 'much'"),
        ({"topic": [{"name": "a"}]}, "without a name"),
        ({"question": ["Which?"]}, "not text"),
    ],
)
def test_faults(cells, words):
    assert words in fault(**cells)


@pytest.mark.parametrize(
    ("reference", "accepts"),
    [
        (["Oslo", "Kristiania"], ("Oslo", "Kristiania")),
        ('["Oslo", "Kristiania"]', ("Oslo", "Kristiania")),
        ("Oslo|Kristiania", ("Oslo", "Kristiania")),
        ("Oslo | Kristiania", ("Oslo", "Kristiania")),
        (["Oslo"], ("Oslo",)),
        (["Oslo", "Oslo", ""], ("Oslo",)),
        ([1905.0, 1906.0], ("1905", "1906")),
        ("P(A|B)", ("P(A|B)",)),
        ("|x|", ("|x|",)),
        ("[1, 2]", ("[1, 2]",)),
        ("[0, 1)", ("[0, 1)",)),
    ],
)
def test_an_open_question_may_accept_several_answers(reference, accepts):
    assert accepted(good(reference=reference).reference) == accepts


@pytest.mark.parametrize(
    ("cell", "text"),
    [
        (0.1, "0.1"),
        (0.00001, "0.00001"),
        (-0.00025, "-0.00025"),
        (1.6e-19, "1.6e-19"),
        (1e22, "10000000000000000000000"),
        (b"Oslo", "Oslo"),
        (datetime.datetime(2010, 12, 16), "2010-12-16"),
        (datetime.datetime(2010, 12, 16, 9, 30), "2010-12-16 09:30:00"),
        (datetime.date(2010, 12, 16), "2010-12-16"),
    ],
)
def test_typed_cells_are_read_as_people_write_them(cell, text):
    assert good(reference=cell).reference == text


def test_figures_of_32_bits_have_the_digits_that_were_written(tmp_path):
    cells = pl.Series([0.1, 36.6], dtype=pl.Float32)
    pl.DataFrame({"question": ["a?", "b?"], "reference": cells}).write_parquet(tmp_path / "q.parquet")
    assert [q.reference for q in read_questions(tmp_path / "q.parquet").questions] == ["0.1", "36.6"]


def test_bytes_that_are_no_text_are_named():
    assert "not UTF-8 text" in fault(question=b"\xff\xfe")


def test_a_row_without_an_id_never_takes_one_that_is_given():
    frame = pl.DataFrame({"question_id": ["2", None, "3", "row 2"], "question": ["a?", "b?", "c?", "d?"]})
    names = [row.question_id for row in questions_in(frame).rows]
    assert names == ["2", "row 2'", "3", "row 2"]
    assert not questions_in(frame).invalid


def test_limits_of_zero_and_empty_cells_are_no_faults():
    assert good(max_cost_usd=0, min_qoa=" ").budget == Budget(max_cost_usd=0)
    assert good(max_cost_usd=" 1e-6 ").budget == Budget(max_cost_usd=1e-6)


def test_a_fault_costs_its_own_row_only(tmp_path):
    path = write(
        tmp_path,
        "q.csv",
        "question_id,question,max_cost_usd\na,Who?,\nb,,\na,What?,\nc,Where?,-1\n,When?,1\n",
    )
    file = read_questions(path)
    assert [row.number for row in file.rows] == [1, 2, 3, 4, 5]
    assert [row.question_id for row in file.rows] == ["a", "b", "a", "c", "5"]
    assert [question.question_id for question in file.questions] == ["a", "5"]
    empty, twice, negative = file.invalid
    assert empty.error == f"{path} row 2: the question is empty. Write a question, or delete the row."
    assert twice.error.startswith(f"{path} row 3: question_id 'a' is that of row 1 too. ")
    assert negative.error.startswith(f"{path} row 4: max_cost_usd is -1. ")


def test_a_nan_in_json_lines_costs_its_own_row_only(tmp_path):
    path = write(
        tmp_path,
        "q.jsonl",
        '{"question": "Who?", "max_cost_usd": NaN}\n{"question": "What?", "max_cost_usd": 0.5}\n'
        '{"question": "Where?", "max_cost_usd": true}\n{"question": "When?", "options": ["a", "b"]}\n'
        '{"question": "Why?", "options": "a"}\n',
    )
    file = read_questions(path)
    assert [row.number for row in file.invalid] == [1, 3, 5]
    assert file.questions[0].budget == Budget(max_cost_usd=0.5)
    assert file.questions[1].options == ("a", "b")


@given(
    st.lists(
        st.fixed_dictionaries(
            {"question": st.text(max_size=5)},
            optional={name: st.none() | st.text(max_size=6) for name in COLUMNS if name != "question"},
        ),
        min_size=1,
        max_size=6,
    )
)
def test_any_text_gives_one_row_per_row(cells):
    frame = pl.DataFrame(
        {name: [row.get(name) for row in cells] for name in COLUMNS}, schema=dict.fromkeys(COLUMNS, pl.String)
    )
    file = questions_in(frame)
    assert [row.number for row in file.rows] == list(range(1, len(cells) + 1))
    assert all((row.question is None) != (row.error is None) for row in file.rows)
    assert len({question.question_id for question in file.questions}) == len(file.questions)


# --- files that cannot be used --------------------------------------------------------------------------


def test_without_a_question_column(tmp_path):
    path = write(tmp_path, "q.csv", "Question;topic\nWho?;a\n")
    with pytest.raises(InputError) as caught:
        read_questions(path)
    assert str(caught.value).startswith(
        f"{path} has no column 'question'; its columns are 'Question', 'topic'. "
    )


@pytest.mark.parametrize("name", ["max_cost", "max_latency_ms", "min_quality", "max_usd"])
def test_a_misspelt_limit_is_not_read_past(tmp_path, name):
    path = write(tmp_path, "q.csv", f"question,{name}\nWho?,1\n")
    with pytest.raises(InputError, match=f"column '{name}', which is no limit") as caught:
        read_questions(path)
    assert all(limit in caught.value.remedy for limit in LIMITS)


def test_missing_files_and_unknown_suffixes(tmp_path):
    with pytest.raises(InputError, match="no file"):
        read_questions(tmp_path / "q.csv")
    with pytest.raises(InputError, match="unknown suffix"):
        read_questions(write(tmp_path, "q.txt", json.dumps({"question": "Who?"})))


def test_no_rows_are_no_questions(tmp_path):
    assert read_questions(write(tmp_path, "q.csv", "question,topic\n")).rows == ()


# --- columns with other names ---------------------------------------------------------------------------


def test_columns_are_read_under_our_names(tmp_path):
    path = write(tmp_path, "q.csv", "prompt,answer,category,question\nCapital of Norway?,Oslo,geography,7\n")
    columns = [("question", "prompt"), ("reference", "answer"), ("topic", "category")]
    (row,) = read_questions(path, reading=Reading(tuple(columns))).rows
    asked = row.question
    assert (asked.text, asked.reference, asked.topics) == (
        "Capital of Norway?",
        "Oslo",
        (("geography", 1.0),),
    )


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        ([("question", "prompts")], "no column 'prompts' to read as 'question'.*'prompt', 'answer'"),
        ([("answer", "prompt")], "no column 'answer' to read 'prompt' as.*reference"),
        ([], "no column 'question'.*--column question=prompt"),
    ],
)
def test_columns_that_cannot_be_read_as_told(columns, message):
    frame = pl.DataFrame({"prompt": ["Who?"], "answer": ["me"]})
    with pytest.raises(InputError, match=message):
        questions_in(frame, reading=Reading(tuple(columns)))


def test_a_column_that_looks_like_one_of_ours_is_pointed_out():
    frame = pl.DataFrame({"question": ["Who?"], "Answer": ["me"], "choices": ["a"], "mine": [1]})
    with pytest.warns(OptiqWarning) as told:
        questions_in(frame)
    said = sorted(str(one.message) for one in told)
    assert len(said) == 2
    assert said[0].endswith("add --column reference=Answer")
    assert said[1].endswith("add --column options=choices")


# --- prompts of one's own -------------------------------------------------------------------------------


def asked(template, **cells):
    (row,) = questions_in(pl.DataFrame([cells]), reading=Reading(template=template)).rows
    return row.error or row.question.text


def test_a_template_makes_the_question_of_the_columns():
    assert (
        asked("Translate to {language}: {text}", language="German", text="a cat")
        == "Translate to German: a cat"
    )
    assert asked('Return {"n": 1} for {text}', text="{x}") == 'Return {"n": 1} for {x}'
    assert asked("{{text}} is {text}; {text}", text="a {{b}}") == "{text} is a {{b}}; a {{b}}"
    assert asked("Sum {xs} and {n}", xs=[1, 2], n=3.0) == "Sum [1, 2] and 3"
    assert asked("Fix: {question}", question="teh") == "Fix: teh"


def test_what_a_template_needs_must_be_there():
    assert "question is empty" in asked("Translate {text}", text=" ")
    with pytest.raises(InputError, match=r"names 'lang', but questions has no such column.*'text'"):
        asked("Translate to {lang}: {text}", text="a")
    with pytest.raises(InputError, match=r"names no column.*'text'"):
        asked("Translate {text", text="a")
