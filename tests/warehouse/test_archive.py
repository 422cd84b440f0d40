"""Earlier snapshots can be listed, compared and restored."""

from __future__ import annotations

import re
from typing import Any

import filelock
import polars as pl
import pytest

from optiq.errors import PerfDBError, UnknownName
from optiq.plans.plan import Plan
from warehouse.archive import diff_snapshots, list_snapshots, restore_snapshot
from warehouse.home import Home
from warehouse.ingest import ingest_priors, ingest_statistics
from warehouse.landing import land, land_traces, landed
from warehouse.query import query
from warehouse.refresh import refresh
from warehouse.scores import SCORE_COLUMNS

A = Plan.of(["smollm2:135m"])


@pytest.fixture(scope="module")
def made(fresh_home: Home, copy_of: Any, traces: Any) -> tuple[Home, list[str]]:
    """A home with three snapshots: 0, 1 and 3 executions."""
    home = copy_of(fresh_home)
    ids = [path.stem for path in home.snapshots.iterdir()]
    for numbers in ((1,), (2, 3)):
        land_traces(home, traces(*[traces.execution(A, i) for i in numbers]))
        ids.append(refresh(home, full_gate=False).snapshot_id)
    return home, ids


@pytest.fixture
def three(made: tuple[Home, list[str]], copy_of: Any) -> tuple[Home, list[str]]:
    """A copy of it, and the ids of its snapshots."""
    home, ids = made
    return copy_of(home), ids


def n_executions(home: Home) -> int:
    return query(home.perfdb, "select count(*) as n from executions")["n"][0]


def test_snapshots_are_listed_newest_first(three: tuple[Home, list[str]]) -> None:
    home, ids = three
    listed = list_snapshots(home)
    assert listed["snapshot_id"].to_list() == ids[::-1]
    assert listed["executions"].to_list() == [3, 1, 0]
    assert listed["published"].to_list() == [True, False, False]
    assert listed["kept"].all()
    assert re.fullmatch(r"(\d+) of \1 checks passed", listed["gate"][0])
    (home.snapshots / f"{ids[0]}.duckdb").unlink()
    assert list_snapshots(home)["kept"].to_list() == [True, True, False]


def test_two_snapshots_are_compared(three: tuple[Home, list[str]]) -> None:
    home, ids = three
    diff = diff_snapshots(home)
    assert (diff.before, diff.after) == (ids[1], ids[2])
    changed = diff.plans.filter(topic="geography").row(0, named=True)
    assert (changed["change"], changed["n_before"], changed["n_after"]) == ("changed", 1, 3)
    assert changed["qoa_after"] > changed["qoa_before"]
    first = diff_snapshots(home, ids[0], ids[2])
    # What was only published of the model for open questions is observed now.
    assert set(first.plans["change"]) == {"new", "changed"}
    assert dict(first.counts.select("table_name", "after").rows())["executions"] == 3
    assert "seconds_per_output_token" in first.figures["metric"].to_list()
    assert diff_snapshots(home, ids[2], ids[2]).plans.is_empty()
    assert diff_snapshots(home, "1", "3").before == ids[0]


def test_a_restored_snapshot_is_the_published_one(three: tuple[Home, list[str]], traces: Any) -> None:
    home, ids = three
    assert restore_snapshot(home, ids[0]).snapshot_id == ids[0]
    assert n_executions(home) == 0
    listed = list_snapshots(home)
    assert listed["snapshot_id"].to_list() == ids[::-1]
    assert listed.filter("published")["snapshot_id"].to_list() == [ids[0]]
    # Work goes on from there, under a number of its own; and the restore can be taken back.
    land_traces(home, traces(traces.execution(A, 9)))
    next_id = refresh(home, full_gate=False).snapshot_id
    assert next_id > ids[2]
    assert n_executions(home) == 1
    restore_snapshot(home, ids[2])
    assert n_executions(home) == 3
    assert set(list_snapshots(home)["snapshot_id"]) == {*ids, next_id}


def test_a_restore_mends_a_damaged_perfdb(three: tuple[Home, list[str]]) -> None:
    home, ids = three
    home.perfdb.unlink()
    home.perfdb.write_bytes(b"nonsense")
    restore_snapshot(home, ids[2])
    assert n_executions(home) == 3


