"""One call: what is set aside for it, noted of it and counted, however it ends; and whose fault surfaces."""

import asyncio
import math
import time
from dataclasses import replace
from datetime import UTC, datetime
from types import SimpleNamespace

import pytest
from fake_server import FakeServer

from optiq.errors import AnswerLate, AnswerLost, ServerError, TransientServerError
from optiq.execution import Executor, Retries, Shared, Work
from optiq.execution.calling import Caller
from optiq.execution.ledger import Amount, Ledger
from optiq.execution.limits import CallLimits
from optiq.execution.responses import ResponseStore
from optiq.execution.trace import Call
from optiq.plans.plan import Plan
from optiq.questions.question import Question
from optiq.servers import GenerateRequest
from optiq.statistics.snapshot import ModelFigures, Statistics

SINGLE, BLEND = Plan.of(["a"]), Plan.of(["a", "b", "c"], [(0, 2), (1, 2)])
RATES = {
    "usd_per_prompt_token": 0.001,
    "usd_per_output_token": 0.01,
    "joules_per_prompt_token": 1.0,
    "joules_per_output_token": 2.0,
}
QUICK = Retries(first_s=0.001)


def prices(**more):
    return Statistics.build("s", [ModelFigures(model=m, **(RATES | more)) for m in "abc"], [])


def executor(server, limit=None, joules=None, store=None, known=None, **options):
    shared = Shared(ledger=Ledger(limit, joules), responses=store)
    return Executor(server, "r", known or prices(), shared=shared, retries=QUICK, **options)


def ask(runner, text="Where?", plan=SINGLE):
    [execution] = runner.run([Work(Question("q", text), plan)])
    return execution


@pytest.fixture
def store(tmp_path):
    kept = ResponseStore(tmp_path / "r.sqlite")
    yield kept
    kept.close()


@pytest.mark.parametrize("text", ["Where?", "Где?"])
def test_set_aside_is_a_token_for_each_byte_of_the_prompt_and_128_for_the_template(text):
    server = FakeServer(lambda request: "Oslo")
    call = ask(executor(server, 1e6, 1e6, max_output_tokens=20), text).calls[0]
    tokens = len(server.requests[0].prompt.encode()) + 128
    assert call.drawn.amount.cost_usd == pytest.approx(0.001 * tokens + 0.01 * 20)
    assert call.drawn.amount.energy_j == pytest.approx(1.0 * tokens + 2.0 * 20)


def test_a_server_is_asked_with_the_seed_and_for_two_minutes_at_most():
    server = FakeServer(lambda request: "Oslo")
    ask(executor(server, seed=7))
    ask(executor(server, timeout_s=3.0))
    assert [(r.seed, r.timeout_s) for r in server.requests] == [(7, 120.0), (0, 3.0)]


def test_what_nobody_counted_costs_and_burns_its_most_and_what_is_known_itself():
    uncounted = FakeServer(lambda request: "Oslo", output_tokens=None)
    runner = executor(uncounted, 1e6, 1e6)
    assert runner.shared.ledger.spent == Amount()
    drawn = ask(runner).calls[0].drawn.amount
    assert runner.shared.ledger.spent == drawn != Amount()
    runner = executor(uncounted, 1e6, 1e6, known=prices(usd_per_output_token=0.0))
    drawn = ask(runner).calls[0].drawn.amount
    assert runner.shared.ledger.spent.cost_usd == pytest.approx(0.001 * 10) != drawn.cost_usd
    assert runner.shared.ledger.spent.energy_j == drawn.energy_j
    runner = executor(uncounted, 1e6, 1e6, known=prices(joules_per_output_token=0.0))
    drawn = ask(runner).calls[0].drawn.amount
    assert runner.shared.ledger.spent.energy_j == pytest.approx(10.0) != drawn.energy_j
    assert runner.shared.ledger.spent.cost_usd == drawn.cost_usd


