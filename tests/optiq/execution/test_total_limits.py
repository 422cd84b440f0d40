"""What a run may spend in all is never exceeded, not even by calls in flight, verbose models or lost answers."""

import asyncio
import math
import threading

import pytest
from fake_server import FakeServer
from hypothesis import given, settings
from hypothesis import strategies as st

from optiq.errors import AnswerLost
from optiq.execution import Executor, Retries, Shared, Work
from optiq.execution.ledger import Amount, Ledger, LimitReached
from optiq.execution.responses import ResponseStore
from optiq.plans.plan import Plan
from optiq.questions.question import Question
from optiq.statistics.snapshot import ModelFigures, Statistics

CHAIN = Plan.of(["a", "b"], [(0, 1)])


def prices(**more):
    rates = {
        "usd_per_prompt_token": 0.001,
        "usd_per_output_token": 0.01,
        "joules_per_prompt_token": 1.0,
        "joules_per_output_token": 1.0,
    }
    return Statistics.build("s", [ModelFigures(model=m, **(rates | more)) for m in "ab"], [])


def run(server, limit, number=20, plan=CHAIN, **options):
    ledger = options.pop("ledger", None) or Ledger(limit)
    shared = Shared(ledger=ledger, responses=options.pop("store", None))
    executor = Executor(
        server, "r", options.pop("prices", prices()), shared=shared, retries=Retries(first_s=0.001), **options
    )
    work = [Work(Question(str(i), f"Where is {i}?"), plan) for i in range(number)]
    return executor.run(work), ledger


def test_questions_that_do_not_fit_say_which_limit():
    executions, ledger = run(
        FakeServer(lambda r: "Oslo", delay_s=0.002, output_tokens=32, prompt_tokens=60), 5.0
    )
    statuses = [execution.status for execution in executions]
    assert statuses.count("answered") > 0
    assert statuses.count("over limit") > 0
    assert len(statuses) == statuses.count("answered") + statuses.count("over limit")
    refused = next(execution for execution in executions if execution.status == "over limit")
    assert "max_total_cost = 5 USD" in refused.error
    assert refused.calls == []
    spent = sum(call.cost_usd for execution in executions for call in execution.calls)
    assert ledger.spent.cost_usd == pytest.approx(spent)
    assert spent <= 5.0


def test_what_calls_do_not_use_is_free_for_others():
    bound_usd = run(FakeServer(lambda r: "Oslo"), 1000.0, number=1)[1]
    assert bound_usd.spent.cost_usd == pytest.approx(2 * (0.01 + 0.02))
    executions, ledger = run(FakeServer(lambda r: "Oslo", delay_s=0.001), 3.0, number=20)
    assert [e.status for e in executions] == ["answered"] * 20, "together they are cheap, if not all at once"
    assert ledger.committed.cost_usd == pytest.approx(ledger.spent.cost_usd)


def test_lost_answers_count_at_their_most():
    faults = iter([AnswerLost("late")] * 2)
    server = FakeServer(lambda request: next(faults, "Oslo"))
    [execution], ledger = run(server, 100.0, number=1)
    assert execution.status == "answered"
    assert ledger.spent.cost_usd > execution.cost_usd
    assert sum(call.lost.cost_usd for call in execution.calls) == pytest.approx(
        ledger.spent.cost_usd - execution.cost_usd
    )


def test_what_counts_is_what_calls_took_and_not_what_was_set_aside():
    """Ten tokens read and two written, by each of two: 0.03 USD and 12 J."""
    [execution], ledger = run(FakeServer(lambda r: "Oslo"), 100.0, number=1)
    assert (ledger.spent.cost_usd, ledger.spent.energy_j) == (
        pytest.approx(2 * 0.03),
        pytest.approx(2 * 12.0),
    )
    assert (execution.spent.cost_usd, execution.spent.energy_j) == (pytest.approx(0.06), pytest.approx(24.0))
    unpriced = prices(joules_per_output_token=math.nan)
    [execution], ledger = run(FakeServer(lambda r: "Oslo"), 100.0, number=1, prices=unpriced)
    assert ledger.spent.cost_usd == pytest.approx(2 * 0.03)
    assert (ledger.spent.energy_j, execution.energy_j) == (0.0, None), "energy is not limited"


@pytest.mark.parametrize("limit", [None, 100.0])
def test_without_prices_nothing_is_counted(limit):
    if limit is None:
        [execution], ledger = run(FakeServer(lambda r: "Oslo"), None, number=1, prices=None)
        assert (execution.status, ledger.spent) == ("answered", Amount())
    else:
        [execution], _ = run(FakeServer(lambda r: "Oslo"), limit, number=1, prices=None)
        assert execution.status == "over limit", "nobody knows what it costs"


def test_without_a_limit_what_is_spent_is_counted_all_the_same():
    [execution], ledger = run(FakeServer(lambda r: "Oslo"), None, number=1)
    assert ledger.spent.cost_usd == pytest.approx(execution.cost_usd) == pytest.approx(0.06)
    assert execution.calls[0].drawn.amount == Amount()


def test_unpriced_models_cannot_be_limited():
    [execution], _ = run(
        FakeServer(lambda r: "Oslo"), 100.0, number=1, prices=prices(usd_per_output_token=math.nan)
    )
    assert execution.status == "over limit"
    assert "unknown" in execution.error


def test_uncounted_tokens_cost_the_most():
    [execution], ledger = run(FakeServer(lambda r: "Oslo", output_tokens=None), 100.0, number=1)
    assert execution.cost_usd is None
    assert ledger.spent.cost_usd > 0.5


