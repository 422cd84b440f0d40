"""Calls are ordered so that a local server keeps its models in memory instead of swapping them."""

import asyncio
import itertools

import pytest
from fake_server import FakeServer

from optiq.execution import Executor, Work
from optiq.execution.limits import CALLS_PER_TURN, CallLimits
from optiq.plans.plan import Plan
from optiq.questions.question import Question


def swaps(server):
    models = [request.model for request in server.requests]
    return sum(before != after for before, after in itertools.pairwise(models))


@pytest.mark.parametrize(("resident", "least", "most"), [(None, 20, 60), (1, 3, 12)])
def test_one_resident_model_is_used_up_before_the_next(resident, least, most):
    server = FakeServer(
        lambda r: f"by {r.model}", delay_s=0.001, resident_models=resident, model_slots=1, slots=1
    )
    work = [Work(Question(str(i), f"Where {i}?"), Plan.of(["abc"[i % 3]])) for i in range(60)]
    executions = Executor(server, "r").run(work, concurrency=60)
    assert [e.status for e in executions] == ["answered"] * 60
    assert least <= swaps(server) + 1 <= most


def test_no_more_models_than_stay_in_memory_are_asked_at_once():
    server = FakeServer(lambda r: "x", delay_s=0.002, resident_models=2, model_slots=2, slots=4)
    busy = []
    answer = server.answer

    def watch(request):
        busy.append(sum(1 for name, number in server.in_flight.items() if number and name != "*"))
        return answer(request)

    server.answer = watch
    work = [Work(Question(str(i), f"Where {i}?"), Plan.of(["abcd"[i % 4]])) for i in range(40)]
    Executor(server, "r").run(work, concurrency=40)
    assert max(busy) == 2


def test_a_model_that_is_not_in_memory_gets_its_turn():
    """A stream of calls of one model never ends; the other is served after so many calls."""
    limits = CallLimits(1, 1, resident_models=1)
    calls = 0
    served = asyncio.Event()

    async def stream():
        nonlocal calls
        while not served.is_set():
            await limits.acquire("a")
            calls += 1
            await asyncio.sleep(0)
            limits.release("a")

    async def other():
        await limits.acquire("b")
        served.set()
        limits.release("b")

    async def everything():
        await asyncio.wait_for(asyncio.gather(stream(), stream(), other()), 10)

    asyncio.run(everything())
    assert calls <= CALLS_PER_TURN + 4


def test_calls_of_a_lower_rank_go_first_whenever_they_came():
    limits = CallLimits(1, 1)
    order = []

    async def call(rank):
        await limits.acquire("a", rank)
        order.append(rank)
        await asyncio.sleep(0.001)
        limits.release("a")

    async def everything():
        await asyncio.gather(*(call(rank) for rank in [0, 3, 1, 2, 1, 3]))

    asyncio.run(everything())
    assert order == [0, 1, 1, 2, 3, 3]


def test_a_call_that_is_called_off_while_it_waits_takes_no_slot():
    limits = CallLimits(1, 1)

    async def everything():
        await limits.acquire("a")
        waiting = [asyncio.ensure_future(limits.acquire("a", rank)) for rank in range(300)]
        await asyncio.sleep(0)
        for future in waiting[:-1]:
            future.cancel()
        limits.release("a")  # in the same turn of the loop: the queue still holds those that were called off
        await asyncio.wait_for(waiting[-1], 10)
        limits.release("a")
        await asyncio.wait_for(limits.acquire("a"), 10)

    asyncio.run(everything())
