"""A home in a store, seen from two machines: memory, a mounted folder, and a real S3 server on loopback."""

from __future__ import annotations

import shutil
import uuid
import warnings
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import duckdb
import polars as pl
import pytest

from optiq.errors import InputError, PerfDBError
from tasks.run_folder import RunFolder
from warehouse import bundles
from warehouse import mirror as mirrors
from warehouse.archive import list_snapshots, restore_snapshot
from warehouse.find_home import find_home
from warehouse.home import Home
from warehouse.landing import land_traces
from warehouse.mirror import Mirror
from warehouse.query import query
from warehouse.refresh import init, refresh

Machine = Callable[[str], Mirror]


@pytest.fixture(scope="session")
def s3_server() -> Iterator[str]:
    """A server of the S3 API in this process."""
    from moto.server import ThreadedMotoServer

    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    yield f"http://{host}:{port}"
    server.stop()


@pytest.fixture(params=["memory", "file", "s3"])
def url(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """A new home in each kind of store."""
    name = uuid.uuid4().hex
    if request.param == "file":
        return f"file://{tmp_path}/mounted/{name}"
    if request.param == "s3":
        import s3fs

        monkeypatch.setenv("AWS_ENDPOINT_URL", request.getfixturevalue("s3_server"))
        monkeypatch.setenv("AWS_ACCESS_KEY_ID", "planted-id")
        monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "planted-secret")
        monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
        s3fs.S3FileSystem.clear_instance_cache()
        s3fs.S3FileSystem().mkdir(name)
        return f"s3://{name}/home"
    return f"memory://{name}"