def session(path, owner, gone=(), limit=None, spent=None):
    """The ledger of a session in a process of its own; those of ``gone`` were killed."""
    return Ledger(
        limit, spent=spent, path=path / "l.sqlite", owner=owner, alive=lambda other: other not in gone
    )


def test_an_answered_call_is_counted_once_however_often_the_run_is_killed(tmp_path, monkeypatch):
    """Killed between the answer and its settlement, again and again: at its most until it is found, then as it was."""
    limit, gone, settle = 2.0, set(), Ledger.settle
    costs = []
    for number in range(4):
        monkeypatch.setattr(Ledger, "settle", (lambda *_: None) if number == 0 else settle)
        store = ResponseStore(tmp_path / "r.sqlite")
        ledger = session(tmp_path, f"p{number}", gone, limit)
        shared = Shared(ledger=ledger, responses=store)
        before = ledger.committed.cost_usd
        [execution] = Executor(FakeServer(lambda r: "Oslo"), "r", prices(), shared=shared).run(
            [Work(Question("q", "Where?"), CHAIN)]
        )
        assert (execution.status, execution.cost_usd) == ("answered", pytest.approx(0.06))
        assert before <= ledger.committed.cost_usd + 1e-12 or number == 1
        costs.append((before, ledger.committed.cost_usd))
        gone.add(f"p{number}")
        store.close()
    assert costs[0][0] == 0
    assert 0.06 < costs[1][0] <= limit, "nobody knows how it ended"
    assert [after for _, after in costs[1:]] == [pytest.approx(0.06)] * 3


def test_what_a_killed_run_asked_counts_at_its_most_where_the_question_got_another_plan(
    tmp_path, monkeypatch
):
    monkeypatch.setattr(Ledger, "settle", lambda *_: None)
    first = ResponseStore(tmp_path / "r.sqlite")
    run(
        FakeServer(lambda r: "Oslo"),
        None,
        number=1,
        store=first,
        ledger=session(tmp_path, "first", (), 100.0),
    )
    first.close()
    monkeypatch.undo()
    second, ledger = ResponseStore(tmp_path / "r.sqlite"), session(tmp_path, "second", {"first"}, 100.0)
    before = ledger.spent.cost_usd
    single = Plan.of(["b"])  # which reads no answer of a
    [execution], _ = run(
        FakeServer(lambda r: "Oslo"), None, number=1, plan=single, store=second, ledger=ledger
    )
    assert not execution.calls[0].cached
    assert before > 0
    assert ledger.spent.cost_usd == pytest.approx(before + execution.cost_usd)
    second.close()


def test_what_was_paid_for_by_a_killed_session_needs_no_room_again(tmp_path):
    """Both calls of the question are in the journal: it is answered although nothing is left of the limit."""
    store = ResponseStore(tmp_path / "r.sqlite")
    run(
        FakeServer(lambda r: "Oslo"), None, number=1, store=store, ledger=session(tmp_path, "first", (), 10.0)
    )
    ledger = session(tmp_path, "second", {"first"}, 0.06)
    store.close()
    store = ResponseStore(tmp_path / "r.sqlite")
    [execution], _ = run(FakeServer(lambda r: "Oslo"), None, number=1, store=store, ledger=ledger)
    assert (execution.status, ledger.spent.cost_usd) == ("answered", pytest.approx(0.06))
    store.close()


@pytest.mark.parametrize("told", [math.nan, -3.0, math.inf, -math.inf])
def test_a_figure_that_no_cost_can_be_counts_at_its_most(told):
    ledger = Ledger(10.0)
    hold = ledger.draw(None, Amount(2.0), None)
    ledger.settle(hold, Amount(told))
    assert ledger.spent == ledger.committed == Amount(2.0)


@settings(max_examples=40, deadline=None)
@given(
    st.floats(0.5, 20),
    st.lists(st.tuples(st.floats(0, 5), st.floats(0, 1)), min_size=1, max_size=30),
)
def test_never_more_than_the_limit(limit, questions):
    """Each question reserves its most and uses a share of it; at no moment is more committed than allowed."""
    ledger = Ledger(limit)
    seen = []

    async def question(most, share):
        try:
            allowance = await ledger.reserve(Amount(most))
        except LimitReached:
            seen.append((most, None))
            return
        drawn = allowance.draw(Amount(most))
        seen.append((most, ledger.committed.cost_usd))
        await asyncio.sleep(0)
        allowance.settle(drawn, Amount(most * share))
        allowance.close()

    async def everyone():
        await asyncio.wait_for(asyncio.gather(*(question(*q) for q in questions)), 20)

    asyncio.run(everyone())
    assert len(seen) == len(questions)
    assert all(committed is None or committed <= limit * (1 + 1e-9) for _, committed in seen)
    assert ledger.spent.cost_usd <= limit * (1 + 1e-9)
    assert ledger.committed.cost_usd == pytest.approx(ledger.spent.cost_usd)
    assert all(most > limit - ledger.spent.cost_usd - 1e-9 for most, committed in seen if committed is None)


def test_one_limit_holds_over_threads():
    server = FakeServer(lambda r: "Oslo", delay_s=0.001, output_tokens=32, prompt_tokens=100)
    ledger = Ledger(8.0)
    shared = Shared(ledger=ledger)

    def chunk(number):
        work = [Work(Question(f"{number}-{i}", "Where?"), CHAIN) for i in range(10)]
        Executor(server, "r", prices(), shared=shared).run(work)

    threads = [threading.Thread(target=chunk, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert ledger.spent.cost_usd == pytest.approx(len(server.requests) * 0.42)
    assert 8.0 - 2 * 0.9 < ledger.spent.cost_usd <= 8.0
