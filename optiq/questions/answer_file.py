"""Answers files: one row per row of the question file, in its order, always."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from string import ascii_uppercase
from typing import Any

import polars as pl
import polars.selectors as cs

from optiq.files.tables import write_pieces
from optiq.questions.metric import METRIC_NAMES
from optiq.questions.question import Question
from optiq.questions.question_file import Row

STATUSES = ("answered", "infeasible", "failed", "invalid")

ANSWER_SCHEMA: dict[str, pl.DataType] = {
    "question_id": pl.String(),
    "status": pl.String(),
    "answer": pl.String(),
    "plan": pl.String(),
    "plan_key": pl.String(),
    "topics": pl.List(pl.Struct({"topic": pl.String(), "weight": pl.Float64()})),
    **{f"predicted_{name}": pl.Float64() for name in METRIC_NAMES},
    **{f"observed_{name}": pl.Float64() for name in METRIC_NAMES},
    "confidence": pl.Float64(),
    "confidence_low": pl.Float64(),
    "confidence_high": pl.Float64(),
    "ask_person": pl.Boolean(),
    "snapshot_id": pl.String(),
    "run_id": pl.String(),
    "error": pl.String(),
}


def answers_frame(rows: Iterable[Mapping[str, Any]]) -> pl.DataFrame:
    """``rows`` as a frame with exactly the columns of ``ANSWER_SCHEMA``, in the order given.

    What a row leaves out is null, and so is NaN. ``topics`` are (topic, weight) pairs, as a question holds
    them, or records. Raises ``ValueError`` for an unknown column or status: that is a bug, not bad input.
    """
    columns: dict[str, list[Any]] = {name: [] for name in ANSWER_SCHEMA}
    for row in rows:
        if row.get("status") not in STATUSES or not columns.keys() >= row.keys():
            raise ValueError(f"not a row of an answers file: {dict(row)!r}")
        for name, values in columns.items():
            values.append(_topics(row.get(name)) if name == "topics" else row.get(name))
    return pl.DataFrame(columns, schema=ANSWER_SCHEMA, strict=True).with_columns(cs.float().fill_nan(None))


def write_answers(
    frame: pl.DataFrame,
    path: str | Path,
    rows: Sequence[Row] | None = None,
    given: pl.DataFrame | None = None,
) -> None:
    """Write answers by suffix, atomically; in CSV the topics are JSON. With ``rows`` :func:`with_questions`."""
    answers = frame.select(pl.col(name).cast(dtype) for name, dtype in ANSWER_SCHEMA.items())
    write_pieces([answers] if rows is None else _pieces_with_questions(answers, rows, given), path)


_AT_ONCE = 10_000


def _pieces_with_questions(
    answers: pl.DataFrame, rows: Sequence[Row], given: pl.DataFrame | None
) -> Iterator[pl.DataFrame]:
    """What was asked is in memory already: of a large run it is copied some rows at a time."""
    if given is not None and given.height < answers.height:
        given = None
    for first in range(0, max(answers.height, 1), _AT_ONCE):
        beside = None if given is None else given.slice(first, _AT_ONCE)
        yield with_questions(answers.slice(first, _AT_ONCE), rows[first : first + _AT_ONCE], beside)


def answer_text(answer: str | None, question: Question) -> str | None:
    """An answer as people read it: the texts behind option letters, anything else as it is."""
    if answer is None or not question.options:
        return answer
    texts = dict(zip(ascii_uppercase, question.options, strict=False))
    chosen = [texts.get(letter.strip()) for letter in answer.split(",")]
    return ", ".join(text for text in chosen if text) if all(chosen) else answer


ASKED = ("question", "options", "reference", "answer_text")
"""What an answers file says of the questions, if it does."""
_JSON_LAST = ("topics", "plan")


def columns_of_others(names: Iterable[str]) -> list[str]:
    """Those columns of a question file that an answers file keeps as they are: it has none of these names."""
    return [name for name in names if name not in ANSWER_SCHEMA and name not in ASKED]


def with_questions(frame: pl.DataFrame, rows: Sequence[Row], given: pl.DataFrame | None) -> pl.DataFrame:
    """``frame`` of answers to ``rows`` with what was asked, as a person reads it; JSON comes last.

    ``options`` are text, ``answer_text`` is the answer in words; of ``given``, the question file, the columns that
    have another name are kept.
    """
    columns: dict[str, list[str | None]] = {name: [] for name in ASKED}
    for row, answer in zip(rows, frame["answer"], strict=True):
        question = row.question
        options = () if question is None else question.options
        columns["question"].append(None if question is None else question.text)
        listed = "\n".join(
            f"{letter}) {text}" for letter, text in zip(ascii_uppercase, options, strict=False)
        )
        columns["options"].append(listed or None)
        columns["reference"].append(None if question is None else question.reference)
        columns["answer_text"].append(answer if question is None else answer_text(answer, question))
    asked = [pl.Series(name, values, dtype=pl.String) for name, values in columns.items()]
    kept = []
    if given is not None:
        kept = list(given.head(frame.height).select(columns_of_others(given.columns)))
    last = [name for name in _JSON_LAST if name in frame.columns]
    whole = frame.hstack([*asked, *kept])
    first = ["question_id", "question", "options", "reference", "answer", "answer_text"]
    own = [name for name in frame.columns if name not in (*first, *last)]
    return whole.select(*first, *own, *(column.name for column in kept), *last)


def _topics(value: Any) -> list[dict[str, Any]] | None:
    if value is None:
        return None
    return [
        dict(item) if isinstance(item, Mapping) else {"topic": item[0], "weight": item[1]} for item in value
    ]
