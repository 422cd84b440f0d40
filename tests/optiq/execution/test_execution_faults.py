"""Executions on servers that misbehave, in both dialects: retried, or failed with a reason; none lost."""

import os

import pytest
from fake_server import FakeServer
from scripted_http import Reply, closed_port, scripted_server

from optiq.errors import ServerError
from optiq.execution import Executor, Retries, Work
from optiq.plans.plan import Plan
from optiq.questions.question import Question
from optiq.servers import open_server

QUICK = Retries(first_s=0.001)
DIALECTS = ["ollama", "openai"]
PASSING = {
    "429": Reply({"error": "busy"}, 429, {"Retry-After": "0.01"}),
    "500": Reply({"error": "crash"}, 500),
    "truncated": Reply(b'{"model": "x", "mess'),
    "hang-up": Reply({"model": "x" * 100}, cut=20),
}


@pytest.fixture(autouse=True)
def _no_server_settings(monkeypatch):
    for name in list(os.environ):
        if name.startswith(("OLLAMA_", "OPENAI_", "OPTIQ_OPENAI_")):
            monkeypatch.delenv(name)


def run(dialect, url, questions=1, plan=None):
    server = open_server(dialect, url if dialect == "ollama" else f"{url}/v1")
    work = [Work(Question(str(i), "Where?"), plan or Plan.of(["tiny:1b"])) for i in range(questions)]
    return Executor(server, "run1", retries=QUICK).run(work)


@pytest.mark.parametrize("dialect", DIALECTS)
@pytest.mark.parametrize("fault", PASSING)
def test_a_passing_fault_costs_an_attempt_and_no_answer(dialect, fault):
    with scripted_server(PASSING[fault], PASSING[fault]) as fake:
        [execution] = run(dialect, fake.url)
    assert (execution.status, execution.answer) == ("answered", "Oslo")
    assert execution.calls[0].attempts == 3


@pytest.mark.parametrize("dialect", DIALECTS)
@pytest.mark.parametrize("status", [429, 503])
def test_a_server_that_wants_no_call_for_a_day_is_given_up_at_once_with_the_reason(dialect, status):
    tomorrow = Reply({"error": "quota of the day"}, status, {"Retry-After": "86400"})
    with scripted_server(tomorrow) as fake:
        [execution] = run(dialect, fake.url)
        assert len(fake.requests) == 1
    assert execution.status == "failed"
    assert "quota of the day; it wants no call for 86400 s" in execution.error


@pytest.mark.parametrize("dialect", DIALECTS)
def test_many_questions_with_faults_between_all_get_a_row(dialect):
    script = [reply for fault in PASSING.values() for reply in (fault, Reply())] * 3
    script += [Reply({"error": "no"}, 400)]
    with scripted_server(*script) as fake:
        executions = run(dialect, fake.url, questions=40)
    assert [execution.question.question_id for execution in executions] == [str(i) for i in range(40)]
    statuses = [execution.status for execution in executions]
    assert statuses.count("failed") == 1, "only the refusal that cannot pass"
    assert statuses.count("answered") == 39


@pytest.mark.parametrize("dialect", DIALECTS)
def test_an_unreachable_server_fails_each_question_with_the_address(dialect):
    url = f"http://127.0.0.1:{closed_port()}"
    executions = run(dialect, url, questions=2)
    assert [execution.status for execution in executions] == ["failed"] * 2
    assert all(url in execution.error for execution in executions)


@pytest.mark.parametrize("dialect", DIALECTS)
def test_figures_that_a_server_leaves_out_stay_unknown(dialect):
    bare = {
        "ollama": {"model": "m", "message": {"role": "assistant", "content": "Oslo"}},
        "openai": {
            "id": "1",
            "object": "chat.completion",
            "created": 1,
            "model": "m",
            "choices": [
                {"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": "Oslo"}}
            ],
        },
    }
    with scripted_server(Reply(bare[dialect])) as fake:
        [execution] = run(dialect, fake.url)
    call = execution.calls[0]
    assert execution.answer == "Oslo"
    assert (call.prompt_tokens, call.output_tokens, call.load_s, execution.cost_usd) == (None,) * 4
    assert execution.latency_s > 0


def test_ollama_load_time_is_kept_apart_from_latency():
    with scripted_server(Reply(delay_s=0.3)) as fake:
        [execution] = run("ollama", fake.url)
    [call] = execution.calls
    assert call.load_s == 0.25
    assert call.latency_s < execution.wall_s - 0.25 + 0.01


def test_the_fault_of_a_call_holds_no_frames():
    """They would hold the replies of all calls of a chunk, however large."""
    server = FakeServer(lambda request: ServerError("no", "nothing helps"))
    [done] = Executor(server, "r").run([Work(Question("1", "Where?"), Plan.of(["a"]))])
    assert isinstance(done.calls[0].fault, ServerError)
    assert done.calls[0].fault.__traceback__ is None
    assert done.calls[0].fault.__context__ is None
