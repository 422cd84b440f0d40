"""References that arrive after the answers: read, joined by question_id, and judged."""

from __future__ import annotations

import shlex
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


def read_answers(path: str | Path, reading: Reading = AS_IT_IS) -> tuple[pl.DataFrame, list[str]]:
    """An answers file, one row per row; the columns question_id, status and answer are text. And what was set aside.

    Files of other tools have no status: there a row with an answer is answered, one without failed. Rows that say the
    same of one question are taken once; those of which nobody can tell which is its answer are left out.

    Raises
    ------
    InputError
        if it is no answers file, a status is unknown, or no question has one answer.
    """
    frame = read_table(path)
    frame = _renamed_answers(frame, str(path), reading)
    frame = frame.with_columns(_text(frame, name) for name in frame.columns if name in _TEXTS)
    if "status" not in frame.columns:
        there = frame["answer"].fill_null("").str.strip_chars() != ""
        frame = frame.with_columns(status=pl.when(there).then(pl.lit("answered")).otherwise(pl.lit("failed")))
    for number, status in enumerate(frame["status"], start=1):
        if status not in STATUSES:
            raise InputError(
                f"{path} row {number} has the status {short(status)}", f"Statuses are {', '.join(STATUSES)}."
            )
    numbered = frame.select("question_id", "status", "answer", row=pl.int_range(1, pl.len() + 1))
    taken: dict[str | None, tuple[str | None, ...]] = {}
    first: dict[str | None, int] = {}
    left_out: dict[str | None, str] = {}
    kept = []
    for name, status, answer, number in numbered.iter_rows():
        said = (status, answer)
        if status == "invalid" or name not in taken:  # a row that was no question is nobody's answer
            kept.append((name if status != "invalid" else None, number - 1))
            if status != "invalid":
                taken[name], first[name] = said, number
        elif said != taken[name]:
            left_out.setdefault(
                name, f"question_id {short(name)}: rows {first[name]} and {number} of {path} answer otherwise"
            )
    rows = [place for name, place in kept if name is None or name not in left_out]
    if left_out and not rows:
        raise InputError(
            f"{path} has no answer to use: {next(iter(left_out.values()))}", "Give each question one row."
        )
    return frame[rows], [*left_out.values()]


_TEXTS = ("question_id", "status", "answer", "run_id", "plan_key")
ANSWERED = ("answer", "status")
"""What an answers file alone says: ``--column`` names theirs."""
_ANSWERS_OFTEN = {
    "question_id": ("id", "qid", "uid", "idx"),
    "answer": (
        "prediction",
        "predicted",
        "pred",
        "response",
        "output",
        "completion",
        "model_answer",
        "generated",
        "generation",
        "generated_text",
        "predicted_answer",
    ),
}
"""What other tools call the columns of an answers file, the likeliest first."""


def _renamed_answers(frame: pl.DataFrame, path: str, reading: Reading) -> pl.DataFrame:
    """``frame`` with our names, as far as ``reading`` says them; :class:`InputError` if one that is needed is missing.

    ``question_id`` is named for both files, so that a file which has one of its own keeps it.
    """
    for ours, theirs in reading.columns:
        if ours in ANSWERED and theirs not in frame.columns:
            raise InputError(
                f"{path} has no column {theirs!r} to read as {ours!r}",
                f"Its columns are {', '.join(map(repr, frame.columns)) or 'none'}.",
            )
        if theirs in frame.columns and (
            ours in ANSWERED or (ours == "question_id" and ours not in frame.columns)
        ):
            frame = frame.drop(ours, strict=False).rename({theirs: ours})
    missing = [name for name in ("question_id", "answer") if name not in frame.columns]
    if missing:
        by_name = {name.strip().lower(): name for name in reversed(frame.columns)}
        flags = []
        for ours in missing:
            theirs = next((by_name[name] for name in _ANSWERS_OFTEN[ours] if name in by_name), "THEIRS")
            flags.append(f"--column {shlex.quote(f'{ours}={theirs}')}")
        raise InputError(
            f"{path} has no column {missing[0]!r}, so it is no answers file; its columns are "
            f"{', '.join(map(repr, frame.columns)) or 'none'}",
            "Give the answers first, then the references. Answers need the columns question_id and answer; "
            f"for those of another tool: {' '.join(flags)}.",
        )
    return frame


def read_references(
    path: str | Path, reading: Reading = AS_IT_IS
) -> tuple[dict[str, dict[str, Any]], list[str]]:
    """question_id → the cells of :data:`LABELLED` of its row, as far as they are there. And what was set aside.

    A labelled question file will do; a row without an id is named by its number. Rows without a reference are
    left out, rows that say the same of one question are taken once, and a question of which they say different things
    has no reference. Raises :class:`InputError` if the columns are missing, or no row has a reference.
    """
    frame = read_table(path)
    columns = {ours: theirs for ours, theirs in reading.columns if ours not in ANSWERED}
    if columns.get("question_id", "") not in frame.columns and "question_id" in frame.columns:
        columns.pop("question_id", None)  # that of the answers
    frame = renamed(frame, str(path), columns)
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
    left_out: dict[str, str] = {}
    # As in a question file: without an id a row is named by its number.
    given = frame["question_id"].to_list() if "question_id" in frame.columns else [None] * frame.height
    for number, (name, row) in enumerate(
        zip(row_names(given), frame.iter_rows(named=True), strict=True), start=1
    ):
        cells = {column: row.get(column) for column in LABELLED}
        if _blank(cells["reference"]):
            continue
        if name not in found:
            found[name], rows[name] = cells, number
        elif _judged_by(cells) != _judged_by(found[name]):
            left_out.setdefault(
                name,
                f"question_id {short(name)}: rows {rows[name]} and {number} of {path} say different things of it",
            )
    found = {name: cells for name, cells in found.items() if name not in left_out}
    if not found:
        if left_out:
            raise InputError(
                f"{path} has no reference to use: {next(iter(left_out.values()))}",
                "Give each question one reference.",
            )
        raise InputError(f"{path} has no reference in any row", "Fill in the column 'reference'.")
    return found, [*left_out.values()]


def _judged_by(cells: Mapping[str, Any]) -> list[Any]:
    """What of a row decides about an answer, without spaces around it."""
    values = [cells[name] for name in LABELLED if name != "topic"]
    return [value.strip() if isinstance(value, str) else value for value in values]


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
