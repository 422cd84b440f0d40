"""Question files: one question a row, each row either a :class:`~optiq.questions.question.Question` or why it is none.

A fault in one row costs that row only; a file that cannot be understood at all is refused.
"""

from __future__ import annotations

import json
import re
import warnings
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any

import polars as pl

from optiq.errors import InputError, OptiqWarning
from optiq.files.tables import read_table, records_as_written
from optiq.formats.batch_requests import is_batch_input, read_requests
from optiq.questions.metric import LIMITS
from optiq.questions.option_cells import in_letters, labelled_options
from optiq.questions.others_names import check_columns
from optiq.questions.parts import has, series_of
from optiq.questions.question import Budget, Kind, Question
from optiq.questions.question_cells import (
    chat_in,
    kind_in,
    looks_like_schema,
    options_and_labels_in,
    reference_in,
    row_names,
    schema_in,
    short,
    text_in,
    topics_in,
)
from optiq.questions.reading import AS_IT_IS, ASKED, CHATS, COLUMNS, Reading

_SMALL_NUMBER = re.compile(r"[0-9]{1,2}")

_PLACE = re.compile(r"(?<!\{)\{(\w+(?:\.[\w-]+)*)\}(?!\})")


@dataclass(frozen=True, slots=True)
class Row:
    """One input row: ``number`` counts from 1 without the header; ``error`` says why there is no question."""

    number: int
    question_id: str
    question: Question | None
    error: str | None


@dataclass(frozen=True, slots=True)
class QuestionFile:
    """A question file as read: one row per input row, in input order."""

    source: str
    rows: tuple[Row, ...]

    @property
    def questions(self) -> list[Question]:
        """The valid questions, in input order."""
        return [row.question for row in self.rows if row.question is not None]

    @property
    def invalid(self) -> list[Row]:
        """The rows that hold no usable question, in input order."""
        return [row for row in self.rows if row.question is None]

    def with_topic(self, topic: str) -> QuestionFile:
        """The same rows, every question on ``topic``."""
        given = ((topic, 1.0),)
        rows = (
            row if row.question is None else replace(row, question=replace(row.question, topics=given))
            for row in self.rows
        )
        return QuestionFile(self.source, tuple(rows))

    def first(self, n: int | None) -> QuestionFile:
        """The first ``n`` rows; all of them for None."""
        return self if n is None else QuestionFile(self.source, self.rows[:n])


def read_questions(
    path: str | Path, budget: Budget | None = None, reading: Reading = AS_IT_IS
) -> QuestionFile:
    """The questions in ``path`` (CSV, JSON lines, JSON, Parquet; or requests of a batch).

    ``budget`` holds for all questions; limits in a row override it one by one. A column that is not read
    but looks like one of ours is an :class:`~optiq.errors.OptiqWarning`.
    :class:`~optiq.errors.InputError` if the file cannot be read, has no column ``question``, or has a column
    that looks like a limit but is none.
    """
    if is_batch_input(path):
        return _requests_in(path, budget or Budget())
    frame = records_as_written(read_table(path), Path(path))
    return questions_in(frame, budget, str(path), reading)


def _requests_in(path: str | Path, budget: Budget) -> QuestionFile:
    """The requests of a batch as questions, each with what it wishes."""
    rows = []
    for number, (name, text, wishes, error) in enumerate(read_requests(path), start=1):
        question = None
        if error is None:
            question = Question(question_id=name, text=text, budget=budget, wishes=wishes)
        rows.append(Row(number, name, question, error))
    return QuestionFile(str(path), tuple(rows))


def questions_in(
    frame: pl.DataFrame,
    budget: Budget | None = None,
    source: str = "questions",
    reading: Reading = AS_IT_IS,
) -> QuestionFile:
    """The same for a frame with the columns of a question file; ``source`` names it in messages."""
    budget = budget or Budget()
    frame = renamed(frame, source, dict(reading.columns))
    if CHATS in frame.columns and "question" not in frame.columns and reading.template is None:
        frame = _conversations(frame, source)
    if reading.template is not None:
        frame = _templated(frame, source, reading.template)
    check_columns(frame, source, reading)
    budgets = _budgets(frame, budget)
    first_row: dict[str, int] = {}
    rows = []
    columns = _columns(frame, ASKED)
    names = row_names(columns[0])
    for number, (question_id, *cells) in enumerate(zip(names, *columns[1:], strict=True), start=1):
        question, error = None, None
        try:
            if question_id in first_row:
                raise InputError(
                    f"question_id {short(question_id)} is that of row {first_row[question_id]} too",
                    "Give each question its own id, or leave the column out.",
                )
            first_row[question_id] = number
            question = _question(question_id, cells, budgets(number - 1), reading)
        except InputError as fault:
            error = f"{source} row {number}: {fault}"
        rows.append(Row(number, question_id, question, error))
    if reading.reference_index is None and _counts_options(frame):
        warnings.warn(
            f"the references to options in {source} are whole numbers, read as labels or texts of options; if they "
            "count the options, add --reference-index 0 (or 1)",
            OptiqWarning,
            stacklevel=3,
        )
    if letter := _one_letter(rows):
        warnings.warn(
            f"the right option of every choice question in {source} is {letter}: models that like to say {letter} will "
            "look better than they are; mix the options of each row",
            OptiqWarning,
            stacklevel=3,
        )
    return QuestionFile(source, tuple(rows))


