"""Topics of questions that came without one, in PerfDB: found at a refresh, kept from night to night, read by sessions.

They are for reading and reports. Plans and statistics do not know them: on recorded data estimates were worse with them
(docs/topics.md); what a question is about is heard through its neighbours.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import duckdb
import numpy as np

import sql
from optiq.errors import OptiqNote
from optiq.questions.question import FOUND, SHIPPED
from optiq.text.topics.found import FEWEST, SAMPLE, FoundTopics, bertopic_available, find_topics, names_of
from optiq.text.topics.matching import Change, match_topics
from optiq.text.word_vectors import NAME, available
from warehouse.connection import explained, reading
from warehouse.rows import temp_table

MOST = 20_000
"""Questions without a topic that are kept, the latest."""

WORTH_FINDING = 0.25
"""Share of new questions from which on topics are found again, in all of them."""

MISSING = (
    "topics of questions without one are not looked for: BERTopic is not installed "
    '(pip install "optiq[topics,embedded]")'
)

Tell = Callable[[str], None]


def recompute_found_topics(connection: duckdb.DuckDBPyConnection, tell: Tell) -> str:
    """Say of each question that came without a topic what it is about; find topics again if enough is new.

    Returns what was done in one line. Without BERTopic, or below :data:`~optiq.text.topics.found.FEWEST` questions,
    topics that were found before are used, else those that are shipped.
    """
    read_up_to, last = connection.execute(
        "select ingestion, (select coalesce(max(ingestion), 0) from ingested_files) from question_topics_basis"
    ).fetchall()[0]
    if last > read_up_to:
        connection.execute("set variable topics_ingestion = $from", {"from": read_up_to})
        connection.execute("set variable most_unlabelled = $most", {"most": MOST})
        connection.execute(sql.read("topics/unlabelled_questions"))
    n_kept, n_known = connection.execute(
        "select (select count(*) from question_topics), n_known from question_topics_basis"
    ).fetchall()[0]
    if not n_kept:
        return "every question came with its topic"
    if not available():
        return "what questions without a topic are about is not told: the embedding is not installed"
    model, n_before = _model(connection)
    said = ""
    if n_kept >= FEWEST and (model is None or n_known >= (1 + WORTH_FINDING) * n_before):
        if bertopic_available():
            tell("topics are looked for")
            model = _find(connection, model, n_known, last)
            said = f"{len(model.topics)} topics found"
        else:
            said = MISSING
            warnings.warn(MISSING, OptiqNote, stacklevel=2)
    _assign(connection, model, anew=bool(said) and said is not MISSING)
    return said or f"{n_kept} questions without a topic"


def _model(connection: duckdb.DuckDBPyConnection) -> tuple[FoundTopics | None, int]:
    """What assigns questions, if its vectors can be made here, and how many were known when it was found."""
    rows = connection.execute(
        "select model, n_known from found_topic_models where embedding = $name", {"name": NAME}
    ).fetchall()
    return (FoundTopics.from_bytes(rows[0][0]), int(rows[0][1])) if rows else (None, 0)


def _find(
    connection: duckdb.DuckDBPyConnection, before: FoundTopics | None, n_known: int, ingestion: int
) -> FoundTopics:
    """Find topics in a sample, the same one whatever the order in which questions came; those of before keep names."""
    texts = [
        text
        for (text,) in connection.execute(
            "select question from question_topics order by question_key limit $most", {"most": SAMPLE}
        ).fetchall()
    ]
    found, places = find_topics(texts)
    changes = _matched(before, found, texts, places)
    found = _named(connection, before, found, changes)
    connection.execute("delete from found_topic_models")
    connection.execute(
        "insert into found_topic_models values (?, ?, ?, ?)", [NAME, len(texts), n_known, found.to_bytes()]
    )
    connection.execute("update found_topics set is_current = false where is_current")
    for topic, words, count in zip(found.topics, found.words, found.counts, strict=True):
        connection.execute(
            "insert into found_topics values ($topic, $words, $n, $now, $now, true) on conflict do update set "
            "words = excluded.words, n_questions = excluded.n_questions, last_found = excluded.last_found, "
            "is_current = true",
            {"topic": topic, "words": list(words), "n": count, "now": ingestion},
        )
    old_names = () if before is None else before.topics
    for change in changes:
        if change.kind == "kept":
            continue
        new = None if change.new is None else found.topics[change.new]
        old = None if change.old is None else old_names[change.old]
        told = (old, new) if change.kind in ("merged", "gone") else (new, old)
        connection.execute(
            "insert into found_topic_changes values (?, ?, ?, ?, ?, ?, current_timestamp::timestamp)",
            [ingestion, change.kind, *told, change.similarity, change.n_shared],
        )
    return found


def _matched(
    before: FoundTopics | None, found: FoundTopics, texts: Sequence[str], places: Sequence[int]
) -> list[Change]:
    """What became of the topics of ``before``: seen in the same questions, in the new space."""
    new = found.centroids.astype(np.float64)
    if before is None:
        return match_topics(np.zeros((0, new.shape[1])), new, [-1] * len(texts), places)
    number = {name: place for place, name in enumerate(before.topics)}
    old_of = [number.get(topic, -1) for topic, _ in before.assign(texts)]
    vectors = found.places(texts)
    old = np.zeros((len(before.topics), new.shape[1]))
    for place in range(len(old)):
        rows = np.flatnonzero(np.array(old_of) == place)
        centre = vectors[rows].sum(axis=0)
        old[place] = centre / max(float(np.linalg.norm(centre)), 1e-12)
    return match_topics(old, new, old_of, places)


def _named(
    connection: duckdb.DuckDBPyConnection,
    before: FoundTopics | None,
    found: FoundTopics,
    changes: Sequence[Change],
) -> FoundTopics:
    """With the names of before for topics that are the same; no new one has a name that was ever given."""
    kept = {change.new: change.old for change in changes if change.kind == "kept"}
    taken = [
        name
        for (name,) in connection.execute(
            "select topic from found_topics union select topic from topics"
        ).fetchall()
    ]
    fresh = [place for place in range(len(found.topics)) if place not in kept]
    names = dict(zip(fresh, names_of([found.words[place] for place in fresh], taken), strict=True))
    if before is not None:
        names |= {new: before.topics[old] for new, old in kept.items() if new is not None and old is not None}
    return replace(found, topics=tuple(names[place] for place in range(len(found.topics))))


def _assign(connection: duckdb.DuckDBPyConnection, model: FoundTopics | None, anew: bool) -> None:
    """Say of questions of which it was not said, or of all ``anew``, what they are about."""
    source = SHIPPED if model is None else FOUND
    rows = connection.execute(
        "select question_key, question from question_topics where $anew or source is distinct from $source "
        "order by question_key",
        {"anew": anew, "source": source},
    ).fetchall()
    if not rows:
        return
    texts = [text for _, text in rows]
    if model is None:
        from optiq.text.topics.shipped import shipped_topics

        assigned = shipped_topics().assign(texts)
    else:
        assigned = model.assign(texts)
    told = [(key, *about) for (key, _), about in zip(rows, assigned, strict=True)]
    types = {"question_key": "ubigint", "topic": "varchar", "similarity": "double"}
    temp_table(connection, "new_topics", types, told)
    connection.execute(
        "update question_topics set topic = new_topics.topic, similarity = new_topics.similarity, source = $source "
        "from new_topics where question_topics.question_key = new_topics.question_key",
        {"source": source},
    )
    connection.execute("drop table new_topics")


def load_found_topics(perfdb: str | Path) -> FoundTopics | None:
    """What assigns questions to topics that were found; None where none were, or the embedding is another one."""
    perfdb = Path(perfdb)
    with reading(perfdb) as connection, explained(perfdb):
        return _model(connection)[0] if available() else None
