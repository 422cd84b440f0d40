"""Calls that wait in the queue of a real server with one slot: what is learned of the model is its own time."""

import pytest

from optiq.execution import Executor, Work
from optiq.plans.plan import Plan
from optiq.questions.question import Question
from optiq.servers import open_server
from tests.llama_server import llama_server

SMOLLM = Plan.of(["smollm2:135m"])
ASKED = ["Italy", "Norway", "Peru", "Japan", "Egypt", "Chile"]


@pytest.fixture(scope="module")
def server():
    with llama_server("smollm2:135m") as address:
        found = open_server("openai", f"{address}/v1")
        yield found
        found.close()


def calls(server, countries):
    work = [Work(Question(name, f"What is the capital of {name}?"), SMOLLM) for name in countries]
    return [one.calls[0] for one in Executor(server, "r").run(work)]


def worked_s(call):
    return call.prompt_s + call.output_s


def test_all_at_once_are_as_fast_as_one_by_one(server):
    alone = [calls(server, [name])[0] for name in ASKED]
    assert [call.queue_s for call in alone] == [0.0] * len(ASKED)
    way_s = min(call.latency_s - worked_s(call) for call in alone)
    together = calls(server, [f"{name}, in one word" for name in ASKED])
    waited = [call for call in together if call.queue_s > 0]
    assert max(call.queue_s for call in waited) > 2 * min(worked_s(call) for call in waited), (
        "there was a queue"
    )
    assert max(call.latency_s - worked_s(call) for call in waited) <= way_s + 1e-3
