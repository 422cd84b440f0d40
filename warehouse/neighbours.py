"""Past questions in PerfDB: read at a refresh from what is new, published with vectors, tuned strengths and looks."""

from __future__ import annotations

import warnings
from dataclasses import astuple, fields
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import polars as pl

import sql
from optiq.errors import OptiqWarning
from optiq.estimation.estimator import make_estimator
from optiq.estimation.looks import Looks, Slopes
from optiq.estimation.neighbours import Strengths
from optiq.estimation.past_questions import ANYTHING, PastQuestions, seen, tuned
from optiq.questions.metric import RESOURCE_NAMES
from optiq.text.word_vectors import NAME, available
from warehouse.connection import explained, reading
from warehouse.statistics import load_singles

MOST = 10_000
"""Past questions that are kept, the latest: more make plans slower and hardly better."""

FEWEST = 50
"""Judged questions from which on neighbours are tuned: fewer say nothing that luck would not."""

WORTH_TUNING = 0.05
"""Share of new answers from which on neighbours are tuned again."""


def recompute_neighbours(connection: duckdb.DuckDBPyConnection) -> bool:
    """Bring past questions up to date with what was merged; says whether anything was new."""
    (read_up_to, last) = connection.execute(
        "select (select ingestion from past_questions_basis), coalesce(max(ingestion), 0) from ingested_files"
    ).fetchall()[0]
    if last == read_up_to:
        return False
    connection.execute("set variable past_ingestion = $from", {"from": read_up_to})
    connection.execute("set variable most_past_questions = $most", {"most": MOST})
    tables = connection.execute("select table_name from duckdb_tables() where temporary").fetchall()
    new = _merged(connection, "neighbours/rescored") if ("rescored",) in tables else False
    new = _merged(connection, "neighbours/new_answers") or new
    connection.execute("update past_questions_basis set ingestion = $last", {"last": last})
    if new and available():
        _embed(connection)
        past = _published(connection)
        _tune(connection, past)
        _learn_looks(connection, past)
    return new


def _merged(connection: duckdb.DuckDBPyConnection, name: str) -> bool:
    connection.execute(sql.read(name))
    new = bool(connection.execute("select exists (from new_answers)").fetchall()[0][0])
    if new:
        connection.execute(sql.read("neighbours/merge"))
    connection.execute("drop table new_answers; drop table new_questions")
    return new


def _embed(connection: duckdb.DuckDBPyConnection) -> None:
    """Vectors for questions that have none, or one of another embedding; none while there are few questions."""
    if connection.execute("select count(*) from past_questions").fetchall()[0][0] < FEWEST:
        return
    rows = connection.execute(
        "select question_key, task, question from past_questions where embedding is distinct from $name "
        "order by question_key, task",
        {"name": NAME},
    ).fetchall()
    if not rows:
        return
    vectors = [row.tobytes() for row in seen([text for _, _, text in rows])]
    schema = {"question_key": pl.UInt64, "task": pl.String, "vector": pl.Binary}
    frame = pl.DataFrame(
        [(key, task, vector) for (key, task, _), vector in zip(rows, vectors, strict=True)],
        schema=schema,
        orient="row",
    )
    connection.register("new_vectors", frame.to_arrow())
    connection.execute(
        "update past_questions set vector = new_vectors.vector, embedding = $name from new_vectors "
        "where past_questions.question_key = new_vectors.question_key and past_questions.task = new_vectors.task",
        {"name": NAME},
    )
    connection.unregister("new_vectors")


def _tune(connection: duckdb.DuckDBPyConnection, past: PastQuestions | None) -> None:
    """Tune how much neighbours are heard, if the answers have changed enough since it was done."""
    n_questions = 0 if past is None else len(past.texts)
    n_answers = 0 if past is None else int((~np.isnan(past.qoa)).sum())
    before = connection.execute("select embedding, n_answers from neighbour_strengths").fetchall()
    if past is None or n_questions < FEWEST:
        connection.execute("delete from neighbour_strengths")
        return
    if before and before[0][0] == NAME and abs(n_answers - before[0][1]) <= WORTH_TUNING * n_answers:
        return
    strengths, share = tuned(past, make_estimator("shrunk", load_singles(connection)))
    connection.execute("delete from neighbour_strengths")
    connection.execute(
        "insert into neighbour_strengths values (?, ?, ?, ?, ?, ?, ?)",
        [
            NAME,
            strengths.n,
            *(None if np.isinf(x) else x for x in (strengths.difficulty, strengths.preference)),
            share,
            n_questions,
            n_answers,
        ],
    )


