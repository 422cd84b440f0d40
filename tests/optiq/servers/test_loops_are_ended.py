"""An output that goes round in circles is ended where it can be, with true counts; elsewhere it is asked for."""

import asyncio

import pytest
from dialects import ask, connect
from scripted_http import Reply, scripted_server

from optiq.servers import GenerateRequest, open_server
from optiq.servers.protocol import LOOPED
from optiq.text.loops import loop_at_end

MODEL = "smollm2:135m"
ROUND = "Say over and over again, a hundred times: I must not talk in class."
STRAIGHT = "Explain in two sentences how bread rises."


def asked(server, prompt, cap=300, **options):
    request = GenerateRequest(MODEL, prompt, cap, many_lines=True, timeout_s=1800, **options)

    async def once():
        try:
            return await server.generate(request)
        finally:
            await server.disconnect()

    return asyncio.run(once())


@pytest.fixture(scope="module", params=["embedded", "llama.cpp"])
def server(request):
    where = ("embedded",) if request.param == "embedded" else ("openai", request.getfixturevalue("llama_url"))
    opened = open_server(*where)
    opened.list_models()
    yield opened
    opened.close()


def test_a_loop_is_ended_and_what_it_took_is_known(server):
    short = asked(server, ROUND, stop_loops=True)
    assert short.finish_reason == LOOPED
    assert loop_at_end(short.text)
    assert 0 < short.output_tokens < 300
    assert -5 < short.logprob_mean < 0
    assert short.output_s > short.prompt_s > 0
    long = asked(server, ROUND, cap=short.output_tokens + 20)
    assert (long.finish_reason, long.output_tokens) == ("length", short.output_tokens + 20)
    assert long.text.startswith(short.text.strip())
    assert (long.prompt_tokens, long.answered_model) == (short.prompt_tokens, short.answered_model)


def test_a_text_that_ends_by_itself_is_the_same_with_all_its_figures(server):
    figures = [
        (
            one.text,
            one.finish_reason,
            one.prompt_tokens,
            one.output_tokens,
            one.logprob_mean,
            one.logprob_least,
        )
        for one in (asked(server, STRAIGHT, stop_loops=True), asked(server, STRAIGHT))
    ]
    assert figures[0] == figures[1]
    assert figures[0][1] == "stop"


def test_vllm_is_asked_to_end_it_and_may_refuse():
    refusal = Reply({"error": {"message": "Extra inputs: 'repetition_detection'", "code": 400}}, 400)
    with scripted_server(refusal) as fake:
        fake.lists["/v1/models"] = {"data": [{"id": "tiny", "owned_by": "vllm"}]}
        server = connect("openai", fake.url)
        assert ask(server, stop_loops=True).text == "Oslo"
        assert ask(server, stop_loops=True).text == "Oslo"
        sent = [one.get("repetition_detection") for one in fake.requests]
    assert sent == [{"min_pattern_size": 25, "max_pattern_size": 600, "min_count": 3}, None, None]


@pytest.mark.parametrize("dialect", ["openai", "ollama"])
def test_nobody_else_is_sent_what_he_may_not_know(dialect):
    with scripted_server() as fake:
        ask(connect(dialect, fake.url), stop_loops=True)
        ask(connect(dialect, fake.url))
    assert fake.requests[0] == fake.requests[1]
