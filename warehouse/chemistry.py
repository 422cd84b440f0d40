"""Chemistry in PerfDB: trials of models, their profiles, pairs and ensembles; computed at a refresh."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import duckdb
import polars as pl

import sql
from optiq.chemistry.pool import MOST_MODELS, PoolChemistry, TopicTrials, ensembles_of, topic_trials
from optiq.errors import InputError, UnknownName
from warehouse.connection import explained, reading

MOST_QUESTIONS = 300
"""Questions per topic that chemistry is computed from: enough to tell models apart, and bounded in time."""
FEWEST_TRIALS = 20
"""A topic with fewer trials has no chemistry of its own; its trials count in that of all topics."""
MOST_MODELS_OF_A_FILE = 1000
"""A file with more models than chemistry can take is refused, not cut."""
ANY_TOPIC = "*"
_RULE = "over questions, dealt by chance"
"""What was computed by another rule is computed again."""

_SCHEMAS: dict[str, dict[str, Any]] = {
    "model_quality": {
        "topic": pl.String,
        "model": pl.String,
        "quality": pl.Float64,
        "accuracy": pl.Float64,
        "n_trials": pl.Int64,
        "source": pl.String,
    },
    "chemistry": {
        "topic": pl.String,
        "model_a": pl.String,
        "model_b": pl.String,
        "chemistry": pl.Float64,
        "low": pl.Float64,
        "high": pl.Float64,
        "noise": pl.Float64,
        "certain": pl.Boolean,
        "n_trials": pl.Int64,
    },
    "ensembles": {
        "topic": pl.String,
        "strategy": pl.String,
        "size": pl.Int64,
        "models": pl.List(pl.String),
        "loss": pl.Float64,
        "chemistry": pl.Float64,
        "complementarity": pl.Float64,
        "reason": pl.String,
    },
    "chemistry_basis": {"topic": pl.String, "digest": pl.String},
}


def recompute_chemistry(connection: duckdb.DuckDBPyConnection) -> bool:
    """Compute ``model_quality``, ``chemistry`` and ``ensembles`` again for topics whose trials changed.

    Says whether any did.
    """
    if not connection.execute(sql.read("chemistry/changed")).fetchall()[0][0]:
        return False
    read_lone_answers(connection)
    rows = _trials(connection)
    basis = _basis(rows)
    before = dict(connection.execute("select topic, digest from chemistry_basis").fetchall())
    changed = sorted(topic for topic in {*basis, *before} if basis.get(topic) != before.get(topic))
    if not changed:
        return False
    tables: dict[str, list[dict[str, Any]]] = {name: [] for name in _SCHEMAS}
    tables["chemistry_basis"] = [{"topic": topic, "digest": digest} for topic, digest in basis.items()]
    for topic in changed:
        given = _of_topic(rows, topic)
        if given.n_trials == 0 or (topic != ANY_TOPIC and given.n_trials < FEWEST_TRIALS):
            continue
        for name, found in _rows_of(topic, given).items():
            tables[name] += found
    for name, found in tables.items():
        connection.register(f"new_{name}", pl.DataFrame(found, schema=_SCHEMAS[name]).to_arrow())
    connection.execute("set variable changed_topics = $topics", {"topics": changed})
    connection.execute(sql.read("chemistry/replace"))
    for name in tables:
        connection.unregister(f"new_{name}")
    return True


def _basis(rows: pl.DataFrame) -> dict[str, str]:
    """A digest of the trials by topic, and of all together."""
    hashes = rows.select("topic", hash=rows.hash_rows(0))
    of = {ANY_TOPIC: hashes["hash"]}
    for (topic,), part in hashes.filter(pl.col("topic") != ANY_TOPIC).group_by("topic", maintain_order=True):
        of[str(topic)] = part["hash"]
    return {
        topic: hashlib.sha256(f"{_RULE}{values.to_list()}".encode()).hexdigest()
        for topic, values in of.items()
    }


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
    with reading(perfdb) as connection, explained(perfdb):
        rows = _trials(connection)
    if rows.is_empty():
        raise InputError(
            "PerfDB has no graded answers of models",
            "Run `optiq calibrate` on labelled questions, `optiq review`, or ingest a history with "
            "`optiq ingest traces`; then `optiq refresh`.",
        )
    wanted = topic or ANY_TOPIC
    topics = sorted(set(rows["topic"]) - {ANY_TOPIC})
    if wanted != ANY_TOPIC and wanted not in topics:
        raise UnknownName(
            f"no model was graded on the topic {wanted!r}",
            f"Topics with grades: {', '.join(topics) or 'none'}. Leave --topic out for all together.",
        )
    return _of_topic(rows, wanted)


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


def history_trials(path: Path, topic: str | None = None) -> TopicTrials:
    """The trials of ``topic`` (a task; default: all) in a performance history that stays outside PerfDB.

    Raises
    ------
    InputError
        if the file cannot be used, is no history, or has no grades.
    UnknownName
        for a topic that is not in it.
    """
    from warehouse.ingestion.chunks import read_chunks
    from warehouse.ingestion.history import History

    reader: History | None = None
    frames = []
    for chunk in read_chunks(path):
        if reader is None:
            reader = History(path, "")
            reader.check(list(chunk.columns))
        reader.read(chunk)
        frames.append(reader.trials()[0])
    rows = pl.concat(frames).with_columns(source=pl.lit("histories"))
    if rows.is_empty():
        raise InputError(f"{path} has no grades", "A history has a quality and an accuracy in every row.")
    topics = sorted(set(rows["topic"]))
    if topic is not None and topic not in (ANY_TOPIC, *topics):
        raise UnknownName(f"{path} has no topic {topic!r}", f"It has {', '.join(topics)}.")
    return _of_topic(rows, topic or ANY_TOPIC, MOST_MODELS_OF_A_FILE)


def _trials(connection: duckdb.DuckDBPyConnection) -> pl.DataFrame:
    return connection.sql(sql.read("chemistry/trials")).pl()


def _of_topic(rows: pl.DataFrame, topic: str, most_models: int = MOST_MODELS) -> TopicTrials:
    mine = rows
    if topic != ANY_TOPIC:
        mine = rows.filter(pl.col("topic") == topic)
    else:  # a trial of all topics is one of a topic; names may meet
        names = pl.concat_str("topic", "trial", separator="\x1f")
        mine = rows.with_columns(trial=names)
    return topic_trials(mine.select("trial", "model", "quality", "accuracy", "source").rows(), most_models)


def _rows_of(topic: str, given: TopicTrials) -> dict[str, list[dict[str, Any]]]:
    found: dict[str, list[dict[str, Any]]] = {name: [] for name in _SCHEMAS}
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
