"""Question files as public sets have them: options in one cell or in several columns, references by label or number."""

from __future__ import annotations

import json
import re
import warnings
from typing import Any

import polars as pl
import pytest

from optiq.errors import InputError, OptiqWarning
from optiq.questions.option_cells import list_or_record
from optiq.questions.question_file import QuestionFile, questions_in
from optiq.questions.reading import Reading


def read(**cells: Any) -> QuestionFile:
    return questions_in(
        pl.DataFrame({"question": ["Which?"], **{name: [cell] for name, cell in cells.items()}})
    )


@pytest.mark.parametrize(
    ("options", "reference", "found", "letter"),
    [
        ("whale|shark|tuna", "whale", ("whale", "shark", "tuna"), "A"),
        ("whale | shark | tuna", "B", ("whale", "shark", "tuna"), "B"),
        ("P(A)|P(B)", "P(B)", ("P(A)", "P(B)"), "B"),
        ("whale\nshark\n\ntuna", "tuna", ("whale", "shark", "tuna"), "C"),
        ("A) whale B) shark C) tuna", "C", ("whale", "shark", "tuna"), "C"),
        ("A) whale\nB) shark", "b", ("whale", "shark"), "B"),
        ("(a) 21 (b) 21.5 (c) 22", "(b)", ("21", "21.5", "22"), "B"),
        ("A. 21; B. 21.5; C. 22", "21.5", ("21", "21.5", "22"), "B"),
        ("A. Einstein|N. Bohr", "A", ("A. Einstein", "N. Bohr"), "A"),
        (["A)21", "B)21.5", "C)22"], "B", ("21", "21.5", "22"), "B"),
        ("['whale', \"shark's\"]", "A", ("whale", "shark's"), "A"),
        ("['whale'\n 'blue shark']", "B", ("whale", "blue shark"), "B"),
        ("('whale', 'shark')", "B", ("whale", "shark"), "B"),
        ("array(['whale', 'shark'], dtype='<U5')", "B", ("whale", "shark"), "B"),
        ("[np.str_('whale'), np.str_('shark')]", "B", ("whale", "shark"), "B"),
        ("[1 2 3]", "C", ("1", "2", "3"), "C"),
        ({"A": "Oslo", "B": "Rome"}, "B", ("Oslo", "Rome"), "B"),
        ("{'A': 'Oslo', 'B': 'Rome'}", "Oslo", ("Oslo", "Rome"), "A"),
        ({"A": "Oslo", "B": "Rome", "C": None}, "B", ("Oslo", "Rome"), "B"),
        # a label of the file goes before the text of an option
        ({"text": ["3", "1"], "label": ["1", "2"]}, "1", ("3", "1"), "A"),
        ({"text": ["x", "y"], "label": ["A", "B"]}, "B", ("x", "y"), "B"),
        (
            "{'text': array(['x', 'y'], dtype=object), 'label': array(['A', 'B'], dtype=object)}",
            "B",
            ("x", "y"),
            "B",
        ),
        ([{"label": "1", "text": "x"}, {"label": "2", "text": "y"}], 2, ("x", "y"), "B"),
        ('[{"key": "a", "content": "x"}, {"key": "b", "content": "y"}]', "b", ("x", "y"), "B"),
    ],
)
def test_options_in_one_cell(options: Any, reference: Any, found: tuple[str, ...], letter: str) -> None:
    [row] = read(options=options, reference=reference).rows
    assert row.question is not None, row.error
    assert (row.question.options, row.question.reference) == (found, letter)


@pytest.mark.parametrize(
    "options",
    ["x|y|", "P(A|B)|P(B|A)", "Oslo, Rome", "only", "Vitamin A: good; Vitamin B: bad", "['a' 'b', 'c']", "['a' 2 'c']",
     {"x": "1", "yy": "2"}, {"text": ["x", "y"], "label": ["A"]}, [{"text": "x"}, {"label": "B"}], "{" * 500],
)  # fmt: skip
def test_what_does_not_name_every_option_is_no_list(options: Any) -> None:
    [row] = read(options=options).rows
    assert row.question is None
    assert row.error is not None
    assert "not a list" in row.error or "empty or no text" in row.error