_ENOUGH_CHOICES = 10
"""Choice questions from which on the same letter is right in all of them by no chance."""


def _one_letter(rows: Sequence[Row]) -> str | None:
    """The letter of the right option, where that is the same in all choice questions: they were built so."""
    found = [
        row.question.reference
        for row in rows
        if row.question is not None
        and row.question.kind is Kind.CHOICE
        and row.question.reference is not None
    ]
    return found[0] if len(found) >= _ENOUGH_CHOICES and len(set(found)) == 1 else None


def _counts_options(frame: pl.DataFrame) -> bool:
    """Whether all references to options may be numbers that count them: no file says which it means."""
    found = False
    for value, reference in zip(*_columns(frame, ("options", "reference")), strict=True):
        if _blank(reference) or (options := labelled_options(value)) is None or not options.options:
            continue
        told = str(
            int(reference) if isinstance(reference, float) and reference.is_integer() else reference
        ).strip()
        if options.labels or not _SMALL_NUMBER.fullmatch(told) or int(told) > len(options.options):
            return False
        found = True
    return found


def renamed(frame: pl.DataFrame, source: str, columns: Mapping[str, str]) -> pl.DataFrame:
    """``frame`` with our names (keys) for the columns that the file calls otherwise (values).

    :class:`InputError` for a name that is none of ours, or no column of ``source``.
    """
    for ours, theirs in columns.items():
        if ours not in (*COLUMNS, CHATS):
            raise InputError(
                f"there is no column {ours!r} to read {theirs!r} as",
                f"Did you mean --column {theirs}={ours}?"
                if theirs in COLUMNS
                else f"Ours are {', '.join(COLUMNS)}.",
            )
    read = {ours: _names(frame.columns, ours, theirs) for ours, theirs in columns.items()}
    for ours, names in read.items():
        for name in names:
            if not has(frame.columns, name):
                raise InputError(
                    f"{source} has no column {name!r} to read as {ours!r}",
                    f"Its columns are {', '.join(map(repr, frame.columns)) or 'none'}.",
                )
    taken = {name for names in read.values() for name in names}
    left = [name for name in frame.columns if name not in columns and name not in taken]
    return pl.DataFrame([*frame.select(left), *(_column(frame, ours, names) for ours, names in read.items())])


def _names(columns: Collection[str], ours: str, theirs: str) -> list[str]:
    """The columns of the file that are read as ``ours``: of options there may be several."""
    several = ours == "options" and theirs not in columns
    return [name.strip() for name in theirs.split(",")] if several else [theirs]


def named_in(reading: Reading, columns: Collection[str]) -> list[str]:
    """Those of the ``columns`` of a file, or parts of them, that ``reading`` names, and names of none."""
    renamed = [name for ours, theirs in reading.columns for name in _names(columns, ours, theirs)]
    return [*renamed, *places_in(reading.template or "", columns)]


def _column(frame: pl.DataFrame, ours: str, names: Sequence[str]) -> pl.Series:
    """A column, or several that hold one option each, as records of them by what tells their names apart."""
    found = [series_of(frame, name) for name in names]
    if len(names) == 1:
        return found[0].alias(ours)
    common = next((n for n, letters in enumerate(zip(*names, strict=False)) if len(set(letters)) > 1), 0)
    parts = [one.alias(name[common:] or name) for name, one in zip(names, found, strict=True)]
    return pl.DataFrame(parts).to_struct(ours)


def places_in(template: str, columns: Collection[str]) -> list[str]:
    """The columns, or parts of ``columns``, that a template names; dots in other braces are text."""
    return [name for name in _PLACE.findall(template) if "." not in name or has(columns, name)]


