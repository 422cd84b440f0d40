"""Ollama: the production default (the paper's setting, section 5).

Ollama gives durations in nanoseconds, and every figure is optional.
"""

from __future__ import annotations

import asyncio
import json
import os
import re
import socket
import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlsplit

from optiq.errors import AnswerBrokeOff, AnswerLost, ServerError
from optiq.servers.addresses import number_from, split_url
from optiq.servers.context import LONGEST_CONTEXT, check_context, context_for
from optiq.servers.http import HttpAnswer, JsonHttp
from optiq.servers.http_faults import status_fault, words_of
from optiq.servers.letters import fits_json, read_letters, schema
from optiq.servers.likelihood import likelihood_of
from optiq.servers.ollama_chat import OllamaStream, as_ollama, whole_of
from optiq.servers.protocol import Allowed, Conversation, GenerateRequest, Generation, ServedModel
from optiq.servers.replies import answer_and_thinking, word
from optiq.servers.usage import SeenPrompts, counted, idle_s, part, seconds

DEFAULT_PORT = 11434
_MEANING = "the address of Ollama"
_QUESTION_S = 10.0  # for listing and health: answers that need no model
_PER_SECOND = 1e9
_CAPABILITIES = {"vision": "images"}
_TELLS_LOGPROBS = (0, 12, 11)
_SUFFIXES = {"K": 10**3, "M": 10**6, "B": 10**9, "T": 10**12}


def address(base_url: str | None = None) -> str:
    """Where Ollama listens: ``base_url``, else ``$OLLAMA_HOST``, else this machine.

    Takes what Ollama takes: a URL, ``host``, ``host:port`` or ``:port``. 0.0.0.0 tells a server to listen
    everywhere; a client reaches it on this machine.
    """
    text = (base_url or os.environ.get("OLLAMA_HOST") or f"127.0.0.1:{DEFAULT_PORT}").strip()
    if text.startswith(":"):
        text = f"127.0.0.1{text}"
    bare = "://" not in text
    parts = split_url(f"http://{text}" if bare else text, _MEANING)
    host = parts.hostname or ""
    host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)
    port = parts.port or (DEFAULT_PORT if bare else 443 if parts.scheme == "https" else 80)
    host = f"[{host}]" if ":" in host else host
    return f"{parts.scheme}://{host}:{port}{parts.path.rstrip('/')}"


def answers(base_url: str | None, timeout_s: float) -> bool:
    """Whether Ollama answers within ``timeout_s`` and has at least one model."""
    where = address(base_url)
    http = _http(where)
    if http.local and not _listens(where, timeout_s):
        return False
    try:
        reply = http.get("/api/tags", timeout_s)
    except ServerError:
        return False
    return reply.status == 200 and bool(part(reply.body, "models"))


def _listens(url: str, timeout_s: float) -> bool:
    """Whether somebody listens there, which a socket tells without the import of an HTTP client."""
    parts = urlsplit(url)
    try:
        socket.create_connection((parts.hostname or "", parts.port or DEFAULT_PORT), timeout_s).close()
    except OSError:
        return False
    return True


