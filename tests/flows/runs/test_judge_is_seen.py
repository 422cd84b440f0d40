"""Calls of a judge are part of the bill, and every view says so."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from optiq.extensions.built_in import SERVERS
from optiq.servers import ServedModel
from tests.optiq.fake_server import FakeServer


class Grading(FakeServer):
    """Two models; whoever is asked for a score gives one."""

    def list_models(self) -> list[ServedModel]:
        return [ServedModel("phi4:14b"), ServedModel("mistral:7b")]


def test_views_tell_what_the_judge_cost(optiq, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    server = Grading(lambda request: "Score: 8" if "Score:" in str(request.prompt) else "Oslo")
    monkeypatch.setitem(SERVERS._given, "grading", lambda *_: server)
    (tmp_path / "q.csv").write_text("question_id,question\na,What is the capital of Norway?\nb,Who?\n")
    models = ("--models", "phi4:14b", "--max-operations", "1", "--topic", "*", "--server", "grading")
    done = optiq("answer", "q.csv", "-o", "a.csv", *models, "--judge", "mistral:7b", "--metric", "judge")
    assert done.code == 0, done.err
    assert "4 calls" in done.out

    run = json.loads(optiq("runs", "show", "last", "--json").out)
    assert (run["calls"], run["judge_calls"]) == (4, 2)
    assert 0 < run["judge_usd"] < run["cost_usd"]
    assert "of these 2 calls and" in optiq("runs", "show", "last").out

    one = json.loads(optiq("show", "last", "a", "--json").out)
    assert one["judge_calls"] == 1
    assert one["judge_usd"] == pytest.approx(run["judge_usd"], rel=0.5)
    assert "judge      mistral:7b: 1 call," in optiq("show", "last", "a").out

    assert optiq("view", "last", "-o", "page.html").code == 0
    page = (tmp_path / "page.html").read_text()
    assert "of it for the judge" in page
