"""Ollama and OpenAI-compatible servers: figures in our units, and faults as errors that say what to do."""

import os
import subprocess
import sys

import pytest
from dialects import DIALECTS, KEY, ask, connect
from scripted_http import OLLAMA_ANSWER, OPENAI_ANSWER, Reply, closed_port, scripted_server

from optiq.configuration import Settings
from optiq.errors import ConfigurationError, ModelNotServed, ServerError, TransientServerError
from optiq.servers import ModelServer, open_server
from optiq.servers.addresses import without_secrets
from optiq.servers.ollama import address


@pytest.fixture(autouse=True)
def _no_server_settings(monkeypatch):
    for name in list(os.environ):
        if name.startswith(("OLLAMA_", "OPENAI_", "OPTIQ_OPENAI_")):
            monkeypatch.delenv(name)


@pytest.mark.parametrize("dialect", DIALECTS)
def test_both_fulfil_the_protocol(dialect):
    with scripted_server() as fake:
        server = connect(dialect, fake.url)
        assert isinstance(server, ModelServer)
        assert server.health() is None
        assert [model.name for model in server.list_models()] == [
            "tiny:1b" if dialect == "ollama" else "tiny"
        ]
        server.close()
        server.close()


def test_ollama_gives_seconds_tokens_and_the_digest():
    with scripted_server() as fake:
        answer = ask(open_server("ollama", fake.url), max_output_tokens=16, stop=("\n",))
        sent = fake.requests[0]
    assert (answer.text, answer.answered_model, answer.digest) == ("Oslo", "tiny:1b", "abc")
    assert (answer.load_s, answer.prompt_s, answer.output_s) == (0.25, 0.3, 0.6)
    assert (answer.prompt_tokens, answer.output_tokens, answer.finish_reason) == (12, 3, "stop")
    assert answer.latency_s > 0
    assert sent["options"] == {"temperature": 0.0, "num_predict": 16, "seed": 0, "stop": ["\n"]}
    assert sent["stream"] is False


@pytest.mark.parametrize(
    ("dialect", "body"),
    [
        (
            "ollama",
            OLLAMA_ANSWER
            | {"load_duration": 100_000_000, "prompt_eval_duration": 0, "eval_duration": 100_000_000},
        ),
        ("openai", OPENAI_ANSWER | {"timings": {"prompt_ms": 100, "predicted_ms": 100}}),
    ],
)
def test_what_a_server_did_nothing_in_is_its_queue_and_the_way(dialect, body):
    with scripted_server(Reply(body, delay_s=0.6), Reply(body, delay_s=0.6)) as fake:
        server = connect(dialect, fake.url)
        for _ in range(2):  # the second reads a prompt that it may have had in its cache
            answer = ask(server)
            assert answer.queue_s == pytest.approx(answer.latency_s - 0.2)
            assert answer.queue_s > 0.3


def test_openai_names_the_model_that_answered():
    with scripted_server() as fake:
        answer = ask(connect("openai", fake.url), max_output_tokens=16)
        sent = fake.requests[0]
    assert (answer.requested_model, answer.answered_model) == ("tiny:1b", "tiny-2026")
    assert (answer.prompt_tokens, answer.output_tokens, answer.load_s, answer.digest) == (12, 3, None, None)
    assert (sent["max_tokens"], sent["temperature"], sent["seed"]) == (16, 0.0, 0)


@pytest.mark.parametrize(
    ("dialect", "body"),
    [
        ("ollama", {"model": "tiny:1b", "message": {"role": "assistant", "content": "Oslo"}, "done": True}),
        ("openai", {name: value for name, value in OPENAI_ANSWER.items() if name != "usage"}),
    ],
)
def test_figures_that_were_not_given_are_none_not_zero(dialect, body):
    with scripted_server(Reply(body)) as fake:
        answer = ask(connect(dialect, fake.url))
    assert answer.text == "Oslo"
    assert (answer.prompt_tokens, answer.output_tokens) == (None, None)
    assert (answer.load_s, answer.prompt_s, answer.output_s, answer.queue_s) == (None,) * 4


@pytest.mark.parametrize("dialect", DIALECTS)
@pytest.mark.parametrize(
    ("reply", "retry_after_s"),
    [
        (Reply({"error": "busy"}, 429, {"Retry-After": "7"}), 7.0),
        (Reply({"error": "busy"}, 429), None),
        (Reply({"error": "crash"}, 500), None),
        (Reply({"error": "loading"}, 503, {"Retry-After": "0.5"}), 0.5),
        (Reply(b"<html>bad gateway</html>", 502, {"Content-Type": "text/html"}), None),
        (Reply(b'{"message": {"role": "assis', 200), None),
        (Reply({"nothing": "here"}, 200), None),
        (Reply(b"plain text", 200, {"Content-Type": "text/plain"}), None),
        (Reply(OLLAMA_ANSWER, 200, cut=40), None),
    ],
    ids=["429-after", "429", "500", "503", "502-html", "truncated-json", "no-answer", "no-json", "hang-up"],
)
def test_what_may_pass_is_worth_another_try(dialect, reply, retry_after_s):
    with scripted_server(reply) as fake:
        with pytest.raises(TransientServerError) as caught:
            ask(connect(dialect, fake.url))
        assert caught.value.retry_after_s == retry_after_s
        assert "\n" not in str(caught.value)
        assert len(fake.requests) == 1, "servers never retry by themselves"


