"""Which calls start when: slots, models that stay in memory, turns, ranks; told as who goes next."""

import asyncio
import threading
from collections import Counter

import pytest
from fake_server import FakeServer
from hypothesis import given, settings
from hypothesis import strategies as st

from optiq.execution.limits import CallLimits, limits_of


class Queue:
    """Calls that ask for a slot in this loop; what was let in is told in order."""

    def __init__(self, *numbers, **options) -> None:
        self.limits = CallLimits(*numbers, **options)
        self.running: list[str] = []
        self.tasks: list[asyncio.Task] = []

    async def ask(self, models: str, rank: int = 0) -> str:
        """Ask for a call of each model, one letter each; which of all that wait are let in."""
        for model in models:
            self.tasks.append(asyncio.ensure_future(self._wait(model, rank)))
        return await self.news()

    async def _wait(self, model: str, rank: int) -> None:
        await self.limits.acquire(model, rank)
        self.running.append(model)

    async def end(self, models: str) -> str:
        """End a running call of each model; which are let in then."""
        for model in models:
            self.running.remove(model)
            self.limits.release(model)
        return await self.news()

    async def news(self) -> str:
        before = len(self.running)
        for _ in range(4):
            await asyncio.sleep(0)
        return "".join(self.running[before:])


def story(told):
    """Run an async test, and leave nothing waiting behind."""

    def test():
        async def everything():
            await told()
            left = asyncio.all_tasks() - {asyncio.current_task()}
            for task in left:
                task.cancel()
            await asyncio.gather(*left, return_exceptions=True)

        asyncio.run(everything())

    return test


@story
async def test_slots_of_a_model_and_of_the_server_both_hold():
    queue = Queue(2, 3)
    assert await queue.ask("aaabb") == "aab"
    assert await queue.end("b") == "b", "a third of a would be one too many"
    assert await queue.end("a") == "a"
    assert await queue.end("aab") == ""
    assert await queue.ask("aabc") == "aab"


def test_time_in_the_queue_is_what_calls_behind_others_spent_beyond_the_way_there():
    limits = CallLimits(8, 8)
    assert limits.queued_s("a", None, behind=True) is None, "the server does not tell"
    assert limits.queued_s("a", 0.75, behind=False) == 0.0, "nobody of ours was before it"
    assert limits.queued_s("a", 0.25, behind=True) == 0.0, "the fastest of all only came and went"
    assert limits.queued_s("a", 1.25, behind=True) == 1.0
    assert limits.queued_s("b", 1.25, behind=True) == 0.0, "each model has a way of its own"
    assert limits.queued_s("a", 1.25, behind=False) == 0.0, "whoever it waited for, it was not us"


@story
async def test_there_is_always_one_slot():
    queue = Queue(0, 0)
    assert await queue.ask("ab") == "a"
    assert await queue.end("a") == "b"
    assert await Queue(2, 2).ask("aab") == "aa"


@story
async def test_of_equal_rank_who_came_first_goes_first():
    queue = Queue(1, 1)
    assert await queue.ask("a") == "a"
    assert await queue.ask("bcb") == ""
    assert [await queue.end(model) for model in "abc"] == ["b", "c", "b"]


@story
async def test_a_lower_rank_goes_first_also_among_models():
    queue = Queue(1, 1)
    assert await queue.ask("a") == "a"
    for model, rank in [("b", 3), ("c", 2), ("d", 1), ("b", 2), ("b", 0)]:
        await queue.ask(model, rank)
    assert [await queue.end(model) for model in "abdcb"] == ["b", "d", "c", "b", "b"]


@story
async def test_who_names_no_rank_goes_before_those_of_rank_one():
    queue = Queue(1, 1)
    await queue.ask("a")
    await queue.ask("b", rank=1)
    unranked = asyncio.ensure_future(queue.limits.acquire("c"))
    await queue.news()
    assert await queue.end("a") == ""
    assert unranked.done()


@story
async def test_a_slot_that_is_free_is_not_kept_for_who_cannot_use_it():
    queue = Queue(1, 2)
    assert await queue.ask("aa") == "a"
    assert await queue.ask("b") == "b", "the second of a waits for the first, not for b"


@story
async def test_who_comes_does_not_pass_by_who_can_start():
    """A newcomer goes through the queue as well: its rank decides, not its luck."""
    queue = Queue(1, 1)
    await queue.ask("a")
    await queue.ask("b", rank=1)
    queue.limits.release("a")
    queue.running.remove("a")
    assert await queue.ask("c", rank=2) == "b"


@story
async def test_the_model_in_memory_goes_first():
    queue = Queue(1, 1, resident_models=1)
    assert await queue.ask("a") == "a"
    await queue.ask("bab")
    assert [await queue.end(model) for model in "aabb"] == ["a", "b", "b", ""]


@story
async def test_without_a_bound_on_memory_nobody_overtakes():
    queue = Queue(1, 1)
    assert await queue.ask("a") == "a"
    await queue.ask("bab")
    assert [await queue.end(model) for model in "aba"] == ["b", "a", "b"]


@story
async def test_who_was_used_last_stays_in_memory():
    queue = Queue(1, 1, resident_models=2)
    for model in "abac":  # b was used before a, and makes room for c
        assert await queue.ask(model) == model
        await queue.end(model)
    assert await queue.ask("d", rank=-1) == "d"  # and a makes room for d
    await queue.ask("abc")
    assert [await queue.end(model) for model in "dc"] == ["c", "a"]