@pytest.mark.parametrize(
    ("fault", "lost", "answered"),
    [
        (TransientServerError("busy"), 0, True),
        (AnswerLost("late"), 1, True),
        (ServerError("refused"), 0, False),
    ],
)
def test_only_a_lost_answer_may_be_billed(fault, lost, answered, store):
    faults = [fault]
    runner = executor(FakeServer(lambda r: faults.pop() if faults else "Oslo"), 1e6, 1e6, store)
    execution = ask(runner)
    [call] = execution.calls
    assert (execution.status == "answered") == answered
    most = ask(executor(FakeServer(lambda r: "Oslo"), 1e6, 1e6)).calls[0].drawn.amount
    assert call.lost == (most if lost else Amount())
    own = 0.001 * 10 + 0.01 * 2 if answered else 0.0
    assert runner.shared.ledger.spent.cost_usd == pytest.approx(own + lost * most.cost_usd)
    assert runner.shared.ledger.committed == runner.shared.ledger.spent


@pytest.mark.parametrize("tries", [1, 2, 3])
def test_what_is_too_slow_again_and_again_is_given_up_long_before_what_may_pass(tries):
    """Each try takes the whole time-out: eight minutes for one question, once."""
    told = []
    watching = SimpleNamespace(
        began=lambda: None, called=lambda call: None, late=told.append, ended=lambda execution: None
    )
    server = FakeServer(_raises(AnswerLate("not within 120 s")))
    retries = Retries(first_s=0.001, in_time=tries)
    shared = Shared(observer=watching)
    execution = ask(Executor(server, "r", prices(), shared=shared, retries=retries))
    assert (execution.status, len(server.requests), told) == ("failed", tries, ["a"] * tries)
    server = FakeServer(_raises(AnswerLost("the connection broke")))
    ask(Executor(server, "r", prices(), retries=retries))
    assert len(server.requests) == 4


def _raises(fault):
    def answer(request):
        raise fault

    return answer


def test_a_call_that_is_called_off_in_flight_may_be_billed_and_one_that_waits_for_a_slot_not(store):
    runner = executor(FakeServer(lambda r: "Oslo", delay_s=60.0, model_slots=1), 1e6, 1e6, store)

    async def called_off():
        both = [
            asyncio.ensure_future(runner.execute(Work(Question(str(i), f"Where is {i}?"), SINGLE)))
            for i in range(2)
        ]
        while not runner.server.requests:
            await asyncio.sleep(0)
        for _ in range(10):
            await asyncio.sleep(0)
        for one in both:
            one.cancel()
        await asyncio.gather(*both, return_exceptions=True)

    asyncio.run(called_off())
    assert len(runner.server.requests) == 1
    most = ask(executor(FakeServer(lambda r: "Oslo"), 1e6, 1e6), "Where is 0?").calls[0].drawn.amount
    assert runner.shared.ledger.spent == runner.shared.ledger.committed == most


@pytest.mark.parametrize("limit", [None, 1e6])
def test_what_was_lost_without_a_limit_counts_under_a_later_one(limit, tmp_path):
    for server in (
        FakeServer(lambda r: AnswerLost("late")),
        FakeServer(lambda r: "Oslo", output_tokens=None),
    ):
        path = tmp_path / f"{id(server)}.sqlite"
        first = Shared(ledger=Ledger(limit, path=path))
        [execution] = Executor(server, "r", prices(), shared=first, retries=QUICK).run(
            [Work(Question("q", "?"), SINGLE)]
        )
        first.ledger.close()
        later = Ledger(2e6, path=path)
        assert later.spent == sum((call.lost for call in execution.calls), Amount()) != Amount()
        later.close()


def test_a_call_with_chance_in_it_is_not_kept_and_counts_each_time(store):
    shared = Shared(ledger=Ledger(1e6), responses=store)
    runner = Executor(FakeServer(lambda r: "Oslo"), "r", prices(), shared=shared)
    caller, figures = Caller(runner.server, shared, QUICK), lambda model: prices().figures(model, "*", "open")
    request = GenerateRequest("a", "Where?", 8, temperature=0.7)

    async def twice():
        for _ in range(2):
            call = Call(0, "a", datetime.now(UTC), SINGLE, len(request.prompt), 8)
            allowance = await shared.ledger.reserve(Amount(5.0, 1e4))
            await caller.make(call, request, figures, allowance, "r/q", "name")
            allowance.close()
            assert call.cached is False

    asyncio.run(twice())
    assert len(runner.server.requests) == 2, "it is not kept"
    assert shared.ledger.spent.cost_usd == pytest.approx(2 * (10 * 0.001 + 2 * 0.01))