def test_what_cannot_be_restored_is_refused(three: tuple[Home, list[str]]) -> None:
    home, ids = three
    before = home.perfdb.read_bytes()
    with pytest.raises(UnknownName, match=r"no one snapshot is kept .* Kept are 000001"):
        restore_snapshot(home, "nine")
    with pytest.raises(UnknownName, match="is meant"):
        restore_snapshot(home, "00000")
    with filelock.FileLock(home.lock), pytest.raises(PerfDBError, match="is running"):
        restore_snapshot(home, ids[0])
    kept = home.snapshots / f"{ids[0]}.duckdb"
    kept.unlink()
    kept.write_bytes(b"nonsense")
    with pytest.raises(PerfDBError, match="is not a DuckDB file"):
        restore_snapshot(home, ids[0])
    assert home.perfdb.read_bytes() == before


def test_a_restore_says_what_will_be_missing(three: tuple[Home, list[str]]) -> None:
    home, ids = three
    since = query(home.perfdb, "select max(ingested_at) as at from ingested_files")["at"][0]
    missing = restore_snapshot(home, ids[1]).missing
    assert missing is not None
    assert (missing.n_executions, missing.n_figures, missing.n_files) == (2, 0, 1)
    assert missing.since == since
    back = restore_snapshot(home, ids[2])
    assert back.missing is not None
    assert back.missing.n_files == 0
    home.perfdb.chmod(0o644)
    home.perfdb.write_bytes(b"damaged")
    assert restore_snapshot(home, ids[1]).missing is None


# Not plan_days, plan_questions and model_days: how many rows share a sum depends on how it was merged.
_ALL = (
    "executions", "calls", "priors", "published_statistics", "model_trials", "quarantine",
    "plan_statistics", "model_figures", "past_qualities", "ingested_files",
)  # fmt: skip


def _everything(home: Home) -> dict[str, list[str]]:
    """All rows of the tables that files fill, without the numbers and times of merging."""
    own = {"file_id", "ingestion", "ingested_at", "file", "row_number", "n_rows", "n_quarantined", "content"}
    found = {}
    for table in _ALL:
        frame = query(home.perfdb, f"from {table}")
        rows = frame.select(name for name in frame.columns if name not in own).rows()
        found[table] = sorted(map(str, rows))
    return found


def test_what_a_restore_takes_away_is_landed_again(
    three: tuple[Home, list[str]], traces: Any, tmp_path: Any
) -> None:
    home, ids = three
    chain = Plan.of(["smollm2:135m", "gemma3:270m"], [(0, 1)])
    priors, means = tmp_path / "priors.csv", tmp_path / "means.csv"
    priors.write_text("model,qoa,source\nnew:1b,0.5,a paper\nnew:1b,5,a paper\n")
    plan = '"{""models"": [""smollm2:135m"", ""new:1b""], ""edges"": [[0, 1]]}"'
    means.write_text(f"topic,plan,n_observations,qoa,source\nart,{plan},7,0.5,a paper\n")
    ingest_priors(home, [priors])
    ingest_statistics(home, [means])
    twice = traces.execution(chain, 11, qoa=0.25)
    land_traces(home, traces(traces.execution(chain, 10, qoa=None), twice, twice))
    scores = pl.DataFrame({"execution_id": ["e000001", "e000010"], "qoa": [0.125, 0.75]})
    empty = [
        pl.lit(None, dtype).alias(name) for name, dtype in SCORE_COLUMNS.items() if name not in scores.columns
    ]
    land(home, "scores", scores.with_columns(empty).select(list(SCORE_COLUMNS)), "late")
    refresh(home, full_gate=False)
    before = _everything(home)
    done = restore_snapshot(home, ids[1], keep_later=True)
    assert done.missing is not None
    assert (done.missing.n_executions, done.missing.n_figures) == (4, 2)
    assert {file.path for file in landed(home)} == set(done.landed)
    assert n_executions(home) == 1
    assert ingest_priors(home, [priors]).unchanged == [str(priors)]
    assert refresh(home, full_gate=False).n_executions_new == 4
    after = _everything(home)
    for table in _ALL:
        if table == "ingested_files":  # rows that were set aside land in files of their own
            assert set(before[table]) <= set(after[table])
        else:
            assert after[table] == before[table], table


def test_what_cannot_be_landed_again_is_not_restored(three: tuple[Home, list[str]]) -> None:
    home, ids = three
    home.perfdb.chmod(0o644)
    home.perfdb.write_bytes(b"damaged")
    with pytest.raises(PerfDBError, match="not a DuckDB file"):
        restore_snapshot(home, ids[1], keep_later=True)
    assert home.perfdb.read_bytes() == b"damaged"
