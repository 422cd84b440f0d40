"""How many calls are worth having in flight is found by trying, on servers that are simple arithmetic."""

import asyncio

import pytest
from fake_server import FakeServer

from optiq.errors import RateLimited
from optiq.execution import Executor, Retries, Work
from optiq.execution.limits import CallLimits, limits_of
from optiq.execution.pace import Pace
from optiq.plans.plan import Plan
from optiq.questions.question import Question


def serve(pace, capacity, answers, busy=True):
    """``answers`` calls of a server that makes at most ``capacity`` at once, 50 ms each; the limits it went through."""
    now_s, limits = 0.0, []
    for _ in range(answers):
        now_s += 0.05 / min(pace.limit, capacity)
        pace.answered(pace.limit if busy else 1, now_s)
        limits.append(pace.limit)
    return limits


@pytest.mark.parametrize("capacity", [2, 4, 8, 32, 100])
def test_the_limit_grows_while_throughput_does(capacity):
    limits = serve(Pace(2, 256), capacity, 4000)
    assert capacity * 0.8 <= limits[-1] <= capacity * 1.5
    assert max(limits) <= capacity * 4
    assert serve(Pace(2, 256), 1, 4000)[-1] <= 3


def test_it_never_goes_above_the_most():
    assert max(serve(Pace(2, 20), 1000, 2000)) == 20


def test_where_there_is_little_to_do_nothing_is_learned():
    assert set(serve(Pace(2, 256), 1000, 2000, busy=False)) == {2}


def test_overload_halves_once_for_all_that_were_in_flight_and_it_comes_back():
    pace = Pace(2, 256)
    serve(pace, 64, 4000)
    before = pace.limit
    for _ in range(before):
        pace.overloaded(1000.0)
    assert before // 4 <= pace.limit <= before // 2
    assert serve(pace, 64, 40_000)[-1] > before * 0.7


def test_a_server_that_finds_its_slots_is_asked_so():
    server = FakeServer(lambda r: "Oslo", model_slots=256, slots=256)
    server.first_slots = 3
    work = [Work(Question(str(i), f"Where is {i}?"), Plan.of(["a"])) for i in range(5)]
    assert {e.status for e in Executor(server, "r").run(work)} == {"answered"}
    assert server.most_in_flight["a"] == 3
    assert limits_of(server).found == {"a": 3}


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


def test_a_pause_holds_for_all_calls():
    async def both():
        limits = CallLimits(4, 4)
        limits.overloaded("a", 0.05)
        waiting = asyncio.ensure_future(limits.rest())
        await asyncio.sleep(0)
        assert not waiting.done()
        await waiting

    asyncio.run(both())
