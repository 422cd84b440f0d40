"""Measured energy. The machines that run these tests have no counter, so devices are fakes with Zeus's methods;
absence is tested as it is.
"""

import asyncio
import importlib.util
import math
import subprocess
import sys
from dataclasses import dataclass

import pytest
from fake_server import FakeServer
from hypothesis import given
from hypothesis import strategies as st

from optiq.errors import ConfigurationError
from optiq.execution import Executor, Work, traces_frame
from optiq.plans.plan import Plan
from optiq.questions.question import Question
from optiq.servers import GenerateRequest, ModelServer, open_server
from optiq.servers.energy import MeteredServer, metered, open_counter
from optiq.servers.energy.counters import ZeusCounter
from optiq.servers.energy.metered import Shares


@dataclass
class Reading:
    cpu_mj: float
    dram_mj: float | None


class FakeGPUs:
    """Two GPUs, one of which has no counter."""

    def __init__(self):
        self.millijoules = 1000

    def __len__(self):
        return 2

    def supports_get_total_energy_consumption(self, place):
        return place == 0

    def get_total_energy_consumption(self, place):
        assert place == 0
        return self.millijoules


class FakeCPUs:
    def __len__(self):
        return 1

    def get_total_energy_consumption(self, place):
        return Reading(500.0, None)


class Steps:
    """A counter that is set by hand."""

    def __init__(self):
        self.joules = 0.0

    def read(self):
        if isinstance(self.joules, Exception):
            raise self.joules
        return self.joules

    def describe(self):
        return "a fake"


def test_the_counter_adds_the_devices_that_count():
    gpus = FakeGPUs()
    assert ZeusCounter(gpus, FakeCPUs()).read() == 1.5
    assert len(ZeusCounter(gpus, FakeCPUs())) == 2
    assert ZeusCounter(gpus, None).read() == 1.0
    assert len(ZeusCounter(None, None)) == 0


def test_calls_in_flight_share_and_idle_time_is_nobodys():
    counter = Steps()
    shares = Shares(counter)
    counter.joules = 5.0  # idle
    first = shares.begin()
    counter.joules = 15.0  # 10 J alone
    second = shares.begin()
    counter.joules = 21.0  # 6 J together
    assert shares.end(first) == 13.0
    counter.joules = 22.0  # 1 J alone
    assert shares.end(second) == 4.0


@given(st.lists(st.tuples(st.floats(0, 100), st.integers(0, 3)), min_size=1, max_size=40))
def test_the_shares_add_up_to_what_was_taken_while_anything_was_in_flight(events):
    counter, expected, ended = Steps(), 0.0, 0.0
    shares, open_calls = Shares(counter), []
    for joules, which in events:
        counter.joules += joules
        expected += joules if open_calls else 0.0
        if which and open_calls:
            ended += shares.end(open_calls.pop(which % len(open_calls)))
        else:
            open_calls.append(shares.begin())
    ended += sum(shares.end(number) for number in open_calls)
    assert math.isclose(ended, expected, rel_tol=1e-9, abs_tol=1e-9)


@pytest.mark.parametrize("fault", [OSError("gone"), -1.0])
def test_a_counter_that_fails_or_runs_backwards_makes_the_share_unknown(fault):
    counter = Steps()
    shares = Shares(counter)
    number = shares.begin()
    counter.joules = fault
    assert shares.end(number) is None
    counter.joules = 3.0
    number = shares.begin()
    counter.joules = 4.0
    assert shares.end(number) == 1.0


def answered(counter, server):
    def answer(request):
        counter.joules += 2.0
        return "Oslo"

    server.answer = answer
    plan = Plan.of(["a", "b"], [(0, 1)])
    return Executor(MeteredServer(server, counter), "run").run([Work(Question("q", "Which?"), plan)])[0]


def test_an_execution_says_that_its_energy_was_measured():
    counter = Steps()
    execution = answered(counter, FakeServer(str))
    assert (execution.energy_j, execution.energy_source) == (4.0, "measured")
    row = traces_frame([execution]).row(0, named=True)
    assert [(call["energy_j"], call["energy_source"]) for call in row["calls"]] == [(2.0, "measured")] * 2


def test_a_call_that_loaded_its_model_is_not_measured():
    execution = answered(Steps(), FakeServer(str, load_s=0.5))
    assert (execution.energy_j, execution.energy_source) == (None, None)


def test_only_servers_on_this_machine_are_measured():
    here, elsewhere = open_server("ollama", "http://127.0.0.1:9"), open_server("ollama", "http://10.0.0.9:9")
    assert metered(elsewhere, Steps()) is elsewhere
    assert metered(here, None) is here
    wrapped = metered(here, Steps())
    assert isinstance(wrapped, ModelServer)
    assert "energy measured on a fake" in wrapped.describe()
    assert (wrapped.name, wrapped.slots, wrapped.identity("m")) == (here.name, here.slots, here.identity("m"))
    assert wrapped.count_tokens("m", "x") is None
    asyncio.run(wrapped.disconnect())
    wrapped.close()


def test_a_metered_call_that_fails_is_no_longer_in_flight():
    counter = Steps()
    server = MeteredServer(FakeServer(lambda request: RuntimeError("boom")), counter)
    with pytest.raises(RuntimeError):
        asyncio.run(server.generate(GenerateRequest("m", "p")))
    assert server._shares._in_flight == {}


def test_without_a_device_energy_is_predicted_and_measuring_is_refused():
    assert open_counter("predicted") is None
    found = open_counter("auto")
    if found is None:  # a machine without counters, such as a container
        with pytest.raises(ConfigurationError, match="cannot be measured here"):
            open_counter("measured")
    else:
        assert found.read() <= found.read()


def test_without_the_library_energy_is_predicted_and_measuring_says_what_to_install(monkeypatch):
    find = importlib.util.find_spec
    monkeypatch.setattr(
        importlib.util, "find_spec", lambda name, *rest: None if name == "zeus" else find(name, *rest)
    )
    assert open_counter("auto") is None
    with pytest.raises(ConfigurationError, match=r"optiq\[energy\]"):
        open_counter("measured")


def test_threads_that_look_for_counters_at_once_all_get_an_answer():
    """In a process of its own: what goes wrong without a lock is the first import of a driver's library."""
    program = (
        "from concurrent.futures import ThreadPoolExecutor as Pool; from threading import Barrier\n"
        "from optiq.servers.energy import open_counter\n"
        "ready = Barrier(8)\n"
        "with Pool(8) as pool:\n"
        "    found = list(pool.map(lambda _: (ready.wait(), open_counter('auto')), range(8)))\n"
        "assert len(found) == 8"
    )
    run = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stderr
