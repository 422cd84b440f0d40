"""Small landed files that were bundled are to a refresh the files that they were."""

from __future__ import annotations

import contextlib
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from benchmarks.refresh.compare import differences
from optiq.plans.plan import Plan
from warehouse import bundles, executed, merge, run_answers, scores
from warehouse.home import Home
from warehouse.ingest import ingest_traces
from warehouse.landing import land_traces, landed, read_waiting
from warehouse.lock import alone
from warehouse.query import query
from warehouse.refresh import refresh
from warehouse.refused import retry_refused

ONE = Plan.of(["gemma3:270m"])


@pytest.fixture
def few(monkeypatch: pytest.MonkeyPatch) -> None:
    """Eight small files are many."""
    monkeypatch.setattr(bundles, "MANY", 8)


def names(home: Home) -> set[str]:
    return {path.name for path in home.landing.glob("*.parquet")}


def land_some(home: Home, traces: Any, first: int, many: int, **odd: Any) -> None:
    for number in range(first, first + many):
        land_traces(home, traces(traces.execution(ONE, number) | odd), number)
        bundles.bundle_small(home)


@pytest.mark.usefixtures("few")
def test_bundled_files_are_merged_and_recorded_as_each_alone(
    fresh_home: Home, copy_of: Callable[[Home], Home], traces: Any
) -> None:
    home, twin = copy_of(fresh_home), copy_of(fresh_home)
    for one in (home, twin):
        with pytest.MonkeyPatch.context() as changed:
            if one is twin:
                changed.setattr(bundles, "MANY", 10**9)
            land_some(one, traces, 0, 10)
            land_some(one, traces, 10, 3, status="odd")  # refused row by row
            land_some(one, traces, 5, 3, answer="again")  # executions that are there already
            land_some(one, traces, 20, 5)
    assert len(names(twin)) == 21
    assert len(names(home)) < 12
    known = {(file.name, file.file_id) for file in landed(home)}
    assert known == {(file.name, file.file_id) for file in landed(twin)}
    assert refresh(home).n_executions_new == refresh(twin).n_executions_new == 15
    # the content of a refused row says in which folder its file was
    assert not [found for found in differences(home.path, twin.path) if not found.startswith("quarantine")]
    aside = "select file, row_number, reason from quarantine order by all"
    assert query(home.perfdb, aside).equals(query(twin.perfdb, aside))
    told = (
        "select file, file_id, n_rows, n_quarantined from ingested_files where kind = 'traces' order by all"
    )
    assert query(home.perfdb, told).equals(query(twin.perfdb, told))
    assert not names(home)


@pytest.mark.usefixtures("few")
def test_what_a_kill_leaves_beside_its_bundle_counts_once(home: Home, traces: Any, tmp_path: Path) -> None:
    land_some(home, traces, 0, 7)
    shutil.copytree(home.landing, tmp_path / "before")
    land_some(home, traces, 7, 1)
    (bundle,) = names(home)
    for path in (tmp_path / "before").glob("*.parquet"):
        shutil.copy(path, home.landing)
    shutil.copy(home.landing / bundle, tmp_path)
    land_some(home, traces, 8, 1)
    assert len(names(home)) == 2  # what was in the bundle is taken away
    for path in (tmp_path / "before").glob("*.parquet"):
        shutil.copy(path, home.landing)
    assert refresh(home).n_executions_new == 9
    assert query(home.perfdb, "from quarantine").is_empty()
    shutil.copy(tmp_path / bundle, home.landing)
    assert not refresh(home).published
    assert not names(home)


