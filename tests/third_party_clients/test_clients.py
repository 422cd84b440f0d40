"""Official and popular clients ask `optiq serve`, unchanged but for the base URL.

Whether the model knows its capitals is not asked: what it says may differ with what else the machine does
(docs/servers.md). That a text comes back, whole and in pieces, with its counts, is.
"""

ASKED = '[{"role": "user", "content": "What is the capital of Norway? One word."}]'


def test_openai_sync_async_and_streaming(run) -> None:
    found = run(f"""
import asyncio, json
from openai import AsyncOpenAI, NotFoundError, OpenAI, UnprocessableEntityError
messages = {ASKED}
client = OpenAI()
whole = client.chat.completions.create(model="optiq", messages=messages, max_tokens=16, temperature=0)
stream = client.chat.completions.create(model="optiq", messages=messages, max_tokens=16, temperature=0, stream=True,
                                        stream_options={{"include_usage": True}})
chunks = list(stream)
async def ask():
    async with AsyncOpenAI() as client:
        first = await client.chat.completions.create(model="optiq", messages=messages, max_tokens=16, temperature=0)
        pieces = []
        async for chunk in await client.chat.completions.create(
                model="optiq", messages=messages, max_tokens=16, temperature=0, stream=True):
            pieces.append(chunk.choices[0].delta.content or "")
        return first.choices[0].message.content, "".join(pieces)
faults = []
for model, limits in (("nobody", {{}}), ("optiq", {{"max_cost_usd": 1e-15}})):
    try:
        client.chat.completions.create(model=model, messages=messages, extra_body={{"optiq": limits}})
    except (NotFoundError, UnprocessableEntityError) as fault:
        faults.append([fault.status_code, fault.code])
text = client.completions.create(model="optiq", prompt="What is the capital of Norway? One word.", max_tokens=16,
                                 temperature=0)
print(json.dumps({{
    "whole": whole.choices[0].message.content, "plan": whole.optiq["plan"]["models"],
    "usage": whole.usage.total_tokens, "async": asyncio.run(ask()), "faults": faults,
    "streamed": "".join(c.choices[0].delta.content or "" for c in chunks if c.choices),
    "streamed_usage": chunks[-1].usage.total_tokens, "models": [m.id for m in client.models.list()],
    "text": text.choices[0].text,
}}))
""")
    assert found["whole"].strip()
    assert found["plan"] == ["smollm2:135m+bare"]
    assert found["usage"] > 10
    assert found["streamed_usage"] > 10
    assert all(text.strip() for text in found["async"])
    assert found["streamed"].strip()
    assert found["faults"] == [[404, "model_not_found"], [422, "no_plan_within_limits"]]
    assert {"optiq", "optiq/cheap", "smollm2:135m"} <= set(found["models"])
    assert found["text"].strip()


def test_openai_responses(run) -> None:
    found = run("""
import json
from openai import OpenAI
client = OpenAI()
asked = dict(model="optiq", instructions="Answer in one word.", input="What is the capital of Norway?",
             max_output_tokens=16, temperature=0)
whole = client.responses.create(**asked)
with client.responses.stream(**asked) as stream:
    kinds = [event.type for event in stream]
    final = stream.get_final_response()
print(json.dumps({"whole": whole.output_text, "status": whole.status, "usage": whole.usage.total_tokens,
                  "kinds": kinds, "final": final.output_text}))
""")
    assert found["whole"]
    assert found["status"] == "completed"
    assert found["final"].strip()
    assert found["whole"].strip()
    assert found["kinds"][0] == "response.created"
    assert found["kinds"][-1] == "response.completed"
    assert found["usage"] > 10