class OllamaServer:
    """An Ollama server as a :class:`~optiq.servers.protocol.ModelServer`."""

    name = "ollama"
    counts_tokens = False
    # How many calls Ollama takes is found by trying, from the usual number of its runners.
    first_slots: int | None = 1
    model_slots, slots = 256, 256

    def __init__(self, base_url: str | None = None) -> None:
        self._http = _http(address(base_url))
        self.on_this_machine = self._http.local
        self.told_limits = self._http.told_limits
        self.resident_models: int | None = number_from("OLLAMA_MAX_LOADED_MODELS") or 3
        self.allowed = Allowed()
        # As many as Ollama itself answers at once, where it is told: more would wait there and count as latency here.
        if (parallel := number_from("OLLAMA_NUM_PARALLEL")) is not None:
            self.first_slots, self.model_slots = None, parallel
            self.slots = max(parallel, self.resident_models)
        self._digests: dict[str, str | None] | None = None
        self._seen = SeenPrompts()
        self._contexts: dict[str, int | None] = {}  # asked for so far: another one makes a model load again
        self._longest: dict[str, int | None] = {}
        self.max_context_tokens = number_from("OPTIQ_OLLAMA_NUM_CTX")
        self._features: dict[str, frozenset[str] | None] = {}
        self._free: set[str] = set()  # models whose server takes no schema

    def list_models(self) -> list[ServedModel]:
        answer = self._http.get("/api/tags", _QUESTION_S)
        listed = part(answer.body, "models")
        if answer.status != 200 or not isinstance(listed, list):
            raise ServerError(
                f"{self._http.who} does not answer like Ollama: {answer.status} {answer.text[:100]}",
                "Check the address.",
            )
        models = [_served(model, name) for model in listed if (name := _name(model)) is not None]
        self._digests = {model.name: model.digest for model in models}
        return sorted(models, key=lambda model: model.name)

    async def generate(self, request: GenerateRequest) -> Generation:
        digest = await self._digest(request.model)
        context = await self._context(request)
        # Ollama counts the tokens in its prompt cache, times the others, and tells neither.
        fresh = self._seen.fresh(request.model, request.prompt)
        started_at, started = datetime.now(UTC), time.perf_counter()
        if (said := request.conversation) is None:
            body = await self._chat(request, context)
        else:
            body = await self._converse(request, said, context)
        latency_s = time.perf_counter() - started
        message = part(body, "message")
        text, thinking = answer_and_thinking(part(message, "content"), message)
        text, held = read_letters(text, request) if request.letters else (text, False)
        likelihood = likelihood_of(part(body, "logprobs"))
        load_s, prompt_s, output_s = (
            seconds(part(body, name), _PER_SECOND)
            for name in ("load_duration", "prompt_eval_duration", "eval_duration")
        )
        return Generation(
            text=text,
            requested_model=request.model,
            answered_model=part(body, "model"),
            server=self.name,
            latency_s=latency_s,
            started_at=started_at,
            digest=digest,
            prompt_tokens=counted(part(body, "prompt_eval_count")),
            output_tokens=counted(part(body, "eval_count")),
            load_s=load_s,
            prompt_s=prompt_s if fresh else None,
            output_s=output_s,
            queue_s=idle_s(latency_s, load_s, prompt_s, output_s),
            finish_reason=word(part(body, "done_reason")),
            constrained=(held and request.model not in self._free) if request.letters else None,
            thinking=thinking,
            logprob_mean=likelihood.mean,
            logprob_least=likelihood.least,
        )

    async def _chat(self, request: GenerateRequest, context: int | None) -> Any:
        """The body of an answer that holds a message."""
        call: dict[str, Any] = {
            "model": request.model,
            "messages": [{"role": "user", "content": request.prompt}],
            "stream": False,
            "logprobs": True,  # versions before 0.12.11 pass it over
            "think": False,  # it would use up the few tokens that an answer gets
            "options": _options(request),
        }
        if context is not None:
            call["options"]["num_ctx"] = context
        if request.letters and request.model not in self._free and fits_json(request):
            call["format"] = schema(request)
            if "num_predict" in call["options"]:
                call["options"]["num_predict"] += request.letters_room
        elif request.json_schema is not None and request.model not in self._free:
            call["format"] = json.loads(request.json_schema)
        answer = await self._http.post("/api/chat", call, request.timeout_s, request.model)
        if "format" in call and _refuses_schema(answer):
            del call["format"]
            answer = await self._http.post("/api/chat", call, request.timeout_s, request.model)
            if answer.status == 200:
                self._free.add(request.model)
        if answer.status != 200 or part(answer.body, "message") is None:
            raise self._chat_fault(request, answer)
        return answer.body

    async def _converse(self, request: GenerateRequest, said: Conversation, context: int | None) -> Any:
        """The body of the answer to a conversation, told to its listener as it came."""
        listener, call = said.listener, as_ollama(request, said)
        if context is not None:
            call["options"].setdefault("num_ctx", context)
        if not listener.streams:
            answer = await self._http.post("/api/chat", call, request.timeout_s, request.model)
            if answer.status != 200 or part(answer.body, "message") is None:
                raise self._chat_fault(request, answer)
            listener.whole(whole_of(answer.body))
            return answer.body
        streamed = OllamaStream(listener, f"{self._http.who} from {request.model}")
        try:
            answer = await self._http.stream(
                "/api/chat", call, request.timeout_s, request.model, streamed.line
            )
        except AnswerBrokeOff:
            raise
        except AnswerLost as fault:
            raise (AnswerBrokeOff(fault.message) if streamed.began else fault) from None
        if answer.status != 200:
            raise self._chat_fault(request, answer)
        return streamed.body()

    def _chat_fault(self, request: GenerateRequest, answer: HttpAnswer) -> ServerError:
        said = words_of(answer.body, answer.text)
        if answer.status == 200:
            return AnswerLost(
                f"the answer of {self._http.who} from {request.model} cannot be read: {said[:100]}"
            )
        remedy = f"ollama pull {request.model}"
        return status_fault(self._http.who, request.model, answer.status, said, answer.headers, remedy)

    async def features(self, model: str) -> frozenset[str] | None:
        """What Ollama says that a model can, from its first word on, with what it does for any; None if unknown."""
        if model not in self._features:
            answer = await self._http.post("/api/show", {"model": model}, _QUESTION_S, model)
            told = part(answer.body, "capabilities")
            named = None
            if answer.status == 200 and isinstance(told, list):
                own = {_CAPABILITIES.get(str(one), str(one)) for one in told}
                named = frozenset(own | {"json"} | ({"logprobs"} if await self._tells_logprobs() else set()))
            self._features[model] = named
        return self._features[model]

    async def _tells_logprobs(self) -> bool:
        """Whether it is of a version that answers with log probabilities: earlier ones pass the wish over."""
        answer = await asyncio.to_thread(self._http.get, "/api/version", _QUESTION_S)
        numbers = re.findall(r"\d+", str(part(answer.body, "version") or ""))[:3]
        return tuple(map(int, numbers)) >= _TELLS_LOGPROBS

    async def pass_on(
        self, path: str, body: Any, timeout_s: float, take: Callable[[bytes], None] | None = None
    ) -> HttpAnswer:
        """What Ollama's own OpenAI-compatible API answers, such as to a request for embeddings."""
        return await self._http.ask(f"/v1{path}", body, timeout_s, str(part(body, "model")), take)

    def count_tokens(self, model: str, text: str) -> int | None:
        """None: Ollama counts tokens only by generating."""
        return None

    def identity(self, model: str) -> str:
        """By the digest of the weights; by name and address where the server gives none."""
        digest = self._known_digest(model)
        return f"ollama {digest}" if digest else f"ollama {self._http.shown} {model}"

    def health(self) -> str | None:
        try:
            self.list_models()
        except ServerError as fault:
            return str(fault)
        return None

    def describe(self) -> str:
        try:
            return f"ollama: {len(self.list_models())} models at {self._http.shown}"
        except ServerError:
            return f"ollama at {self._http.shown}, which does not answer"

    async def disconnect(self) -> None:
        await self._http.disconnect()

    def close(self) -> None:
        """Connections belong to event loops and go with them."""

    async def _context(self, request: GenerateRequest) -> int | None:
        """The context to ask for, so that the prompt is not cut; :class:`RequestRefused` if none is long enough."""
        model = request.model
        before = self._contexts.get(model)
        cap = request.max_output_tokens or 0
        if context_for(request.prompt, cap, before, None) == before:
            return before
        if model not in self._longest:
            try:
                shown = await self._http.post("/api/show", {"model": model}, _QUESTION_S, model)
                told = part(shown.body, "model_info") if shown.status == 200 else None
            except ServerError:
                told = None  # the call itself will say what is wrong
            lengths = told.items() if isinstance(told, dict) else ()
            self._longest[model] = next(
                (counted(n) for key, n in lengths if key.endswith("context_length")), None
            )
        most = min(self._longest[model] or LONGEST_CONTEXT, self.max_context_tokens or LONGEST_CONTEXT)
        remedy = (
            "Raise max_context_tokens of the server in optiq.toml." if most == self.max_context_tokens else ""
        )
        check_context(self._http.who, model, request.prompt, most, remedy)
        context = self._contexts[model] = context_for(request.prompt, cap, self._contexts.get(model), most)
        return context

    async def _digest(self, model: str) -> str | None:
        """The digest that names the very weights; from one listing, as calls do not carry it."""
        if self._digests is None:
            try:
                await asyncio.to_thread(self.list_models)
            except ServerError:
                self._digests = {}  # the call itself will say what is wrong
        return self._known_digest(model)

    def _known_digest(self, model: str) -> str | None:
        digests = self._digests or {}
        return digests.get(model, digests.get(f"{model}:latest"))