@pytest.mark.usefixtures("few")
def test_a_bundled_file_that_breaks_the_night_is_set_aside_with_its_bundle_and_tried_again(
    home: Home, traces: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    land_some(home, traces, 0, 8)
    real = merge._merge_batch

    def breaks(connection: Any, step: Any) -> None:
        if connection.execute("select 1 from landed_traces where execution_id = 'e000003'").fetchall():
            raise ZeroDivisionError("ours")
        real(connection, step)

    monkeypatch.setattr(merge, "_merge_batch", breaks)
    report = refresh(home)
    assert report.n_executions_new == 7
    assert len(report.refused) == 1
    (bundle,) = (home.landing / "refused").glob("*.parquet")
    monkeypatch.undo()
    assert retry_refused(home) == [bundle.name]
    assert refresh(home).n_executions_new == 1
    assert not names(home)


@pytest.mark.usefixtures("few")
def test_a_bundle_that_cannot_be_read_is_set_aside(home: Home, traces: Any) -> None:
    land_some(home, traces, 0, 8)
    (bundle,) = home.landing.glob("*.parquet")
    content = bytearray(bundle.read_bytes())
    content[4:2000] = bytes(1996)
    bundle.write_bytes(content)
    land_some(home, traces, 8, 1)
    report = refresh(home)
    assert report.n_executions_new == 1
    assert len(report.refused) == 8
    assert (home.landing / "refused" / bundle.name).is_file()


@pytest.mark.usefixtures("few")
def test_files_of_people_and_what_a_refresh_reads_are_left_alone(
    home: Home, traces: Any, tmp_path: Path
) -> None:
    given = tmp_path / "given.jsonl"
    traces(traces.execution(ONE, 99)).select("execution_id", "plan_key", "status", "question").write_ndjson(
        given
    )
    ingest_traces(home, [given])
    (mine,) = names(home)
    with alone(home, 0.0):
        land_some(home, traces, 0, 10)
    assert len(names(home)) == 11
    land_some(home, traces, 10, 5)
    assert mine in names(home)
    assert len(names(home)) == 2
    assert refresh(home).n_executions_new == 16


def test_a_disk_that_is_full_does_not_end_the_run_that_lands(
    home: Home, traces: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bundles, "MANY", 1)

    def full(*_: Any, **__: Any) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(bundles, "land", full)
    land_some(home, traces, 0, 2)
    assert len(landed(home)) == 2
    assert pl.read_parquet(home.landing / "*.parquet").height == 2


def test_readers_of_landing_meet_every_row_whatever_is_bundled_meanwhile(home: Home, traces: Any) -> None:
    land_some(home, traces, 0, 8)
    (home.landing / "traces-broken-0.parquet").write_bytes(b"nothing that can be read")
    waiting = sorted(home.landing.glob("traces-run*.parquet"))
    read: list[str] = []

    def ids(path: Path) -> list[str]:
        if path == waiting[2] and path.exists():
            bundles._bundle(home)  # while it is being looked at
        read.append(path.name)
        return pl.read_parquet(path)["execution_id"].to_list()

    found = read_waiting(home, "traces", ids)
    assert sorted(name for names in found for name in names) == [f"e{number:06d}" for number in range(8)]
    assert waiting[2].name in read
    assert not waiting[2].exists()


@pytest.mark.parametrize("module", [executed, run_answers, scores])
def test_what_a_refresh_publishes_between_two_looks_is_seen(
    fresh_home: Home,
    copy_of: Callable[[Home], Home],
    traces: Any,
    monkeypatch: pytest.MonkeyPatch,
    module: Any,
) -> None:
    """A row waits or is published: whoever looks at both finds it, whatever comes between the looks."""
    home = copy_of(fresh_home)
    land_traces(home, traces(traces.execution(ONE, 0)), 0)
    asked = pl.read_parquet(home.landing / "traces*.parquet").row(0, named=True)
    waiting, published = module.read_waiting, module.reading
    refreshed: list[int] = []

    def night() -> None:
        if not refreshed:
            refreshed.append(refresh(home).n_executions_new)

    def looked_at_landing(*given: Any) -> Any:
        found = waiting(*given)
        night()
        return found

    @contextlib.contextmanager
    def looked_at_perfdb(*given: Any, **more: Any) -> Iterator[Any]:
        with published(*given, **more) as connection:
            yield connection
        night()

    monkeypatch.setattr(module, "read_waiting", looked_at_landing)
    monkeypatch.setattr(module, "reading", looked_at_perfdb)
    if module is executed:
        assert executed.executed_plans(home, [asked["question"]]) == {(asked["question"], asked["plan_key"])}
    elif module is run_answers:
        assert run_answers.executions_of_run(home, asked["run_id"])["execution_id"].to_list() == ["e000000"]
    else:
        wanted = pl.DataFrame([{"run_id": asked["run_id"], "question_id": asked["question_id"]}])
        assert scores.executions_of(home, wanted)["execution_id"].to_list() == ["e000000"]
    assert refreshed == [1]


def test_a_link_to_nothing_holds_no_reader_of_landing_up(home: Home, traces: Any) -> None:
    land_some(home, traces, 0, 1)
    (home.landing / "traces-link-0.parquet").symlink_to(home.landing / "gone.parquet")
    found = read_waiting(home, "traces", lambda path: pl.read_parquet(path)["execution_id"].to_list())
    assert found == [["e000000"]]