def test_ollama(run) -> None:
    found = run(f"""
import json, ollama
messages = {ASKED}
options = {{"num_predict": 16, "temperature": 0}}
whole = ollama.chat("optiq", messages, options=options)
pieces = list(ollama.chat("optiq", messages, options=options, stream=True))
said = ollama.generate("optiq", "What is the capital of Norway? One word.", options=options)
try:
    ollama.chat("nobody", messages)
except ollama.ResponseError as fault:
    status = fault.status_code
print(json.dumps({{"whole": whole.message.content, "count": whole.eval_count, "status": status,
    "streamed": "".join(p.message.content for p in pieces), "done": pieces[-1].done, "said": said.response,
    "models": [m.model for m in ollama.list().models], "shown": ollama.show("optiq").details.format}}))
""")
    assert found["whole"].strip()
    assert found["streamed"].strip()
    assert found["done"]
    assert found["count"] > 0
    assert found["said"].strip()
    assert "optiq" in found["models"]
    assert (found["status"], found["shown"]) == (404, "plan")


def test_litellm(run) -> None:
    found = run(f"""
import json, litellm, os
litellm.telemetry = False
whole = litellm.completion("openai/optiq", {ASKED}, max_tokens=16, temperature=0,
                           api_base=os.environ["OPENAI_BASE_URL"])
stream = litellm.completion("openai/optiq", {ASKED}, max_tokens=16, temperature=0, stream=True,
                            api_base=os.environ["OPENAI_BASE_URL"])
print(json.dumps({{"whole": whole.choices[0].message.content,
                  "streamed": "".join(c.choices[0].delta.content or "" for c in stream)}}))
""")
    assert found["whole"].strip()
    assert found["streamed"].strip()


def test_langchain(run) -> None:
    found = run("""
import json
from langchain_openai import ChatOpenAI
model = ChatOpenAI(model="optiq", max_tokens=16, temperature=0)
said = model.invoke("What is the capital of Norway? One word.")
streamed = "".join(str(chunk.content) for chunk in model.stream("What is the capital of Norway? One word."))
print(json.dumps({"said": said.content, "streamed": streamed, "usage": said.usage_metadata["total_tokens"]}))
""")
    assert found["said"].strip()
    assert found["streamed"].strip()
    assert found["usage"] > 10


def test_llm(run) -> None:
    """simonw/llm reads its further models from a file."""
    found = run("""
import json, os, pathlib, llm
folder = pathlib.Path(os.environ["HOME"]) / "llm"
folder.mkdir()
os.environ["LLM_USER_PATH"] = str(folder)
(folder / "extra-openai-models.yaml").write_text(
    "- model_id: planned\\n  model_name: optiq\\n  api_base: " + os.environ["OPENAI_BASE_URL"] + "\\n")
said = llm.get_model("planned").prompt("What is the capital of Norway? One word.", max_tokens=16, temperature=0)
whole = llm.get_model("planned").prompt("What is the capital of Norway? One word.", max_tokens=16, temperature=0,
                                        stream=False)
print(json.dumps({"streamed": said.text(), "whole": whole.text()}))
""")
    assert found["whole"].strip()
    assert found["streamed"].strip()


def test_lm_evaluation_harness(run) -> None:
    found = run("""
import json, os
from lm_eval.api.instance import Instance
from lm_eval.models.openai_completions import LocalChatCompletion
model = LocalChatCompletion(base_url=os.environ["OPENAI_BASE_URL"] + "/chat/completions", model="optiq",
                            tokenizer_backend=None, num_concurrent=1)
asked = [Instance("generate_until", {}, (json.dumps([{"role": "user", "content": "What is the capital of " + land +
         "? One word."}]), {"max_gen_toks": 16, "until": [], "temperature": 0}), 0) for land in ("Norway", "France")]
from lm_eval.models.api_models import JsonChatStr
for one in asked:
    one.arguments = (JsonChatStr(one.arguments[0]), one.arguments[1])
print(json.dumps(model.generate_until(asked, disable_tqdm=True)))
""")
    assert found[0].strip()
    assert found[1].strip()


def test_inspect_ai(run) -> None:
    found = run("""
import asyncio, json
from inspect_ai.model import GenerateConfig, get_model
async def ask():
    async with get_model("openai/optiq", responses_api=False) as model:
        said = await model.generate("What is the capital of Norway? One word.",
                                    config=GenerateConfig(max_tokens=16, temperature=0))
        return {"said": said.completion, "tokens": said.usage.total_tokens, "stop": said.stop_reason}
print(json.dumps(asyncio.run(ask())))
""")
    assert found["said"].strip()
    assert found["tokens"] > 10