@story
async def test_a_model_that_is_busy_stays_in_memory():
    queue = Queue(1, 2, resident_models=2)
    assert await queue.ask("a") == "a"  # long, and so the least recently used
    assert await queue.ask("b") == "b"
    await queue.end("b")
    assert await queue.ask("c") == "c"
    await queue.ask("bba")
    assert await queue.end("a") == "a", "it is in memory, b is not any more"


@story
async def test_no_more_models_are_busy_than_stay_in_memory():
    queue = Queue(2, 9, resident_models=2)
    assert await queue.ask("abcab") == "abab", "for c there is a slot, but no memory"
    assert await queue.end("a") == ""
    assert await queue.end("a") == "c", "the last call of a is over: c can be loaded in its place"


@story
async def test_64_calls_overtake_and_no_more():
    """The turn of b comes when 64 calls of a came after it and went before it."""
    queue = Queue(1, 1, resident_models=1)
    await queue.ask("a")
    await queue.ask("b" + "a" * 128)
    assert [await queue.end("a") for _ in range(64)] == ["a"] * 64
    assert await queue.end("a") == "b"
    await queue.ask("b")
    assert await queue.end("b") == "b", "its own turn: as it is in memory now"


@story
async def test_at_the_turn_of_one_others_begin_nothing():
    """Two slots, kept busy by a: when it is b's turn, both have to get free first."""
    queue = Queue(2, 2, resident_models=1)
    assert await queue.ask("aa") == "aa"
    await queue.ask("b" + "a" * 128)
    assert [await queue.end("a") for _ in range(64)] == ["a"] * 64
    assert await queue.end("a") == "", "a slot is free, and kept for b"
    assert await queue.end("a") == "b"
    assert await queue.ask("b") == "b"
    assert await queue.end("bb") == "aa"


@story
async def test_who_is_called_off_is_forgotten():
    queue = Queue(1, 1, resident_models=1)
    assert await queue.ask("a") == "a"
    await queue.ask("bcc")
    queue.tasks[1].cancel()
    queue.tasks[2].cancel()
    assert await queue.news() == "", "they had no slot to give back"
    assert await queue.end("a") == "c"
    assert await queue.end("c") == ""
    assert await queue.ask("b") == "b"


@story
async def test_a_slot_that_comes_together_with_the_calling_off_is_passed_on():
    queue = Queue(1, 1)
    await queue.ask("a")
    await queue.ask("bc")
    queue.limits.release("a")
    await asyncio.sleep(0)  # b has its slot, and has not gone on yet
    queue.tasks[1].cancel()
    queue.running.clear()
    assert await queue.news() == "c"


def test_a_loop_that_was_closed_takes_no_slot():
    limits = CallLimits(1, 1)
    asyncio.run(limits.acquire("a"))
    loop = asyncio.new_event_loop()
    waiting = loop.create_task(limits.acquire("b"))
    loop.run_until_complete(asyncio.sleep(0))
    waiting._log_destroy_pending = False
    loop.close()

    async def go_on():
        limits.release("a")
        await asyncio.wait_for(limits.acquire("c"), 10)

    asyncio.run(go_on())


def test_a_slot_goes_to_another_thread():
    limits = CallLimits(1, 1)
    order = []

    async def use(name):
        await limits.acquire("m")
        order.append(name)
        await asyncio.sleep(0.001)
        limits.release("m")

    threads = [threading.Thread(target=lambda n=n: asyncio.run(use(n)), daemon=True) for n in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert sorted(order) == list(range(20))


calls = st.tuples(st.sampled_from("abcd"), st.integers(0, 3), st.integers(0, 3))


@settings(max_examples=60)
@given(st.integers(1, 3), st.integers(1, 4), st.none() | st.integers(1, 3), st.lists(calls, max_size=40))
def test_all_are_served_and_no_bound_is_ever_broken(model_slots, slots, resident, asked):
    limits = CallLimits(model_slots, slots, resident)
    busy: Counter[str] = Counter()
    most = Counter()

    async def use(model, rank, length):
        await limits.acquire(model, rank)
        busy[model] += 1
        most["model"] = max(most["model"], busy[model])
        most["all"] = max(most["all"], busy.total())
        most["models"] = max(most["models"], len(+busy))
        for _ in range(length):
            await asyncio.sleep(0)
        busy[model] -= 1
        limits.release(model)

    async def everyone():
        await asyncio.wait_for(asyncio.gather(*(use(*call) for call in asked)), 20)

    asyncio.run(everyone())
    assert most["model"] <= model_slots
    assert most["all"] <= slots
    assert resident is None or most["models"] <= resident


def test_a_server_names_its_limits_and_all_executors_share_them():
    server = FakeServer(lambda request: "x", model_slots=2, slots=3, resident_models=1)
    assert limits_of(server) is limits_of(server)
    assert limits_of(server) is not limits_of(FakeServer(lambda request: "x"))

    async def told():
        queue = Queue(1, 1)
        queue.limits = limits_of(server)
        assert await queue.ask("aaa") == "aa", "two of a model"
        assert await queue.end("aa") == "a"
        assert await queue.ask("b") == "", "one model in memory, and that is busy"

    asyncio.run(told())


@pytest.mark.parametrize(("model_slots", "slots", "in_flight"), [(1, 9, 1), (9, 2, 2), (3, 3, 3)])
def test_the_tighter_of_both_holds(model_slots, slots, in_flight):
    async def told():
        return await Queue(model_slots, slots).ask("a" * 5)

    assert asyncio.run(told()) == "a" * in_flight
