"""Past questions in PerfDB: read at a refresh from what is new, published with vectors, tuned strengths and looks."""

from __future__ import annotations

import math
import warnings
from dataclasses import astuple, fields, replace
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
from numpy.typing import NDArray

import sql
from optiq.errors import OptiqWarning
from optiq.estimation.estimator import make_estimator
from optiq.estimation.likeness import Scale
from optiq.estimation.looks import Looks, Slopes
from optiq.estimation.neighbours import Strength, Strengths
from optiq.estimation.past_questions import ANYTHING, PastQuestions, Votes, learn, seen
from optiq.estimation.reliability import Reliability
from optiq.questions.metric import RESOURCE_NAMES
from optiq.text.word_vectors import NAME, available, rarity_of
from warehouse.connection import explained, reading
from warehouse.rows import temp_table
from warehouse.statistics import load_singles

MOST = 10_000
"""Past questions that are kept, the latest: more make learning slower and plans hardly better."""

FEWEST = 50
"""Judged questions from which on it is learned from them: fewer say nothing that luck would not."""

WORTH_LEARNING = 0.05
"""Share of new answers from which on it is learned again, from all of them."""


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
    if new and available() and _see(connection):
        _learn_looks(connection, _published(connection))
    return new


def _merged(connection: duckdb.DuckDBPyConnection, name: str) -> bool:
    connection.execute(sql.read(name))
    new = bool(connection.execute("select exists (from new_answers)").fetchall()[0][0])
    if new:
        connection.execute(sql.read("neighbours/merge"))
    connection.execute("drop table new_answers; drop table new_questions")
    return new


def _see(connection: duckdb.DuckDBPyConnection) -> bool:
    """Vectors for what has none, and what can be learned from them, if the answers have changed enough since it was:
    says whether they have.
    """
    n_questions, n_answers = connection.execute(
        "select (select count(*) from past_questions), (select coalesce(sum(n), 0)::bigint from past_qualities)"
    ).fetchall()[0]
    if n_questions < FEWEST:
        connection.execute("delete from neighbour_strengths; delete from neighbour_votes")
        return True
    before = connection.execute(
        "select n_answers, rarity from neighbour_strengths where embedding = $name", {"name": NAME}
    ).fetchall()
    if before and abs(n_answers - before[0][0]) <= WORTH_LEARNING * n_answers:
        _embed(connection, np.frombuffer(before[0][1], dtype=np.float16))
        return False
    connection.execute("update past_questions set embedding = null where embedding is not null")
    texts = connection.execute("select question from past_questions order by question_key, task").fetchall()
    rarity = rarity_of([text for (text,) in texts])
    _embed(connection, rarity)
    past = _published(connection)
    if past is not None:
        votes = learn(past, make_estimator("shrunk", load_singles(connection)))
        _publish(connection, votes, past, n_answers, rarity)
    return True


def _embed(connection: duckdb.DuckDBPyConnection, rarity: NDArray[np.float16]) -> None:
    """Vectors for questions that have none, or one of another embedding."""
    rows = connection.execute(
        "select question_key, task, question from past_questions where embedding is distinct from $name "
        "order by question_key, task",
        {"name": NAME},
    ).fetchall()
    if not rows:
        return
    vectors = [row.tobytes() for row in seen([text for _, _, text in rows], rarity)]
    made = [(key, task, vector) for (key, task, _), vector in zip(rows, vectors, strict=True)]
    temp_table(
        connection, "new_vectors", {"question_key": "ubigint", "task": "varchar", "vector": "blob"}, made
    )
    connection.execute(
        "update past_questions set vector = new_vectors.vector, embedding = $name from new_vectors "
        "where past_questions.question_key = new_vectors.question_key and past_questions.task = new_vectors.task",
        {"name": NAME},
    )
    connection.execute("drop table new_vectors")


