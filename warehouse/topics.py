"""The topic model in PerfDB: fitted at a refresh, versioned with the snapshot, read by planners."""

from __future__ import annotations

import hashlib
import os
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import duckdb
import numpy as np
import numpy.typing as npt

import sql
from warehouse.connection import explained, reading
from warehouse.rows import temp_table

if TYPE_CHECKING:
    from optiq.text.topics import TopicModel
    from optiq.text.topics.bertopic import SupervisedBertopic

REGRESSION_FILE = "regression.npz"
WORTH_LEARNING = 0.25
"""Share of the labelled questions that must differ before topics are learned again: of 20 subjects, two and a half
times the questions told 3 held-out ones more of 100 (docs/topics.md)."""
ENOUGH = 20
"""Questions of a topic from which on more can wait until topics are learned again."""
MOST_NEW = 400
"""Labelled questions that a night makes vectors of, at 10 ms of CPU each: the first night would need a thousand."""


def recompute_topics(connection: duckdb.DuckDBPyConnection, kind: str = "centroid") -> None:
    """Fit the topic model of ``kind`` again if the questions that came with a topic have changed enough.

    Without the embedding model nothing is fitted: the topics of the last snapshot stay.
    """
    connection.execute(sql.read("topics/labelled_questions"))
    from optiq.text.embedding import NAME, available

    # BERTopic makes its own vectors, of all of them each time
    most = MOST_NEW if kind == "centroid" else None
    rows = connection.execute(
        sql.read("topics/questions_to_learn"), {"embedding": NAME, "most": most}
    ).fetchall()
    topics = {topic for _, topic, _ in rows}
    if len(topics) < 2 or not _is_news(connection, kind, topics):
        return
    digests = [digest for _, _, digest in rows]
    if not available():
        return
    questions, labels = [question for question, _, _ in rows], [topic for _, topic, _ in rows]
    if kind == "bertopic":
        content, words = _bertopic(questions, labels)
    else:
        content, words = _centroids(questions, labels, _vectors(connection, rows))
    counts = {
        topic: len({q for q, label in zip(questions, labels, strict=True) if label == topic})
        for topic in topics
    }
    learned_from = hashlib.sha256("".join(digests).encode()).hexdigest()
    connection.execute("delete from topic_models")
    connection.execute(
        "insert into topic_models (learned_from, n_questions, model, questions, kind, sample) "
        "select ?, ?, ?, ?, ?, list(digest order by digest) from labelled_questions",
        [learned_from, sum(counts.values()), content, digests, kind],
    )
    connection.execute("delete from topics")
    for topic in sorted(topics):
        connection.execute(
            "insert into topics values (?, ?, ?)", [topic, counts[topic], words.get(topic, [])]
        )


def _is_news(connection: duckdb.DuckDBPyConnection, kind: str, topics: set[str]) -> bool:
    """Whether the labelled questions, which are of ``topics``, may teach what the last model does not know."""
    from optiq.text.embedding import NAME

    if {row[0] for row in connection.execute("select topic from topics").fetchall()} != topics:
        return True
    (news,) = connection.execute(
        sql.read("topics/news"), {"kind": kind, "embedding": NAME, "share": WORTH_LEARNING, "enough": ENOUGH}
    ).fetchall()[0]
    return bool(news)


def _vectors(
    connection: duckdb.DuckDBPyConnection, rows: list[tuple[str, str, str]]
) -> npt.NDArray[np.float32]:
    """Embeddings of the questions of ``rows`` (question, topic, digest); those that were not there are kept."""
    from optiq.text.embedding import DIMENSIONS, NAME, embed

    there = connection.execute(
        "select topic, digest from labelled_questions where embedding = $name", {"name": NAME}
    ).fetchall()
    known = set(there)
    missing = [row for row in rows if row[1:] not in known]
    made = embed([question for question, _, _ in missing], threads=os.cpu_count() or 1)
    rows_made = [
        (topic, digest, vector.tobytes()) for (_, topic, digest), vector in zip(missing, made, strict=True)
    ]
    temp_table(
        connection, "new_vectors", {"topic": "varchar", "digest": "varchar", "vector": "blob"}, rows_made
    )
    connection.execute(
        "update labelled_questions set vector = new_vectors.vector, embedding = $name from new_vectors "
        "where labelled_questions.topic = new_vectors.topic and labelled_questions.digest = new_vectors.digest",
        {"name": NAME},
    )
    connection.execute("drop table new_vectors")
    found = dict(connection.execute("select digest, vector from labelled_questions").fetchall())
    content = b"".join(found[digest] for *_, digest in rows)
    return np.frombuffer(content, dtype=np.float32).reshape(len(rows), DIMENSIONS)


def _centroids(
    questions: list[str], labels: list[str], vectors: npt.NDArray[np.float32]
) -> tuple[bytes, dict[str, list[str]]]:
    from optiq.text.topics import TopicModel

    model = TopicModel.fit(questions, labels, vectors=vectors)
    return model.to_bytes(), dict(model.words)


def _bertopic(questions: list[str], labels: list[str]) -> tuple[bytes, dict[str, list[str]]]:
    """What assigning needs of a supervised BERTopic (its regression), without BERTopic's own files."""
    from optiq.text.topics.bertopic import fit_bertopic

    model = fit_bertopic(questions, labels)
    with tempfile.TemporaryDirectory() as folder:
        model.save(folder)
        return (Path(folder) / REGRESSION_FILE).read_bytes(), dict(model.words)


def load_topic_model(perfdb: str | Path) -> TopicModel | SupervisedBertopic | None:
    """The published topic model, or None if the snapshot has none."""
    perfdb = Path(perfdb)
    with reading(perfdb) as connection, explained(perfdb):
        rows = connection.execute("select model, coalesce(kind, 'centroid') from topic_models").fetchall()
    if not rows:
        return None
    if rows[0][1] == "bertopic":
        from optiq.text.topics.bertopic import SupervisedBertopic

        with tempfile.TemporaryDirectory() as folder:
            (Path(folder) / REGRESSION_FILE).write_bytes(rows[0][0])
            return SupervisedBertopic.load(folder)
    from optiq.text.topics import TopicModel

    return TopicModel.from_bytes(rows[0][0], f"the topic model in {perfdb}")
