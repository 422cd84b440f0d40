"""Labelled examples: rows as they are, and what planning needs to know of them.

An agent gets the row without its reference, or one field of it; a metric gets what the agent made, what was expected,
and the whole row. References and contexts keep their structure: JSON stays JSON, objects stay objects.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import polars as pl

from optiq.errors import InputError
from optiq.files.tables import read_records
from optiq.formats.batch_requests import is_batch_input
from optiq.questions.parts import has, part_of, place_of
from optiq.questions.question import Kind, Question
from optiq.questions.question_cells import row_names, text_in
from optiq.questions.question_file import named_in, questions_in, read_questions
from optiq.questions.reading import AS_IT_IS, COLUMNS, Reading

REFERENCE = "reference"
_LIMIT_FREE = tuple(name for name in COLUMNS if not name.startswith(("max_", "min_")))
_ADDRESS = re.compile(r" at 0x[0-9a-f]+")


@dataclass(frozen=True)
class Example:
    """One example. ``question`` is what it is to planning and traces; ``given`` is what an agent gets.

    ``expected`` is the reference as it stands in the ``row``. ``is_question``: the row has all that a plan needs.
    """

    question: Question
    row: Mapping[str, Any]
    given: Any
    expected: Any
    is_question: bool = True

    @cached_property
    def content(self) -> str:
        """What tells it from other examples, as text: the same in every process."""
        question = self.question
        asked = [question.text, question.options, question.reference, question.kind.value]
        return as_text([asked, self.given, self.expected, dict(self.row)])


@dataclass(frozen=True)
class Examples:
    """``set_aside`` says of each row that is no example why."""

    kept: tuple[Example, ...]
    set_aside: tuple[str, ...] = field(default=())


Data = str | Path | pl.DataFrame | Examples | Sequence[Question | Mapping[str, Any] | tuple[Any, Any]]


def read_examples(
    data: Data,
    reading: Reading = AS_IT_IS,
    agent_field: str | None = None,
    *,
    needs_reference: bool = True,
    as_questions: bool = True,
) -> Examples:
    """The examples in a file, a frame, or a list of rows, of (input, expected) pairs, or of questions.

    Parameters
    ----------
    reading
        What the columns of rows are called: :class:`~optiq.questions.reading.Reading`.
    agent_field
        The column that an agent gets; None: the row without its reference.
    needs_reference
        Rows without one are set aside.
    as_questions
        Rows are set aside that have a column ``question`` but are no question; else they are examples all the same.

    Raises
    ------
    InputError
        if nothing can be read, there is no such column, or no row is an example.
    """
    if isinstance(data, Examples):
        return data
    source = str(data) if isinstance(data, str | Path) else "the data"
    if isinstance(data, str | Path) and is_batch_input(data):
        data = read_questions(data).questions
    items: list[Any]
    if isinstance(data, str | Path):
        items = read_records(data)
    else:
        items = data.to_dicts() if isinstance(data, pl.DataFrame) else list(data)
    rows: list[dict[str, Any]] = []
    found: list[Example] = []
    faults: list[str] = []
    for item in items:
        if isinstance(item, Question):
            row = {"question": item.text, REFERENCE: item.reference}
            found.append(Example(item, row, _standard(item), item.reference))
        elif isinstance(item, Mapping):
            rows.append(dict(item))
        elif isinstance(item, Sequence) and not isinstance(item, str) and len(item) == 2:
            found.append(_of_pair(len(found) + 1, *item))
        else:
            raise InputError(
                f"{source}: an example is {type(item).__name__}, neither a row nor (input, expected)",
                "Give rows (dict), pairs, or a file.",
            )
    if rows:
        more, faults = _of_rows(rows, source, reading, agent_field, as_questions)
        found += more
    if needs_reference:
        faults += [f"{e.question.question_id}: no reference" for e in found if e.expected is None]
        found = [example for example in found if example.expected is not None]
    if not found:
        why = f"; {faults[0]}" if faults else ""
        raise InputError(
            f"{source} has no example with a reference answer{why}",
            "Fill the column `reference`, or name yours: --column reference=NAME.",
        )
    return Examples(tuple(found), tuple(faults))


def _of_pair(number: int, given: Any, expected: Any) -> Example:
    row = dict(given) if isinstance(given, Mapping) else {"input": given}
    row[REFERENCE] = expected
    text = as_text(given)
    reference = None if expected is None else as_text(expected)
    question = Question(str(number), text or f"example {number}", reference=reference)
    return Example(question, row, given, expected)


def _cell_of(row: Mapping[str, Any], name: str) -> Any:
    """The cell of a column, or that part of one."""
    column, path = place_of(row, name)
    return part_of(row.get(column), path)


def _of_rows(
    rows: list[dict[str, Any]], source: str, reading: Reading, agent_field: str | None, as_questions: bool
) -> tuple[list[Example], list[str]]:
    """Examples, and why rows are none."""
    columns = dict.fromkeys(name for row in rows for name in row)
    theirs = dict(reading.columns)
    named = named_in(reading, columns)
    if wrong := [
        name for name in (*named, *([agent_field] if agent_field else ())) if not has(columns, name)
    ]:
        raise InputError(
            f"{source} has no column {wrong[0]!r}", f"Its columns are {', '.join(map(repr, columns))}."
        )
    reference = theirs.get(REFERENCE, REFERENCE)
    asks = "question" in columns or "question" in theirs or reading.template is not None
    heads = {place_of(columns, name)[0] for name in named}
    wanted = [name for name in columns if name in _LIMIT_FREE or name in heads]
    names = row_names([row.get(theirs.get("question_id", "question_id")) for row in rows])
    questions: list[Question | None] = [None] * len(rows)
    faults: list[str | None] = [None] * len(rows)
    if asks:
        frame = pl.DataFrame(
            {name: [_cell(row.get(name)) for row in rows] for name in wanted},
            schema=dict.fromkeys(wanted, pl.String),
        )
        for place, one in enumerate(questions_in(frame, None, source, reading).rows):
            questions[place], faults[place] = one.question, one.error
    found, said = [], []
    for number, (row, asked, fault) in enumerate(zip(rows, questions, faults, strict=True), start=1):
        rest = {key: value for key, value in row.items() if key != reference}
        expected = _cell_of(row, reference)
        if isinstance(expected, str) and not expected.strip():
            expected = None
        if fault is not None and as_questions:
            said.append(fault)
            continue
        name = f"row {number}" if fault is not None else names[number - 1]
        text = None if expected is None else as_text(expected)
        question = asked or Question(name, as_text(rest), reference=text, kind=Kind.OPEN)
        given: Any = _standard(asked, rest) if asked is not None else rest
        if agent_field is not None:
            given = _cell_of(row, agent_field)
        found.append(Example(question, row, given, expected, asked is not None))
    return found, said


def _standard(question: Question, row: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """What an agent gets of a question: its row, with the cells of a question file read; never the reference."""
    read = {
        "question_id": question.question_id,
        "question": question.text,
        "options": list(question.options),
        "kind": question.kind.value,
        "topics": [name for name, _ in question.topics],
    }
    kept = {name: value for name, value in (row or {}).items() if name not in read or _has_structure(value)}
    return {**read, **kept}


def _has_structure(value: Any) -> bool:
    return value is not None and not isinstance(value, str)


def _cell(value: Any) -> str | None:
    """A value as a cell of text; structures as JSON."""
    return None if value is None else as_text(value)


def as_text(value: Any) -> str:
    """Any value as text that says the same in every process: JSON where it can be, without addresses."""
    if isinstance(value, str):
        return value
    if value is None or isinstance(value, int | float | bytes):
        try:
            return text_in(value, "value")
        except InputError:  # bytes that are no text
            return hashlib.sha256(value if isinstance(value, bytes) else b"").hexdigest()
    try:
        return json.dumps(value, ensure_ascii=False, default=_described)
    except (TypeError, ValueError, RecursionError):  # keys that are no text, circles
        return _described(value)


def _described(value: Any) -> str:
    try:
        return _ADDRESS.sub("", repr(value))
    except Exception:  # whatever the user's class does
        return type(value).__qualname__
