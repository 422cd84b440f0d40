"""What a command writes is its owner's alone, whatever the umask; what a person asked for by name is not changed."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from optiq.files.atomic import replacing
from optiq.files.private import private_files


@pytest.fixture(params=[0o000, 0o022, 0o027], ids=oct)
def umask(request: pytest.FixtureRequest) -> Iterator[int]:
    """The umask of a person."""
    before = os.umask(request.param)
    yield request.param
    os.umask(before)


def open_to_others(folder: Path) -> list[str]:
    """Files and folders below (and the folder itself) that others have any right to."""
    every = [folder, *folder.rglob("*")]
    return [f"{path} {oct(mode)}" for path in every if (mode := stat.S_IMODE(path.lstat().st_mode)) & 0o077]


def test_a_home_and_all_that_a_run_leaves_in_it(
    umask: int, optiq, model_server, tmp_path: Path, monkeypatch
) -> None:
    spilled: list[int] = []
    made = tempfile.mkdtemp
    monkeypatch.setattr(tempfile, "mkdtemp", lambda *given, **more: spilled.append(1) or made(*given, **more))
    home = tmp_path / "deep" / "own"
    monkeypatch.setenv("OPTIQ_HOME", str(home))
    assert optiq("init").code == 0
    (tmp_path / "questions.csv").write_text("question\nWhy?\nHow?\n")
    flags = ("--server", "ollama", "--server-url", model_server().url, "--max-total-cost", "1")
    done = optiq("answer", "questions.csv", "-o", "answers.csv", *flags)
    assert done.code == 0, done.err
    assert optiq("refresh").code == 0
    assert optiq("sql", "select 1").code == 0
    names = {path.name for path in home.rglob("*")}
    assert {"perfdb.duckdb", "responses.sqlite", "ledger.sqlite", "run.json"} <= names
    assert open_to_others(home) == []
    assert spilled, "what a query spills goes to a folder made for one"
    assert stat.S_IMODE(Path("answers.csv").stat().st_mode) == 0o666 & ~umask
    assert os.umask(umask) == umask, "the person's umask holds again"


def test_answers_are_private_while_they_are_written_and_keep_the_mode_of_those_before(
    umask: int, tmp_path: Path
) -> None:
    target = tmp_path / "answers.csv"
    with private_files():
        with replacing(target) as temporary:
            temporary.write_text("half")
            assert stat.S_IMODE(temporary.stat().st_mode) == 0o600
        assert stat.S_IMODE(target.stat().st_mode) == 0o666 & ~umask
        target.chmod(0o640)
        with replacing(target) as temporary:
            temporary.write_text("whole")
        assert stat.S_IMODE(target.stat().st_mode) == 0o640


def test_a_shared_home_has_the_modes_of_who_writes_it_and_the_group_of_its_folder(
    tmp_path: Path, monkeypatch, optiq, model_server
) -> None:
    before = os.umask(0o007)
    try:
        home = tmp_path / "shared"
        tmp_path.chmod(0o2770)  # what is made inside has its group
        monkeypatch.setenv("OPTIQ_HOME", str(home))
        assert optiq("init", "--shared-home").code == 0
        (tmp_path / "questions.csv").write_text("question\nWhy?\nHow?\n")
        flags = ("--server", "ollama", "--server-url", model_server().url, "--max-total-cost", "1")
        assert optiq("answer", "questions.csv", "-o", "answers.csv", *flags).code == 0
        assert optiq("refresh").code == 0
    finally:
        os.umask(before)
    assert stat.S_IMODE((home / "perfdb.duckdb").stat().st_mode) == 0o440
    every = [home, *home.rglob("*")]
    assert {stat.S_IMODE(path.stat().st_mode) for path in every if path.is_dir()} == {0o2770}
    written = {path.name: stat.S_IMODE(path.stat().st_mode) for path in every if path.suffix != ".duckdb"}
    assert written["responses.sqlite"] == written["ledger.sqlite"] == written["refresh.lock"] == 0o660


def test_the_library_keeps_its_home_and_caches_private_too(tmp_path: Path) -> None:
    code = (
        "import os; os.umask(0)\n"
        "from pathlib import Path\n"
        "from warehouse.home import Home\n"
        "from optiq.execution.responses import ResponseStore\n"
        "from optiq.execution.ledger import Ledger\n"
        "Home(Path('lib')).create(); ResponseStore('cache.sqlite').delivered([]); Ledger(1.0, path='ledger.sqlite')\n"
    )
    root = Path(__file__).parents[3]
    subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, check=True, env={**os.environ, "PYTHONPATH": str(root)}
    )
    assert stat.S_IMODE((tmp_path / "lib").stat().st_mode) == 0o700
    found = {path.name: stat.S_IMODE(path.stat().st_mode) for path in tmp_path.glob("*.sqlite*")}
    assert {"cache.sqlite", "ledger.sqlite"} <= found.keys()
    assert set(found.values()) == {0o600}


def test_a_run_of_a_deployment_is_private_as_well(tmp_path: Path) -> None:
    code = "import flows; from pathlib import Path; Path('made').touch(); Path('folder').mkdir()"
    root = Path(__file__).parents[3]
    environment = {**os.environ, "PYTHONPATH": str(root), "PREFECT__FLOW_RUN_ID": "1"}
    subprocess.run([sys.executable, "-c", code], cwd=tmp_path, check=True, env=environment)
    modes = [stat.S_IMODE((tmp_path / name).stat().st_mode) for name in ("made", "folder")]
    assert modes == [0o600, 0o700]
