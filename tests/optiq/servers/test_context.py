"""Prompts and contexts: what cannot fit is not asked, what was cut is said, what Ollama needs it is given."""

import pytest
from dialects import DIALECTS, ask, connect
from fake_server import FakeServer
from hypothesis import given
from hypothesis import strategies as st
from scripted_http import Reply, scripted_server

from optiq.errors import RequestRefused
from optiq.execution import Executor, Work
from optiq.execution.accounting import PriceList
from optiq.plans.plan import Plan
from optiq.questions.question import Question
from optiq.servers.context import context_for, least_tokens, most_tokens, why_cut
from optiq.servers.embedded import LlamaModel
from optiq.servers.embedded_models import EMBEDDED_MODELS

LONG = "Which of these words is a city? " + "Oslo and the others, " * 2000


@pytest.fixture(scope="module")
def llama():
    return LlamaModel(EMBEDDED_MODELS["smollm2:135m"].locate(), "smollm2:135m")


@pytest.mark.parametrize(
    "text",
    [
        "", "Oslo", LONG, "3.14159 2.71828 " * 50, "a b c d e f g " * 90, "The quick brown fox, it jumps! " * 60,
        "if x == 1:\n    return y  # done\n" * 40, "Zürich über Åsgårdstrand " * 50, "東京は日本の首都です。" * 40,
    ],
)  # fmt: skip
def test_a_real_vocabulary_lies_between(llama, text):
    assert least_tokens(text) <= llama.count_tokens(text) <= most_tokens(text) + 1


@given(st.text(max_size=300))
def test_there_are_never_fewer_at_most_than_at_least(text):
    assert least_tokens(text) <= most_tokens(text)


@pytest.mark.parametrize(
    ("chars", "cap", "before", "most", "wanted"),
    [
        (100, 32, None, None, None),
        (100, 32, 8192, None, 8192),
        (3700, 32, None, None, None),
        (5000, 32, None, None, 4096),
        (20_000, 32, None, None, 16_384),
        (20_000, 32, None, 8192, 8192),
        (100, 4000, None, None, 8192),
    ],
)
def test_a_context_only_grows_and_by_doubling(chars, cap, before, most, wanted):
    assert context_for("x" * chars, cap, before, most) == wanted


def test_ollama_is_given_what_the_prompt_needs():
    show = Reply({"model_info": {"general.architecture": "llama", "llama.context_length": 131_072}})
    with scripted_server(show) as fake:
        server = connect("ollama", fake.url)
        prompts = ["short", LONG, "short"]
        fake.script[:] = [Reply(), show]
        for prompt in prompts:
            assert ask(server, prompt).text == "Oslo"
        sent = [body["options"].get("num_ctx") for body in fake.requests if "options" in body]
    assert sent == [None, 32_768, 32_768], "another context would make the model load again"


def test_a_server_that_breaks_when_it_is_asked_what_a_model_can_is_asked_all_the_same():
    with scripted_server(Reply(b"x" * 99, cut=3), Reply()) as fake:
        assert ask(connect("ollama", fake.url), LONG).text == "Oslo"
        assert fake.requests[-1]["options"]["num_ctx"] == 32_768


@pytest.mark.parametrize(
    ("told", "limit"),
    [({"llama.context_length": 2048}, None), (None, "4096"), ({"x.context_length": "?"}, "4096")],
)
def test_what_no_context_holds_is_not_asked_of_ollama(told, limit, monkeypatch):
    if limit:
        monkeypatch.setenv("OPTIQ_OLLAMA_NUM_CTX", limit)
    show = Reply({"model_info": told}) if told else Reply({"error": "no"}, 404)
    with scripted_server(show) as fake:
        with pytest.raises(RequestRefused, match="max_context_tokens" if limit else "Shorten"):
            ask(connect("ollama", fake.url), LONG)
        assert len(fake.requests) == 1, "nothing but what it can hold"


def test_what_no_context_holds_is_not_asked_of_vllm_and_llama_cpp(llama_url):
    with scripted_server() as fake:
        server = connect("openai", fake.url)
        server.list_models()
        with pytest.raises(RequestRefused, match="4096"):
            ask(server, LONG, model="tiny")
        assert ask(server, "short", model="tiny").text == "Oslo"
        assert len(fake.requests) == 1
    real = connect("openai", llama_url)
    with pytest.raises(RequestRefused, match="context"):
        ask(real, LONG)
    with pytest.raises(RequestRefused, match="context"):
        ask(real, "123456789 " * 700)  # only llama.cpp knows how many tokens that is
    assert ask(real, "What is the capital of Norway?", max_output_tokens=8).text


@pytest.mark.parametrize(
    ("tokens", "cut"), [(None, False), (20, False), (2050, True), (8200, False), (7400, False)]
)
def test_a_prompt_that_was_cut_is_seen(tokens, cut):
    assert (why_cut(LONG, tokens) is not None) == cut


def test_a_cut_prompt_is_paid_for_and_teaches_nothing():
    server = FakeServer(lambda r: "Oslo", prompt_tokens=2050, output_tokens=3)
    prices = PriceList({"a": (1.0, 1.0)})
    long, short = Question("l", LONG), Question("s", "What is the capital of Norway?")
    work = [Work(question, Plan.of(["a"])) for question in (long, short)]
    failed, fine = Executor(server, "r", prices).run(work)
    assert (failed.status, fine.status) == ("failed", "answered")
    assert "the server cut the prompt: it read 2050 tokens" in failed.error
    (call,) = failed.calls
    assert (call.cost_usd, call.latency_s, call.output) == (None, None, None)
    assert call.lost.cost_usd == pytest.approx(2053e-6)
    assert failed.spent.cost_usd == 0, "what was lost counts once"


@pytest.mark.parametrize("dialect", DIALECTS)
def test_a_prompt_of_two_megabytes_is_no_matter(dialect):
    with scripted_server(*[Reply({"error": "too long"}, 413)] * 2) as fake, pytest.raises(RequestRefused):
        ask(connect(dialect, fake.url), "word " * 400_000)
