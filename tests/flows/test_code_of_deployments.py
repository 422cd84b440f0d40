"""A run of a deployment imports no code that the worker's `optiq.toml` does not list; nobody else's file is run."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from optiq.configuration import Settings
from optiq.errors import ConfigurationError

AGENT = """
from pathlib import Path
Path("ran").touch()
class Agent:
    def __init__(self, models): pass
    def run(self, example): return "so"
def judge(expected, actual):
    return 1.0
"""


@pytest.fixture
def asked(home: Path, tmp_path: Path) -> list[str]:
    """A selection of an agent whose file leaves a mark when it is imported."""
    (tmp_path / "agent.py").write_text(AGENT)
    (tmp_path / "labelled.csv").write_text("question,reference\nWhy?,so\nHow?,so\n")
    return ["select", "labelled.csv", "--agent", "agent.py:Agent", "--role", "solver=a", "--json"]


@pytest.mark.parametrize("metric", ["exact", "agent.py:judge"])
@pytest.mark.parametrize(
    "listed", [[], ["other.py:Agent"], ["agent.py:Agent"], ["agent.py:Agent", "agent.py:judge"]]
)
def test_only_what_is_listed_is_imported(asked, listed, metric, optiq, tmp_path, monkeypatch) -> None:
    monkeypatch.setenv("PREFECT__FLOW_RUN_ID", "6f2c7c1e-0000-0000-0000-000000000000")
    monkeypatch.setenv("OPTIQ_RUNS_CODE", "agent.py:Agent")  # a job's variables are no list
    if listed:
        (tmp_path / "optiq.toml").write_text(f"runs_code = {json.dumps(listed)}\n")
    done = optiq(*asked, "--metric", metric)
    needed = {"agent.py:Agent", *([metric] if ":" in metric else [])}
    if needed <= set(listed):
        assert done.code == 0, done.err
        assert (tmp_path / "ran").exists()
    else:
        assert done.code == 2
        assert "runs_code" in done.err
        assert not (tmp_path / "ran").exists()


def test_a_person_runs_code_of_their_own_and_help_says_so(asked, optiq, tmp_path, monkeypatch) -> None:
    monkeypatch.delenv("PREFECT__FLOW_RUN_ID", raising=False)
    assert optiq(*asked).code == 0
    assert (tmp_path / "ran").exists()
    shown = " ".join(optiq("select", "--help-all").out.replace("│", " ").split())
    assert "this runs its code" in shown
    assert "that runs its code" in shown


@pytest.mark.parametrize("value", ['"agent.py:Agent"', "[1]", '["agent"]'])
def test_a_list_that_is_none_says_so(asked, value, optiq, tmp_path) -> None:
    (tmp_path / "optiq.toml").write_text(f"runs_code = {value}\n")
    done = optiq(*asked)
    assert (done.code, "runs_code in optiq.toml" in done.err) == (2, True)


@pytest.mark.parametrize(
    ("file", "given", "refused"),
    [
        ("", {"metric": "os.path:commonprefix"}, True),
        ("", {"metric": "long=os.path:commonprefix"}, True),
        ('runs_code = ["os.path:commonprefix"]', {"metric": "os.path:commonprefix"}, False),
        ('metric = "os.path:commonprefix"', {}, False),
        ('metric = "os.path:commonprefix"', {"metric": "os.path:basename"}, True),
        ("", {"metric": "rouge-l"}, False),
        ("", {"run_programs": True}, True),
        ("run_programs = false", {"run_programs": True}, True),
        ("run_programs = true", {"run_programs": True}, False),
    ],
)
def test_metrics_and_programs_of_deployments(file, given, refused, tmp_path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "optiq.toml").write_text(file + "\n")
    Settings.load(given, {})  # a person may
    run = {"PREFECT__FLOW_RUN_ID": "1"}
    if refused:
        with pytest.raises(ConfigurationError, match="worker's machine"):
            Settings.load(given, run)
    else:
        Settings.load(given, run)
