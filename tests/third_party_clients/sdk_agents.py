"""Agents on every SDK of the table in docs/agents.md, each run in all combinations; prints what was seen of them.

Run in the clients' own environment, with this checkout on its path. Each agent asks its planner, then its solver.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from functools import cache
from multiprocessing import active_children, get_context
from typing import Any

from many_dialects import Server

from optiq.selection.api import ModelSelector
from optiq.selection.runtime import Limits

os.environ |= {
    **dict.fromkeys(
        ("OPENAI_API_KEY", "ANTHROPIC_API_KEY", "GEMINI_API_KEY", "AZURE_OPENAI_API_KEY"), "none"
    ),
    **{"NO_PROXY": "127.0.0.1", "LITELLM_LOCAL_MODEL_COST_MAP": "True", "OPENAI_AGENTS_DISABLE_TRACING": "1"},
    "LANGSMITH_TRACING": "false",
}
SERVER = Server()
URL = SERVER.url
V1 = f"{URL}/v1"
NAMES = ("gpt-4o", "gpt-4o-mini")
PRICES = dict.fromkeys(NAMES, (1000000.0, 1000000.0))
DATA = [{"question": f"Say word{number}", "reference": f"word{number}"} for number in range(1)]


def told(prompt: str) -> list[dict[str, str]]:
    return [{"role": "user", "content": prompt}]


class Agent:
    """Asks both roles with what :meth:`ask` does; it keeps nothing of the roles but the models that it was given."""

    def __init__(self, models: dict[str, str]) -> None:
        self.planner, self.solver = models["planner"], models["solver"]

    def run(self, example: dict[str, Any]) -> str:
        self.ask(self.planner, f"Plan: {example['question']}")
        return self.ask(self.solver, f"Answer: {example['question']}")

    def ask(self, model: Any, prompt: str) -> Any:
        raise NotImplementedError


class AsyncAgent(Agent):
    async def run(self, example: dict[str, Any]) -> str:  # type: ignore[override]
        await self.ask(self.planner, f"Plan: {example['question']}")
        return str(await self.ask(self.solver, f"Answer: {example['question']}"))


@cache
def openai_client() -> Any:
    import openai

    return openai.OpenAI(base_url=V1)


@cache
def async_openai_client() -> Any:
    import openai

    return openai.AsyncOpenAI(base_url=V1)


class OpenAI(Agent):
    def ask(self, model: Any, prompt: str) -> Any:
        made = openai_client().chat.completions.create(model=model, messages=told(prompt))
        return made.choices[0].message.content


class OpenAIAsync(AsyncAgent):
    async def ask(self, model: Any, prompt: str) -> Any:
        made = await async_openai_client().chat.completions.create(model=model, messages=told(prompt))
        return made.choices[0].message.content


class OpenAIStream(Agent):
    def ask(self, model: Any, prompt: str) -> Any:
        stream = openai_client().chat.completions.create(model=model, messages=told(prompt), stream=True)
        return "".join(chunk.choices[0].delta.content or "" for chunk in stream)  # no chunk without a choice


class OpenAIAsyncStream(AsyncAgent):
    async def ask(self, model: Any, prompt: str) -> Any:
        client = async_openai_client().chat.completions
        stream = await client.create(model=model, messages=told(prompt), stream=True)
        return "".join([chunk.choices[0].delta.content or "" async for chunk in stream])


class OpenAIHelper(Agent):
    def ask(self, model: Any, prompt: str) -> Any:
        with openai_client().chat.completions.stream(model=model, messages=told(prompt)) as stream:
            return stream.get_final_completion().choices[0].message.content


class Responses(Agent):
    def ask(self, model: Any, prompt: str) -> Any:
        return openai_client().responses.create(model=model, input=prompt).output_text


class ResponsesStream(Agent):
    def ask(self, model: Any, prompt: str) -> Any:
        with openai_client().responses.stream(model=model, input=prompt) as stream:
            return stream.get_final_response().output_text


class AzureOpenAI(Agent):
    def ask(self, model: Any, prompt: str) -> Any:
        import openai

        client = openai.AzureOpenAI(azure_endpoint=URL, api_version="2024-10-21")
        made = client.chat.completions.create(model=model, messages=told(prompt))
        return made.choices[0].message.content


@cache
def anthropic_client() -> Any:
    import anthropic

    return anthropic.Anthropic(base_url=URL)


class Anthropic(Agent):
    def ask(self, model: Any, prompt: str) -> Any:
        made = anthropic_client().messages.create(model=model, max_tokens=99, messages=told(prompt))
        return made.content[0].text


class AnthropicStream(Agent):
    def ask(self, model: Any, prompt: str) -> Any:
        with anthropic_client().messages.stream(model=model, max_tokens=99, messages=told(prompt)) as stream:
            return "".join(stream.text_stream)


class Ollama(Agent):
    def ask(self, model: Any, prompt: str) -> Any:
        import ollama

        return ollama.Client(URL).chat(model=model, messages=told(prompt)).message.content


class OllamaAsyncStream(AsyncAgent):
    async def ask(self, model: Any, prompt: str) -> Any:
        import ollama

        stream = await ollama.AsyncClient(URL).chat(model=model, messages=told(prompt), stream=True)
        return "".join([part.message.content or "" async for part in stream])


class LiteLLM(Agent):
    prefix = ""

    def ask(self, model: Any, prompt: str) -> Any:
        import litellm

        made = litellm.completion(self.prefix + model, told(prompt), api_base=V1)
        return made.choices[0].message.content


class LiteLLMPrefixed(LiteLLM):
    prefix = "openai/"


class LiteLLMAsyncStream(AsyncAgent):
    async def ask(self, model: Any, prompt: str) -> Any:
        import litellm

        stream = await litellm.acompletion(f"openai/{model}", told(prompt), api_base=V1, stream=True)
        return "".join([part.choices[0].delta.content or "" async for part in stream if part.choices])


class LangChain(Agent):
    """Its clients are made once, of pydantic models."""

    def __init__(self, models: dict[str, str]) -> None:
        from langchain_openai import ChatOpenAI

        self.planner, self.solver = (ChatOpenAI(model=name, base_url=V1) for name in models.values())  # type: ignore[assignment]

    def ask(self, model: Any, prompt: str) -> Any:
        return model.invoke(prompt).content


class LangChainAsync(LangChain):
    async def run(self, example: dict[str, Any]) -> str:  # type: ignore[override]
        await self.planner.ainvoke(f"Plan: {example['question']}")  # type: ignore[attr-defined]
        return str((await self.solver.ainvoke(f"Answer: {example['question']}")).content)  # type: ignore[attr-defined]


class LangChainStream(LangChain):
    def ask(self, model: Any, prompt: str) -> Any:
        return "".join(str(part.content) for part in model.stream(prompt))


class OpenAIAgents(AsyncAgent):
    async def ask(self, model: Any, prompt: str) -> Any:
        import agents

        provider = agents.OpenAIProvider(openai_client=async_openai_client())
        config = agents.RunConfig(model_provider=provider, tracing_disabled=True)
        made = await agents.Runner.run(agents.Agent(name="a", model=model), prompt, run_config=config)
        return made.final_output


@cache
def gemini_client() -> Any:
    from google import genai

    return genai.Client(http_options=genai.types.HttpOptions(base_url=URL))


class Gemini(Agent):
    def ask(self, model: Any, prompt: str) -> Any:
        client = gemini_client()  # who lets go of it closes it
        return client.models.generate_content(model=model, contents=prompt).text


class GeminiStream(Agent):
    def ask(self, model: Any, prompt: str) -> Any:
        client = gemini_client()
        stream = client.models.generate_content_stream(model=model, contents=prompt)
        return "".join(part.text or "" for part in stream)


class GeminiAsync(AsyncAgent):
    async def ask(self, model: Any, prompt: str) -> Any:
        client = gemini_client()
        made = await client.aio.models.generate_content(model=model, contents=prompt)
        return made.text


class PydanticAI(AsyncAgent):
    async def ask(self, model: Any, prompt: str) -> Any:
        return (await self.made(model).run(prompt)).output

    def made(self, model: Any) -> Any:
        from pydantic_ai import Agent as Made
        from pydantic_ai.models.openai import OpenAIChatModel
        from pydantic_ai.providers.openai import OpenAIProvider

        return Made(OpenAIChatModel(model, provider=OpenAIProvider(base_url=V1, api_key="none")))


class PydanticAIStream(PydanticAI):
    async def ask(self, model: Any, prompt: str) -> Any:
        async with self.made(model).run_stream(prompt) as made:
            return await made.get_output()


class DSPy(Agent):
    """It has HTTP of its own, on sockets."""

    def made(self, model: Any) -> Any:
        import dspy

        return dspy.LM(f"openai/{model}", api_base=V1, api_key="none", cache=False)

    def ask(self, model: Any, prompt: str) -> Any:
        return self.made(model)(prompt)[0]


class DSPyAsync(DSPy, AsyncAgent):
    async def ask(self, model: Any, prompt: str) -> Any:
        return (await self.made(model).acall(prompt))[0]


@cache
def mistral_client() -> Any:
    from mistralai.client import Mistral

    return Mistral(api_key="none", server_url=URL)


class MistralAI(Agent):
    def ask(self, model: Any, prompt: str) -> Any:
        return mistral_client().chat.complete(model=model, messages=told(prompt)).choices[0].message.content


class MistralAIStream(AsyncAgent):
    async def ask(self, model: Any, prompt: str) -> Any:
        stream = await mistral_client().chat.stream_async(model=model, messages=told(prompt))
        return "".join(
            [part.data.choices[0].delta.content or "" async for part in stream if part.data.choices]
        )


@cache
def cohere_client() -> Any:
    import cohere

    return cohere.ClientV2("none", base_url=URL)


class Cohere(Agent):
    def ask(self, model: Any, prompt: str) -> Any:
        return cohere_client().chat(model=model, messages=told(prompt)).message.content[0].text


class CohereStream(Agent):
    def ask(self, model: Any, prompt: str) -> Any:
        stream = cohere_client().chat_stream(model=model, messages=told(prompt))
        return "".join(part.delta.message.content.text for part in stream if part.type == "content-delta")


@cache
def bedrock_client() -> Any:
    import boto3

    keys = {"aws_access_key_id": "none", "aws_secret_access_key": "none"}
    return boto3.client("bedrock-runtime", endpoint_url=URL, region_name="eu-west-1", **keys)


class Bedrock(Agent):
    def ask(self, model: Any, prompt: str) -> Any:
        messages = [{"role": "user", "content": [{"text": prompt}]}]
        made = bedrock_client().converse(modelId=model, messages=messages)
        return made["output"]["message"]["content"][0]["text"]


def body(model: Any, prompt: str) -> dict[str, Any]:
    return {"model": model, "messages": told(prompt)}


def content(made: dict[str, Any]) -> str:
    return str(made["choices"][0]["message"]["content"])


class Requests(Agent):
    def ask(self, model: Any, prompt: str) -> Any:
        import requests

        return content(requests.post(f"{V1}/chat/completions", json=body(model, prompt), timeout=60).json())


class RequestsStream(Agent):
    def ask(self, model: Any, prompt: str) -> Any:
        import requests

        asked = body(model, prompt) | {"stream": True}
        with requests.post(f"{V1}/chat/completions", json=asked, timeout=60, stream=True) as made:
            lines = [line[6:] for line in made.iter_lines() if line.startswith(b"data: {")]
        return "".join(json.loads(line)["choices"][0]["delta"].get("content") or "" for line in lines)


class Aiohttp(AsyncAgent):
    async def ask(self, model: Any, prompt: str) -> Any:
        import aiohttp

        async with (
            aiohttp.ClientSession() as session,
            session.post(f"{V1}/chat/completions", json=body(model, prompt)) as made,
        ):
            return content(await made.json())


POOL = ThreadPoolExecutor(4)


class InThreadPool(OpenAI):
    def ask(self, model: Any, prompt: str) -> Any:
        return POOL.submit(super().ask, model, prompt).result()


def ask_elsewhere(url: str, model: str, prompt: str) -> Any:
    import httpx

    made = httpx.post(f"{url}/chat/completions", json=body(model, prompt), timeout=60)
    return content(made.json())


@cache
def processes(kind: str) -> ProcessPoolExecutor:
    """One pool for all runs: its processes have to be told whose work each is."""
    return ProcessPoolExecutor(2, get_context(kind))


def in_process(kind: str) -> Callable[..., Any]:
    return lambda self, model, prompt: processes(kind).submit(ask_elsewhere, V1, model, prompt).result()


Forked = type("Forked", (Agent,), {"ask": in_process("fork")})
Spawned = type("Spawned", (Agent,), {"ask": in_process("spawn")})


PROGRAM = """
import json, os, sys, urllib.request
data = json.dumps({"model": sys.argv[1], "messages": [{"role": "user", "content": sys.argv[2]}]}).encode()
url = os.environ["OPENAI_BASE_URL"] + "/chat/completions"
made = urllib.request.urlopen(urllib.request.Request(url, data, {"content-type": "application/json"}))
print(json.loads(made.read())["choices"][0]["message"]["content"])
"""


class Subprocess(Agent):
    """A program that knows nothing but the variable that OpenAI's SDK has its address from."""

    def ask(self, model: Any, prompt: str) -> Any:
        command = [sys.executable, "-S", "-c", PROGRAM, model, prompt]
        done = subprocess.run(
            command, capture_output=True, text=True, env={**os.environ, "OPENAI_BASE_URL": V1}
        )
        assert done.returncode == 0, done.stderr
        return done.stdout.strip()


