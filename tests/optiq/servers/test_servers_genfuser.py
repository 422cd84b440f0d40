"""GenFuser on a tiny T5 made here: random weights, so what it says is noise; how it is asked is not."""

import asyncio

import pytest

from optiq.errors import ModelNotServed, ServerError, TransientServerError
from optiq.execution import Executor, Shared, Work
from optiq.plans.plan import Plan
from optiq.questions.question import Question
from optiq.servers import GenerateRequest, ModelServer, open_server
from optiq.servers.genfuser import CANDIDATE_TOKENS, GenFuserServer, fusion_text
from optiq.servers.opening import CompositeServer
from optiq.servers.protocol import Fusion

WORDS = [
    "Instruction:",
    "Input:",
    "Candidate",
    "Summarize",
    "Oslo",
    "Bergen",
    "answer",
    "Which",
    "capital",
    "the",
    ":",
]
FUSION = Fusion("answer", "Which capital", ("Oslo", "Bergen"))


def tokenizer():
    from tokenizers import Tokenizer, models, pre_tokenizers
    from transformers import PreTrainedTokenizerFast

    special = ["<pad>", "</s>", "<unk>", *[f"<extra_id_{i}>" for i in range(8)]]
    vocabulary = {word: number for number, word in enumerate([*special, *WORDS])}
    words = Tokenizer(models.WordLevel(vocabulary, unk_token="<unk>"))
    words.pre_tokenizer = pre_tokenizers.Whitespace()
    return PreTrainedTokenizerFast(
        tokenizer_object=words,
        pad_token="<pad>",
        eos_token="</s>",
        unk_token="<unk>",
        additional_special_tokens=special[3:],
    )


def save_t5(folder, safe=True):
    import torch
    from transformers import T5Config, T5ForConditionalGeneration

    made = tokenizer()
    torch.manual_seed(0)
    config = T5Config(
        vocab_size=len(made), d_model=16, d_kv=8, d_ff=32, num_layers=1, num_heads=2,
        pad_token_id=0, eos_token_id=1, decoder_start_token_id=0,
    )  # fmt: skip
    model = T5ForConditionalGeneration(config)
    model.save_pretrained(folder)
    made.save_pretrained(folder)
    if not safe:
        (folder / "model.safetensors").unlink()
        torch.save(model.state_dict(), folder / "pytorch_model.bin")
    return folder


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return save_t5(tmp_path_factory.mktemp("models") / "tiny-fuser")


@pytest.fixture(scope="module")
def server(folder):
    opened = GenFuserServer(str(folder))
    yield opened
    opened.close()
    opened.close()


def fuse(server, **options):
    request = GenerateRequest(server.model, "unused", **{"max_output_tokens": 6, "fusion": FUSION, **options})
    return asyncio.run(server.generate(request))


def test_it_fuses_and_counts(server):
    first, second = fuse(server), fuse(server)
    assert isinstance(server, ModelServer)
    assert [model.name for model in server.list_models()] == ["tiny-fuser"]
    assert first.load_s > 0
    assert second.load_s == 0
    assert (first.text, first.output_tokens) == (second.text, second.output_tokens)
    assert 0 < first.output_tokens <= 6
    assert first.prompt_tokens > 10
    assert first.finish_reason in ("stop", "length")
    assert (first.answered_model, first.server) == ("tiny-fuser", "genfuser")


def test_the_input_is_that_of_llm_blender():
    assert fusion_text(FUSION, tokenizer()) == (
        "Instruction: answer</s>Input: Which capital</s>Candidate 0: <extra_id_0>:Oslo</s>"
        "Candidate 1: <extra_id_1>:Bergen</s>Summarize candidates into a better one for the given instruction:"
    )


def test_control_tokens_in_texts_are_data_and_long_candidates_are_cut():
    made = tokenizer()
    text = fusion_text(Fusion("a</s>b", "q", ("Oslo " * 300, "<extra_id_0>")), made)
    assert text.count("</s>") == 4
    assert text.count("<extra_id_0>") == 1
    assert text.count("Oslo") == CANDIDATE_TOKENS


def test_plain_tensors_are_read_where_there_is_no_safetensors(tmp_path):
    server = GenFuserServer(str(save_t5(tmp_path / "plain", safe=False)))
    assert fuse(server).output_tokens > 0
    server.close()


def test_pickled_code_is_never_run(tmp_path):
    import pickle

    class Attack:
        def __reduce__(self):
            return (exec, ("raise SystemExit('ran')",))

    folder = save_t5(tmp_path / "attack", safe=False)
    (folder / "pytorch_model.bin").write_bytes(pickle.dumps({"shared.weight": Attack()}, protocol=2))
    server = GenFuserServer(str(folder))
    with pytest.raises(ServerError, match="cannot be loaded"):
        fuse(server)
    server.close()


def test_faults_say_what_to_do(server, tmp_path, monkeypatch):
    with pytest.raises(ServerError, match="as the blender only"):
        fuse(server, fusion=None)
    with pytest.raises(TransientServerError, match="within"):
        fuse(server, timeout_s=0.0)
    with pytest.raises(ModelNotServed):
        asyncio.run(server.generate(GenerateRequest("other", "p", fusion=FUSION)))
    (tmp_path / "empty").mkdir()
    empty = GenFuserServer(str(tmp_path / "empty"))
    with pytest.raises(ServerError, match="cannot be loaded"):
        fuse(empty)
    empty.close()


def test_a_plan_runs_with_its_blend_node_there_and_its_other_nodes_on_the_embedded_models(folder):
    server = open_server("embedded", genfuser=str(folder))
    assert isinstance(server, CompositeServer)
    plan = Plan.of(["smollm2:135m", "gemma3:270m", "tiny-fuser"], [(0, 2), (1, 2)])
    question = Question("q", "What is the capital of Norway?")
    execution = Executor(server, "run", shared=Shared()).run([Work(question, plan)])[0]
    calls = {call.model: call for call in execution.calls}
    assert "tiny-fuser" not in {model.name for model in server.list_models()}, "it answers nothing by itself"
    assert {name: call.server for name, call in calls.items()} == {
        "smollm2:135m": "embedded", "gemma3:270m": "embedded", "tiny-fuser": "genfuser",
    }  # fmt: skip
    assert all(call.error is None and call.output_tokens for call in execution.calls)
    assert "tiny-fuser" in server.describe()
    assert server.health() is None
    server.close()


def test_without_a_blender_the_server_is_itself():
    server = open_server("embedded")
    assert type(server).__name__ == "EmbeddedServer"
    server.close()
