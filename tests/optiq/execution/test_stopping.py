"""A run that is stopped, a model that is given up, a wait before the next try: to the call and the second."""

import asyncio
import threading

import pytest
from fake_server import FakeServer

from optiq.execution import Executor, Retries, Shared, Work
from optiq.execution.event_loop import EventLoop
from optiq.execution.flights import Flights, GivenUp
from optiq.execution.health import ModelHealth
from optiq.execution.responses import ResponseStore
from optiq.execution.shared import Control
from optiq.plans.plan import Plan
from optiq.questions.question import Question

WORK = [Work(Question(str(i), f"Where is {i}?"), Plan.of(["a"])) for i in range(10)]


class Watching:
    """Counts what it is told."""

    def __init__(self):
        self.begun, self.calls, self.over = 0, [], []

    def began(self):
        self.begun += 1

    def called(self, call):
        self.calls.append(call)

    def late(self, model):
        raise AssertionError("nothing is late here")

    def ended(self, execution):
        self.over.append(execution)


def test_a_drained_run_ends_what_it_began_and_begins_no_more():
    shared = Shared(observer=Watching())

    def answer(request):
        if len(server.requests) >= 4:
            shared.control.drain("enough")
        return "x"

    server = FakeServer(answer)
    executions = Executor(server, "r", shared=shared).run(WORK, concurrency=2)
    assert [e.status for e in executions] == ["answered"] * len(server.requests)
    assert 4 <= len(server.requests) <= 5
    assert shared.observer.begun == len(shared.observer.over) == len(executions) == len(shared.observer.calls)
    assert (shared.control.stopping, shared.control.interrupted) == (True, False)


def test_an_interrupted_run_calls_off_what_is_in_flight_and_keeps_what_is_answered():
    shared = Shared(observer=Watching())

    class Slow(FakeServer):
        async def generate(self, request):
            if len(self.requests) == 3:  # two are answered, and two in flight
                shared.control.interrupt("enough")
            self.delay_s = 0.0 if len(self.requests) < 2 else 60.0
            return await super().generate(request)

    server = Slow(lambda request: "x")
    executions = Executor(server, "r", shared=shared).run(WORK, concurrency=2)
    assert [e.status for e in executions] == ["answered"] * 2
    assert len(server.requests) == 4
    assert shared.observer.over.count(None) == 2
    assert server.in_flight["*"] == 0
    assert (shared.control.stopping, shared.control.interrupted) == (True, True)


def test_a_run_that_is_stopped_before_it_begins_asks_nothing():
    for how in ("drain", "interrupt"):
        shared = Shared()
        getattr(shared.control, how)("no")
        server = FakeServer(lambda request: "x")
        assert Executor(server, "r", shared=shared).run(WORK) == []
        assert server.requests == []


def test_the_first_reason_stays():
    control = Control()
    assert (control.stopping, control.reason, control.interrupted) == (False, None, False)
    control.drain("first")
    control.drain("second")
    control.interrupt("third")
    assert control.reason == "first"
    control = Control()
    control.interrupt("at once")
    assert control.reason == "at once"


def test_every_run_that_is_attached_is_called_off_and_none_that_was():
    control, seen = Control(), []

    async def everything():
        with control.attached(lambda: seen.append("gone")):
            pass
        with control.attached(lambda: seen.append("one")), control.attached(lambda: seen.append("two")):
            control.interrupt("now")
            await asyncio.sleep(0)
            await asyncio.sleep(0)
            assert sorted(seen) == ["one", "two"]
        with control.attached(lambda: seen.append("late")):
            await asyncio.sleep(0)
        assert seen[2:] == ["late"], "who comes after the interruption is called off at once"

    asyncio.run(everything())


def test_a_loop_that_was_closed_needs_no_calling_off():
    control = Control()
    loop = asyncio.new_event_loop()

    async def left_open():
        held.append(control.attached(lambda: None))
        held[0].__enter__()

    held = []
    loop.run_until_complete(left_open())
    loop.close()
    control.interrupt("now")
    assert control.interrupted


def test_workers_are_so_many_that_all_slots_are_busy():
    for slots, workers in [(4, 16), (8, 16), (9, 18), (20, 40)]:
        shared = Shared(observer=Watching())
        server = FakeServer(lambda request: "x", slots=slots, model_slots=99, delay_s=0.01)
        most = []
        began = shared.observer.began

        def count(began=began, shared=shared, most=most):
            began()
            most.append(shared.observer.begun - len(shared.observer.over))

        shared.observer.began = count
        Executor(server, "r", shared=shared).run(WORK * 6)
        assert max(most) == workers


