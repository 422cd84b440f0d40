"""How many calls are worth having in flight is found by trying, on servers that are simple arithmetic."""

import asyncio
import heapq
import itertools

import pytest
from fake_server import FakeServer

from optiq.errors import RateLimited
from optiq.execution import Executor, Retries, Work
from optiq.execution.limits import CallLimits, limits_of
from optiq.execution.pace import Pace
from optiq.execution.rates import Rates
from optiq.plans.plan import Plan
from optiq.questions.question import Question
from optiq.servers.protocol import Allowed


def serve(pace, capacity, answers, work=10**9):
    """``answers`` calls of a server that makes at most ``capacity`` at once, 50 ms each; the limits it went through.

    Calls beyond its capacity wait at the server. There are never more than ``work`` calls to make at once.
    """
    now_s, limits, ends, free = 0.0, [], [], [0.0] * capacity
    for _ in range(answers):
        while len(ends) < min(pace.limit, work):
            end_s = max(heapq.heappop(free), now_s) + 0.05
            heapq.heappush(free, end_s)
            heapq.heappush(ends, end_s)
        in_flight = len(ends)
        now_s = heapq.heappop(ends)
        pace.answered(in_flight, now_s)
        limits.append(pace.limit)
    return limits, answers / now_s * 0.05 / capacity


@pytest.mark.parametrize("first", [1, 2, 4])
@pytest.mark.parametrize("capacity", [1, 2, 4, 8, 32, 100])
def test_the_limit_grows_while_throughput_does(first, capacity):
    limits, share = serve(Pace(first, 256), capacity, 20_000)
    assert share > 0.9
    assert capacity * 0.8 <= limits[-1] <= capacity * 2 + 1
    assert max(limits) <= max(capacity, first) * 8


def test_a_climb_that_a_slow_moment_ended_is_taken_up_again():
    """A noisy start (imports, a cold cache) once left it at 7 calls where 32 clients waited."""
    pace = Pace(4, 256)
    serve(pace, 4, 2000)
    assert pace.limit <= 8
    limits, _ = serve(pace, 32, 6000, work=32)
    assert limits[-1] >= 28


def test_time_without_calls_tells_nothing_of_the_server(monkeypatch):
    """Else a quiet minute looks like a server that has become slow, and the climb ends there."""
    now_s = 0.0
    monkeypatch.setattr("optiq.execution.limits.time.monotonic", lambda: now_s)
    limits = CallLimits(256, 256, first_slots=4)

    async def answer(calls, at_once):
        nonlocal now_s
        for _ in range(at_once):
            await limits.acquire("a")
        for left in range(calls, 0, -1):
            now_s += 0.05 / at_once
            limits.answered("a")
            limits.release("a")
            if left > at_once:
                await limits.acquire("a")

    async def busy_quiet_busy():
        nonlocal now_s
        await answer(30, 4)
        assert limits.at_once == {"a": 4}
        now_s += 60.0
        await answer(40, 16)

    asyncio.run(asyncio.wait_for(busy_quiet_busy(), 20))
    assert limits.at_once == {"a": 16}


def test_what_brings_nothing_is_tried_ever_less():
    limits, share = serve(Pace(2, 256), 4, 20_000)
    tried = [sum(limit != 4 for limit in limits[start : start + 5000]) for start in (0, 15_000)]
    assert tried[1] < tried[0]
    assert share > 0.98


def test_it_never_goes_above_the_most():
    limits, _ = serve(Pace(2, 20), 1000, 2000)
    assert max(limits) == 20


def test_where_there_is_little_to_do_nothing_is_learned():
    limits, _ = serve(Pace(4, 256), 1000, 2000, work=3)
    assert set(limits) == {4}


def test_a_latency_that_grows_for_nothing_shrinks_the_limit():
    pace = Pace(4, 256)
    serve(pace, 64, 8000)
    assert pace.limit >= 50
    limits, _ = serve(pace, 16, 60_000)
    assert limits[-1] <= 50, "fewer calls in flight bring as many answers"


@pytest.mark.parametrize("lost", [False, True])
def test_overload_shrinks_once_for_all_that_were_in_flight_and_it_comes_back(lost):
    pace = Pace(2, 256)
    serve(pace, 64, 4000)
    before = pace.worth
    for _ in range(before):
        pace.overloaded(1000.0, lost=lost)
    assert before // 3 <= pace.limit < before * 0.9
    limits, _ = serve(pace, 64, 40_000)
    assert limits[-1] > before * 0.7


def test_a_limit_by_the_minute_is_no_reason_for_fewer_calls_at_once():
    limits = CallLimits(256, 256, first_slots=10, rates=Rates(clock=itertools.count(1000.0).__next__))
    asyncio.run(limits.acquire("a"))
    limits.refused("a", 0.5)
    assert limits.at_once == {"a": 8}
    limits.refused("a", 0.5)
    assert limits.at_once == {"a": 10}


def test_a_server_that_finds_its_slots_is_asked_so():
    server = FakeServer(lambda r: "Oslo", model_slots=256, slots=256)
    server.first_slots = 3
    work = [Work(Question(str(i), f"Where is {i}?"), Plan.of(["a"])) for i in range(5)]
    assert {e.status for e in Executor(server, "r").run(work)} == {"answered"}
    assert server.most_in_flight["a"] == 3
    assert limits_of(server).at_once == {"a": 3}


@pytest.mark.parametrize(("elsewhere", "in_flight"), [(True, 5), (False, 2)])
def test_what_is_allowed_holds_but_for_what_cannot_be(elsewhere, in_flight):
    server = FakeServer(lambda r: "Oslo", model_slots=2, slots=2, delay_s=0.001)
    server.allowed = Allowed(5)
    if elsewhere:
        server.first_slots = 1
    work = [Work(Question(str(i), f"Where is {i}?"), Plan.of(["a"])) for i in range(20)]
    Executor(server, "r").run(work)
    assert server.most_in_flight["a"] == in_flight


def test_a_rate_limit_is_waited_for_and_is_no_fault_of_the_model():
    told = []

    def say(request):
        told.append(request.prompt)
        return "Oslo" if len(told) > 12 else RateLimited("too soon", retry_after_s=0.001)

    runner = Executor(FakeServer(say), "r", retries=Retries(attempts=2, first_s=0.0001))
    (done,) = runner.run([Work(Question("q", "Where?"), Plan.of(["a"]))])
    assert (done.status, done.calls[0].attempts) == ("answered", 13)


def test_a_day_is_not_waited_for():
    server = FakeServer(lambda r: RateLimited("too soon", retry_after_s=86_400.0))
    (done,) = Executor(server, "r").run([Work(Question("q", "Where?"), Plan.of(["a"]))])
    assert (done.status, len(server.requests)) == ("failed", 1)
    assert "too soon" in done.error


def test_a_server_that_asks_for_a_day_is_asked_no_more():
    server = FakeServer(lambda r: RateLimited("too soon", retry_after_s=86_400.0), model_slots=1, slots=1)
    work = [Work(Question(str(i), f"Where is {i}?"), Plan.of(["a"])) for i in range(9)]
    done = Executor(server, "r").run(work)
    assert {e.status for e in done} == {"failed"}
    assert len(server.requests) == 3
