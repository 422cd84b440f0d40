"""A bad day under every verb: one line with a remedy, nothing half written, and the next command works."""

from __future__ import annotations

import json
import multiprocessing
import os
import re
import shlex
import shutil
import time
from collections.abc import Callable, Iterator
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from flows.command_line.main import run
from optiq.endpoint.keys import Keys
from tests.flows.conftest import read_only
from tests.flows.runs.conftest import ModelServer
from tests.small_disk import fill, make_room

SERVED = "--server ollama --server-url {url} --models phi4:14b,mistral:7b,qwen2.5:14b"

# Each verb as it is typed. {desk}: files of a person, where the command runs; {out}: where it is to write.
VERBS = {
    "models": "models " + SERVED.partition(" --models")[0],
    "models show": "models show phi4:14b",
    "models add": "models add mine --usd-per-m-in 0.1 --usd-per-m-out 0.2",
    "estimate": "estimate questions.csv --plans phi4:14b -o {out}/estimates.csv",
    "explain": "explain 'Who was it?' " + SERVED,
    "ask": "ask 'Who was it?' " + SERVED,
    "show": "show last",
    "show one": "show last q1",
    "view": "view last -o {out}/view.html",
    "collect": "collect batches outputs.jsonl -o {out}/collected.csv",
    "chemistry": "chemistry -o {out}/chemistry.svg",
    "recommend": "recommend --size 2",
    "review": "review questions.csv --limit 2 " + SERVED,
    "export": "export {out}/traces.parquet",
    "export to a sheet": "export {out}/traces.xlsx",
    "config": "config",
    "select --resume": "select --resume --max-total-cost 1",
    "calibrate --label": "calibrate unlabelled.csv --label {out}/label.csv --yes --max-executions 9 "
    + SERVED,
    "serve keys add": "serve keys add support",
    "serve keys list": "serve keys list",
    "sql": "sql 'select * from models' -o {out}/models.parquet",
    "runs show": "runs show last",
    "snapshots": "snapshots",
    "snapshots diff": "snapshots diff",
}

WHOLE: dict[str, Callable[[Path], Any]] = {
    ".csv": pl.read_csv,
    ".parquet": pl.read_parquet,
    ".xlsx": pl.read_excel,
    ".html": lambda path: "</html>" in path.read_text() or pytest.fail(f"{path} is cut"),
    ".svg": lambda path: "</svg>" in path.read_text() or pytest.fail(f"{path} is cut"),
}


NEEDS_NO_PERFDB = {"config", "show", "show one", "view", "runs show", "serve keys add", "serve keys list"}
"""They do without what is published."""

WRITES_HOME = {"models add", "collect", "review", "select --resume", "calibrate --label", "serve keys add"}
"""They have nothing to do but in the home."""

ONCE = {"serve keys add", "select --resume"}
"""Done once, there is nothing to do again."""

SAID = {"role": "assistant", "content": "nobody"}
REMEDY = re.compile(r"\. [A-Z`][^.]{8,}")


FORKED = """
import os, sys
os.chdir(desk)
os.environ["OPTIQ_HOME"] = home
sys.argv[1:] = arguments
sys.stdout = sys.stderr = open(said, "w")
from flows.command_line.main import main
main()
"""


class Started:
    """A verb of a day in a process of its own."""

    def __init__(self, process: BaseProcess, said: Path) -> None:
        self.process, self.told = process, said

    def ended(self) -> int:
        self.process.join()
        code = self.process.exitcode or 0
        in_one_line(code, "", self.said())
        return code

    def said(self) -> str:
        return self.told.read_text()


@pytest.fixture
def started(tmp_path: Path) -> Iterator[Callable[[Day], Started]]:
    """Start the verb of a day in a process that is forked from one with the imports done."""
    forking = multiprocessing.get_context("forkserver")
    forking.set_forkserver_preload(["flows.command_line.answer", "flows.answer_questions"])
    every: list[Started] = []

    def start(day: Day) -> Started:
        said = tmp_path / f"said-{len(every)}"
        given = {"arguments": day.arguments, "desk": str(day.desk), "home": str(day.home), "said": str(said)}
        every.append(Started(forking.Process(target=exec, args=(FORKED, given), daemon=True), said))
        every[-1].process.start()
        return every[-1]

    yield start
    for one in every:
        one.process.kill()
        one.process.join()


