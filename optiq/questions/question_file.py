"""Question files: one question a row, each row either a :class:`~optiq.questions.question.Question` or why it is none.

A fault in one row costs that row only; a file that cannot be understood at all is refused.
"""

from __future__ import annotations

import json
import re
import shlex
import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from functools import cache
from pathlib import Path
from string import ascii_lowercase, digits
from typing import Any

import polars as pl

from optiq.errors import InputError, OptiqWarning
from optiq.files.tables import read_table, records_as_written
from optiq.formats.batch_requests import is_batch_input, read_requests
from optiq.questions.metric import LIMITS, METRICS
from optiq.questions.option_cells import in_letters, labelled_options
from optiq.questions.question import Budget, Kind, Question
from optiq.questions.question_cells import (
    conversation_in,
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
from optiq.questions.reading import AS_IT_IS, Reading

_ASKED = ("question_id", "question", "topic", "options", "kind", "form", "reference", "schema")
COLUMNS = (*_ASKED, *LIMITS)

_OFTEN = {
    "question": (
        "prompt",
        "input",
        "query",
        "text",
        "problem",
        "instruction",
        "questions",
        "question_text",
        "goal",
        "ctx",
        "statement",
        "sentence",
    ),
    "options": ("choices", "alternatives", "candidates", "endings"),
    "reference": (
        "answer",
        "answers",
        "gold",
        "target",
        "label",
        "expected",
        "ground_truth",
        "solution",
        "correct",
        "references",
        "answerkey",
        "answer_key",
        "answer_idx",
        "answer_index",
        "correct_answer",
        "correct_option",
        "correct_idx",
        "cop",
        "gold_answer",
    ),
    "topic": ("category", "subject", "subject_name", "domain", "topics", "tag"),
    "question_id": ("id", "qid", "uid", "idx"),
}
"""What other files call our columns, the likeliest first."""

_READ_BESIDE = ("context", "passage", "paragraph", "article", "document", "story")
"""What other files call a text that the question is about."""

_ONE_OPTION = re.compile(
    r"(?P<stem>(?:op|opt|option|choice|answer|ending|candidate)s?[ _-]?|)(?P<label>[a-z]|\d)", re.I
)
"""What other files call columns of one option each."""

_SMALL_NUMBER = re.compile(r"[0-9]{1,2}")

_PLACE = re.compile(r"(?<!\{)\{(\w+)\}(?!\})")

_LOOKS_LIKE_A_LIMIT = re.compile(
    f"(max|min)_?(price|usd|time|quality|{'|'.join(f'{m.word}|{m.noun}' for m in METRICS)})", re.I
)


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
    if "messages" in frame.columns and "question" not in frame.columns and reading.template is None:
        frame = _conversations(frame)
    if reading.template is not None:
        frame = _templated(frame, source, reading.template)
    _check_columns(frame.columns, source, reading)
    budgets = _budgets(frame, budget)
    first_row: dict[str, int] = {}
    rows = []
    columns = _columns(frame, _ASKED)
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
    return QuestionFile(source, tuple(rows))


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
        if ours not in COLUMNS:
            raise InputError(
                f"there is no column {ours!r} to read {theirs!r} as",
                f"Did you mean --column {theirs}={ours}?"
                if theirs in COLUMNS
                else f"Ours are {', '.join(COLUMNS)}.",
            )
    read = {ours: _names(frame, ours, theirs) for ours, theirs in columns.items()}
    for ours, names in read.items():
        for name in names:
            if name not in frame.columns:
                raise InputError(
                    f"{source} has no column {name!r} to read as {ours!r}",
                    f"Its columns are {', '.join(map(repr, frame.columns)) or 'none'}.",
                )
    taken = {name for names in read.values() for name in names}
    left = [name for name in frame.columns if name not in columns and name not in taken]
    return frame.select(*left, *(_column(names).alias(ours) for ours, names in read.items()))


def _names(frame: pl.DataFrame, ours: str, theirs: str) -> list[str]:
    """The columns of the file that are read as ``ours``: of options there may be several."""
    several = ours == "options" and theirs not in frame.columns
    return [name.strip() for name in theirs.split(",")] if several else [theirs]


def _column(names: Sequence[str]) -> pl.Expr:
    """A column, or several that hold one option each, as records of them by what tells their names apart."""
    if len(names) == 1:
        return pl.col(names[0])
    common = next((n for n, letters in enumerate(zip(*names, strict=False)) if len(set(letters)) > 1), 0)
    return pl.struct(pl.col(name).alias(name[common:] or name) for name in names)


def places_in(template: str) -> list[str]:
    """The columns that a template names."""
    return _PLACE.findall(template)


def _templated(frame: pl.DataFrame, source: str, template: str) -> pl.DataFrame:
    """``frame`` with the questions that ``template`` makes of its rows; empty where a cell that it needs is."""
    parts = _PLACE.split(template)  # text, name, text, name, …
    names = parts[1::2]
    for name in names:
        if name not in frame.columns:
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
    texts = [text.replace("{{", "{").replace("}}", "}") for text in parts[::2]]
    cells = _columns(frame, names)
    questions = []
    for row in zip(*cells, strict=True):
        said = [_cell_text(value) for value in row]
        whole = "".join(part for pair in zip(texts, [*said, ""], strict=True) for part in pair)
        questions.append(whole if all(said) else "")
    return frame.with_columns(pl.Series("question", questions, dtype=pl.String))


def _conversations(frame: pl.DataFrame) -> pl.DataFrame:
    """``frame`` with the chats of its column ``messages`` as questions."""
    texts = [conversation_in(value) for value in frame["messages"].to_list()]
    return frame.with_columns(pl.Series("question", texts, dtype=pl.String))


def _cell_text(value: Any) -> str:
    """A cell as it stands in a prompt; lists and records as JSON."""
    return json.dumps(value, ensure_ascii=False) if isinstance(value, list | dict) else text_in(value, "cell")


def _check_columns(columns: Sequence[str], source: str, reading: Reading) -> None:
    by_name = {name.strip().lower(): name for name in columns}
    found = {
        ours: next(by_name[name] for name in (ours, *often) if name in by_name)
        for ours, often in _OFTEN.items()
        if not by_name.keys().isdisjoint((ours, *often))
    }
    if "question" not in columns:
        other = (
            f" Or read {found['question']!r}: --column question={found['question']}"
            if "question" in found
            else ""
        )
        raise InputError(
            f"{source} has no column 'question'; its columns are {', '.join(map(repr, columns)) or 'none'}",
            f"Name the column that holds the questions 'question'; separate columns with commas.{other}",
        )
    if "options" not in columns and (several := _columns_of_options(columns)):
        found["options"] = ",".join(several)
    for ours, name in found.items():
        if ours not in columns and name not in COLUMNS:
            what = (
                f"the columns {name} of {source} are"
                if "," in name
                else f"the column {name!r} of {source} is"
            )
            flag = shlex.quote(f"{ours}={name}")
            holds = "they hold" if "," in name else "it holds"
            warnings.warn(
                f"{what} not read; if {holds} what we call {ours!r}, add --column {flag}",
                OptiqWarning,
                stacklevel=4,
            )
    if reading.template is None and (beside := [name for name in columns if name.lower() in _READ_BESIDE]):
        template = shlex.quote(f"{{{beside[0]}}} {{question}}")
        warnings.warn(
            f"the column {beside[0]!r} of {source} is not read; if questions are about it, add --template {template}",
            OptiqWarning,
            stacklevel=4,
        )
    for name in columns:
        # A limit that is read past would be money spent against the user's will.
        if name not in LIMITS and _LOOKS_LIKE_A_LIMIT.match(name):
            raise InputError(
                f"{source} has a column {name!r}, which is no limit",
                f"Limits are {', '.join(LIMITS)}: rename or drop it.",
            )


def _columns_of_options(columns: Sequence[str]) -> list[str]:
    """The columns that may hold an option each: three or more whose labels follow on each other, from the first one."""
    stems: dict[str, list[tuple[str, str]]] = {}
    for name in columns:
        if told := _ONE_OPTION.fullmatch(name.strip()):
            stems.setdefault(told["stem"].lower(), []).append((told["label"].lower(), name))
    for found in stems.values():
        labels = "".join(label for label, _ in found)
        if len(labels) > 2 and any(
            every.startswith(labels) for every in (ascii_lowercase, digits, digits[1:])
        ):
            return [name for _, name in found]
    return []


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
    """``cells`` in the order of ``_ASKED`` without the id."""
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
