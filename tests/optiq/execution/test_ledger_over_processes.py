"""One ledger over processes that are killed, time out and tell odd costs: what is billed stays below the limit."""

from __future__ import annotations

import asyncio
import math
import multiprocessing
import os
import signal
import sqlite3
import time
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from optiq.errors import InputError
from optiq.execution.ledger import Amount, Hold, Ledger, LimitReached, Reservation
from optiq.files.process_identity import ProcessIdentity, this_process

whole = st.integers(0, 9)
ODD = [None, math.nan, -5.0, math.inf, -math.inf]
steps = st.tuples(
    st.sampled_from(["reserve", "draw", "draw", "settle", "close", "kill", "raise limit"]),
    whole,
    whole,
    whole,
)


@dataclass
class Process:
    """A process as the test sees it: its ledger, open questions, and calls in flight with their true cost."""

    ledger: Ledger
    questions: list[Reservation] = field(default_factory=list)
    flying: list[tuple[Hold, float, Reservation]] = field(default_factory=list)


@settings(max_examples=150, deadline=None)
@given(st.integers(0, 30), st.lists(steps, max_size=40))
@example(
    5, [("reserve", 0, 5, 0), ("kill", 0, 0, 0), ("reserve", 0, 1, 0)]
)  # the other one saw it live just now
def test_no_interleaving_of_processes_and_kills_bills_more_than_the_limit(tmp_path_factory, limit, does):
    """The oracle is the bill: every call that went out costs what it costs, whoever sees its end."""
    path = tmp_path_factory.mktemp("ledger") / "ledger.sqlite"
    gone: set[str] = set()
    billed, names = 0.0, iter(range(10**6))

    def start() -> Process:
        def alive(owner: str) -> bool:
            return owner not in gone

        return Process(Ledger(float(limit), path=path, owner=f"p{next(names)}", alive=alive))

    async def one_step(process: Process, what: str, which: int, most: int, cost: int) -> float:
        nonlocal billed
        if what == "reserve":
            try:
                process.questions.append(await asyncio.wait_for(process.ledger.reserve(Amount(most)), 0.001))
            except (LimitReached, TimeoutError):
                return 0.0
        elif what == "draw" and process.questions:
            question = process.questions[which % len(process.questions)]
            try:
                hold = question.draw(Amount(most))
            except LimitReached:
                return 0.0
            billed += min(cost, most)  # it went out: this is what it will cost
            process.flying.append((hold, min(cost, most), question))
        elif what == "settle" and process.flying:
            hold, truth, _ = process.flying.pop(which % len(process.flying))
            odd = ODD[cost % len(ODD)] if most > 5 else truth
            process.ledger.settle(hold, Amount(math.nan if odd is None else odd))
        elif what == "close" and process.questions:
            process.questions.pop(which % len(process.questions)).close()
        return 0.0

    async def everything() -> None:
        nonlocal limit
        processes = [start(), start()]
        for what, which, most, cost in does:
            place = which % 2
            if what == "kill":
                gone.add(processes[place].ledger._owner)
                processes[place].ledger._db.close()
                processes[place] = start()
            elif what == "raise limit":
                limit += most
                known = processes[place].ledger.committed.cost_usd
                for number in (0, 1):
                    gone.add(processes[number].ledger._owner)
                    processes[number].ledger._db.close()
                    processes[number] = start()
                assert processes[0].ledger.spent.cost_usd <= known, (
                    "what was set aside and never drawn is free"
                )
            else:
                await one_step(processes[place], what, which // 2, most, cost)
            for process in processes:
                committed = process.ledger.committed.cost_usd
                assert billed - 1e-9 <= committed <= limit + 1e-9
                assert process.ledger.spent.cost_usd <= committed
        for process in processes:
            process.ledger.close()

    asyncio.run(everything())


def spend_until_killed(path: str, limit: float, told) -> None:
    """Draw, send, settle; every call costs 1, and half of them tell nothing of it. Dies by itself before long."""
    ledger = Ledger(limit, path=path)
    for number in range(40):
        try:
            question = asyncio.run(ledger.reserve(Amount(1.0)))
        except LimitReached:
            told.value += 10**6
            return
        hold = question.draw(Amount(1.0))
        with told.get_lock():
            told.value += 1
        if number == 39:
            os.kill(os.getpid(), signal.SIGKILL)  # however late the test comes, with a call in flight
        ledger.settle(hold, Amount(1.0 if number % 2 else math.nan))
        question.close()


def test_processes_that_are_killed_at_any_moment_and_started_again_keep_to_one_limit(tmp_path: Path) -> None:
    context = multiprocessing.get_context("fork")
    told, limit = context.Value("q", 0), 300
    path = str(tmp_path / "ledger.sqlite")
    killed = ended = 0
    running = []
    while not ended:
        while len(running) < 2:
            running.append(
                context.Process(target=spend_until_killed, args=(path, float(limit), told), daemon=True)
            )
            running[-1].start()
        before = told.value
        while told.value < before + 20 and all(one.exitcode is None for one in running):
            time.sleep(0.001)
        ended = told.value // 10**6
        if not ended:
            running[killed % 2].kill()
            running[killed % 2].join()
            killed += sum(one.exitcode is not None for one in running)
            running = [one for one in running if one.exitcode is None]
    for one in running:
        one.join(60)
        assert one.exitcode in (0, -signal.SIGKILL)
        killed += one.exitcode != 0
    assert killed > 2
    assert limit - 2 * killed <= told.value % 10**6 <= limit
    last = Ledger(float(limit), path=path)
    assert told.value % 10**6 <= last.spent.cost_usd <= limit


def test_a_pid_that_somebody_else_has_now_is_another_process() -> None:
    mine = this_process()
    assert mine.is_running()
    assert ProcessIdentity.parse(str(mine)) == ProcessIdentity(mine.host, mine.pid, round(mine.started_s, 2))
    assert not ProcessIdentity(mine.host, mine.pid, mine.started_s - 60).is_running()
    assert not ProcessIdentity("elsewhere", mine.pid, mine.started_s).is_running()
    assert [ProcessIdentity.parse(text) for text in ("", "a b", "host x 1.0", "host 1 x")] == [None] * 4


def test_money_of_another_machine_is_counted_and_not_waited_for(tmp_path: Path) -> None:
    there = Ledger(10.0, path=tmp_path / "l", owner="elsewhere 1 2.00")
    asyncio.run(there.reserve(Amount(8.0)))
    here = Ledger(10.0, path=tmp_path / "l")
    assert here.committed == Amount(8.0)
    with pytest.raises(LimitReached):
        asyncio.run(asyncio.wait_for(here.reserve(Amount(3.0)), 20))


def test_one_waits_for_what_another_process_gives_back(tmp_path: Path) -> None:
    other = Ledger(10.0, path=tmp_path / "l", owner="other", alive=lambda owner: True)
    held = asyncio.run(other.reserve(Amount(8.0)))
    mine = Ledger(10.0, path=tmp_path / "l", owner="mine", alive=lambda owner: True)

    async def wait() -> Reservation:
        waiting = asyncio.ensure_future(mine.reserve(Amount(9.0)))
        await asyncio.sleep(0.05)
        assert not waiting.done()
        held.close()
        return await asyncio.wait_for(waiting, 20)

    assert asyncio.run(wait()) is not None


def test_accounts_of_one_file_do_not_share_a_limit(tmp_path: Path) -> None:
    monday, tuesday = (Ledger(5.0, path=tmp_path / "l", account=day) for day in ("monday", "tuesday"))
    monday.settle(monday.draw(None, Amount(5.0), None), Amount(5.0))
    assert (monday.spent, tuesday.spent) == (Amount(5.0), Amount())


def test_a_ledger_that_cannot_be_read_stops_the_run_and_guesses_nothing(tmp_path: Path) -> None:
    path = tmp_path / "ledger.sqlite"
    path.write_bytes(b"not a database" * 500)
    with pytest.raises(InputError, match="--fresh"):
        Ledger(1.0, path=path)


@pytest.mark.parametrize("table", ["spent", "holds"])
@pytest.mark.parametrize("figure", ["-1.0", "'much'", "x'00'"])
def test_a_figure_that_no_call_can_cost_is_damage_and_no_money_given_back(
    table: str, figure: str, tmp_path: Path
) -> None:
    path = tmp_path / "ledger.sqlite"
    first = Ledger(5.0, path=path)
    first.settle(first.draw(None, Amount(1.0), None), Amount(1.0))
    first.draw(None, Amount(2.0), None)
    first.close()
    with closing(sqlite3.connect(path)) as ledger, ledger:
        ledger.execute(f"update {table} set cost_usd = {figure}")
    with pytest.raises(InputError, match=r"figures that no call can cost.*--fresh"):
        Ledger(5.0, path=path, spent=Amount(1.0))


def test_what_a_record_knows_of_counts_where_the_file_is_new(tmp_path: Path) -> None:
    first = Ledger(5.0, spent=Amount(4.0, 1.0), path=tmp_path / "l")
    assert first.spent == Amount(4.0, 1.0)
    first.close()
    assert first.spent == Amount(4.0, 1.0), "it can still be asked"
    again = Ledger(5.0, spent=Amount(3.0, 2.0), path=tmp_path / "l")
    assert again.spent == Amount(4.0, 2.0), "and it counts nothing twice"