def test_who_waits_for_a_call_that_is_called_off_makes_its_own(store):
    runner = executor(FakeServer(lambda r: "Oslo", delay_s=0.02), None, None, store)

    async def one_called_off():
        first = asyncio.ensure_future(runner.execute(Work(Question("1", "Where?"), SINGLE)))
        while not runner.server.requests:
            await asyncio.sleep(0)
        second = asyncio.ensure_future(runner.execute(Work(Question("2", "Where?"), SINGLE)))
        for _ in range(10):
            await asyncio.sleep(0)
        first.cancel()
        return await second

    execution = asyncio.run(one_called_off())
    assert (execution.status, execution.calls[0].cached) == ("answered", False)
    assert len(runner.server.requests) == 2


def test_what_is_kept_is_found_by_who_the_model_is_which_is_asked_once(store):
    class Named(FakeServer):
        digest, asked = "one", 0

        def identity(self, model):
            self.asked += 1
            if self.digest is None:
                raise ServerError("away")
            return f"{model} {self.digest}"

    server = Named(lambda r: "Oslo")
    for digest, made, asked in (("one", 1, 1), ("one", 1, 2), ("two", 2, 3), (None, 3, 5)):
        server.digest = digest
        runner = executor(server, store=store)
        assert [ask(runner).status, ask(runner).status] == ["answered"] * 2
        assert (len(server.requests), server.asked) == (made, asked)


def test_a_bug_in_one_branch_lets_the_others_end_as_they_are_paid_for():
    server = FakeServer(lambda request: ZeroDivisionError("a bug") if request.model == "b" else "Oslo")
    done = asyncio.run(executor(server).execute(Work(Question("q", "Where?"), BLEND)))
    assert done.status == "failed"
    assert [call.model for call in done.calls if call.error is None] == ["a"]
    assert server.in_flight["*"] == 0


def test_time_on_the_wall_is_not_below_nothing_where_a_server_counts_loading_only():
    for latency_s, load_s, own in ((1.0, 0.25, 0.75), (1.0, None, 1.0), (1.0, 2.0, 0.0), (None, 1.0, None)):
        call = ask(executor(FakeServer(lambda r: "x", latency_s=latency_s, load_s=load_s))).calls[0]
        assert call.latency_s == own


def test_calls_that_queue_at_a_server_of_one_slot_are_as_fast_as_one_alone():
    # 8 calls out at once; the server does one after the other, 0.05 s each, and says so
    class OneSlot(FakeServer):
        async def generate(self, request):
            asked = time.perf_counter()
            async with self.turn:
                found = await super().generate(request)
            latency_s = time.perf_counter() - asked
            return replace(found, latency_s=latency_s, queue_s=latency_s - self.delay_s)

    server = OneSlot(lambda r: "Oslo", delay_s=0.05)
    server.turn = asyncio.Semaphore(1)
    runner = Executor(server, "r", prices())
    done = runner.run([Work(Question(str(i), f"Where is {i}?"), SINGLE) for i in range(8)])
    calls = sorted((one.calls[0] for one in done), key=lambda call: call.queue_s)
    assert server.most_in_flight["a"] == 1
    assert calls[0].queue_s == 0.0
    assert calls[-1].queue_s > 6 * 0.05
    assert max(call.latency_s for call in calls) < 3 * 0.05
    assert max(one.wall_s for one in done) > 7 * 0.05, "what it took for who waited is kept, too"


def test_a_run_has_slots_of_its_own_below_those_of_the_server():
    server = FakeServer(lambda r: "Oslo", delay_s=0.005)
    runner = Executor(server, "r", shared=Shared(slots=CallLimits(2, 3)))
    work = [Work(Question(str(i), f"Where is {i}?"), BLEND) for i in range(5)]
    assert {e.status for e in runner.run(work)} == {"answered"}
    assert server.most_in_flight == {"a": 2, "b": 2, "c": 2, "*": 3} or server.most_in_flight["*"] == 3
    assert max(server.most_in_flight[m] for m in "abc") == 2


def test_a_slot_that_is_free_is_taken_at_once():
    with pytest.raises(StopIteration):
        CallLimits(1, 1).acquire("a").send(None)


def test_where_nothing_is_limited_nothing_is_set_aside():
    async def drawn():
        return (await Ledger().reserve(Amount(1.0, 1.0))).draw(Amount(2.0, math.nan)).amount

    assert asyncio.run(drawn()) == Amount()