class Urllib(Agent):
    def ask(self, model: Any, prompt: str) -> Any:
        import urllib.request

        headers = {"content-type": "application/json"}
        data = json.dumps(body(model, prompt)).encode()
        request = urllib.request.Request(f"{V1}/chat/completions", data, headers)
        return content(json.loads(urllib.request.urlopen(request).read()))


class HttpClient(Agent):
    """One connection for both calls, and one between them that asks no model."""

    def run(self, example: dict[str, Any]) -> str:
        import http.client

        self.connection = http.client.HTTPConnection(URL.removeprefix("http://"))
        self.ask(self.planner, f"Plan: {example['question']}")
        self.connection.request("GET", "/")
        self.connection.getresponse().read()
        return str(self.ask(self.solver, f"Answer: {example['question']}"))

    def ask(self, model: Any, prompt: str) -> Any:
        asked = json.dumps(body(model, prompt))
        self.connection.request("POST", "/v1/chat/completions", asked, {"content-type": "application/json"})
        return content(json.loads(self.connection.getresponse().read()))


class Socket(Agent):
    def ask(self, model: Any, prompt: str) -> Any:
        import socket

        data = json.dumps(body(model, prompt)).encode()
        head = f"POST /v1/chat/completions HTTP/1.0\r\ncontent-length: {len(data)}\r\n\r\n"
        host, _, port = URL.removeprefix("http://").partition(":")
        with socket.create_connection((host, int(port))) as connection:
            connection.sendall(head.encode() + data)
            answer = b"".join(iter(lambda: connection.recv(4096), b""))
        return content(json.loads(answer.partition(b"\r\n\r\n")[2]))