@pytest.mark.parametrize("dialect", DIALECTS)
def test_a_slow_answer_times_out(dialect):
    with (
        scripted_server(Reply(delay_s=30)) as fake,
        pytest.raises(TransientServerError, match=r"0\.2 s|in time"),
    ):
        ask(connect(dialect, fake.url), timeout_s=0.2)


@pytest.mark.parametrize("dialect", DIALECTS)
def test_nobody_listening_is_said_with_a_remedy(dialect):
    server = connect(dialect, f"http://127.0.0.1:{closed_port()}")
    with pytest.raises(TransientServerError, match="does not answer") as caught:
        ask(server)
    assert caught.value.remedy
    with pytest.raises(ServerError, match="does not answer"):
        server.list_models()
    assert "does not answer" in server.health()


def test_a_model_that_ollama_does_not_have_says_how_to_get_it():
    with (
        scripted_server(Reply({"error": "model 'tiny:1b' not found"}, 404)) as fake,
        pytest.raises(ModelNotServed, match="ollama pull tiny:1b"),
    ):
        ask(open_server("ollama", fake.url))


def test_a_model_that_an_openai_server_does_not_have():
    error = {
        "error": {"message": "no such model", "code": "model_not_found", "type": "invalid", "param": None}
    }
    with scripted_server(Reply(error, 404)) as fake, pytest.raises(ModelNotServed, match="tiny:1b"):
        ask(connect("openai", fake.url))


def test_a_base_url_without_the_api_is_told_from_a_missing_model():
    with (
        scripted_server(Reply(b"<html>", 404, {"Content-Type": "text/html"})) as fake,
        pytest.raises(ServerError, match="/v1") as caught,
    ):
        ask(open_server("openai", fake.url))
    assert not isinstance(caught.value, ModelNotServed)


@pytest.mark.parametrize("dialect", DIALECTS)
@pytest.mark.parametrize("status", [400, 501])
def test_what_cannot_pass_is_not_worth_another_try(dialect, status):
    with (
        scripted_server(Reply({"error": "bad request"}, status)) as fake,
        pytest.raises(ServerError) as caught,
    ):
        ask(connect(dialect, fake.url))
    assert not isinstance(caught.value, TransientServerError)


def test_an_exhausted_quota_is_no_rate_limit():
    error = {"error": {"message": "quota", "code": "insufficient_quota", "type": "x", "param": None}}
    with scripted_server(Reply(error, 429)) as fake, pytest.raises(ServerError, match="quota") as caught:
        ask(connect("openai", fake.url))
    assert not isinstance(caught.value, TransientServerError)


@pytest.mark.parametrize(
    ("message", "param", "kept"),
    [
        (
            "Unsupported parameter: 'max_tokens'. Use 'max_completion_tokens'.",
            "max_tokens",
            "max_completion_tokens",
        ),
        ("Unsupported parameter: 'seed'", None, "max_tokens"),
        ("You are not allowed to request logprobs from this model", None, "max_tokens"),
    ],
)
def test_an_option_that_a_dialect_refuses_is_left_out_and_remembered(message, param, kept):
    refusal = Reply({"error": {"message": message, "param": param, "code": "x", "type": "invalid"}}, 400)
    with scripted_server(refusal) as fake:
        server = connect("openai", fake.url)
        assert ask(server, max_output_tokens=5).text == "Oslo"
        assert ask(server, max_output_tokens=5).text == "Oslo"
        first, *later = fake.requests
    assert len(later) == 2
    for sent in later:
        assert sent[kept] == 5
        assert set(sent) != set(first)


@pytest.mark.parametrize("dialect", ["openai", "ollama"])
def test_how_likely_an_output_was_is_kept_where_a_server_says_it(dialect):
    told = [{"token": "Os", "logprob": -0.5}, {"token": "lo", "logprob": -1.5}]
    said = {"message": {"content": "Oslo"}, "finish_reason": "stop", "logprobs": {"content": told}}
    body = {"choices": [said]} if dialect == "openai" else {"message": {"content": "Oslo"}, "logprobs": told}
    with scripted_server(Reply(body)) as fake:
        server = connect(dialect, fake.url)
        known, unknown = ask(server), ask(server)
        assert fake.requests[0]["logprobs"] is True
    assert (known.logprob_mean, known.logprob_least) == (-1.0, -1.5)
    assert (unknown.logprob_mean, unknown.logprob_least) == (None, None)