def test_waits_double_up_to_half_a_minute():
    """4 attempts; half a second, one, two, each shortened by up to half; a server that asks for a minute gets it."""
    usual = Retries()
    assert usual.attempts == 4
    for attempt, most in [(1, 0.5), (2, 1.0), (3, 2.0)]:
        waits = [usual.wait_s(attempt, None, str(key)) for key in range(200)]
        assert most / 2 <= min(waits) < 0.55 * most
        assert 0.95 * most < max(waits) <= most
    assert usual.wait_s(4, None, "q") is None
    many = Retries(attempts=50)
    assert 29 < max(many.wait_s(40, None, str(key)) for key in range(200)) <= 30
    assert usual.wait_s(1, 60.0, "q") == 60.0
    assert usual.wait_s(1, 60.1, "q") is None
    assert usual.wait_s(1, 0.0, "q") == usual.wait_s(1, None, "q")
    assert usual.wait_s(3, 0.1, "q") >= 1.0, "no sooner than its own wait"


def test_a_model_is_out_after_three_faults_in_a_row_for_the_first_reason():
    health = ModelHealth()
    for number in range(1, 3):
        health.failed("a", f"fault {number}")
        assert health.why_out("a") is None
    health.failed("b", "other")
    health.failed("a", "fault 3")
    health.failed("a", "fault 4")
    assert (health.why_out("a"), health.why_out("b"), health.out) == ("fault 3", None, ("a",))
    health.failed("b", "not served", at_once=True)
    assert health.out == ("a", "b")


def test_who_joins_a_flight_gets_its_outcome():
    flights = Flights()
    mine, first = flights.join("k")
    theirs, second = flights.join("k")
    assert (first, second, mine is theirs) == (True, False, True)
    assert flights.join("other")[1]
    flights.land("k", "answer")
    assert theirs.result(0) == "answer"
    again, third = flights.join("k")
    assert third, "what has landed is over"
    flights.land("k", None)
    with pytest.raises(GivenUp):
        again.result(0)
    failed, _ = flights.join("k")
    flights.land("k", ValueError("no"))
    with pytest.raises(ValueError, match="no"):
        failed.result(0)


def test_who_is_called_off_while_it_waits_for_a_flight_ends_and_leaves_it_to_the_others():
    flights = Flights()

    async def some() -> list[object]:
        flight, _ = flights.join("k")
        waiting = [asyncio.ensure_future(asyncio.wrap_future(flight)) for _ in range(2)]
        await asyncio.sleep(0)
        waiting[0].cancel()
        await asyncio.sleep(0)
        flights.land("k", "answer")
        return await asyncio.gather(*waiting, return_exceptions=True)

    called_off, answered = asyncio.run(some())
    assert isinstance(called_off, asyncio.CancelledError)
    assert answered == "answer"


@pytest.mark.parametrize("first", [0, 1])
def test_called_off_together_a_shared_call_is_not_made_again(tmp_path, first):
    """Two questions of one text share a call; the end of the maker looks to the other like its own."""

    class Hanging(FakeServer):
        async def generate(self, request):
            self.requests.append(request)
            await asyncio.Event().wait()

    server = Hanging(lambda _: "never")
    store = ResponseStore(tmp_path / "responses.sqlite")
    executor = Executor(server, "run", shared=Shared(responses=store))
    same = [Work(Question(str(i), "Where is it?"), Plan.of(["a"])) for i in range(2)]

    async def some() -> list[object]:
        both = [asyncio.ensure_future(executor.execute(one)) for one in same]
        while not server.requests:
            await asyncio.sleep(0)
        for _ in range(20):
            await asyncio.sleep(0)
        for one in (both[first], both[1 - first]):
            one.cancel()
        return await asyncio.gather(*both, return_exceptions=True)

    assert {type(ended) for ended in asyncio.run(some())} == {asyncio.CancelledError}
    assert len(server.requests) == 1
    store.close()


def test_a_loop_of_its_own_ends_with_what_it_was_given_last():
    loop, told = EventLoop(), []

    async def forever():
        try:
            await asyncio.Event().wait()
        finally:
            told.append("called off")

    async def answer():
        return threading.current_thread().name

    async def last():
        told.append("last")

    assert loop.run(answer()) == "optiq-calls"
    left = loop.submit(forever())
    assert not left.done()
    loop.run(answer())
    loop.close(last())
    assert told == ["called off", "last"]
    assert left.cancelled()
    EventLoop().close()