@pytest.mark.parametrize(
    ("reference", "found"),
    [
        ("['Oslo', 'Kristiania']", '["Oslo", "Kristiania"]'),
        ("['Oslo'\n 'Kristiania']", '["Oslo", "Kristiania"]'),
        ({"text": ["Oslo", "Kristiania"], "answer_start": [3, 90]}, '["Oslo", "Kristiania"]'),
        ("{'text': array(['Oslo', 'Kristiania'], dtype=object), 'answer_start': array([3, 90], dtype=int32)}",
         '["Oslo", "Kristiania"]'),
        ({"value": "Oslo", "aliases": ["Kristiania"], "type": "city"}, '["Oslo", "Kristiania"]'),
        ({"text": ["Oslo"], "answer_start": [3]}, "Oslo"),
        ([{"start_byte": 3, "text": ["Oslo"]}, {"start_byte": 9, "text": ["Kristiania"]}], '["Oslo", "Kristiania"]'),
        ('[{"text": ["Oslo"]}, {"text": []}]', "Oslo"),
        ({"spans": ["Oslo", "Kristiania"], "types": ["span", "span"]}, '["Oslo", "Kristiania"]'),
        ("['Oslo' 'Bergen', 'Rome']", "['Oslo' 'Bergen', 'Rome']"),
        ("[1, 2]", "[1, 2]"),
    ],
)  # fmt: skip
def test_accepted_references(reference: Any, found: str) -> None:
    [row] = read(reference=reference).rows
    assert row.question is not None, row.error
    assert (row.question.kind.value, row.question.reference) == ("open", found)


@pytest.mark.parametrize(
    "reference", ['{"text": "Oslo"}', '[{"text": "Oslo"}]', '[{"text": ["Oslo"]}, {"city": "Rome"}]']
)
def test_a_record_that_may_be_what_is_asked_for_is_json(reference: str) -> None:
    [row] = read(reference=reference).rows
    assert row.question is not None, row.error
    assert (row.question.kind.value, row.question.reference) == ("json", reference)


def test_a_question_that_nobody_can_answer_has_no_reference() -> None:
    frame = pl.DataFrame({"question": ["Which?"] * 2, "reference": [
        {"text": ["Oslo"], "answer_start": [1]}, {"text": [], "answer_start": []}
    ]})  # fmt: skip
    assert [row.question and row.question.reference for row in questions_in(frame).rows] == ["Oslo", None]


@pytest.mark.parametrize(
    "names",
    [["A", "B", "C", "D"], ["opa", "opb", "opc", "opd"], [f"choice{n}" for n in (1, 2, 3, 4)]],
)
def test_a_column_for_each_option(names: list[str]) -> None:
    cells = dict(zip(names, (["x", "1"], ["y", "2"], ["z", "3"], [None, "4"]), strict=True))
    label = names[-1][-1]
    frame = pl.DataFrame({"question": ["Which?"] * 2, **cells, "answer": [names[1][-1], label]})
    with pytest.warns(
        OptiqWarning, match=rf"columns {','.join(names)} of .* --column options={','.join(names)}"
    ):
        questions_in(frame, reading=Reading((("reference", "answer"),)))
    found = questions_in(frame, reading=Reading((("options", ", ".join(names)), ("reference", "answer"))))
    asked = [(one.options, one.reference) for one in found.questions]
    assert asked == [(("x", "y", "z"), "B"), (("1", "2", "3", "4"), "D")]


