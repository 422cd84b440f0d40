"""Spreadsheets, and CSV that people open in one: what is text stays text, what a cell cannot hold says so."""

from __future__ import annotations

from pathlib import Path

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from optiq.errors import InputError, OptiqWarning
from optiq.files.tables import LONGEST_SHEET_CELL, read_table, write_table
from optiq.questions.question_file import read_questions

FORMULAS = ("=1+1", "+cmd|' /C calc'!A0", "@sum(A1)", "-a", "\tx", "'=1", "''@x", "\n=1", "＝1", "－a")
NOT_FORMULAS = ("-5", "+3.5e-7", "-.5", "'tis so", "a=b", "1-2", "")


def test_questions_are_read_from_a_sheet_as_from_csv(tmp_path: Path) -> None:
    frame = pl.DataFrame(
        {
            "question_id": ["007", "8"],
            "question": ["=What is 2+2?", "Which is a planet?"],
            "options": [None, '["Mars","Vega"]'],
            "reference": ["4", "A"],
            "max_cost_usd": [0.001, None],
        }
    )
    for suffix in (".xlsx", ".csv"):
        write_table(frame, tmp_path / f"q{suffix}")
    sheet, csv = (read_questions(tmp_path / f"q{suffix}") for suffix in (".xlsx", ".csv"))
    assert [row.question for row in sheet.rows] == [row.question for row in csv.rows]
    assert sheet.questions[0].question_id == "007"
    assert sheet.questions[0].text == "=What is 2+2?"
    assert sheet.questions[1].options == ("Mars", "Vega")


@given(
    st.lists(
        st.one_of(st.text(max_size=20), st.sampled_from((*FORMULAS, *NOT_FORMULAS))), min_size=1, max_size=5
    )
)
def test_csv_comes_back_as_it_was(tmp_path_factory: pytest.TempPathFactory, texts: list[str]) -> None:
    path = tmp_path_factory.getbasetemp() / "round.csv"
    texts = [text.replace("\r", " ").replace("\x00", "") or "x" for text in texts]
    write_table(pl.DataFrame({"a": texts, "b": ["end"] * len(texts)}), path)
    assert read_table(path)["a"].to_list() == texts


@pytest.mark.parametrize("text", FORMULAS)
def test_a_spreadsheet_shows_what_looks_like_a_formula_as_text(tmp_path: Path, text: str) -> None:
    write_table(pl.DataFrame({"a": [text]}), tmp_path / "t.csv")
    cell = (tmp_path / "t.csv").read_text(encoding="utf-8").split("\n", 1)[1].strip('\n"')
    assert cell.startswith("'")
    assert read_table(tmp_path / "t.csv")["a"].to_list() == [text]
    write_table(pl.DataFrame({"a": [text]}), tmp_path / "t.xlsx")
    assert pl.read_excel(tmp_path / "t.xlsx", engine="calamine")["a"].to_list() == [text]


def test_names_of_columns_and_texts_of_few_kinds_are_no_formulas_either(tmp_path: Path) -> None:
    kinds = (pl.String, pl.Categorical, pl.Enum(["=1+1"]))
    frame = pl.DataFrame([pl.Series(f"=a{at}", ["=1+1"], dtype=kind) for at, kind in enumerate(kinds)])
    write_table(frame, tmp_path / "t.csv")
    assert (tmp_path / "t.csv").read_text() == "'=a0,'=a1,'=a2\n'=1+1,'=1+1,'=1+1\n"
    assert read_table(tmp_path / "t.csv").equals(frame.cast(pl.String))
    write_table(frame.clear(), tmp_path / "none.csv")
    assert (tmp_path / "none.csv").read_text() == "'=a0,'=a1,'=a2\n"


@pytest.mark.parametrize("text", NOT_FORMULAS)
def test_what_is_no_formula_is_written_as_it_is(tmp_path: Path, text: str) -> None:
    write_table(pl.DataFrame({"a": [text], "b": ["end"]}), tmp_path / "t.csv")
    assert not (tmp_path / "t.csv").read_text(encoding="utf-8").split("\n")[1].startswith(("'-", "'+", "''"))


def test_a_text_that_no_cell_holds_is_cut_with_a_mark_and_a_warning(tmp_path: Path) -> None:
    with pytest.warns(OptiqWarning, match=r"1 cell\(s\) are longer"):
        write_table(pl.DataFrame({"a": ["x" * 40_000, "y"]}), tmp_path / "t.xlsx")
    long, short = read_table(tmp_path / "t.xlsx")["a"].to_list()
    assert len(long) == LONGEST_SHEET_CELL
    assert long.endswith("holds 32,767 characters)")
    assert short == "y"


@pytest.mark.parametrize("share", [0.0, 0.5, 0.99])
def test_a_damaged_sheet_is_refused_in_one_line(tmp_path: Path, share: float) -> None:
    write_table(pl.DataFrame({"a": ["x"]}), tmp_path / "t.xlsx")
    data = (tmp_path / "t.xlsx").read_bytes()
    (tmp_path / "t.xlsx").write_bytes(data[: int(len(data) * share)])
    with pytest.raises(InputError, match=r"t\.xlsx is (not a valid|empty)"):
        read_table(tmp_path / "t.xlsx")


def test_days_numbers_merged_cells_and_empty_rows(tmp_path: Path) -> None:
    import datetime

    import xlsxwriter  # type: ignore[import-untyped]

    with xlsxwriter.Workbook(tmp_path / "q.xlsx") as book:
        sheet, day = book.add_worksheet(), book.add_format({"num_format": "yyyy-mm-dd"})
        sheet.write_row(0, 0, ["question", "reference", "asked", "season"])
        sheet.write_row(1, 0, ["What is 2+2?", 4])
        sheet.write_datetime(1, 2, datetime.datetime(2026, 3, 1), day)
        sheet.merge_range(3, 3, 4, 3, "spring")
        sheet.write_row(3, 0, ["And 3+3?", 6.5])
        sheet.write_datetime(3, 2, datetime.datetime(2026, 3, 1, 12, 30), day)
        sheet.write_row(4, 0, ["And 4+4?", "8"])
    assert read_table(tmp_path / "q.xlsx").rows() == [
        ("What is 2+2?", "4", "2026-03-01", None),
        ("And 3+3?", "6.5", "2026-03-01 12:30:00", "spring"),
        ("And 4+4?", "8", None, None),
    ]
