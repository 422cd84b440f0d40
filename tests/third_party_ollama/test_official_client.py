"""The official `ollama` client, and our server class on it, against servers that we did not write."""

import asyncio

import ollama
import pytest
from pydantic import ValidationError

from optiq.errors import ServerError
from optiq.execution import Executor, Work
from optiq.plans.plan import Plan
from optiq.questions.question import Question
from optiq.servers import GenerateRequest, open_server

ASKED = [{"role": "user", "content": "What is the capital of Norway? One word."}]


@pytest.fixture
def client(served):
    opened = ollama.Client(served.url, trust_env=False, timeout=240)
    yield opened
    opened.close()


def test_list(client, served):
    assert served.model in [model.model for model in client.list().models]


def test_chat_without_streaming(client, served):
    reply = client.chat(served.model, ASKED, options={"num_predict": 24, "temperature": 0})
    assert "Oslo" in reply.message.content
    assert reply.done


def test_chat_with_streaming(client, served):
    if not served.faithful:
        with pytest.raises(ValidationError, match="message"):  # refused, not misread
            list(client.chat(served.model, ASKED, stream=True))
        return
    parts = list(client.chat(served.model, ASKED, options={"num_predict": 24, "temperature": 0}, stream=True))
    assert len(parts) > 1
    assert "Oslo" in "".join(part.message.content or "" for part in parts)
    assert parts[-1].done


def test_token_counts(client, served):
    reply = client.chat(served.model, ASKED, options={"num_predict": 24, "temperature": 0})
    assert reply.eval_count > 0
    if served.counts_tokens:
        longer = [{"role": "user", "content": ASKED[0]["content"] + " Think of Europe first."}]
        more = client.chat(served.model, longer, options={"num_predict": 1, "temperature": 0})
        assert more.prompt_eval_count > reply.prompt_eval_count > 8


def test_our_server_lists_and_answers(served):
    server = open_server("ollama", served.url)
    assert served.model in [model.name for model in server.list_models()]
    assert server.health() is None
    answer = asyncio.run(server.generate(GenerateRequest(served.model, ASKED[0]["content"], 24)))
    assert "Oslo" in answer.text
    assert answer.output_tokens > 0
    assert answer.latency_s > 0
    assert answer.server == "ollama"


def test_letters_come_back_whether_the_server_holds_to_them_or_not(served):
    server = open_server("ollama", served.url)
    request = GenerateRequest(served.model, "Say A or B.", 16, letters=("A", "B"))
    answer = asyncio.run(server.generate(request))
    assert answer.text
    assert answer.constrained is (answer.text in ("A", "B") and answer.constrained)


def test_a_plan_runs_through_it(served):
    plan = Plan.of([served.model, served.model, served.model], [(0, 2), (1, 2)])
    question = Question("q", "What is the capital of Norway?")
    execution = Executor(open_server("ollama", served.url), "run").run([Work(question, plan)])[0]
    assert execution.status == "answered", execution.error
    assert [call.output_tokens > 0 for call in execution.calls] == [True] * 3


def test_an_unknown_model(client, served):
    request = GenerateRequest("nobody/nothing:1b", "Why?", 4)
    if not served.faithful:
        assert asyncio.run(open_server("ollama", served.url).generate(request)).text
        return
    with pytest.raises(ollama.ResponseError):
        client.chat("nobody/nothing:1b", ASKED)
    with pytest.raises(ServerError):
        asyncio.run(open_server("ollama", served.url).generate(request))