@pytest.fixture(scope="module")
def lived(fresh_home: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Path, str]]:
    """A home with a run, a review, a selection that was broken off and two snapshots; beside it a desk with files.

    With the address of the server that was asked.
    """
    base, server = tmp_path_factory.mktemp("lived"), ModelServer()
    shutil.copytree(fresh_home, base / "home")
    desk = base / "desk"
    desk.mkdir()
    rows = [f"q{number},Who was number {number}?" for number in range(6)]
    (desk / "questions.csv").write_text(
        "\n".join(["question_id,question,reference", *(f"{row},nobody" for row in rows)])
    )
    (desk / "unlabelled.csv").write_text("\n".join(["question_id,question", *rows]))
    (desk / "flow.yaml").write_text('name: flow\nstages:\n  - name: claim\n    prompt: "{question}"\n')
    said = {"status_code": 200, "body": {"choices": [{"message": SAID}]}}
    outputs = [{"custom_id": row.partition(",")[0], "response": said} for row in rows]
    (desk / "outputs.jsonl").write_text("".join(json.dumps(output) + "\n" for output in outputs))
    served, home = SERVED.format(url=server.url), os.environ.get("OPTIQ_HOME")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("OPTIQ_HOME", str(base / "home"))
        patch.chdir(desk)
        for code, line in (
            (0, f"answer questions.csv -o answers.csv {served}"),
            (0, f"review questions.csv --limit 4 {served}"),
            (0, "refresh"),
            (0, "plan questions.csv --emit-batch batches --models phi4:14b --max-operations 1"),
            (1, f"select questions.csv --workflow flow.yaml --metric exact --max-total-cost 1e-6 {served}"),
        ):
            assert run(shlex.split(line)) == code, line
    assert os.environ.get("OPTIQ_HOME") == home
    yield base, server.url
    server.stop()


class Day:
    """A copy of what was lived, in which one verb meets one day."""

    def __init__(self, lived: tuple[Path, str], folder: Path, verb: str) -> None:
        base, url = lived
        self.desk, self.home, self.out = base / "desk", folder / "home", folder / "out"
        shutil.copytree(base / "home", self.home)
        self.out.mkdir(parents=True)
        self.arguments = shlex.split(VERBS[verb].format(url=url, out=self.out))

    def holds_only_what_is_whole(self) -> None:
        """What the verb wrote can be read, and nothing that it began is left."""
        for path in self.out.iterdir():
            WHOLE[path.suffix](path)
        assert [path for path in self.home.rglob(".*") if path.is_file()] == []


