"""Bad days: a full disk in any verb, damaged files, a home that is read-only. One line, nothing half done or lost."""

from __future__ import annotations

import json
import shutil
import sqlite3
import warnings
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from optiq.errors import OptiqWarning
from tasks.run_folder import RunFolder
from tests.flows.conftest import read_only
from tests.small_disk import fill, make_room
from warehouse.home import Home

pytestmark = pytest.mark.filterwarnings("always::optiq.errors.OptiqWarning")

WHOLE = {".csv": pl.read_csv, ".parquet": pl.read_parquet, ".jsonl": pl.read_ndjson}


@pytest.fixture
def answered(model_server, questions, optiq) -> dict[str, Any]:
    """A run of 12 questions in chunks of 3, with its flags and its server."""
    questions(12)
    server = model_server()
    flags = ["answer", "questions.csv", "-o", "answers.csv", "--server", "ollama", "--server-url", server.url]
    flags += ["--chunk-size", "3", "--json"]
    done = optiq(*flags)
    assert done.code == 0, done.err
    return {"flags": flags, "server": server, **json.loads(done.out)}


def test_a_full_disk_is_one_line_in_every_verb_and_forgotten_when_there_is_room(
    small_disk: Path, home: Path, tmp_path: Path, model_server, optiq, monkeypatch
) -> None:
    shutil.copytree(home, small_disk / "home")
    monkeypatch.setenv("OPTIQ_HOME", str(small_disk / "home"))
    monkeypatch.chdir(small_disk)
    rows = "".join(f"q{i},Who was number {i}?,nobody\n" for i in range(6))
    (tmp_path / "questions.csv").write_text("question_id,question,reference\n" + rows)
    (tmp_path / "priors.csv").write_text("model,qoa\nphi4:14b,0.5\n")
    (tmp_path / "a.csv").write_text("question_id,question,answer\nq1,Who?,nobody\n")
    asked, server = str(tmp_path / "questions.csv"), model_server()
    where = ("--server", "ollama", "--server-url", server.url, "--models", "phi4:14b,mistral:7b")
    workflow = tmp_path / "w.yaml"
    workflow.write_text('name: w\nstages:\n  - name: claim\n    prompt: "{question}"\n')
    verbs: list[tuple[str, ...]] = [
        ("answer", asked, "-o", "answers.csv", *where, "--max-total-cost", "1"),
        ("calibrate", asked, *where, "--max-executions", "4", "--yes"),
        ("select", asked, "--workflow", str(workflow), *where, "--metric", "exact", "--table", "table.csv"),
        ("ingest", "priors", str(tmp_path / "priors.csv")),
        ("refresh",),
        ("evaluate", "-o", "policies.csv"),
        ("score", str(tmp_path / "a.csv"), asked, "-o", "scored.csv"),
        ("report", "-o", "page.html"),
        ("cache", "show"),
        ("cache", "clear"),
        ("runs", "list"),
        ("snapshots",),
        ("plan", "Who was it?", "--models", "phi4:14b"),
        ("sql", "select count(*) from models"),
        ("init", "--perfdb", "another"),
    ]
    failed = 0
    for verb in verbs:
        for free in (0, 40_000, 400_000):
            fill(small_disk, free)
            done = optiq(*verb)
            said = [
                line for line in done.err.splitlines() if line and not line.startswith(("warning", "server"))
            ]
            assert "Traceback" not in done.err, (verb, free, done.err)
            assert "fault of Optiq itself" not in done.err + done.out, (verb, free)
            if done.code:
                failed += 1
                assert done.code in (1, 2), (verb, free)
                assert said, (verb, free)
            for path in small_disk.glob("*.*"):  # what is there is whole
                if path.suffix in WHOLE:
                    WHOLE[path.suffix](path)
            assert not list(small_disk.glob(".*")), (verb, free, "a half file is left")
        make_room(small_disk)
        after = optiq(*verb)
        assert after.code == 0 or verb[0] in ("evaluate", "score", "report"), (verb, after.code, after.err)
        assert "Traceback" not in after.err
    assert failed > 10
    assert optiq("refresh").code == 0
    assert pl.read_csv(small_disk / "answers.csv")["status"].to_list() == ["answered"] * 6