@pytest.mark.parametrize(("first", "letters"), [(0, ["A", "C", None]), (1, [None, "B", "C"])])
def test_references_by_number(first: int, letters: list[str | None]) -> None:
    frame = pl.DataFrame(
        {"question": ["Which?"] * 3, "options": [["2", "1", "0"]] * 3, "reference": [0, 2, 3]}
    )
    found = questions_in(frame, reading=Reading(reference_index=first))
    assert [row.question and row.question.reference for row in found.rows] == letters
    assert all(f"no number from {first} to {first + 2}" in (row.error or "") for row in found.invalid)
    # without it the number is the text of an option, where there is such a text, and the file is pointed out
    with pytest.warns(OptiqWarning, match="whole numbers, .* add --reference-index 0"):
        plain = questions_in(frame)
    assert [row.question and row.question.reference for row in plain.rows] == ["C", "A", None]
    assert "--reference-index 0" in str(plain.invalid[0].error)


@pytest.mark.parametrize(
    ("options", "references"),
    [
        (["2", "1", "0"], ["A", "2"]),
        (["2", "1", "0"], [1.5, 2]),
        (["3", "5", "12"], [5, 12]),  # more than there are options
        (["²", "9" * 400, "0"], ["²", "9" * 400]),  # digits that are no number of an option
        ({"text": ["3", "1"], "label": ["1", "2"]}, ["1", "2"]),
    ],
)
def test_references_that_cannot_count_options_are_not_pointed_out(
    options: Any, references: list[Any]
) -> None:
    rows = [{"question": "Which?", "options": options, "reference": str(one)} for one in references]
    with warnings.catch_warnings():
        warnings.simplefilter("error", OptiqWarning)
        questions_in(pl.DataFrame(rows))


@pytest.mark.parametrize(
    ("reference", "found"),
    [
        ("Natalia sold 48/2 = <<48/2=24>>24 clips in May.\nAltogether 72.\n#### 72", "72"),
        ("He earned $10.\n#### 1,000", "1,000"),
        ("We factor:\nx = 3.\nThe answer is $\\boxed{\\frac{1}{2}}$.", "\\frac{1}{2}"),
        ("First \\boxed{1}, in the end \\boxed{\\text{(A) } 3}", "\\text{(A) } 3"),
        ("\\boxed{7}", "7"),
        ("### Heading\nOslo", None),
        ("an open \\boxed{7", None),
    ],
)
def test_the_answer_of_a_worked_solution(reference: str, found: str | None) -> None:
    [row] = read(reference=reference).rows
    assert row.question is not None
    assert row.question.reference == (reference if found is None else found)
    assert (row.question.kind.value == "open") == (found is not None or "\n" not in reference)


@pytest.mark.parametrize(
    ("columns", "said"),
    [
        ({"Question": 1}, "Or read 'Question': --column question=Question"),
        ({"prompt": 1}, "Or read 'prompt': --column question=prompt"),
        ({"question": 1, "answer_index": 1, "answer": 1}, "--column reference=answer"),
        ({"question": 1, "answers": 1}, "--column reference=answers"),
        ({"question": 1, "Reference": 1}, "--column reference=Reference"),
        ({"question": 1, "context": 1}, "--template '{context} {question}'"),
    ],
)
def test_columns_that_look_like_ours_are_pointed_out(columns: dict[str, int], said: str) -> None:
    frame = pl.DataFrame({name: ["Which?"] for name in columns})
    if "question" in columns:
        with pytest.warns(OptiqWarning, match=re.escape(said)):
            questions_in(frame)
    else:
        with pytest.raises(InputError, match=re.escape(said)):
            questions_in(frame)


OPTIONS = ["water", "oil", "milk"]
PRINTED = [
    "['{}', '{}']",
    "('{}', '{}')",
    "['{}' '{}']",
    "['{}'\n '{}']",
    '["{}", "{}"]',
    "['{}', \"{}\"]",
    "{{'{}', '{}'}}",
    "array(['{}', '{}'], dtype=object)",
    "np.array(['{}', '{}'])",
    "Index(['{}', '{}'], dtype='object')",
    "[np.str_('{}'), np.str_('{}')]",
    "[{}, {}]",
    "({}, {})",
]
"""How Python, NumPy, pandas and JSON print a list, a tuple or a set of two texts; last as people do."""