def test_the_key_is_sent_and_never_shown():
    refusal = Reply({"error": {"message": f"Incorrect API key: {KEY}", "code": "k"}}, 401)
    echo = Reply({"error": {"message": f"crash with {KEY}", "code": "k"}}, 500)
    with scripted_server(refusal, echo) as fake:
        server = connect("openai", fake.url)
        server.list_models()
        assert fake.authorizations == [f"Bearer {KEY}"]
        shown = [repr(server), str(server), server.describe()]
        for _ in range(2):
            with pytest.raises(ServerError) as caught:
                ask(server)
            shown += [str(caught.value), repr(caught.value), repr(caught.value.__cause__)]
    assert not [text for text in shown if KEY in text]


@pytest.mark.parametrize(
    "url",
    [
        f"http://me:{KEY}@127.0.0.1:9",
        f"http://{KEY}@127.0.0.1:9",
        f"http://me%40{KEY}@127.0.0.1:9",
        f"http://127.0.0.1:9/v1?api_key={KEY}",
        f"http://127.0.0.1:9/v1?x=1&Access-Token={KEY}",
        f"http://127.0.0.1:9/v1?sig={KEY}",
        f"http://127.0.0.1:9/v1#token={KEY}",
        f"//me:{KEY}@127.0.0.1:9",
        f"http://127.0.0.1:9/v1?code={KEY}",
        f"http://127.0.0.1:9/v1;key={KEY}",
        f"http://127.0.0.1:9/v1?x=1;api%5Fkey={KEY}",
    ],
)
def test_an_address_with_a_secret_in_it_is_refused_and_not_repeated(url):
    for name in ("ollama", "openai"):
        with pytest.raises(ConfigurationError) as caught:
            open_server(name, url)
        assert KEY not in str(caught.value)
    for given in (
        Settings.load,
        lambda flags: Settings.load({}, {f"OPTIQ_{n.upper()}": v for n, v in flags.items()}),
    ):
        for place in ("server_url", "home"):
            with pytest.raises(ConfigurationError) as caught:
                given({place: url})
            assert KEY not in str(caught.value)


@pytest.mark.parametrize(
    "given",
    [
        f"http://me:{KEY}@box/x.csv",
        f"http://{KEY}@box/x.csv",
        f"http:me:{KEY}@box",
        f"me:{KEY}@box:9",
        f"//me:{KEY}@box/",
        f"http:/box/v1?api%5fkey={KEY}",
        f"s3://box/v1;key={KEY}",
    ],
)
def test_what_stands_where_a_file_belongs_is_repeated_without_its_secret(given):
    said = without_secrets(
        f"cannot write '{given}': no folder {given}. Make it first: at 12:30, for a@b and x:y."
    )
    assert KEY not in said
    assert said.endswith("Make it first: at 12:30, for a@b and x:y.")


@pytest.mark.parametrize(
    "url", ["http://127.0.0.1:9/v1?api-version=2", "https://keys.example/v1", "http://box/a@b"]
)
def test_other_addresses_are_taken(url):
    assert Settings.load({"server_url": url}, {}).server_url == url
    open_server("openai", url)


@pytest.mark.parametrize("dialect", DIALECTS)
def test_one_server_serves_several_event_loops(dialect):
    with scripted_server() as fake:
        server = connect(dialect, fake.url)
        assert [ask(server).text for _ in range(3)] == ["Oslo"] * 3


@pytest.mark.parametrize(
    ("given", "url"),
    [
        (None, "http://127.0.0.1:11434"),
        ("0.0.0.0", "http://127.0.0.1:11434"),
        (":5000", "http://127.0.0.1:5000"),
        ("box:5000", "http://box:5000"),
        ("https://box", "https://box:443"),
        ("http://box/ollama/", "http://box:80/ollama"),
        ("[::1]:5000", "http://[::1]:5000"),
    ],
)
def test_ollama_addresses_are_read_as_ollama_reads_them(given, url, monkeypatch):
    assert address(given) == url
    if given:
        monkeypatch.setenv("OLLAMA_HOST", given)
        assert address() == url


@pytest.mark.parametrize("given", ["http://", "ftp://box", "box:port", "http://box:99999"])
def test_an_address_that_is_none_is_refused(given):
    for name in DIALECTS:
        if name == "openai" and given == "box:port":
            continue
        with pytest.raises(ConfigurationError):
            open_server(name, given)


def test_openai_needs_an_address():
    with pytest.raises(ConfigurationError, match="OPTIQ_OPENAI_BASE_URL"):
        open_server("openai")


def test_importing_the_servers_loads_no_client_and_no_model():
    code = (
        "import sys, optiq.servers, optiq.servers.embedded, optiq.servers.ollama, optiq.servers.openai;"
        "print([m for m in ('httpx', 'ollama', 'openai', 'xllamacpp', 'torch') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