def open_ollama(base_url: str | None = None, api_key: str | None = None) -> OllamaServer:
    """The Ollama at ``base_url``; it takes no key."""
    return OllamaServer(base_url)


def _options(request: GenerateRequest) -> dict[str, Any]:
    options: dict[str, Any] = {"temperature": request.temperature}
    if request.max_output_tokens is not None:
        options["num_predict"] = request.max_output_tokens
    if request.seed is not None:
        options["seed"] = request.seed
    if request.stop:
        options["stop"] = list(request.stop)
    return options


def _http(url: str) -> JsonHttp:
    return JsonHttp(
        url,
        "Ollama",
        "Start it with ollama serve, give another address with OLLAMA_HOST, or use --server embedded.",
        _MEANING,
    )


def _refuses_schema(answer: HttpAnswer) -> bool:
    said = words_of(answer.body, answer.text).lower()
    told = any(word in said for word in ("format", "grammar", "schema"))
    return answer.status in (400, 422, 501) or (answer.status == 500 and told)


def _name(model: Any) -> str | None:
    name = part(model, "model") or part(model, "name")
    return name if isinstance(name, str) else None


def _served(model: Any, name: str) -> ServedModel:
    size = part(model, "size")
    return ServedModel(
        name=name,
        digest=word(part(model, "digest")),
        parameters=_parameters(part(model, "details", "parameter_size")),
        size_bytes=size if isinstance(size, int) and size > 0 else None,
    )


def _parameters(text: Any) -> int | None:
    """``7.2B`` as 7,200,000,000."""
    try:
        return round(float(text[:-1]) * _SUFFIXES[text[-1].upper()]) if text else None
    except (ValueError, KeyError, TypeError, OverflowError):
        return None
