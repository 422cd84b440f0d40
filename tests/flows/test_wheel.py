"""The wheel: outside the checkout, without what the extras bring, among modules that have its folders' names."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import sysconfig
import venv
import zipfile
from pathlib import Path

import pytest

from optiq.extensions.extras import EXTRAS

ROOT = Path(__file__).parents[2]
ROOMS = ("warehouse", "sql", "tasks", "flows", "deployments")
LEFT_OUT = sorted(EXTRAS)
BLOCK = f"""
import sys
class Absent:  # what the extras bring is not there
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in {LEFT_OUT!r}:
            raise ModuleNotFoundError(f"No module named {{name!r}}", name=name)
sys.meta_path.insert(0, Absent())
"""


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel of the checkout, built from a copy of what git knows or would, so that nothing is left behind."""
    source, target = tmp_path_factory.mktemp("source"), tmp_path_factory.mktemp("wheel")
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT, capture_output=True, text=True, check=True,
    ).stdout.split("\0")  # fmt: skip
    wanted = (*ROOMS, "optiq", "pyproject.toml", "setup.py", "README.md", "LICENSE")
    for name in filter(None, listed):
        if name.split("/")[0] in wanted and (ROOT / name).is_file():
            (source / name).parent.mkdir(parents=True, exist_ok=True)
            (source / name).write_bytes((ROOT / name).read_bytes())
    command = [
        sys.executable,
        "-c",
        "import setuptools.build_meta as b, sys; print(b.build_wheel(sys.argv[1]))",
        target,
    ]
    done = subprocess.run(command, cwd=source, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-3000:]
    return next(target.glob("*.whl"))


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An environment with the wheel and our dependencies, from which what the extras bring is kept away."""
    place = tmp_path_factory.mktemp("environment")
    venv.create(place)
    site = Path(sysconfig.get_path("purelib", vars={"base": str(place), "platbase": str(place)}))
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(site)
    ours = next(path for path in map(Path, sys.path) if (path / "duckdb").is_dir())
    (site / "dependencies.pth").write_text(f"{ours}\n")
    (site / "sitecustomize.py").write_text(BLOCK)
    for name in ROOMS:  # other people's modules of the same names
        (site / f"{name}.py").write_text(f"whose = 'theirs: {name}'\n")
    return place


def test_a_wheel_adds_one_name_and_holds_what_is_no_code(wheel: Path) -> None:
    names = zipfile.ZipFile(wheel).namelist()
    assert {name.split("/")[0] for name in names if ".dist-info" not in name} == {"optiq"}
    for wanted in (
        "optiq/py.typed",
        "optiq/sql/queries/traces.sql",
        "optiq/prompts/context.txt",
        "optiq/deployments/prefect.yaml",
    ):
        assert wanted in names
    checkout = {
        path.relative_to(ROOT).as_posix()
        for room in (*ROOMS, "optiq")
        for path in (ROOT / room).rglob("*")
        if path.is_file() and path.suffix not in (".pyc", ".pyo") and "__pycache__" not in path.parts
    }
    inside = {name if name.startswith("optiq/") else f"optiq/{name}" for name in checkout}
    assert inside - set(names) == set()
    assert "entrypoint: optiq.flows.refresh_perfdb" in zipfile.ZipFile(wheel).read(
        "optiq/deployments/prefect.yaml"
    ).decode("utf-8")


def test_it_runs_anywhere_without_what_the_extras_bring(installed: Path, tmp_path: Path) -> None:
    for name in ROOMS:
        (tmp_path / f"{name}.py").write_text(
            "raise SystemExit('the folder that one is in is no place for ours')\n"
        )
    environment = {"PATH": os.defpath, "HOME": str(tmp_path), "PYTHONIOENCODING": "utf-8"}

    def optiq(*words: str) -> subprocess.CompletedProcess[str]:
        command = [installed / "bin" / "python", "-P", "-m", "optiq", *words]
        return subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True)

    made = optiq("init")
    assert made.returncode == 0, made.stderr
    planned = optiq("plan", "Who wrote Hamlet?", "--models", "phi4:14b,gemma3:27b", "--topic", "*", "--json")
    assert json.loads(planned.stdout)[0]["status"] == "planned", planned.stderr
    assert optiq("refresh").returncode == 0
    assert "63" in optiq("sql", "select count(*) as n from priors").stdout
    for words, extra in (
        (("report", "-o", "page.html", "--snapshot", "current"), "report"),
        (("up",), "schedule"),
    ):
        refused = optiq(*words)
        assert refused.returncode == 1
        assert f'pip install "optiq[{extra}]"' in refused.stderr
        assert "Traceback" not in refused.stderr
    told = (
        "import optiq, tasks, sys; assert tasks.whose; h = optiq.open('.optiq', models=['phi4:14b'], topic='*'); "
        "assert h.plan('Who?').height == 1; assert tasks.whose.startswith('theirs'); assert 'torch' not in sys.modules"
    )
    command = [installed / "bin" / "python", "-P", "-c", told]
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