@pytest.mark.parametrize("printed", PRINTED)
@pytest.mark.parametrize("named", [("A", "C"), ("c", "a"), ("water", "milk"), ("A. water", "C. milk")])
def test_a_printed_list_names_options(printed: str, named: tuple[str, str]) -> None:
    [row] = read(options=OPTIONS, reference=printed.format(*named)).rows
    assert row.question is not None, row.error
    assert (row.question.kind.value, row.question.reference) == ("multi", "A, C")


@pytest.mark.parametrize("printed", PRINTED)
def test_a_printed_list_that_names_no_option_is_refused(printed: str) -> None:
    [row] = read(options=OPTIONS, reference=printed.format("A", "D")).rows
    assert row.question is None
    assert "names no option" in str(row.error)


@pytest.mark.parametrize("printed", PRINTED[:-2])
def test_a_printed_list_of_texts_is_several_accepted_answers(printed: str) -> None:
    [row] = read(reference=printed.format("water", "H2O")).rows
    assert row.question is not None
    assert row.question.reference == '["water", "H2O"]'


@pytest.mark.parametrize(
    "reference", ["(3, 4)", "[1, 2]", "[1 2]", "(1, 2]", "{1, 2}", "('a')", "(see above)", "[0, 1)"]
)
def test_what_is_printed_without_texts_is_one_answer(reference: str) -> None:
    [row] = read(reference=reference).rows
    assert row.question is not None
    assert row.question.reference == reference


def test_an_option_that_is_a_list_is_named_by_its_own_text() -> None:
    [row] = read(options=["[1, 2]", "[2, 1]", "[1]"], reference="[2, 1]").rows
    assert row.question is not None, row.error
    assert (row.question.kind.value, row.question.reference) == ("choice", "B")


@pytest.mark.parametrize("reference", ["['opa', 'opc']", "('opa', 'opc')", "['opa' 'opc']", '["opa", "opc"]'])
def test_a_printed_list_of_labels_is_read_by_them(reference: str) -> None:
    options = {"label": ["opa", "opb", "opc"], "text": OPTIONS}
    [row] = read(options=options, reference=reference).rows
    assert row.question is not None, row.error
    assert row.question.reference == "A, C"


@pytest.mark.parametrize(
    "reference", ["[0, 2]", "(0, 2)", "[0 2]", "array([0, 2])", "[np.int64(0), np.int64(2)]"]
)
def test_a_printed_list_of_numbers_counts_options(reference: str) -> None:
    frame = pl.DataFrame({"question": ["Which?"], "options": [OPTIONS], "reference": [reference]})
    [row] = questions_in(frame, reading=Reading(reference_index=0)).rows
    assert row.question is not None, row.error
    assert row.question.reference == "A, C"


@pytest.mark.parametrize(
    ("reference", "letters"),
    [("[True, False, True]", "A, C"), ([False, True, False], "B"), ("['A', 'C', nan]", "A, C"), (["A", None], "A")],
)  # fmt: skip
def test_a_list_of_truths_or_with_gaps_names_options(reference: Any, letters: str) -> None:
    options = {"A": "water", "B": "oil", "C": "milk"}
    frame = {"question": ["Which?"], "options": [str(options)], "reference": [reference]}
    [row] = questions_in(pl.DataFrame(frame, strict=False)).rows
    assert row.question is not None, row.error
    assert row.question.reference == letters


@pytest.mark.parametrize("reference", ["[True, False]", "[0, 2]", [0, 2]])
def test_a_list_that_fits_no_options_is_refused_and_numbers_are_explained(reference: Any) -> None:
    [row] = read(options=OPTIONS, reference=reference).rows
    assert row.question is None
    assert ("--reference-index" in str(row.error)) is ("0" in str(reference))


@pytest.mark.parametrize(
    ("reference", "found"),
    [("[nan]", None), ("[None]", None), ("['']", None), ("[True]", "True"), ("[42]", "[42]")],
)
def test_a_printed_list_of_one_gap_is_no_reference(reference: str, found: str | None) -> None:
    [row] = read(reference=reference).rows
    assert row.question is not None
    assert row.question.reference == found