@pytest.fixture
def machine(url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Machine:
    """The home as a machine of that name sees it."""

    def open_on(name: str) -> Mirror:
        monkeypatch.setenv("OPTIQ_MIRRORS", str(tmp_path / name))
        found = find_home(url)
        assert isinstance(found, Mirror)
        return found

    return open_on


def traces(name: str) -> pl.DataFrame:
    """One execution."""
    return pl.DataFrame(
        {
            "execution_id": [name],
            "question_id": [name],
            "question": [f"What is {name}?"],
            "run_id": [f"run-{name}"],
            "plan": ['{"models": ["phi4:14b"], "edges": []}'],
            "plan_key": ["1:0:phi4:14b"],
            "status": ["answered"],
            "level": [0],
            "cost_usd": [0.001],
            "latency_s": [1.0],
        }
    )


def executions(home: Home) -> list[str]:
    """What is in the published PerfDB."""
    with duckdb.connect(str(home.perfdb), read_only=True) as perfdb:
        return [row[0] for row in perfdb.sql("select execution_id from executions order by all").fetchall()]


def test_what_one_machine_publishes_the_other_reads(machine: Machine) -> None:
    assert not machine("b").perfdb.exists()
    first = init(machine("a")).snapshot_id
    assert executions(machine("b")) == []
    land_traces(machine("b"), traces("from-b"))
    land_traces(machine("a"), traces("from-a"))
    report = refresh(machine("a"), full_gate=False)
    assert report.n_executions_new == 2
    assert executions(machine("b")) == ["from-a", "from-b"]
    machine("b").fetch("landing")
    assert not list(machine("b").landing.glob("*.parquet")), "merged files are gone everywhere"
    assert refresh(machine("b"), full_gate=False).published is False

    assert sorted(list_snapshots(machine("b"))["snapshot_id"]) == sorted([first, report.snapshot_id])
    restore_snapshot(machine("b"), first)
    assert executions(machine("a")) == []


def in_store(machine: Machine, name: str) -> set[str]:
    """The landed files that a machine finds which looks for the first time."""
    looking = machine(name)
    looking.fetch("landing")
    return {path.name for path in looking.landing.glob("*.parquet")}


def test_small_files_of_a_store_are_bundled_and_two_machines_count_each_once(
    machine: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bundles, "MANY", 4)
    a = machine("a")
    init(a)
    for number in range(3):
        land_traces(a, traces(f"one-{number}"))
    b = machine("b")
    b.fetch("landing")
    land_traces(b, traces("two"))
    bundles.bundle_small(b)
    land_traces(a, traces("three"))
    bundles.bundle_small(a)  # which has not heard of it: three of them again
    assert len(in_store(machine, "c")) == 2
    land_traces(a, traces("late"))
    assert refresh(machine("c"), full_gate=False).n_executions_new == 6
    assert executions(machine("d")) == ["late", "one-0", "one-1", "one-2", "three", "two"]
    assert query(machine("d").perfdb, "from quarantine").is_empty()
    assert not in_store(machine, "e")


def test_a_name_that_is_a_pattern_takes_no_other_file_with_it(machine: Machine) -> None:
    a = machine("a")
    for name in ("traces-*.parquet", "traces-[ab].parquet", "traces-a.parquet", "traces-b.parquet"):
        (a.landing / name).write_bytes(b"rows")
        a.share(a.landing / name)
    a.forget(*(a.landing / name for name in ("traces-*.parquet", "traces-[ab].parquet", "traces-b.parquet")))
    assert in_store(machine, "b") == {"traces-a.parquet"}


@pytest.mark.parametrize("url", ["s3"], indirect=True)
def test_no_file_leaves_a_store_before_its_bundle_is_there(
    machine: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bundles, "MANY", 4)
    a = machine("a")
    init(a)
    names = {land_traces(a, traces(f"one-{number}")).name for number in range(4)}
    with monkeypatch.context() as broken:
        broken.setattr(
            mirrors.Mirror, "_upload", lambda *_: (_ for _ in ()).throw(OSError("the network is gone"))
        )
        bundles.bundle_small(a)
    assert in_store(machine, "b") == names
    a = machine("a")
    bundles.bundle_small(a)
    (bundle,) = in_store(machine, "c")
    assert bundle.startswith("traces-bundle-")
    assert refresh(machine("c"), full_gate=False).n_executions_new == 4


@pytest.mark.parametrize("url", ["s3"], indirect=True)
def test_a_file_that_is_bundled_before_it_is_shared_is_no_fault_of_who_landed_it(
    machine: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    a = machine("a")
    init(a)
    with monkeypatch.context() as raced:

        def late(self: Mirror, *files: Path) -> None:
            raced.undo()
            bundles._bundle(self)  # of another process, which saw the file in the folder
            self.share(*files)

        raced.setattr(mirrors.Mirror, "share", late)
        land_traces(a, traces("one"))
    assert all(name.startswith("traces-bundle-") for name in in_store(machine, "b"))
    assert refresh(machine("b"), full_gate=False).n_executions_new == 1


@pytest.mark.parametrize("url", ["s3"], indirect=True)
def test_a_refresh_that_was_overtaken_publishes_nothing_and_loses_nothing(machine: Machine) -> None:
    a = machine("a")
    init(a)
    land_traces(machine("b"), traces("late"))

    def overtake(step: str) -> None:
        if step == "gate passed":
            other = machine("b")
            land_traces(other, traces("early"))
            refresh(other, full_gate=False)

    with pytest.raises(PerfDBError, match="another machine has published"):
        refresh(a, full_gate=False, on_step=overtake)
    assert executions(machine("c")) == executions(machine("a")) == ["early", "late"]


@pytest.mark.parametrize("moment", ["statistics recomputed", "published"])
@pytest.mark.parametrize("url", ["memory"], indirect=True)
def test_a_refresh_that_fails_leaves_the_store_as_it_was(machine: Machine, moment: str) -> None:
    init(machine("a"))
    land_traces(machine("a"), traces("one"))

    def fail(step: str) -> None:
        if step == moment:
            raise RuntimeError("power cut")

    with pytest.raises(RuntimeError, match="power cut"):
        refresh(machine("a"), full_gate=False, on_step=fail)
    assert executions(machine("b")) == []
    assert executions(machine("a")) == [], "a mirror is what the store is"
    assert refresh(machine("b"), full_gate=False).n_executions_new == 1


@pytest.mark.parametrize("url", ["file", "s3"], indirect=True)
def test_a_run_goes_on_on_another_machine(machine: Machine) -> None:
    init(machine("a"))
    folder = RunFolder(machine("a"), "run-1")
    folder.create("key", {"run_id": "run-1", "status": "running"})
    row = {"question_id": "q1", "status": "answered", "run_id": "run-1", "row_number": 1, "round": 0}
    folder.write_chunk("000-00000001", [{**row, "spent_usd": 0.5, "calls": 1}], traces("one"))
    there = RunFolder.latest(machine("b"), "key")
    assert there is not None
    assert there.rows()["question_id"].to_list() == ["q1"]
    assert there.bill()["spent_usd"] == 0.5
    assert [found.run_id for found in RunFolder.every(machine("c"))] == ["run-1"]
    assert refresh(machine("c"), full_gate=False).n_executions_new == 1


@pytest.mark.parametrize("url", ["file"], indirect=True)
def test_what_was_written_and_not_pushed_is_pushed_by_the_next_owner(
    machine: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    init(machine("a"))
    folder = RunFolder(machine("a"), "run-1")
    folder.create("key", {"run_id": "run-1"})
    row = {"question_id": "q1", "status": "answered", "run_id": "run-1", "row_number": 1, "round": 0}
    with monkeypatch.context() as dying:
        dying.setattr(Mirror, "share", lambda *_: None)
        folder.write_chunk("000-00000001", [row], traces("one"))
    assert RunFolder(machine("b"), "run-1").rows().is_empty()
    again = RunFolder.latest(machine("a"), "key")
    assert again is not None
    again.lock()
    again.unlock()
    found = RunFolder.latest(machine("b"), "key")
    assert found is not None
    assert found.rows()["question_id"].to_list() == ["q1"]


@pytest.mark.parametrize("url", ["s3"], indirect=True)
def test_a_lost_mirror_is_made_again(machine: Machine) -> None:
    init(machine("a"))
    land_traces(machine("a"), traces("one"))
    shutil.rmtree(machine("a").path)
    mirrors._record_of.cache_clear()
    assert refresh(machine("a"), full_gate=False).n_executions_new == 1


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ("s3://me:secret@bucket/home", "password"),
        ("https://host/home?sig=secret", "signature"),
        ("ftp://host/home", "cannot be at ftp"),
    ],
)
def test_urls_that_are_no_homes(given: str, said: str) -> None:
    with pytest.raises(InputError, match=said) as fault:
        find_home(given)
    assert "secret" not in str(fault.value)


def test_a_store_that_is_away_is_said_in_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPTIQ_MIRRORS", str(tmp_path))
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "planted-id")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "planted-secret")
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "1")
    import s3fs

    s3fs.S3FileSystem.clear_instance_cache()
    with pytest.raises(InputError, match="cannot be used") as fault:
        find_home("s3://nowhere/home")
    assert "planted" not in str(fault.value)


