"""Any server that speaks OpenAI's chat API: vLLM, llama.cpp, a hosted one.

The key comes from the caller or the environment. It is never shown: not in ``repr``, errors or logs.
"""

from __future__ import annotations

import asyncio
import json
import os
import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from optiq.errors import AnswerBrokeOff, AnswerLost, ConfigurationError, ServerError
from optiq.servers.addresses import number_from
from optiq.servers.context import check_context
from optiq.servers.conversing import StreamedAnswer, chat_body
from optiq.servers.http import HttpAnswer, JsonHttp
from optiq.servers.http_faults import status_fault, words_of
from optiq.servers.letters import are_letters, fits_json, grammar, read_letters, response_format
from optiq.servers.likelihood import likelihood_of
from optiq.servers.protocol import (
    LOOPED,
    Allowed,
    Conversation,
    GenerateRequest,
    Generation,
    Listener,
    ServedModel,
)
from optiq.servers.replies import answer_and_thinking, billed_output, word
from optiq.servers.trust import environments_key
from optiq.servers.usage import cached_tokens, counted, counted_so_far, idle_s, part, worked
from optiq.text.loops import COPIES, LEAST_CHARS, LoopWatch

_MEANING = "the base URL of the OpenAI-compatible server"
_LISTING_S = 10.0
# What a dialect may refuse without refusing the call: one wants max_completion_tokens, one knows no seed.
_DISPENSABLE = (
    *("max_tokens", "seed", "temperature", "stop", "logprobs", "response_format", "grammar"),
    "repetition_detection",
)
_LLAMA, _VLLM = "llamacpp", "vllm"  # what these say owns their models
# Of vLLM, in tokens: about what :mod:`optiq.text.loops` finds in characters. Before 0.17 it passes this over.
_VLLM_LOOPS = {"min_pattern_size": LEAST_CHARS // COPIES // 4, "max_pattern_size": 600, "min_count": COPIES}


class OpenAIServer:
    """An OpenAI-compatible server as a :class:`~optiq.servers.protocol.ModelServer`."""

    name = "openai"
    resident_models: int | None = None
    counts_tokens = False
    # How many calls the server takes is found by trying.
    first_slots: int | None = 4
    model_slots, slots = 256, 256

    def __init__(self, base_url: str | None = None, api_key: str | None = None) -> None:
        url = (
            base_url or os.environ.get("OPTIQ_OPENAI_BASE_URL") or os.environ.get("OPENAI_BASE_URL") or ""
        ).strip()
        if not url:
            raise ConfigurationError(
                "no base URL for the OpenAI-compatible server",
                "Give --server-url, such as http://127.0.0.1:8000/v1, or set OPTIQ_OPENAI_BASE_URL.",
            )
        key = api_key
        if key is None:
            key = environments_key(url, "OPTIQ_OPENAI_API_KEY", "OPENAI_API_KEY")
        self._key = key or ""
        self._http = JsonHttp(
            url,
            "the server",
            "Start it, or give another address with --server-url.",
            _MEANING,
            {"Authorization": f"Bearer {key}"} if key else None,
        )
        self.on_this_machine = self._http.local
        self.told_limits = self._http.told_limits
        self.allowed = Allowed(number_from("OPTIQ_OPENAI_SLOTS"))
        self.max_context_tokens: int | None = None
        self._refused: dict[str, frozenset[str]] = {}
        self._listed: dict[str, ServedModel] | None = None
        self._owner = ""  # of its models: which program it is
        self._root = ""  # of the API, below the address

    def list_models(self) -> list[ServedModel]:
        answer = self._http.get(f"{self._root}/models", _LISTING_S)
        if not _lists(answer) and not self._root and not self._http.shown.rstrip("/").endswith("/v1"):
            below = self._http.get("/v1/models", _LISTING_S)
            if _lists(below):  # people leave it out
                self._root, answer = "/v1", below
        if answer.status != 200:
            raise self._refusal("its list of models", answer)
        listed = part(answer.body, "data")
        if not isinstance(listed, list):
            raise ServerError(
                f"{self._http.who} lists no models", "Check the base URL: most of them end with /v1."
            )
        models = [_served(model) for model in listed if isinstance(part(model, "id"), str)]
        owners = {part(model, "owned_by") for model in listed}
        self._owner = next((owner for owner in (_LLAMA, _VLLM) if owner in owners), "")
        self._listed = {model.name: model for model in models}
        return sorted(models, key=lambda model: model.name)

    async def generate(self, request: GenerateRequest) -> Generation:
        context_tokens = self.max_context_tokens or (await self._known(request.model)).context_tokens
        check_context(self._http.who, request.model, request.prompt, context_tokens)
        if request.conversation is not None:
            return await self._converse(request, request.conversation)
        dropped = self._refused.get(request.model, frozenset())
        started_at, started = datetime.now(UTC), time.perf_counter()
        messages = [{"role": "user", "content": request.prompt}]
        while True:
            options = _options(request, dropped, self._owner)
            body = {"model": request.model, "messages": messages, **options}
            if request.stop_loops and self._owner == _LLAMA:
                answer = await self._until_it_loops(body, request)
            else:
                path = f"{self._root}/chat/completions"
                answer = await self._http.post(path, body, request.timeout_s, request.model)
            if answer.status == 200:
                break
            name = _refused_option(answer, options)
            if name is None:
                raise self._refusal(request.model, answer)
            dropped |= {name}
            self._refused[request.model] = dropped
        return self._generation(request, answer, started_at, time.perf_counter() - started, options, dropped)

    async def _until_it_loops(self, body: dict[str, Any], request: GenerateRequest) -> HttpAnswer:
        """The answer of llama.cpp, which ends when the connection does and tells with each token what it took."""
        ender = _EndsLoops()
        streamed = StreamedAnswer(ender, f"{self._http.who} from {request.model}")
        more = {"stream": True, "stream_options": {"include_usage": True}, "timings_per_token": True}
        path, streaming = f"{self._root}/chat/completions", {**body, **more}
        try:
            answer = await self._http.stream(path, streaming, request.timeout_s, request.model, streamed.line)
            return answer if answer.status != 200 else replace(answer, body=streamed.body())
        except _Looped:
            return HttpAnswer(200, {}, streamed.ended(LOOPED, counted_so_far(ender.timings)), "")
        except AnswerBrokeOff as fault:  # nobody was told a part of it: another try says nothing twice
            raise AnswerLost(fault.message) from None

    async def _converse(self, request: GenerateRequest, conversation: Conversation) -> Generation:
        """The answer to a conversation, told to its listener as it came."""
        dropped = self._refused.get(request.model, frozenset())
        started_at, started = datetime.now(UTC), time.perf_counter()
        while True:
            cap = "max_completion_tokens" if "max_tokens" in dropped else "max_tokens"
            body = chat_body(request, conversation, cap)
            answer = await self._chat(body, request, conversation.listener)
            if answer.status == 200:
                break
            # What the client asked for is its own; only the name of a cap that it did not set may give way.
            ours = {cap: body[cap]} if cap in body and conversation.options.get(cap) is None else {}
            if cap == "max_completion_tokens" or _refused_option(answer, ours) is None:
                raise self._refusal(request.model, answer)
            dropped |= {"max_tokens"}
            self._refused[request.model] = dropped
        return self._generation(request, answer, started_at, time.perf_counter() - started, {}, frozenset())

    async def _chat(self, body: dict[str, Any], request: GenerateRequest, listener: Listener) -> HttpAnswer:
        path = f"{self._root}/chat/completions"
        if not listener.streams:
            answer = await self._http.post(path, body, request.timeout_s, request.model)
            if answer.status == 200 and part(answer.body, "choices", 0, "message") is not None:
                listener.whole(answer.body)
            return answer
        streamed = StreamedAnswer(listener, f"{self._http.who} from {request.model}")
        try:
            answer = await self._http.stream(path, body, request.timeout_s, request.model, streamed.line)
        except AnswerBrokeOff:
            raise
        except AnswerLost as fault:
            raise (AnswerBrokeOff(fault.message) if streamed.began else fault) from None
        return answer if answer.status != 200 else replace(answer, body=streamed.body())

    def _generation(
        self,
        request: GenerateRequest,
        answer: HttpAnswer,
        started_at: datetime,
        latency_s: float,
        options: Mapping[str, Any],
        dropped: frozenset[str],
    ) -> Generation:
        """From the body of a completion to what was asked with ``options``, without those that were ``dropped``."""
        choice, usage = part(answer.body, "choices", 0), part(answer.body, "usage")
        message, timings = part(choice, "message"), part(answer.body, "timings")  # llama.cpp adds these
        if message is None:
            raise self._no_completion(request.model, answer)
        content = part(message, "content")
        text, thinking = answer_and_thinking(content, message)
        held = False
        if request.letters and "grammar" in options:
            text, held = text.strip(), are_letters(text, request)
        elif request.letters:
            text, held = read_letters(text, request)
        prompt_tokens = counted(part(usage, "prompt_tokens"))
        prompt_s, output_s = worked(answer.body)
        likelihood = likelihood_of(part(choice, "logprobs"))
        output_tokens, thinking_tokens = billed_output(usage, prompt_tokens, bool(thinking))
        return Generation(
            text=text,
            requested_model=request.model,
            answered_model=part(answer.body, "model"),
            server=self.name,
            latency_s=latency_s,
            started_at=started_at,
            prompt_tokens=prompt_tokens,
            output_tokens=output_tokens,
            cached_tokens=cached_tokens(usage, timings, prompt_tokens),
            prompt_s=prompt_s,
            output_s=output_s,
            queue_s=idle_s(latency_s, None, prompt_s, output_s),
            finish_reason=word(part(choice, "finish_reason")),
            constrained=(held and not dropped & {"response_format", "grammar"}) if request.letters else None,
            thinking=thinking,
            thinking_tokens=thinking_tokens,
            refusal=word(part(message, "refusal")),
            logprob_mean=likelihood.mean,
            logprob_least=likelihood.least,
        )

    async def _known(self, model: str) -> ServedModel:
        """What the server says of a model, from one listing; nothing if it does not list it.

        llama.cpp answers to any name with the one model that it has.
        """
        if self._listed is None:
            try:
                await asyncio.to_thread(self.list_models)
            except ServerError:
                self._listed = {}  # the call itself will say what is wrong
        listed = self._listed or {}
        only = (
            next(iter(listed.values())) if self._owner == _LLAMA and len(listed) == 1 else ServedModel(model)
        )
        return listed.get(model, only)

    async def pass_on(
        self, path: str, body: Any, timeout_s: float, take: Callable[[bytes], None] | None = None
    ) -> HttpAnswer:
        """What the server answers to a request of its own API that no plan is made for, such as embeddings."""
        return await self._http.ask(f"{self._root}{path}", body, timeout_s, str(part(body, "model")), take)

    def count_tokens(self, model: str, text: str) -> int | None:
        """None: the API has no tokenizer."""
        return None

    def identity(self, model: str) -> str:
        """By name and address: the API gives no digest."""
        return f"openai {self._http.shown} {model}"

    def health(self) -> str | None:
        try:
            self.list_models()
        except ServerError as fault:
            return str(fault)
        return None

    def describe(self) -> str:
        return f"openai: {self._http.shown}"

    async def disconnect(self) -> None:
        await self._http.disconnect()

    def close(self) -> None:
        """Connections belong to event loops and go with them."""

    def _words(self, answer: HttpAnswer) -> str:
        """What a server says, with the key struck out wherever it repeats it."""
        said = words_of(answer.body, answer.text)
        return said.replace(self._key, "[key]") if self._key else said

    def _no_completion(self, model: str, answer: HttpAnswer) -> ServerError:
        """HTTP 200, but no completion: an error in the body, or no JSON at all."""
        status = part(answer.body, "error", "code")
        if isinstance(status, int) and 400 <= status < 600:
            return status_fault(self._http.who, model, status, self._words(answer), answer.headers, "")
        return AnswerLost(
            f"the answer of {self._http.who} from {model} holds no completion: {self._words(answer)[:100]}"
        )

    def _refusal(self, what: str, answer: HttpAnswer) -> ServerError:
        server, code = self._http.who, part(answer.body, "error", "code")
        if answer.status == 404 and part(answer.body, "error") is None:
            return ServerError(f"{server} has no chat API", "Check the base URL: most of them end with /v1.")
        if answer.status == 429 and code == "insufficient_quota":
            return ServerError(
                f"{server} refuses: the account's quota is used up", "Raise it, or use another server."
            )
        status = 404 if code == "model_not_found" else answer.status
        remedy = f"Ask for one that it lists, or load {what} there."
        return status_fault(server, what, status, self._words(answer), answer.headers, remedy)


class _Looped(Exception):
    """The text repeats itself."""


class _EndsLoops:
    """A :class:`Listener` that has heard enough of a text that repeats itself."""

    streams = True

    def __init__(self) -> None:
        self._watch = LoopWatch()
        self.timings: Any = None

    def piece(self, chunk: Mapping[str, Any]) -> None:
        self.timings = part(chunk, "timings") or self.timings
        text = part(chunk, "choices", 0, "delta", "content")
        if isinstance(text, str) and self._watch.heard(text):
            raise _Looped

    def whole(self, body: Mapping[str, Any]) -> None:
        """It came by pieces."""


def _options(request: GenerateRequest, dropped: frozenset[str], owner: str) -> dict[str, Any]:
    options: dict[str, Any] = {"temperature": request.temperature, "logprobs": True}
    llama = owner == _LLAMA
    cap, format_json = request.max_output_tokens, request.letters and not llama and fits_json(request)
    if cap is not None:
        name = "max_completion_tokens" if "max_tokens" in dropped else "max_tokens"
        options[name] = cap + (request.letters_room if format_json else 0)
    if request.seed is not None:
        options["seed"] = request.seed
    if request.stop:
        options["stop"] = list(request.stop)
    if request.letters and llama:  # to its JSON it adds white space
        options["grammar"] = grammar(request.letters, request.several_letters)
    elif format_json:
        options["response_format"] = response_format(request)
    elif request.json_schema is not None:
        schema = {"name": "answer", "schema": json.loads(request.json_schema)}
        options["response_format"] = {"type": "json_schema", "json_schema": schema}
    if request.stop_loops and owner == _VLLM:
        options["repetition_detection"] = _VLLM_LOOPS
    return {name: value for name, value in options.items() if name not in dropped}


def _refused_option(answer: HttpAnswer, options: dict[str, Any]) -> str | None:
    """The option that a 400 or 422 complains of and that the call can do without."""
    if answer.status not in (400, 422):
        return None
    said, param = words_of(answer.body, answer.text), part(answer.body, "error", "param")
    for name in _DISPENSABLE:
        if name in options and (param == name or f"'{name}'" in said):
            return name
    if "logprobs" in options and "logprob" in said.lower():
        return "logprobs"
    if any(word in said.lower() for word in ("response_format", "json_schema", "grammar")):
        return next((name for name in ("response_format", "grammar") if name in options), None)
    return None


def _lists(answer: HttpAnswer) -> bool:
    return answer.status == 200 and isinstance(part(answer.body, "data"), list)


def _served(model: Any) -> ServedModel:
    """vLLM gives ``max_model_len``, llama.cpp a table ``meta``."""
    return ServedModel(
        name=model["id"],
        context_tokens=counted(part(model, "max_model_len")) or counted(part(model, "meta", "n_ctx")),
        parameters=_whole(part(model, "meta", "n_params")),
        size_bytes=_whole(part(model, "meta", "size")),
    )


def _whole(value: Any) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) and value > 0 else None
