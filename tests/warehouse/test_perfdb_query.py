"""SQL for people: reads everything in PerfDB, reaches nothing else."""

from __future__ import annotations

import os
import shutil
import signal
import threading
from collections.abc import Callable
from pathlib import Path

import duckdb
import polars as pl
import pytest

from optiq.errors import InputError, PerfDBError
from warehouse.connection import reading, readings_together
from warehouse.home import Home
from warehouse.query import query, stoppable_query, stoppable_rows
from warehouse.statistics import load_statistics


def test_a_select_gives_a_frame(home: Home) -> None:
    frame = query(
        home.perfdb, "select model, qoa from model_statistics where task = 'choice' order by qoa desc"
    )
    assert frame.row(0) == ("phi4:14b", 0.74)
    assert query(home.perfdb, "show tables").height > 10
    assert query(home.perfdb, "from plan_statistics limit 5").height == 5
    assert query(home.perfdb, "describe executions").height > 10


def test_spans_of_time_and_unions_are_told_as_text(home: Home) -> None:
    asked = 'select interval 90 minute as took, 1 as took, {\'a\': interval 2 day} as "of ""it", union_value(n := 7)'
    frame = query(home.perfdb, asked)
    assert frame.columns[0] == "took"
    assert frame.columns[2] == 'of "it'
    assert frame.row(0) == ("01:30:00", 1, "{'a': 2 days}", "7")
    assert stoppable_rows(home.perfdb, asked).rows == [frame.row(0)]
    assert query(home.perfdb, "select * from test_all_types()").height == 3
    # Parquet has no record without a field
    assert query(home.perfdb, "select struct_pack() as r, [struct_pack()] as l").row(0) == ("{}", "[{}]")


@pytest.mark.parametrize(
    "statement",
    [
        "select * from read_csv('/etc/passwd')",
        "select * from read_text('/etc/passwd')",
        "select * from '/etc/passwd'",
        "select * from glob('/*')",
        "copy models to 'out.csv'",
        "copy (select 1) to '/dev/stdout'",
        "attach 'other.duckdb'",
        "attach ':memory:' as other",
        "install httpfs",
        "load httpfs",
        "select * from 'https://example.com/x.csv'",
        "export database 'out'",
        "insert into models (model) values ('x')",
        "delete from executions",
        "drop table executions",
        "create table x (a int)",
        "create temp table x as select 1",
        "set enable_external_access = true",
        "pragma enable_profiling",
        "select * from local_frame",
        "select 1; drop table models",
        "explain analyze copy models to 'out.csv'",
        "explain analyze create table x as select 1",
        "select * from query('select * from read_text(''/etc/passwd'')')",
        "select * from duckdb_secrets()",
        "select * from enable_logging()",
        "select * from force_checkpoint()",
        "",
        "selct 1",
        "select * from no_such_table",
        "select no_such_column from models",
        "select 'a'::integer",
    ],
)
def test_everything_else_is_refused_in_one_line(home: Home, statement: str) -> None:
    local_frame = pl.DataFrame({"secret": [1]})
    before = home.perfdb.read_bytes()
    with pytest.raises(InputError) as caught:
        query(home.perfdb, statement)
    assert "\n" not in str(caught.value)
    assert caught.value.remedy
    assert home.perfdb.read_bytes() == before
    assert local_frame.height == 1


def test_a_foreign_reader_and_ours_go_together(home: Home) -> None:
    other = duckdb.connect(str(home.perfdb), read_only=True)
    assert query(home.perfdb, "select count(*) as n from models")["n"][0] == 7
    assert other.execute("select count(*) from models").fetchall() == [(7,)]
    other.close()