def test_marks_around_an_option_are_no_part_of_its_name() -> None:
    [row] = read(options=["**Oslo**", "`Bern`"], reference="Bern").rows
    assert row.question is not None, row.error
    assert row.question.reference == "B"


@pytest.mark.parametrize("text", ["['a' 'b']", "[('a', 'b')]", "[]", "{}", "[1.5, None]", "{'a': {1, 2}}"])
def test_what_python_prints_is_read_without_being_run(text: str) -> None:
    assert isinstance(list_or_record(text), list | dict)
    assert list_or_record("[__import__('os')]") == "[__import__('os')]"
    assert list_or_record("[open('x')]") == "[open('x')]"


STEM = {"stem": "Which?", "choices": [{"label": "A", "text": "Oslo"}, {"label": "B", "text": "Rome"}]}


@pytest.mark.parametrize(
    ("cells", "columns", "asked", "options", "reference"),
    [
        (
            {"question": json.dumps(STEM), "answerKey": "B"},
            {"question": "question.stem", "options": "question.choices", "reference": "answerKey"},
            "Which?",
            ("Oslo", "Rome"),
            "B",
        ),
        (
            {"question": STEM, "answerKey": "B"},
            {"question": "question.stem", "options": "question.choices.text", "reference": "answerKey"},
            "Which?",
            ("Oslo", "Rome"),
            "B",
        ),
        (
            {"q": {"text": "Who?"}, "annotations": [{"short": {"text": ["Ann", "Anna"]}}, {"short": {"text": ["A."]}}]},
            {"question": "q.text", "reference": "annotations.short.text"},
            "Who?",
            (),
            '["Ann", "Anna", "A."]',
        ),
        ({"turns": ["Who?", "Sure?"]}, {"question": "turns.0"}, "Who?", (), None),
        ({"turns": [{"content": "Who?"}]}, {"question": "turns.-1.content"}, "Who?", (), None),
        # a column of that very name goes first
        ({"q.text": "Who?", "q": "What?"}, {"question": "q.text"}, "Who?", (), None),
        ({"Question": "Who?", "Answer": {"Value": "Ann", "Aliases": ["Anna"]}},
         {"question": "Question", "reference": "Answer"}, "Who?", (), '["Ann", "Anna"]'),
    ],
)  # fmt: skip
def test_a_part_of_a_record_is_a_column(
    cells: dict[str, Any],
    columns: dict[str, str],
    asked: str,
    options: tuple[str, ...],
    reference: str | None,
) -> None:
    frame = pl.DataFrame({name: [cell] for name, cell in cells.items()})
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        [row] = questions_in(frame, reading=Reading(columns=tuple(columns.items()))).rows
    assert row.question is not None, row.error
    assert (row.question.text, row.question.options, row.question.reference) == (asked, options, reference)


def test_a_part_that_a_row_lacks_makes_that_row_invalid() -> None:
    frame = pl.DataFrame({"q": ['{"text": "Who?"}', "{}", "none", '{"text": {"en": "Who?"}}', None]})
    rows = questions_in(frame, reading=Reading(columns=(("question", "q.text"),))).rows
    assert [row.question is None for row in rows] == [False, True, True, False, True]
    assert rows[3].question is not None
    assert rows[3].question.text == '{"en": "Who?"}'


@pytest.mark.parametrize(
    ("cells", "flags"),
    [
        ({"question": STEM}, "--column question=question.stem --column options=question.choices"),
        ({"question": json.dumps(STEM)}, "--column question=question.stem --column options=question.choices"),
        ({"question": {"body": "Who?"}}, "such as --column question=question.text"),
    ],
)
def test_questions_that_are_records_are_never_asked_as_such_unasked(
    cells: dict[str, Any], flags: str
) -> None:
    frame = pl.DataFrame({name: [cell, cell] for name, cell in cells.items()})
    with pytest.raises(InputError, match="are no texts, but records of") as told:
        questions_in(frame)
    assert flags in str(told.value)
    whole = questions_in(frame, reading=Reading(template="{question}"))
    assert len(whole.questions) == 2


