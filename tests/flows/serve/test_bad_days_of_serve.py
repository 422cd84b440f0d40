"""`optiq serve` on a full disk and in a home that is read-only: clients are answered, and what can be is recorded."""

from __future__ import annotations

import errno
import os
import shutil
from datetime import UTC, datetime
from pathlib import Path

import pytest

import tasks.journal
from benchmarks.model_server import Behaviour
from optiq.execution.trace import ANSWERED, Execution
from optiq.plans.plan import Plan
from optiq.questions.question import Question
from tasks.journal import Journal
from tests.flows.conftest import read_only
from tests.flows.serve.conftest import MODELS, model_server, running
from tests.flows.serve.reading import landed
from tests.small_disk import fill, make_room
from warehouse.home import Home
from warehouse.refresh import refresh


def test_on_a_full_disk_it_answers_and_records_when_there_is_room(fresh_home: Path, small_disk: Path) -> None:
    home = small_disk / "home"
    shutil.copytree(fresh_home, home)
    with model_server(behaviour := Behaviour([*MODELS])) as url, running(home, url, behaviour) as endpoint:
        assert endpoint.ask("Before?").status_code == 200
        fill(small_disk, 0)
        full = endpoint.ask("While it is full?")
        assert full.status_code in (200, 503), full.text
        assert "Traceback" not in full.text
        make_room(small_disk)
        assert endpoint.ask("After?").status_code == 200
    assert {"Before?", "After?"} <= set(landed(Home(home))["question"])


def test_it_does_not_start_where_it_could_not_record(home: Path, optiq) -> None:
    with model_server(behaviour := Behaviour([*MODELS])) as url:
        serve = ("serve", "--port", "0", "--server", "openai", "--server-url", f"{url}/v1")
        with read_only(home):
            refused = optiq(*serve)
        assert (refused.code, refused.err.count("\n")) == (1, 1), refused.err
        assert "Read-only file system" in refused.err or "Permission denied" in refused.err
        (home / "perfdb.duckdb").chmod(0o600)
        os.truncate(home / "perfdb.duckdb", 4096 * 5)
        cut = optiq(*serve)
        assert (cut.code, cut.err.count("\n")) == (1, 1), cut.err
        assert "perfdb.duckdb" in cut.err
        assert not sum(behaviour.asked.values())


def test_what_could_not_land_is_landed_by_whoever_comes_first_and_once(
    fresh_home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    home = Home(tmp_path / "home")
    shutil.copytree(fresh_home, home.path)
    answered = Execution(
        Question("q", "Who?"), Plan.of(["phi4:14b"]), "one", datetime(2026, 3, 1, tzinfo=UTC), ANSWERED, "He."
    )

    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    one = Journal(home, "one", "serving")
    for by_another in (True, False):
        one.append(answered, "yes")
        with monkeypatch.context() as broken:
            broken.setattr(tasks.journal, "land_traces", full)
            with pytest.raises(OSError, match="No space left"):
                one.tend(at_once=True)
        if by_another:
            assert Journal(home, "two", "serving").recover() == 1
        one.tend(at_once=True)
        assert not list((home.path / "serving" / "journal").glob("*.jsonl"))
    assert refresh(home, full_gate=False).n_executions_new == 1, "the same execution, merged once"