def damage(path: Path, how: str) -> None:
    content = path.read_bytes()
    if how == "emptied":
        path.write_bytes(b"\0" * len(content))
    elif how == "cut":
        path.write_bytes(content[: len(content) // 2])
    elif how == "overwritten":
        path.write_bytes(content[:200] + b"not what it was " * (len(content) // 16))
    else:
        middle = len(content) // 2
        path.write_bytes(content[:middle] + b"\xff" * 4096 + content[middle + 4096 :])


@pytest.mark.parametrize("how", ["emptied", "cut", "overwritten", "in the middle"])
@pytest.mark.parametrize("verb", ["answer", "cache clear"])
def test_a_damaged_cache_is_moved_aside(
    how: str, verb: str, answered, optiq, home: Path, recwarn: pytest.WarningsRecorder
) -> None:
    path = home / "cache" / "responses.sqlite"
    with sqlite3.connect(path) as db:
        db.execute("pragma wal_checkpoint(truncate)")
        db.executemany(
            "insert into responses (key, maker, model, generation, delivered) values (?, 'm', 'x', ?, 1)",
            [(f"{n:064d}", "x" * 3000) for n in range(300)],
        )
    db.close()
    damage(path, how)
    damaged = path.read_bytes()
    done = optiq("cache", "clear") if verb == "cache clear" else optiq(*answered["flags"], "--fresh")
    assert done.code == 0, done.err
    assert ["was damaged" in str(said.message) for said in recwarn if said.category is OptiqWarning] == [True]
    [aside] = path.parent.glob("responses.damaged-*.sqlite")
    assert aside.read_bytes() == damaged, "nothing is thrown away"
    assert optiq(*answered["flags"], "--fresh").code == 0
    recwarn.clear()
    assert optiq("cache", "show").code == 0
    assert not list(recwarn)


def test_one_bad_chunk_does_not_hide_the_others(answered, optiq, home: Path) -> None:
    folder = RunFolder(Home(home), answered["run_id"])
    chunks = sorted(folder.chunks.glob("*.rows.parquet"))
    assert len(chunks) == 4
    damage(chunks[1], "cut")
    with pytest.warns(OptiqWarning, match="damaged and passed over"):
        assert folder.rows()["question_id"].to_list() == [f"q{i}" for i in (0, 1, 2, *range(6, 12))]
    listed = optiq("runs", "list", "--json")
    assert (listed.code, json.loads(listed.out)[0]["answered"]) == (0, 12), "as it wrote down when it ended"
    assert optiq("runs", "show", "last").code == 0
    again = optiq(*answered["flags"])
    assert again.code == 0, again.err
    summary = json.loads(again.out)
    assert (summary["run_id"], summary["answered"], summary["asked"]) == (answered["run_id"], 12, 3)
    assert pl.read_csv("answers.csv")["question_id"].to_list() == [f"q{i}" for i in range(12)]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert folder.rows().height == 12


def test_a_home_that_is_read_only_lists_its_runs(answered, optiq, home: Path) -> None:
    with read_only(home):
        listed = optiq("runs", "list", "--json")
        assert listed.code == 0, listed.err
        assert [run["run_id"] for run in json.loads(listed.out)] == [answered["run_id"]]
    RunFolder(Home(home), answered["run_id"]).note(status="running")  # of a process that is gone
    with read_only(home):
        shown = optiq("runs", "show", "last")
        assert shown.code == 0, shown.err
        refused = optiq(*answered["flags"], "--fresh")
        assert refused.code in (1, 2)
        assert "Traceback" not in refused.err
        assert "Read-only file system" in refused.err or "cannot be" in refused.err


def test_damage_in_place_to_what_is_published_spares_the_snapshot(home: Path, optiq) -> None:
    published, (kept,) = home / "perfdb.duckdb", (home / "snapshots").glob("*.duckdb")
    assert published.stat().st_ino != kept.stat().st_ino
    published.chmod(0o644)
    damage(published, "emptied")
    assert optiq("sql", "select 1").code == 1
    restored = optiq("snapshots", "restore", kept.stem)
    assert restored.code == 0, restored.err
    assert optiq("sql", "select count(*) from models").code == 0
