"""The same call is made once: across plans, in flight, and over a crash; its figures are the original ones."""

import pytest
from fake_server import FakeServer

from optiq.errors import InputError, TransientServerError
from optiq.execution import Executor, Retries, Shared, Work
from optiq.execution.identity import call_key, execution_id
from optiq.execution.responses import ResponseStore
from optiq.plans.plan import Plan
from optiq.questions.question import Question
from optiq.servers import GenerateRequest
from optiq.statistics.snapshot import ModelFigures, Statistics

SINGLE, CHAIN = Plan.of(["a"]), Plan.of(["a", "b"], [(0, 1)])
TWINS = Plan.of(["a", "a", "b"], [(0, 2), (1, 2)])
QUESTION = Question("q", "Where?")
RATES = dict.fromkeys(("usd_per_prompt_token", "usd_per_output_token", "joules_per_output_token"), 0.1)
PRICES = Statistics.build(
    "s", [ModelFigures(model=m, joules_per_prompt_token=0.1, **RATES) for m in "ab"], []
)


@pytest.fixture
def store(tmp_path):
    with_store = ResponseStore(tmp_path / "cache" / "responses.sqlite")
    yield with_store
    with_store.close()


def run(server, store, *plans, run_id="r1", question=QUESTION):
    executor = Executor(
        server, run_id, PRICES, retries=Retries(first_s=0.001), shared=Shared(responses=store)
    )
    return executor.run([Work(question, plan) for plan in plans], concurrency=1)


def server(**options):
    return FakeServer(lambda request: f"by {request.model}", **options)


def test_the_calls_of_a_part_are_not_made_again(store):
    fake = server()
    single, chain = run(fake, store, SINGLE, CHAIN)
    assert [request.model for request in fake.requests] == ["a", "b"]
    assert [call.cached for call in single.calls + chain.calls] == [False, True, False]
    first, again = single.calls[0], chain.calls[0]
    for name in ("output", "cost_usd", "latency_s", "prompt_tokens", "energy_j", "started_at"):
        assert getattr(again, name) == getattr(first, name)
    assert chain.cost_usd == pytest.approx(2 * first.cost_usd), "what the plan costs"
    assert chain.spent.cost_usd == pytest.approx(first.cost_usd), "what was spent on it"


def test_calls_in_flight_are_shared(store):
    fake = server(delay_s=0.02)
    [execution] = run(fake, store, TWINS)
    assert [request.model for request in fake.requests] == ["a", "b"]
    assert sorted(call.cached for call in execution.calls) == [False, False, True]


def test_a_fault_in_flight_is_shared_too(store):
    fake = FakeServer(lambda request: TransientServerError("busy"), delay_s=0.01)
    [execution] = run(fake, store, TWINS)
    assert len(fake.requests) == Retries().attempts
    assert execution.status == "failed"


def test_another_run_takes_what_is_kept(store):
    fake = server()
    run(fake, store, SINGLE)
    [later] = run(fake, store, SINGLE, run_id="r2")
    assert len(fake.requests) == 1
    assert (later.calls[0].cached, later.spent.cost_usd) == (True, 0.0)


def test_a_killed_run_finds_its_own_calls_once_and_they_are_its_own(tmp_path):
    path = tmp_path / "r.sqlite"
    fake = server()
    first = ResponseStore(path)
    run(fake, first, CHAIN)
    first.close()  # killed before anything was recorded
    second = ResponseStore(path)
    chain, single = run(fake, second, CHAIN, SINGLE)
    assert len(fake.requests) == 2
    assert [call.cached for call in chain.calls + single.calls] == [False, False, True]
    second.delivered(["r1/q"])
    second.close()
    third = ResponseStore(path)
    [after] = run(fake, third, CHAIN)
    assert [call.cached for call in after.calls] == [True, True]
    third.close()


def test_without_sharing_only_own_calls_are_found(tmp_path):
    store = ResponseStore(tmp_path / "r.sqlite", shared=False)
    fake = server()
    run(fake, store, SINGLE)
    run(fake, store, SINGLE, question=Question("other", "Where?"))
    assert len(fake.requests) == 2
    run(fake, store, SINGLE)
    assert len(fake.requests) == 2
    store.close()


@pytest.mark.parametrize(
    "other",
    [
        GenerateRequest("m", "other", 8),
        GenerateRequest("m", "p", 9),
        GenerateRequest("m", "p", 8, seed=1),
        GenerateRequest("m", "p", 8, stop=("\n",)),
    ],
)
def test_other_calls_have_other_keys(other):
    assert call_key("m", GenerateRequest("m", "p", 8)) != call_key("m", other)
    assert call_key("m", other) != call_key("m2", other)


def test_a_call_with_chance_in_it_is_never_kept():
    assert call_key("m", GenerateRequest("m", "p", temperature=0.7)) is None


def test_clearing_keeps_what_is_recorded_nowhere_else(store):
    run(server(), store, CHAIN)
    assert (store.clear(), len(store)) == (0, 2)
    store.delivered(["r1/q"])
    assert (store.clear(), len(store)) == (2, 0)


def test_a_damaged_file_says_what_to_do(tmp_path):
    (tmp_path / "r.sqlite").write_bytes(b"no database" * 100)
    with pytest.raises(InputError, match="optiq cache clear"):
        ResponseStore(tmp_path / "r.sqlite")


def test_execution_ids_repeat():
    assert execution_id("r", "q", "1:0:a") == execution_id("r", "q", "1:0:a")
    others = {
        execution_id("r", "q", "1:0:a", 2),
        execution_id("r2", "q", "1:0:a"),
        execution_id("r", "q2", "1:0:a"),
    }
    assert len(others | {execution_id("r", "q", "1:0:a")}) == 4
