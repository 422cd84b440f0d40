"""References that arrive after the answers: read, joined by question_id, and judged."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from string import ascii_uppercase
from typing import Any

import polars as pl

from optiq.errors import InputError
from optiq.files.tables import read_table
from optiq.questions.answer_file import STATUSES
from optiq.questions.option_cells import in_letters
from optiq.questions.option_letters import folded
from optiq.questions.question import Kind, Question
from optiq.questions.question_cells import (
    kind_in,
    options_and_labels_in,
    reference_in,
    row_names,
    short,
    text_in,
)
from optiq.questions.question_file import renamed
from optiq.questions.reading import AS_IT_IS, Reading

LABELLED = ("question_id", "reference", "options", "kind", "question", "topic")
"""What a references file may say of a question."""


@dataclass(frozen=True, slots=True)
class KnownQuestion:
    """What is known of a question besides its reference, from the question file or the run's record."""

    text: str = ""
    options: tuple[str, ...] = ()
    kind: Kind | None = None


def read_answers(path: str | Path) -> pl.DataFrame:
    """An answers file, one row per row; the columns question_id, status and answer are text.

    Raises
    ------
    InputError
        if it is no answers file, a status is unknown, or an id has two answers.
    """
    frame = read_table(path)
    for name in ("question_id", "status", "answer"):
        if name not in frame.columns:
            raise InputError(
                f"{path} has no column {name!r}, so it is no answers file",
                "Give the file that `optiq answer` wrote, then the one with the references.",
            )
    frame = frame.with_columns(_text(frame, name) for name in frame.columns if name in _TEXTS)
    for number, status in enumerate(frame["status"], start=1):
        if status not in STATUSES:
            raise InputError(
                f"{path} row {number} has the status {short(status)}", f"Statuses are {', '.join(STATUSES)}."
            )
    twice = frame.filter(pl.col("status") != "invalid")["question_id"]
    if (repeated := twice.filter(twice.is_duplicated())).len():
        raise InputError(
            f"{path} has two answers to question_id {short(repeated[0])}", "Give each question one row."
        )
    return frame


_TEXTS = ("question_id", "status", "answer", "run_id", "plan_key")


def read_references(path: str | Path, reading: Reading = AS_IT_IS) -> dict[str, dict[str, Any]]:
    """question_id → the cells of :data:`LABELLED` of its row, as far as they are there.

    A labelled question file will do; a row without an id is named by its number. Rows without a reference are
    left out. Raises :class:`InputError` if
    the columns are missing, an id repeats, or no row has a reference.
    """
    frame = renamed(read_table(path), str(path), dict(reading.columns))
    if "reference" not in frame.columns:
        raise InputError(
            f"{path} has no column 'reference'; its columns are {', '.join(map(repr, frame.columns)) or 'none'}",
            "Give a file with the columns question_id and reference, or --column reference=THEIRS.",
        )
    if "question_id" not in frame.columns and "question" not in frame.columns:
        raise InputError(
            f"{path} has no column 'question_id'; its columns are {', '.join(map(repr, frame.columns))}",
            "Name the question of each reference by its id, or --column question_id=THEIRS; or have its text as "
            "'question'.",
        )
    found: dict[str, dict[str, Any]] = {}
    rows: dict[str, int] = {}
    # As in a question file: without an id a row is named by its number.
    given = frame["question_id"].to_list() if "question_id" in frame.columns else [None] * frame.height
    for number, (name, row) in enumerate(
        zip(row_names(given), frame.iter_rows(named=True), strict=True), start=1
    ):
        if name in rows:
            raise InputError(
                f"{path} row {number}: question_id {short(name)} is that of row {rows[name]} too",
                "Give each question one reference.",
            )
        rows[name] = number
        cells = {column: row.get(column) for column in LABELLED}
        if not _blank(cells["reference"]):
            found[name] = cells
    if not found:
        raise InputError(f"{path} has no reference in any row", "Fill in the column 'reference'.")
    return found


def joined(
    labelled: Mapping[str, dict[str, Any]], texts: Mapping[str, str]
) -> tuple[dict[str, dict[str, Any]], list[str]]:
    """References by the question_id of the answers, and why others fit none of them.

    ``texts`` are the texts of answered questions by id, as far as they are known. A reference without an id belongs to
    the question of the same text, and by its number only to one whose text is not known. One with an id and another
    text is of another question.
    """
    places: dict[str, list[str]] = {}
    for name, text in texts.items():
        places.setdefault(folded(text), []).append(name)
    found: dict[str, dict[str, Any]] = {}
    faults = []
    for name, cells in labelled.items():
        asked = text_in(cells["question"], "question")
        named = not _blank(cells["question_id"])
        same = places.get(folded(asked), []) if asked else [name]
        if named and (not asked or name not in texts or name in same):
            found[name] = cells
        elif not named and same:
            found |= dict.fromkeys(same, cells)
        elif not named and name not in texts:
            found[name] = cells
        else:
            what = f"question_id {name}" if named else f"row {name}"
            faults.append(f"{what}: no answer is to its question {short(asked)}")
    return found, faults


def _blank(value: Any) -> bool:
    return value is None or not str(value).strip()


def question_of(
    name: str, cells: Mapping[str, Any], asked: KnownQuestion, reading: Reading = AS_IT_IS
) -> Question:
    """The question with its reference, to judge an answer by.

    Options and kind are those of the references file, else those that were asked. A choice whose options
    nobody recorded is judged by letters. :class:`InputError` if the reference does not fit.
    """
    own, labels = options_and_labels_in(cells.get("options"))
    options, given, said = own or asked.options, cells.get("kind"), cells["reference"]
    if options:
        said = in_letters(said, labels, reading.reference_index, len(options))
    if not options and asked.kind is not None and asked.kind.has_options and not given:
        options = tuple(ascii_uppercase)
    text = asked.text or text_in(cells.get("question"), "question") or name
    if not given and asked.kind is not None and (options or not asked.kind.has_options):
        kind = asked.kind
    else:
        kind = kind_in(given, text, options, said)
    reference = reference_in(said, options, kind)
    return Question(name, text, options=options, kind=kind, reference=reference)


def _text(frame: pl.DataFrame, name: str) -> pl.Series:
    if frame.schema[name] == pl.String:
        return frame[name]
    return pl.Series(name, [None if v is None else text_in(v, name) for v in frame[name]], dtype=pl.String)