ESCAPING = [
    "../outside",
    "landing/../../outside",
    "landing/../../../{tmp}/outside",
    "/{tmp}/outside",
    "landing//{tmp}/outside",
    "runs/..\\..\\outside",
    "landing/./outside",
    "C:outside",
    "landing/out\nside",
    "landing/" + "outside" * 40,
]


@pytest.fixture
def bucket(s3_server: str, monkeypatch: pytest.MonkeyPatch) -> tuple[str, Callable[[str, str], object]]:
    """A home in S3 that somebody else writes to as well, by S3's own client, which sends keys as they are."""
    import boto3
    import s3fs

    name = uuid.uuid4().hex
    for variable, value in (
        ("AWS_ENDPOINT_URL", s3_server),
        ("AWS_ACCESS_KEY_ID", "planted-id"),
        ("AWS_SECRET_ACCESS_KEY", "planted-secret"),
        ("AWS_DEFAULT_REGION", "us-east-1"),
    ):
        monkeypatch.setenv(variable, value)
    s3fs.S3FileSystem.clear_instance_cache()
    client = boto3.client("s3", endpoint_url=s3_server)
    client.create_bucket(Bucket=name)
    return f"s3://{name}/home", lambda key, body: client.put_object(Bucket=name, Key=f"home/{key}", Body=body)