def _templated(frame: pl.DataFrame, source: str, template: str) -> pl.DataFrame:
    """``frame`` with the questions that ``template`` makes of its rows; empty where a cell that it needs is.

    A row that has a question of its own needs nothing else: a passage for it may be missing.
    """
    names = places_in(template, frame.columns)
    for name in names:
        if not has(frame.columns, name):
            raise InputError(
                f"the template names {name!r}, but {source} has no such column",
                f"Its columns are {', '.join(map(repr, frame.columns)) or 'none'}; write {{{{{name}}}}} for braces.",
            )
    if not names:
        raise InputError(
            "the template names no column, so that every row would be asked the same",
            f"Put a column into braces, such as {{text}}; those of {source} are "
            f"{', '.join(map(repr, frame.columns)) or 'none'}.",
        )
    texts = _texts_between(template, names)
    questions = []
    for row in zip(*(series_of(frame, name).to_list() for name in names), strict=True):
        said = [_cell_text(value) for value in row]
        whole = "".join(part for pair in zip(texts, [*said, ""], strict=True) for part in pair)
        stands = said[names.index("question")] if "question" in names else all(said)
        questions.append(whole if stands else "")
    return frame.with_columns(pl.Series("question", questions, dtype=pl.String))


def _texts_between(template: str, names: Sequence[str]) -> list[str]:
    """The texts before, between and after the places of ``names`` in a template, which come in this order."""
    texts = [""]
    wanted = iter([*names, None])
    name = next(wanted)
    for place, part in enumerate(_PLACE.split(template)):  # text, name, text, name, …
        if place % 2 and part == name:
            texts.append("")
            name = next(wanted)
        else:
            texts[-1] += f"{{{part}}}" if place % 2 else part.replace("{{", "{").replace("}}", "}")
    return texts


def _conversations(frame: pl.DataFrame, source: str) -> pl.DataFrame:
    """``frame`` with the chats of its column ``messages`` as questions, and the answers that they end with as
    references, if it has none: what a model is to say is no part of what it is asked.
    """
    chats = [chat_in(value) for value in frame[CHATS].to_list()]
    frame = frame.with_columns(pl.Series("question", [chat.asked for chat in chats], dtype=pl.String))
    answers = [chat.answer for chat in chats]
    if "reference" in frame.columns or not any(answers):
        return frame
    warnings.warn(
        f"{sum(map(bool, answers))} of {len(answers)} chats in {source} end with an answer, which is not asked but "
        "read as 'reference'",
        OptiqWarning,
        stacklevel=4,
    )
    return frame.with_columns(pl.Series("reference", answers, dtype=pl.String))


def _cell_text(value: Any) -> str:
    """A cell as it stands in a prompt; lists and records as JSON."""
    return json.dumps(value, ensure_ascii=False) if isinstance(value, list | dict) else text_in(value, "cell")


def _columns(frame: pl.DataFrame, names: Sequence[str]) -> list[list[Any]]:
    """The cells of each column; all missing where the frame has none of that name."""
    return [frame[name].to_list() if name in frame.columns else [None] * frame.height for name in names]


def _budgets(frame: pl.DataFrame, budget: Budget) -> Callable[[int], Budget]:
    """Row index → ``budget`` with the limits of the row in it. Rows with the same limits share one object."""
    names = [name for name in LIMITS if name in frame.columns]
    nested = [name for name in names if frame.schema[name].is_nested()]
    cells = _columns(frame.with_columns(pl.Series(name, map(str, frame[name])) for name in nested), names)
    rows = list(zip(*cells, strict=True)) or [()] * frame.height

    common = asdict(budget)

    @cache
    def overridden(limits: tuple[Any, ...]) -> Budget:
        given = {name: value for name, value in zip(names, limits, strict=True) if not _blank(value)}
        return Budget(**{**common, **given}) if given else budget

    return lambda index: overridden(rows[index])


def _blank(value: Any) -> bool:
    return value is None or (isinstance(value, str) and not value.strip())


def _question(question_id: str, cells: Sequence[Any], budget: Budget, reading: Reading) -> Question:
    """``cells`` in the order of ``ASKED`` without the id."""
    question, topic, options, kind, form, reference, schema = cells
    asked = text_in(question, "question")
    if not asked:
        raise InputError("the question is empty", "Write a question, or delete the row.")
    choices, labels = options_and_labels_in(options)
    if choices:
        reference = in_letters(reference, labels, reading.reference_index, len(choices))
    said = text_in(kind, "kind").lower(), text_in(form, "form").lower()
    if all(said) and said[0] != said[1] and set(said) != {"open", "short"}:
        raise InputError(f"kind is {said[0]} and form is {said[1]}", "Give one of the two, or the same.")
    name = said[0] or said[1] or ("" if choices else reading.form or "")
    inferred = kind_in(name, asked, choices, reference)
    if looks_like_schema(schema) and not name and not choices:
        inferred = Kind.JSON
    return Question(
        question_id=question_id,
        text=asked,
        topics=topics_in(topic),
        options=choices,
        kind=inferred,
        reference=reference_in(reference, choices, inferred),
        budget=budget,
        # A column of that name may hold something else, such as the tables of a database.
        schema=schema_in(schema) if inferred is Kind.JSON else None,
    )
