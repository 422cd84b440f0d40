"""What a command needs is imported, and no more: people wait for imports before anything happens."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from optiq.extensions.built_in import SERVERS
from optiq.servers import ServedModel
from tasks.run_folder import RunFolder
from tests.optiq.fake_server import FakeServer
from warehouse.home import Home

ALL = {
    "prefect",
    "typer",
    "pydantic",
    "scipy",
    "torch",
    "pandas",
    "great_expectations",
    "asyncio",
    "aiohttp",
    "httpx",
}
RUNNING = {"optiq.execution", "optiq.scoring", "xllamacpp", "zeus"}
TABLES = {"polars", "pyarrow", "numpy"}


@pytest.mark.parametrize(
    ("command", "never"),
    [
        (["--help"], {*ALL, *RUNNING, *TABLES, "duckdb", "rich", "asyncio"}),
        (["answer", "--help"], {*ALL, *RUNNING, *TABLES, "duckdb", "asyncio"}),
        (["config"], {*ALL, *RUNNING, *TABLES, "duckdb"}),
        (["runs"], {*ALL, *RUNNING, *TABLES, "duckdb"}),
        (["sql", "select 1 as one"], {*ALL, *RUNNING, *TABLES}),
        (["show", "last"], {*ALL, *RUNNING}),
        (["show", "last", "--wrong"], {*ALL, *RUNNING}),
        (["plan", "Who?", "--models", "phi4:14b"], {*ALL, *RUNNING} - {"asyncio"}),
    ],
    ids=lambda given: " ".join(given) if isinstance(given, list) else "",
)
def test_a_command_imports_no_more_than_it_needs(command: list[str], never: set[str], answered: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT, *command], capture_output=True, text=True, cwd=answered, check=True
    )
    assert done.stdout.strip()
    assert set(done.stderr.split("imported:")[-1].split()) & never == set()


SCRIPT = """
import sys
from optiq.__main__ import main
try:
    main()
except SystemExit as end:
    assert not end.code, end.code
print("imported:", *sys.modules, file=sys.stderr)
"""


@pytest.fixture
def answered(optiq, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where a run has ended."""

    class Served(FakeServer):
        def list_models(self) -> list[ServedModel]:
            return [ServedModel("phi4:14b")]

    monkeypatch.setitem(SERVERS._given, "oslo", lambda *_: Served(lambda _: "Oslo"))
    (tmp_path / "q.csv").write_text("question,reference\nWhat is the capital of Norway?,Oslo\n")
    told = optiq("answer", "q.csv", "-o", "a.csv", "--server", "oslo", "--models", "phi4:14b", "--topic", "*")
    assert told.code == 0, told.err
    return tmp_path


def test_a_finished_run_is_listed_by_what_it_wrote_down(answered: Path, optiq, home: Path) -> None:
    before = optiq("runs").out
    (folder,) = RunFolder.every(Home(home))
    for rows in folder.chunks.glob("*.parquet"):
        rows.unlink()
    assert optiq("runs").out == before
    folder.note(status="interrupted")
    assert optiq("runs").out != before
