"""Chemistry in PerfDB: trials of models, their profiles, pairs and ensembles; computed at a refresh."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import duckdb

import sql
from optiq.chemistry.pool import PoolChemistry, TopicTrials, ensembles_of, topic_trials
from optiq.errors import InputError, UnknownName
from warehouse.connection import explained, reading
from warehouse.rows import temp_table

MOST_QUESTIONS = 300
"""Questions per topic that chemistry is computed from: enough to tell models apart, and bounded in time."""
FEWEST_TRIALS = 20
"""A topic with fewer trials has no chemistry of its own; its trials count in that of all topics."""
ANY_TOPIC = "*"
WORTH_COMPUTING = 0.05
"""Share of the trials of a topic that must differ from those that its chemistry was computed from."""
_RULE = hashlib.sha256(b"over questions, dealt by chance, those who met").hexdigest()
"""What was computed by another rule is computed again."""

_TYPES = {
    "model_quality": {
        "topic": "varchar",
        "model": "varchar",
        "quality": "double",
        "accuracy": "double",
        "n_trials": "bigint",
        "source": "varchar",
    },
    "chemistry": {
        "topic": "varchar",
        "model_a": "varchar",
        "model_b": "varchar",
        "chemistry": "double",
        "low": "double",
        "high": "double",
        "noise": "double",
        "certain": "boolean",
        "n_trials": "bigint",
    },
    "ensembles": {
        "topic": "varchar",
        "strategy": "varchar",
        "size": "bigint",
        "models": "varchar[]",
        "loss": "double",
        "chemistry": "double",
        "complementarity": "double",
        "reason": "varchar",
    },
}


def recompute_chemistry(connection: duckdb.DuckDBPyConnection) -> bool:
    """Compute ``model_quality``, ``chemistry`` and ``ensembles`` again for topics whose trials changed enough.

    Says whether those of any did.
    """
    if not connection.execute(sql.read("chemistry/changed")).fetchall()[0][0]:
        return False
    read_lone_answers(connection)
    connection.execute(sql.read("chemistry/trials"))
    compared = connection.execute(sql.read("chemistry/compared")).fetchall()
    changed = [
        topic
        for topic, n_trials, n_changed, rule in compared
        if rule != _RULE or n_changed > WORTH_COMPUTING * n_trials
    ]
    if not changed:
        return False
    tables: dict[str, list[dict[str, Any]]] = {name: [] for name in _TYPES}
    for topic in changed:
        given = _trials_of(connection, topic)
        if given.n_trials == 0 or (topic != ANY_TOPIC and given.n_trials < FEWEST_TRIALS):
            continue
        for name, found in _rows_of(topic, given).items():
            tables[name] += found
    for name, found in tables.items():
        types = _TYPES[name]
        temp_table(connection, f"new_{name}", types, [[row[column] for column in types] for row in found])
    connection.execute("set variable changed_topics = $topics", {"topics": changed})
    connection.execute("set variable chemistry_rule = $rule", {"rule": _RULE})
    connection.execute(sql.read("chemistry/replace"))
    for name in tables:
        connection.execute(f"drop table new_{name}")
    return True


def _trials_of(connection: duckdb.DuckDBPyConnection, topic: str) -> TopicTrials:
    """The trials of ``topic`` (``*``: of all) among those in the temporary table ``trials``."""
    which = "topic || chr(31) || trial from trials"  # a trial of all topics is one of a topic; names may meet
    if topic != ANY_TOPIC:
        which = "trial from trials where topic = $topic"
    rows = connection.execute(
        f"select model, quality, accuracy, source, {which}",
        {"topic": topic} if topic != ANY_TOPIC else None,
    )
    return topic_trials([(trial, *graded) for *graded, trial in rows.fetchall()])


def read_lone_answers(connection: duckdb.DuckDBPyConnection, anew: bool = False) -> None:
    """Bring ``lone_answers`` up to date with what was merged.

    All executions are read again (``anew``) where earlier ones may have changed: by late scores, or by trials that
    stand for them.
    """
    told = connection.execute(
        "select ingestion, exists (select 1 from ingested_files as files where files.ingestion > basis.ingestion "
        "and kind in ('scores', 'trials')) from lone_answers_basis as basis"
    ).fetchall()
    after, changed = told[0] if told else (0, True)
    if anew or changed:
        connection.execute("delete from lone_answers")
        after = 0
    connection.execute("set variable answers_after = $after", {"after": after})
    connection.execute("set variable most_lone_questions = $most", {"most": MOST_QUESTIONS})
    connection.execute(sql.read("chemistry/lone_answers"))


def load_trials(perfdb: Path, topic: str | None = None) -> TopicTrials:
    """The trials of ``topic`` (default: of all topics), as a refresh counts them.

    Raises
    ------
    UnknownName
        for a topic without trials.
    InputError
        if PerfDB has no trials at all.
    """
    wanted = topic or ANY_TOPIC
    with reading(perfdb) as connection, explained(perfdb):
        connection.execute(sql.read("chemistry/trials"))
        graded = {row[0] for row in connection.execute("select distinct topic from trials").fetchall()}
        if not graded:
            raise InputError(
                "PerfDB has no graded answers of models",
                "Run `optiq calibrate` on labelled questions, `optiq review`, or ingest a history with "
                "`optiq ingest traces`; then `optiq refresh`.",
            )
        topics = sorted(graded - {ANY_TOPIC})
        if wanted != ANY_TOPIC and wanted not in topics:
            raise UnknownName(
                f"no model was graded on the topic {wanted!r}",
                f"Topics with grades: {', '.join(topics) or 'none'}. Leave --topic out for all together.",
            )
        return _trials_of(connection, wanted)


def load_chemistry(perfdb: Path, topic: str | None = None) -> PoolChemistry:
    """The chemistry of ``topic`` (default: of all topics) that the last refresh found.

    A topic with too few trials for a refresh is computed on the spot. Raises as :func:`load_trials`.
    """
    wanted = topic or ANY_TOPIC
    with reading(perfdb) as connection, explained(perfdb):
        parameters = {"topic": wanted}
        profiles = connection.execute(
            "select model, quality, accuracy, n_trials, source from model_quality where topic = $topic order by model",
            parameters,
        ).fetchall()
        pairs = connection.execute(
            "select model_a, model_b, chemistry, low, high, noise, n_trials from chemistry where topic = $topic",
            parameters,
        ).fetchall()
    if len(profiles) < 2 or not pairs:
        return load_trials(perfdb, topic).chemistry()
    return PoolChemistry.of_rows(profiles, pairs)


def history_trials(path: Path, topic: str | None = None, among: Sequence[str] = ()) -> TopicTrials:
    """The trials of ``topic`` (a task; default: all) in a performance history that stays outside PerfDB.

    Of more models than can be looked at together those with most trials, or those that are named (``among``).
    ``passed_over`` says how many rows are no trials, and why the first.

    Raises
    ------
    InputError
        if the file cannot be used, is no history, or has no grades.
    UnknownName
        for a topic that is not in it, or a model without grades.
    """
    import polars as pl

    from warehouse.ingestion.chunks import read_chunks
    from warehouse.ingestion.history import History

    reader: History | None = None
    frames, refused, n_rows = [], [], 0
    for chunk in read_chunks(path):
        if reader is None:
            reader = History(path, "")
            reader.check(list(chunk.columns))
        _, bad = reader.read(chunk)
        found, ungraded = reader.trials()
        frames.append(found)
        n_rows += len(chunk.numbers)
        refused += [*bad["reason"].head(1), *ungraded["reason"].head(1)]
    rows = pl.concat(frames).with_columns(source=pl.lit("histories"))
    why = f": {refused[0]}" if refused else ""
    if rows.is_empty():
        raise InputError(
            f"{path} has no grades in {_rows(n_rows)}{why}",
            "A history has a quality (0 to 10) and an accuracy (0 to 1) in every row.",
        )
    passed_over = None
    if len(rows) < n_rows:
        passed_over = (
            f"{_rows(n_rows - len(rows))} of {path} without a usable quality and accuracy left out{why}"
        )
    topics = sorted(set(rows["topic"]))
    if topic is not None and topic not in (ANY_TOPIC, *topics):
        raise UnknownName(f"{path} has no topic {topic!r}", f"It has {', '.join(topics)}.")
    if topic is not None and topic != ANY_TOPIC:
        rows = rows.filter(pl.col("topic") == topic)
    else:  # a trial of all topics is one of a topic; names may meet
        rows = rows.with_columns(trial=pl.concat_str("topic", "trial", separator="\x1f"))
    graded = rows.select("trial", "model", "quality", "accuracy", "source").rows()
    return replace(topic_trials(graded, among=among), passed_over=passed_over)


def _rows(number: int) -> str:
    return f"{number:,} row{'' if number == 1 else 's'}"


def _rows_of(topic: str, given: TopicTrials) -> dict[str, list[dict[str, Any]]]:
    found: dict[str, list[dict[str, Any]]] = {name: [] for name in _TYPES}
    for one in given.trials.profiles():
        found["model_quality"].append(
            {
                "topic": topic,
                "model": one.model,
                "quality": one.quality,
                "accuracy": one.accuracy,
                "n_trials": one.n_trials,
                "source": given.source,
            }
        )
    if len(found["model_quality"]) < 2:
        return found
    pool = given.chemistry()
    for a, b, value, low, high, noise in pool.pairs():
        found["chemistry"].append(
            {
                "topic": topic,
                "model_a": a,
                "model_b": b,
                "chemistry": value,
                "low": low,
                "high": high,
                "noise": noise,
                "certain": low > noise,
                "n_trials": given.n_trials,
            }
        )
    for row in ensembles_of(pool, given.configurations):
        found["ensembles"].append({"topic": topic, **row})
    return found