def _learn_looks(connection: duckdb.DuckDBPyConnection, past: PastQuestions | None) -> None:
    """What the looks of questions say of their costs, learned anew: it takes a fraction of a second."""
    connection.execute("delete from question_looks")
    looks = None if past is None else past.looks(load_singles(connection))
    for one in () if looks is None else looks.found:
        connection.execute("insert into question_looks values (?, ?, ?, ?, ?, ?, ?, ?)", list(astuple(one)))


def load_looks(perfdb: str | Path) -> Looks | None:
    """What the looks of questions say of their costs; None where that is nothing."""
    perfdb = Path(perfdb)
    with reading(perfdb) as connection, explained(perfdb):
        names = [field.name for field in fields(Slopes)]
        rows = connection.table("question_looks").select(*names).order("task, metric").fetchall()
    found = []
    for row in rows:
        values: list[Any] = [tuple(value) if isinstance(value, list) else value for value in row]
        found.append(Slopes(*values))
    return Looks(found) if found else None


def load_past_questions(perfdb: str | Path) -> PastQuestions | None:
    """The published past questions; None where neighbours say nothing, which costs one look to find out.

    Warns (:class:`~optiq.errors.OptiqWarning`) if the vectors are of another embedding than the one that is installed.
    """
    perfdb = Path(perfdb)
    with reading(perfdb) as connection, explained(perfdb):
        rows = connection.execute(
            "select embedding, n_neighbours, coalesce(difficulty, 'inf'), coalesce(preference, 'inf') "
            "from neighbour_strengths"
        ).fetchall()
        if not rows:
            return None
        name, *numbers = rows[0]
        strengths = Strengths(*numbers)
        if np.isinf(strengths.difficulty) and np.isinf(strengths.preference):
            return None
        if name != NAME or not available():
            why = "is not installed" if name == NAME else f"differs from the installed one, {NAME!r}"
            warnings.warn(
                f"past questions are not asked: their embedding, {name!r}, {why}", OptiqWarning, stacklevel=2
            )
            return None
        return _published(connection, strengths)


def _published(
    connection: duckdb.DuckDBPyConnection, strengths: Strengths | None = None
) -> PastQuestions | None:
    """The questions whose vectors are of the installed embedding; None if there are none."""
    questions: list[tuple[Any, ...]] = connection.execute(
        "select question_key, task, question, topics, vector from past_questions "
        "where embedding = $name order by question_key, task",
        {"name": NAME},
    ).fetchall()
    answers = connection.execute(sql.read("neighbours/published")).fetchall()
    models = sorted({model for _, _, model, *_ in answers})
    if not questions or not models:
        return None
    row_of = {(key, task): row for row, (key, task, *_) in enumerate(questions)}
    column = {model: number for number, model in enumerate(models)}
    qoa = np.full((len(questions), len(models)), np.nan)
    spent = np.full((*qoa.shape, len(RESOURCE_NAMES)), np.nan)
    for key, task, model, mean, *logs in answers:
        if (key, task) in row_of:
            cell = row_of[key, task], column[model]
            qoa[cell] = min(max(mean, 0.0), 1.0)
            spent[cell] = [np.nan if value is None else value for value in logs]
    judged = np.flatnonzero((~np.isnan(qoa)).any(axis=1))
    if not len(judged):
        return None
    kept = [questions[row] for row in judged.tolist()]
    return PastQuestions(
        texts=tuple(text for _, _, text, _, _ in kept),
        vectors=np.frombuffer(b"".join(vector for *_, vector in kept), dtype=np.float16).reshape(
            len(kept), -1
        ),
        topics=tuple(_topics(topics) for _, _, _, topics, _ in kept),
        tasks=tuple(task for _, task, *_ in kept),
        models=tuple(models),
        qoa=qoa[judged],
        strengths=strengths,
        spent=spent[judged],
    )


def _topics(given: list[dict[str, Any]]) -> tuple[tuple[str, float], ...]:
    found = tuple((item["topic"], float(item["weight"] or 0.0)) for item in given if item["topic"])
    return found if any(weight > 0 for _, weight in found) else ANYTHING
