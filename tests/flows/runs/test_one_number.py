"""A number means the same wherever it is seen: spend, limits and what is left of a run."""

from __future__ import annotations

import json
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from optiq.execution.ledger import Ledger
from tasks.tally import Tally
from warehouse.query import query
from warehouse.report import ReportSource

MODELS = ("mistral:7b", "phi4:14b")


@pytest.fixture
def answer(optiq, model_server, tmp_path: Path) -> Any:
    """Run `optiq answer` on six questions, two of which no plan answers within their limits."""
    rows = [f"q{n},What is number {n}?,{'1e-9' if n > 3 else ''}\n" for n in range(6)]
    (tmp_path / "q.csv").write_text("question_id,question,max_latency_s\n" + "".join(rows))
    server = model_server("--models", ",".join(MODELS))

    def run(*flags: str) -> dict[str, Any]:
        at = ("--server", "ollama", "--server-url", server.url, "--models", MODELS[0])
        done = optiq("answer", "q.csv", "-o", "a.csv", "--json", *at, *flags)
        assert done.out, done.err
        return json.loads(done.out)

    return run


def test_spend_is_what_was_paid_everywhere_and_the_cache_stands_apart(optiq, answer, home) -> None:
    paid = answer("--max-total-cost", "1")
    again = answer("--fresh", "--max-total-cost", "1")
    assert (again["calls"], again["cached"], again["cost_usd"]) == (0, 4, 0)
    assert paid["cost_usd"] > 0
    assert optiq("refresh").code == 0
    source = ReportSource(home / "perfdb.duckdb")
    for summary, cached in ((paid, None), (again, pytest.approx(paid["cost_usd"]))):
        run = summary["run_id"]
        spent = pytest.approx(summary["cost_usd"])
        key = source.frame("run", run=run).row(0, named=True)
        assert (key["cost_usd"] or 0.0, key["cached_cost_usd"]) == (spent, cached)
        assert (source.frame("spend", run=run)["cost_usd"].sum() or 0.0) == spent
        view = f"select cost_usd, cached_cost_usd from budget_adherence where run_id = '{run}'"
        kept = query(home / "perfdb.duckdb", view).row(0)
        assert (kept[0] or 0.0, kept[1]) == (spent, cached)
        assert json.loads(optiq("runs", "show", run, "--json").out)["cost_usd"] == spent
        shown = json.loads(optiq("show", run, "--json").out)["rows"]
        assert sum(row["spent_usd"] or 0.0 for row in shown) == spent
    assert optiq("report", "-o", "page.html", "--run", paid["run_id"]).code == 0
    page = Path("page.html").read_text(encoding="utf-8")
    assert "cost of the run" in page
    assert "max_total_cost_usd 1" in page
    assert "max_total_cost_usd 1" in optiq("runs", "show", paid["run_id"]).out


def test_a_run_that_took_its_limit_is_finished_and_more_may_be_asked_later(optiq, answer, home) -> None:
    first = answer("--limit", "2")
    state = json.loads(optiq("runs", "show", "last", "--json").out)
    assert (state["status"], state["done"], state["questions"]) == ("done", 2, 6)
    assert "(--limit 2)" in optiq("runs", "show", "last").out
    assert optiq("refresh").code == 0
    more = answer()
    assert more["run_id"] == first["run_id"], "the questions that were paid for are not asked again"
    assert more["questions"] == 6
    assert optiq("refresh").code == 0
    assert answer()["run_id"] != first["run_id"], "a finished run is not that of new statistics"


def test_failures_stand_before_the_reasons_of_infeasible_rows(optiq, model_server, tmp_path: Path) -> None:
    rows = [f"q{n},Number {n}?,{'' if n == 0 else f'{n}e-12'}\n" for n in range(14)]
    (tmp_path / "q.csv").write_text("question_id,question,max_latency_s\n" + "".join(rows))
    server = model_server("--models", MODELS[0], "--dying", MODELS[0])
    at = ("--server", "ollama", "--server-url", server.url, "--models", MODELS[0])
    assert optiq("answer", "q.csv", "-o", "a.csv", *at).code == 1
    faults = json.loads(optiq("runs", "show", "last", "--json").out)["faults"]
    assert faults[0][0] == "failed"
    assert "died" in faults[0][1]
    assert {fault[0] for fault in faults} == {"failed", "infeasible"}


def test_time_left_is_not_that_of_all_one_by_one(monkeypatch) -> None:
    """Ten at once that take a second each: after the first, of forty the others take four more seconds."""
    now = [0.0]
    monkeypatch.setattr("tasks.tally.time.monotonic", lambda: now[0])
    tally = Tally(40, 0, Ledger())
    seen = []
    for _ in range(10):
        tally.began()
    for place in range(39):
        now[0] = 1.0 + place * 0.1
        tally.ended(None)
        tally.settled(["answered"], 0)
        if place < 30:
            tally.began()
        seen.append(tally.standing().left_s)
    assert seen[0] < 8
    assert all(later < earlier + 0.5 for earlier, later in pairwise(seen))