@pytest.fixture
def told(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> Callable[..., tuple[int, str]]:
    """Run the verb of a day in this process; its exit code and what it complained of, in one line."""

    def command(day: Day, *instead: str) -> tuple[int, str]:
        monkeypatch.setenv("OPTIQ_HOME", str(day.home))
        monkeypatch.chdir(day.desk)
        capsys.readouterr()
        code = run([*(instead or day.arguments)])
        said = capsys.readouterr()
        return code, in_one_line(code, said.out, said.err)

    return command


def in_one_line(code: int, out: str, err: str) -> str:
    """The complaint, which is one line with something to do, or none where all went well."""
    assert "Traceback" not in out + err, err
    assert "fault of Optiq itself" not in out + err, err
    errors = [line for line in err.splitlines() if line.startswith("error: ")]
    assert code in (0, 1, 2), (code, err)
    assert len(errors) <= 1, err
    assert code == 0 or err.strip(), "it failed and said nothing"
    if errors:
        assert REMEDY.search(errors[0]), f"no remedy: {errors[0]}"
    return errors[0] if errors else ""


@pytest.mark.parametrize("verb", VERBS)
def test_a_full_disk(verb: str, lived, told, small_disk: Path) -> None:
    day = Day(lived, small_disk, verb)
    codes = []
    for free in (0, 60_000):
        fill(small_disk, free)
        codes.append(told(day)[0])
        day.holds_only_what_is_whole()
    make_room(small_disk)
    assert (verb in ONCE and 0 in codes) or told(day) == (0, "")
    day.holds_only_what_is_whole()


@pytest.mark.parametrize("verb", VERBS)
def test_a_home_that_is_read_only(verb: str, lived, told, tmp_path: Path) -> None:
    day = Day(lived, tmp_path, verb)
    before = {path: path.stat().st_mtime_ns for path in day.home.rglob("*")}
    with read_only(day.home):
        code, _ = told(day)
        assert code == 0 or verb in WRITES_HOME
    day.holds_only_what_is_whole()
    assert {path: path.stat().st_mtime_ns for path in day.home.rglob("*")} == before
    assert told(day) == (0, "")


@pytest.mark.parametrize("verb", VERBS)
def test_what_is_published_is_cut(verb: str, lived, told, tmp_path: Path) -> None:
    day = Day(lived, tmp_path, verb)
    published = day.home / "perfdb.duckdb"
    published.chmod(0o600)
    os.truncate(published, published.stat().st_size // 2)
    before, said = told(day)
    if before:
        assert "perfdb.duckdb" in said
        assert list(day.out.iterdir()) == []
    else:
        assert verb in NEEDS_NO_PERFDB
    newest = max((day.home / "snapshots").glob("*.duckdb"))
    assert told(day, "snapshots", "restore", newest.stem) == (0, "")
    assert (verb in ONCE and before == 0) or told(day) == (0, "")


@pytest.mark.parametrize("verb", VERBS)
def test_what_a_killed_machine_left(verb: str, lived, told, tmp_path: Path) -> None:
    day = Day(lived, tmp_path, verb)
    gone = {"pid": 2**22 - 1, "host": "elsewhere", "started": 0}
    (day.home / "prefect").mkdir()
    for left, content in {
        "refresh.lock": "4194303",
        "perfdb.duckdb.wal": "of a writer that was killed",
        "work/next.duckdb": "half",
        "landing/.traces-half.parquet": "PAR1",
        "snapshots/.half.duckdb": "half",
        "snapshots/a copy of mine.duckdb": "none",
        "cache/responses.sqlite-journal": "half",
        "prefect/running.json": json.dumps(gone),
        "serving/keys.json.lock": "",
        "selection/journal/left.jsonl": '{"half',
    }.items():
        path = day.home / left
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content)
    for run_json in day.home.glob("runs/*/run.json"):
        run_json.write_text(json.dumps({**json.loads(run_json.read_text()), "status": "running"}))
    assert told(day) == (0, "")


@pytest.mark.parametrize("verb", VERBS)
def test_twice_at_once(verb: str, lived, told, started, tmp_path: Path) -> None:
    day = Day(lived, tmp_path, verb)
    both = [started(day), started(day)]
    codes = [one.ended() for one in both]
    assert min(codes) == 0, [one.said() for one in both]
    day.holds_only_what_is_whole()
    assert verb in ONCE or told(day) == (0, "")


@pytest.mark.parametrize("verb", VERBS)
def test_killed(verb: str, lived, told, started, tmp_path: Path) -> None:
    day = Day(lived, tmp_path, verb)
    whole = Day(lived, tmp_path / "whole", verb)
    began = time.monotonic()
    started(whole).ended()
    took = time.monotonic() - began
    for share in (0.3, 0.6, 0.9):
        one = started(day)
        time.sleep(took * share)
        one.process.kill()
        one.process.join()
    for path in [path for path in day.out.iterdir() if not path.name.startswith(".")]:
        WHOLE[path.suffix](path)
    assert verb in ONCE or told(day) == (0, "")


def test_a_selection_that_ended_under_a_higher_limit_is_not_gone_on_with(lived, told, tmp_path: Path) -> None:
    day = Day(lived, tmp_path, "select --resume")
    assert told(day) == (0, "")
    code, said = told(day, "select", "--resume")
    assert (code, "no selection was broken off" in said) == (2, True)


def test_two_keys_added_at_once_both_let_in(lived, started, tmp_path: Path) -> None:
    day = Day(lived, tmp_path, "serve keys add")
    both = []
    for name in ("one", "two"):
        day.arguments = ["serve", "keys", "add", name]
        both.append(started(day))
    assert [one.ended() for one in both] == [0, 0]
    kept = Keys(day.home / "serving" / "keys.json")
    assert {key.name for key in kept.every()} == {"one", "two"}