def test_one_question_that_is_json_among_texts_is_asked_as_it_stands() -> None:
    asked = questions_in(pl.DataFrame({"question": ['{"a": 1}', "What is {it}?"]}))
    assert [question.text for question in asked.questions] == ['{"a": 1}', "What is {it}?"]


@pytest.mark.parametrize(
    ("cells", "said"),
    [
        ({"question_stem": "Who?"}, "--column question=question_stem"),
        ({"instruction": "Who?", "input": "", "output": "Ann"}, "--column question=instruction"),
        ({"input": [{"role": "user", "content": "Who?"}]}, "--column messages=input"),
        ({"conversations": '[{"from": "human", "value": "Who?"}]'}, "--column messages=conversations"),
        (
            {"q_id": "a", "title": "Why?", "answers": {"text": ["x"]}},
            "say which it is: --column question=NAME.",
        ),
    ],
)
def test_where_the_questions_may_be_is_told(cells: dict[str, Any], said: str) -> None:
    with pytest.raises(InputError, match="has no column 'question'") as told:
        questions_in(pl.DataFrame({name: [cell] for name, cell in cells.items()}))
    assert str(told.value).endswith(said)


@pytest.mark.parametrize(
    ("cells", "said"),
    [
        ({"ideal": "Ann"}, "--column reference=ideal"),
        ({"Correct Answer": "Ann"}, "--column 'reference=Correct Answer'"),
        ({"best_answer": "Ann", "category": "people"}, "--column reference=best_answer"),
        ({"answer": None, "answer_number": 4}, "--column reference=answer_number"),  # an empty column is none
        ({"mc1_targets": {"choices": ["a", "b"], "labels": [0, 1]}}, "--column options=mc1_targets.choices"),
        ({"sol1": "Heat it.", "sol2": "Cool it."}, "--column options=sol1,sol2"),
        ({"option1": "trophy", "option2": "case"}, "--column options=option1,option2"),
    ],
)
def test_what_looks_like_ours_is_told_with_the_flag(cells: dict[str, Any], said: str) -> None:
    with pytest.warns(OptiqWarning) as told:
        read(**cells)
    assert any(said in str(one.message) for one in told), [str(one.message) for one in told]


@pytest.mark.parametrize("cells", [{"a": "1", "b": "2"}, {"answer1": "x"}, {"option2": "x", "option3": "y"}])
def test_what_may_be_anything_is_not_taken_for_options(cells: dict[str, str]) -> None:
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        read(**cells)
    assert not any("options" in str(one.message) for one in told)


def test_a_passage_may_be_missing_where_there_is_a_question() -> None:
    frame = pl.DataFrame(
        {"question": ["Who?", "Where?", ""], "context": ["Ann went home.", None, "Ann left."]}
    )
    rows = questions_in(frame, reading=Reading(template="{context}\n\n{question}")).rows
    assert [row.question.text if row.question else None for row in rows] == [
        "Ann went home.\n\nWho?",
        "Where?",
        None,
    ]


def test_a_template_names_parts_and_leaves_other_braces_alone() -> None:
    frame = pl.DataFrame({"context": [{"text": "It is 5."}], "question": ["How much is \\frac{x.y}{2}?"]})
    [question] = questions_in(
        frame, reading=Reading(template="{context.text} {question} {a.b} {0.5}")
    ).questions
    assert question.text == "It is 5. How much is \\frac{x.y}{2}? {a.b} {0.5}"


@pytest.mark.parametrize(
    ("letters", "said"), [("A" * 10, True), ("A" * 9, False), ("A" * 9 + "B", False), ("C" * 12, True)]
)
def test_the_same_option_is_never_right_in_all_questions_unnoticed(letters: str, said: bool) -> None:
    """Sets with a column for the right answer and others for wrong ones are put together that way."""
    n = len(letters)
    frame = pl.DataFrame(
        {
            "question": [f"Which is {number}?" for number in range(n)],
            "options": [["x", "y", "z"]] * n,
            "reference": [*letters],
        }
    )
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        questions_in(frame)
    assert any("mix the options of each row" in str(one.message) for one in told) == said
