"""A number means the same wherever it is seen: spend, limits and what is left of a run."""

from __future__ import annotations

import asyncio
import json
import math
import warnings
from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from flows.command_line.progress import standing_line
from flows.command_line.screen import usd
from optiq.errors import OptiqNote
from optiq.execution.ledger import Amount, Ledger
from optiq.execution.trace import Call
from optiq.plans.plan import Plan
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


def test_a_file_that_holds_other_answers_is_not_replaced_without_a_word(answer, tmp_path: Path) -> None:
    Path("a.csv").write_text("somebody's notes\n")
    with pytest.warns(OptiqNote, match="a.csv is there and will be replaced"):
        first = answer("--max-cost", "1")["run_id"]
    with warnings.catch_warnings():
        warnings.simplefilter("error", OptiqNote)
        assert answer("--max-cost", "1")["run_id"] == first, "the same command goes on, and says nothing"
    with pytest.warns(OptiqNote, match=f"a.csv holds the answers of run {first}, which `optiq show"):
        assert answer("--max-cost", "2")["run_id"] != first


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


def test_questions_that_wait_for_a_model_that_answers_one_at_a_time_have_not_begun() -> None:
    """Sixteen of twenty were taken up: the time left after one is that of nineteen."""
    tally = Tally(20, 0, Ledger(), at_once=lambda: {"a": 1})
    for _ in range(16):
        tally.began()
    tally.ended(None)
    tally.settled(["answered"], 0)
    standing = tally.standing()
    assert standing.left_s >= 12 * standing.seconds


def test_progress_says_what_is_too_late_before_anything_is_done() -> None:
    tally = Tally(20, 0, Ledger(), at_once=lambda: {"a": 1})
    tally.began()
    tally.late("a")
    tally.late("a")
    assert standing_line(tally.standing()).endswith("a 0 (1 at once, 2 too late)")


def test_calls_without_an_answer_stand_apart_while_it_goes_on_and_at_the_end(optiq, answer, home) -> None:
    """An earlier session made a call that was called off: the ledger counts it at its most, no answer has it."""
    first = answer("--limit", "2")
    assert first["unanswered_usd"] == 0
    folder = home / "runs" / first["run_id"]
    earlier = Ledger(path=folder / "ledger.sqlite")
    reservation = asyncio.run(earlier.reserve(Amount(0.25, 1.0)))
    reservation.settle(reservation.draw(Amount(0.25, 1.0)), Amount(math.nan, math.nan))
    reservation.close()
    earlier.close()

    whole = answer()
    assert whole["run_id"] == first["run_id"]
    assert whole["cost_usd"] < 0.01
    assert whole["unanswered_usd"] == pytest.approx(0.25)
    run = json.loads(optiq("runs", "show", first["run_id"], "--json").out)
    assert (run["cost_usd"], run["unanswered_usd"]) == (whole["cost_usd"], whole["unanswered_usd"])
    assert (
        ", up to 250 mUSD more for calls without an answer or token counts"
        in optiq("runs", "show", first["run_id"]).out
    )

    seen = Ledger(path=folder / "ledger.sqlite")
    tally = Tally(6, 6, seen, billed_usd=whole["cost_usd"])
    standing = tally.standing()
    seen.close()
    assert standing.spent_usd - standing.unanswered_usd == pytest.approx(whole["cost_usd"])
    assert (
        f"{usd(whole['cost_usd'])}, up to 250 mUSD more for calls without an answer or token counts"
        in standing_line(standing)
    )


def test_a_call_is_billed_with_its_answer_and_one_without_stands_apart(tmp_path) -> None:
    ledger = Ledger(path=tmp_path / "ledger.sqlite")
    tally = Tally(2, 0, ledger, billed_usd=0.0)
    for cost, error in ((0.01, None), (None, "timed out")):
        reservation = asyncio.run(ledger.reserve(Amount(0.25, 1.0)))
        held = reservation.draw(Amount(0.25, 1.0))
        reservation.settle(held, Amount(math.nan if cost is None else cost, 0.0))
        reservation.close()
        now = datetime.now(UTC)
        tally.called(Call(0, MODELS[0], now, Plan.parse(MODELS[0]), 9, cost_usd=cost, error=error))
    standing = tally.standing()
    ledger.close()
    assert standing.spent_usd == pytest.approx(0.26)
    assert standing.unanswered_usd == pytest.approx(0.25)