TABLE = {
    "openai": OpenAI,
    "openai, async": OpenAIAsync,
    "openai, stream": OpenAIStream,
    "openai, async stream": OpenAIAsyncStream,
    "openai, `.stream()` helper": OpenAIHelper,
    "openai, Responses": Responses,
    "openai, Responses stream": ResponsesStream,
    "openai, AzureOpenAI": AzureOpenAI,
    "anthropic": Anthropic,
    "anthropic, stream": AnthropicStream,
    "ollama": Ollama,
    "ollama, async stream": OllamaAsyncStream,
    "litellm, bare name": LiteLLM,
    "litellm, prefixed name": LiteLLMPrefixed,
    "litellm, async stream": LiteLLMAsyncStream,
    "langchain, `invoke`": LangChain,
    "langchain, `ainvoke`": LangChainAsync,
    "langchain, `stream`": LangChainStream,
    "openai-agents": OpenAIAgents,
    "google-genai": Gemini,
    "google-genai, stream": GeminiStream,
    "google-genai, async": GeminiAsync,
    "pydantic-ai": PydanticAI,
    "pydantic-ai, stream": PydanticAIStream,
    "dspy": DSPy,
    "dspy, async": DSPyAsync,
    "mistralai": MistralAI,
    "mistralai, async stream": MistralAIStream,
    "cohere": Cohere,
    "cohere, stream": CohereStream,
    "boto3, Bedrock's `converse`": Bedrock,
    "requests": Requests,
    "requests, stream": RequestsStream,
    "aiohttp": Aiohttp,
    "thread pool": InThreadPool,
    "process pool, forked": Forked,
    "process pool, spawned": Spawned,
    "subprocess, `OPENAI_BASE_URL`": Subprocess,
    "urllib.request": Urllib,
    "http.client": HttpClient,
    "socket": Socket,
}