def test_keys_of_a_store_that_lead_out_of_the_home_are_read_by_nobody(
    bucket, tmp_path: Path, monkeypatch
) -> None:
    url, put = bucket
    monkeypatch.setenv("OPTIQ_MIRRORS", str(tmp_path / "deep" / "mirrors"))
    for number, key in enumerate(
        key for key in ESCAPING if "\n" not in key
    ):  # which the server here does not take
        put(key.format(tmp=str(tmp_path)[1:]), f"planted {number}")
    put("landing/good-1.parquet", "kept")
    home = find_home(url)
    assert isinstance(home, Mirror)
    before = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
    for part in ("landing", "runs", "snapshots"):
        with warnings.catch_warnings(record=True) as said:
            warnings.simplefilter("always")
            home.fetch(part)
        assert part == "snapshots" or any("passed over" in str(one.message) for one in said)
    assert (home.landing / "good-1.parquet").read_text() == "kept"
    after = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
    new = {path for path in after if after[path] != before.get(path) and "mirror.sqlite" not in path.name}
    assert new == {home.landing / "good-1.parquet"}
    assert not list(tmp_path.rglob("*outside*"))


@pytest.mark.parametrize("key", ESCAPING)
def test_what_leads_out_of_the_home_is_not_written_fetched_or_removed(
    key: str, bucket, tmp_path, monkeypatch
) -> None:
    url, _ = bucket
    monkeypatch.setenv("OPTIQ_MIRRORS", str(tmp_path / "mirrors"))
    home = find_home(url)
    assert isinstance(home, Mirror)
    name = key.format(tmp=str(tmp_path)[1:])
    outside = tmp_path / "outside"
    outside.write_text("mine")
    with home._reached() as (store, root):
        for act in (
            lambda: home._download(store, root, name, "1"),
            lambda: home._upload(store, root, name),
            lambda: home._remove(store, root, [name]),
        ):
            with pytest.raises(InputError, match="outside of"):
                act()
    with pytest.raises(InputError, match="outside of"):
        home.share(outside)
    with pytest.raises(InputError, match="outside of"):
        home.forget(outside)
    home._record.write(name, "1")  # as an older version may have noted it
    for part in ("landing", "runs"):
        with suppress(InputError):
            home.fetch(part)
    assert outside.read_text() == "mine"


@pytest.mark.parametrize("name", ["../outside", "/etc", "a/../../b", "..", "a\\..\\b", "", "a\nb"])
def test_a_run_stays_in_the_runs_of_its_home(name: str, tmp_path: Path) -> None:
    home = Home(tmp_path / "home")
    home.create()
    with pytest.raises(InputError, match="outside of"):
        RunFolder(home, name)
    (home.runs / "keys").mkdir()
    (home.runs / "keys" / "k").write_text(name)
    with pytest.raises(InputError, match="outside of"):
        RunFolder.latest(home, "k")


def test_a_link_in_a_home_leads_nowhere_else(tmp_path: Path) -> None:
    from optiq.files.inside import inside

    (tmp_path / "home").mkdir()
    (tmp_path / "home" / "runs").symlink_to(tmp_path)
    with pytest.raises(InputError, match="outside of"):
        inside(tmp_path / "home", "runs/outside", "run")
    assert (
        inside(tmp_path / "home", "landing/x.parquet", "file") == tmp_path / "home" / "landing" / "x.parquet"
    )