def damaged(name: str) -> Callable[[Path], None]:
    def harm(path: Path) -> None:
        content = path.read_bytes()
        path.chmod(0o644)
        if name == "text":
            path.write_text("this is no database\n" * 100)
        elif name == "empty":
            path.write_bytes(b"")
        elif name == "cut off":
            path.write_bytes(content[: len(content) // 2])
        elif name == "overwritten":
            path.write_bytes(content[:8192] + bytes(255 - byte for byte in content[8192:]))
        elif name == "foreign":
            path.unlink()
            with duckdb.connect(str(path)) as connection:
                connection.execute("create table executions (a int)")
        elif name == "folder":
            path.unlink()
            path.mkdir()
        elif name == "newer":
            shutil.copy(path, path.with_suffix(".tmp"))
            with duckdb.connect(str(path.with_suffix(".tmp"))) as connection:
                connection.execute("insert into schema_versions values (999, 'x', '99', now()::timestamp)")
            path.with_suffix(".tmp").replace(path)
        elif name == "missing":
            path.unlink()

    return harm


@pytest.mark.parametrize(
    ("fault", "says"),
    [
        ("text", "is not a DuckDB file"),
        ("empty", "is not a DuckDB file"),
        ("cut off", "is damaged"),
        ("overwritten", "is damaged"),
        ("foreign", "is a DuckDB file, but no PerfDB"),
        ("folder", "is damaged"),
        ("newer", "was made by a newer version of optiq"),
        ("missing", "there is no PerfDB"),
    ],
)
def test_a_file_that_is_no_usable_perfdb_is_named_with_a_remedy(home: Home, fault: str, says: str) -> None:
    from warehouse.refresh import refresh

    damaged(fault)(home.perfdb)
    for use in (
        lambda: query(
            home.perfdb, "select count(question), count(distinct provenance) from executions, plan_statistics"
        ),
        lambda: load_statistics(home.perfdb),
        lambda: refresh(home, full_gate=False),
    ):
        with pytest.raises(PerfDBError) as caught:
            use()
        assert says in str(caught.value)
        assert str(home.perfdb) in str(caught.value)
        assert caught.value.remedy
        assert "\n" not in str(caught.value)


ENDLESS = "select count(*) from range(100000000) as a, range(100000000) as b where a.range * b.range % 7 = 3"


def test_a_query_ends_when_its_time_is_over(home: Home) -> None:
    with pytest.raises(InputError, match=r"longer than 0\.2 s"):
        stoppable_query(home.perfdb, ENDLESS, timeout_s=0.2)
    assert stoppable_query(home.perfdb, "select 7 as n", timeout_s=600)["n"].to_list() == [7]
    with pytest.raises(InputError, match="no_such_table"):
        stoppable_query(home.perfdb, "from no_such_table")


def test_ctrl_c_ends_a_query(home: Home) -> None:
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    press = threading.Timer(0.3, lambda: os.kill(os.getpid(), signal.SIGINT))
    press.start()
    try:
        with pytest.raises(KeyboardInterrupt):
            stoppable_query(home.perfdb, ENDLESS)
    finally:
        press.join()
        signal.signal(signal.SIGINT, before)


def test_a_query_that_needs_more_memory_says_so(home: Home) -> None:
    with pytest.raises(InputError, match=r"needs more memory.*--memory"):
        stoppable_query(home.perfdb, "select len(list(range)) from range(30000000)", memory_mb=60)


@pytest.mark.parametrize(
    "statement",
    [
        "select 1 as n, 2.5::double as x, 'é' as c, null as nothing, true as t, date '2026-01-01' as d",
        "select timestamp '2026-01-01 10:00:00.5' as at, 'nan'::double as x, 7::hugeint as h",
        "select 1 as a, 2 as a",
        "select [1.0, 2.0] as l, {'k': 1} as s, 1.5::decimal(5, 2) as d, timestamptz '2026-01-01' as z",
        "select 1 as n where false",
        "show tables",
        "from snapshots",
    ],
)
def test_rows_for_the_screen_are_those_of_the_frame(home: Home, statement: str) -> None:
    found, frame = stoppable_rows(home.perfdb, statement), stoppable_query(home.perfdb, statement)
    assert found.columns == frame.columns
    assert repr(found.rows) == repr(frame.rows())
    assert found.numeric == [i for i, kind in enumerate(frame.dtypes) if kind.is_numeric()]


def test_blobs_are_told_by_their_size(home: Home) -> None:
    assert stoppable_rows(home.perfdb, "select 'ab'::blob as b").rows == [("<2 bytes>",)]


def test_readings_together_share_a_connection_until_another_file_is_published(
    home: Home, tmp_path: Path
) -> None:
    with readings_together():
        with reading(home.perfdb) as one, reading(home.perfdb) as other:
            assert one is other
        newer = tmp_path / "newer.duckdb"
        shutil.copyfile(home.perfdb, newer)
        newer.replace(home.perfdb)
        with reading(home.perfdb) as after:
            assert after is not one
            assert after.execute("select count(*) > 0 from models").fetchone() == (True,)
    with reading(home.perfdb) as alone:
        assert alone is not after
    with pytest.raises(duckdb.ConnectionException):
        after.execute("select 1")