def looked_at(name: str, agent: type[Agent]) -> dict[str, Any]:
    """What the selection of one agent made of its calls."""
    SERVER.asked.clear()
    runs: list[Any] = []
    selector = ModelSelector(
        agent,
        {"planner": NAMES, "solver": NAMES},
        DATA,
        method="brute-force",
        prices=PRICES,
        limits=Limits(4, 2, 8, 300),
        on_run=runs.append,
    )
    result = selector.select()
    told_of = result.about["run"]
    space = result.problem.space
    wanted = [list(space.assignment(ran.run.combination).values()) for ran in runs]
    calls = [ran.made.recorder.calls for ran in runs]
    return {
        "sdk": name,
        "right": result.evidence.accuracy.tolist(),
        "seen": [len(of) for of in calls] == [2] * len(runs),
        "attributed": all([call.role for call in of] == ["planner", "solver"] for of in calls),
        "overridden": [[call.model for call in of] for of in calls] == wanted
        and sorted(model for model, _ in SERVER.asked) == sorted(name for pair in wanted for name in pair),
        "priced": result.evidence.mean_cost_usd.tolist() == [24.0] * 4,
        "unseen": sum(told_of["unseen"].values()),
        "errors": told_of["errors"],
    }


def main(names: list[str]) -> None:
    """Print the rows of the table, or of those whose names begin like this."""
    with SERVER.serving():
        for name, agent in TABLE.items():
            if not names or any(name.startswith(begin) for begin in names):
                print(json.dumps(looked_at(name, agent)), flush=True)
    # One that was forked off a process with threads may wait for ever at its end.
    for child in active_children():
        child.kill()


if __name__ == "__main__":
    main(sys.argv[1:])