def _publish(
    connection: duckdb.DuckDBPyConnection,
    votes: Votes,
    past: PastQuestions,
    n_answers: int,
    rarity: NDArray[np.float16],
) -> None:
    """Put what was learned in the place of what was."""
    connection.execute("delete from neighbour_strengths; delete from neighbour_votes")
    connection.execute(
        "insert into neighbour_strengths values (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        [
            NAME,
            *(
                [one._asdict() for one in part]
                for part in (votes.strengths.difficulty, votes.strengths.preference)
            ),
            votes.explained,
            len(past.texts),
            n_answers,
            list(votes.models),
            votes.scale.centre.tolist(),
            votes.scale.middle.tolist(),
            votes.scale.spread.tolist(),
            rarity.tobytes(),
            votes.reliability.expected.tolist(),
            votes.reliability.observed.tolist(),
            None if math.isnan(votes.reliability.differences) else votes.reliability.differences,
        ],
    )
    if not votes.sample:
        return
    types = {
        "place": "bigint",
        "question_key": "ubigint",
        "task": "varchar",
        "topics": "struct(topic varchar, weight double)[]",
        "vector": "blob",
        "weights": "double[][]",
    }
    rows = zip(
        range(len(votes.sample)),
        [past.keys[row] for row in votes.sample],
        votes.tasks,
        [[{"topic": name, "weight": weight} for name, weight in given] for given in votes.topics],
        [row.tobytes() for row in votes.vectors],
        votes.weights.swapaxes(0, 1).tolist(),
        strict=True,
    )
    temp_table(connection, "learned_votes", types, rows)
    connection.execute("insert into neighbour_votes by name select * from learned_votes order by place")
    connection.execute("drop table learned_votes")


def _learn_looks(connection: duckdb.DuckDBPyConnection, past: PastQuestions | None) -> None:
    """What the looks of questions say of their costs, learned anew."""
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
            "select embedding, difficulty, preference from neighbour_strengths"
        ).fetchall()
        if not rows or _strengths(*rows[0][1:]).silent:
            return None
        name = rows[0][0]
        if name != NAME or not available():
            why = "is not installed" if name == NAME else f"differs from the installed one, {NAME!r}"
            warnings.warn(
                f"past questions are not asked: their embedding, {name!r}, {why}", OptiqWarning, stacklevel=2
            )
            return None
        found = _published(connection)
        if found is None:
            return None
        votes, rarity = _learned(connection)
        return replace(found, votes=votes, rarity=rarity)


def _learned(connection: duckdb.DuckDBPyConnection) -> tuple[Votes, NDArray[np.float16]]:
    """What was learned, as it is published, and the rarity of words that it was learned with."""
    names = "difficulty, preference, explained, n_questions, models, rarity, differences, expected, observed"
    told = connection.table("neighbour_strengths").select(f"{names}, centre, middle, spread").fetchall()[0]
    difficulty, preference, explained, n_questions, models, rarity, differences, *rest = told
    expected, observed, *scale = rest
    rows: list[tuple[Any, ...]] = connection.execute(
        "select task, topics, vector, weights from neighbour_votes order by place"
    ).fetchall()
    votes = Votes(
        _strengths(difficulty, preference),
        tuple(models),
        Scale(*(np.array(part) for part in scale)),
        np.frombuffer(b"".join(vector for _, _, vector, _ in rows), dtype=np.float16).reshape(len(rows), -1),
        tuple(_topics(topics) for _, topics, _, _ in rows),
        tuple(task for task, *_ in rows),
        np.array([weights for *_, weights in rows], dtype=np.float64).swapaxes(0, 1),
        explained,
        n_questions,
        Reliability(
            np.array(expected, dtype=np.float64),
            np.array(observed, dtype=np.float64),
            math.nan if differences is None else differences,
        ),
    )
    return votes, np.frombuffer(rarity, dtype=np.float16)


def _strengths(difficulty: list[dict[str, float]], preference: list[dict[str, float]]) -> Strengths:
    return Strengths(*(tuple(Strength(**one) for one in part) for part in (difficulty, preference)))


def _published(connection: duckdb.DuckDBPyConnection) -> PastQuestions | None:
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
        spent=spent[judged],
        keys=tuple(key for key, *_ in kept),
    )


def _topics(given: list[dict[str, Any]]) -> tuple[tuple[str, float], ...]:
    found = tuple((item["topic"], float(item["weight"] or 0.0)) for item in given if item["topic"])
    return found if any(weight > 0 for _, weight in found) else ANYTHING
