"""Small real models in this process: everything works on a laptop with no server.

SmolLM2-135M-Instruct (``smollm2:135m``) and Gemma-3-270M (``gemma3:270m``) from packages, by llama.cpp.
A model is loaded when it is first asked. Each has its own thread, which answers one call at a time.
"""

from __future__ import annotations

import asyncio
import importlib.util
import json
import secrets
import threading
import time
import urllib.request
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from optiq.errors import AnswerLate, ModelNotServed, RequestRefused, ServerError
from optiq.servers.conversing import plain_options
from optiq.servers.embedded_models import EMBEDDED_MODELS, INSTALL_REMEDY, EmbeddedModel
from optiq.servers.letters import grammar
from optiq.servers.likelihood import Likelihood, likelihood_of
from optiq.servers.protocol import LOOPED, Conversation, GenerateRequest, Generation, ServedModel
from optiq.servers.usage import cached_tokens, counted, counted_so_far, part, seconds
from optiq.text.loops import LoopWatch

CONTEXT_TOKENS = 4096
# Where nobody gives a cap, llama.cpp would go on until its context is full: minutes of babble on a small model.
LONGEST_OUTPUT_TOKENS = 512


def missing_packages() -> list[str]:
    """The packages without which no embedded model runs. Imports nothing."""
    missing = [] if importlib.util.find_spec("xllamacpp") else ["xllamacpp"]
    if not any(model.installed for model in EMBEDDED_MODELS.values()):
        missing += [model.package for model in EMBEDDED_MODELS.values()]
    return missing


class EmbeddedServer:
    """The embedded models as a :class:`~optiq.servers.protocol.ModelServer`."""

    name = "embedded"
    resident_models: int | None = None
    counts_tokens = True
    model_slots = 1
    on_this_machine = True

    def __init__(self, models: Mapping[str, EmbeddedModel] = EMBEDDED_MODELS) -> None:
        if missing := missing_packages():
            raise ServerError(f"the embedded models need {', '.join(missing)}", INSTALL_REMEDY)
        self._models = {name: model for name, model in sorted(models.items()) if model.installed}
        self.slots = len(self._models)
        self._workers: dict[str, ThreadPoolExecutor] = {}
        self._loaded: dict[str, LlamaModel] = {}
        self._lock = threading.Lock()
        self._load_locks = {name: threading.Lock() for name in self._models}
        self._closed = False

    def list_models(self) -> list[ServedModel]:
        """The installed models; loads none."""
        return [
            ServedModel(model.name, model.digest(), CONTEXT_TOKENS, model.parameters, None)
            for model in self._models.values()
        ]

    async def generate(self, request: GenerateRequest) -> Generation:
        """One completion. ``latency_s`` counts from when the model turns to the call, loading included."""
        model = self._known(request.model)
        cancelled = threading.Event()
        loop, told = asyncio.get_running_loop(), None
        if (conversation := request.conversation) is not None:
            request = plain_options(request, conversation)
            if (listener := conversation.listener).streams:

                def told(text: str, logprobs: list[Any]) -> None:
                    choice = {"index": 0, "delta": {"content": text}, "finish_reason": None}
                    choice |= _logprobs_wanted(conversation.options, logprobs)
                    loop.call_soon_threadsafe(listener.piece, {"choices": [choice]})

        try:
            found, logprobs = await loop.run_in_executor(
                self._worker(model.name), self._answer, model, request, cancelled, told
            )
        except asyncio.CancelledError:
            cancelled.set()
            raise
        if conversation is not None:
            _check_held(request, found)
            _tell_end(conversation, found, logprobs)
        return found

    async def features(self, model: str) -> frozenset[str]:
        """What llama.cpp holds a text to, and tells of it. Its templates here know of no tools."""
        return frozenset({"json", "logprobs"})

    def count_tokens(self, model: str, text: str) -> int | None:
        """Exact: the model's own tokenizer on the prompt as it would be put. Loads the model."""
        known = self._known(model)
        return self._load(known)[0].count_tokens(wrap(known, text))

    def identity(self, model: str) -> str:
        """The digest of the weights, the templates and the stop strings around a prompt."""
        known = self._known(model)
        texts = (known.template, known.stop, known.control)
        more = (known.reasoning_template, known.reasoning_stop, known.text_template, known.text_stop)
        around = (*texts, *more)
        return f"embedded {known.digest()} {around!r}"

    def health(self) -> str | None:
        return None

    def describe(self) -> str:
        return f"embedded: {', '.join(self._models)} in this process (llama.cpp, one thread each)"

    async def disconnect(self) -> None:
        """Nothing is bound to an event loop."""

    def close(self) -> None:
        with self._lock:
            self._closed = True
            workers, self._workers = list(self._workers.values()), {}
        for worker in workers:
            worker.shutdown(wait=True, cancel_futures=True)
        self._loaded.clear()

    def _known(self, name: str) -> EmbeddedModel:
        if name not in self._models:
            raise ModelNotServed(
                f"the embedded server has no model {name!r}", f"It has {', '.join(self._models)}."
            )
        return self._models[name]

    def _worker(self, name: str) -> ThreadPoolExecutor:
        with self._lock:
            if self._closed:
                raise ServerError("the embedded server is closed", "Open another.")
            if name not in self._workers:
                self._workers[name] = ThreadPoolExecutor(1, thread_name_prefix=f"optiq-{name}")
            return self._workers[name]

    def _load(self, model: EmbeddedModel) -> tuple[LlamaModel, float]:
        """The model, and the seconds that loading it took now (0 if it was there)."""
        with self._load_locks[model.name]:
            if model.name in self._loaded:
                return self._loaded[model.name], 0.0
            started = time.perf_counter()
            self._loaded[model.name] = self._opened(model)
            return self._loaded[model.name], time.perf_counter() - started

    def _opened(self, model: EmbeddedModel) -> LlamaModel:
        return LlamaModel(model.locate(), model.name)

    def _answer(
        self,
        model: EmbeddedModel,
        request: GenerateRequest,
        cancelled: threading.Event,
        told: Callable[[str, list[Any]], None] | None = None,
    ) -> tuple[Generation, list[Any]]:
        """The generation, and the log probabilities of its tokens as llama.cpp tells them."""
        started_at, started = datetime.now(UTC), time.perf_counter()
        llama, load_s = self._load(model)
        template, stop = model.template, model.stop
        if request.reasons:
            template, stop = model.reasoning_template, model.reasoning_stop
        elif request.many_lines:
            template, stop = model.text_template, model.text_stop
        completion = llama.complete(
            wrap(model, request.prompt, template),
            max_output_tokens=request.max_output_tokens,
            temperature=request.temperature,
            seed=request.seed,
            stop=(*stop, *request.stop),
            timeout_s=request.timeout_s,
            cancelled=cancelled,
            told=told,
            grammar=grammar(request.letters, request.several_letters) if request.letters else None,
            json_schema=request.json_schema,
            stop_loops=request.stop_loops,
            more=_more(request.conversation),
        )
        # llama.cpp answers with whatever it has loaded, whichever model was asked for.
        if completion.answered_by != str(llama.path):
            raise ServerError(
                f"{model.name} was asked, but {completion.answered_by or 'an unnamed model'} answered",
                "Report this: one model's answers would be counted as another's.",
            )
        found = Generation(
            text=completion.text.strip(),
            requested_model=request.model,
            answered_model=model.name,
            server=self.name,
            latency_s=time.perf_counter() - started,
            started_at=started_at,
            digest=model.digest(),
            prompt_tokens=completion.prompt_tokens,
            output_tokens=completion.output_tokens,
            cached_tokens=completion.cached_tokens,
            load_s=load_s,
            prompt_s=completion.prompt_s,
            output_s=completion.output_s,
            finish_reason=completion.finish_reason,
            constrained=True if request.letters else None,
            logprob_mean=completion.likelihood.mean,
            logprob_least=completion.likelihood.least,
        )
        return found, completion.logprobs


_SAMPLING = ("top_p", "presence_penalty", "frequency_penalty")
"""What a client may wish of the sampling beside temperature and seed, as OpenAI and llama.cpp call it."""

_MOST_LIKELY = 20
"""So many other tokens of each are told at most, as by OpenAI."""


def _more(conversation: Conversation | None) -> dict[str, Any]:
    """What a client asks for beyond what every call has, as llama.cpp takes it."""
    if conversation is None:
        return {}
    options = conversation.options
    if (likely := options.get("top_logprobs") or 0) > _MOST_LIKELY:
        raise RequestRefused(f"{likely} tokens are asked for at each place", f"Ask for up to {_MOST_LIKELY}.")
    told = {name: options[name] for name in _SAMPLING if options.get(name) is not None}
    return {**told, "logprobs": max(likely, 1)}


def _logprobs_wanted(options: Mapping[str, Any], told: list[Any]) -> dict[str, Any]:
    """The log probabilities in a choice as OpenAI has them, where the client asks for them; else nothing."""
    likely = options.get("top_logprobs") or 0
    if not options.get("logprobs") and not likely:
        return {}

    def entry(one: Any) -> dict[str, Any]:
        return {name: part(one, name) for name in ("token", "logprob", "bytes")}

    content = [
        entry(one) | {"top_logprobs": [entry(other) for other in (part(one, "top_logprobs") or [])[:likely]]}
        for one in told
    ]
    return {"logprobs": {"content": content}}


_BEGINS_JSON = '{["-0123456789tfn'
"""Characters; and no text at all is the beginning of any."""


def _check_held(request: GenerateRequest, found: Generation) -> None:
    """A :class:`RequestRefused` if a whole answer does not fit the schema: of what llama.cpp cannot read of one, it
    keeps nothing, and says nothing.
    """
    if request.json_schema is None or request.stop:
        return
    if found.finish_reason != "stop" and found.text[:1] in _BEGINS_JSON:
        return  # cut, as the client is told
    from jsonschema import Draft202012Validator  # here, as only some answers need it
    from jsonschema.exceptions import ValidationError

    validator = Draft202012Validator(json.loads(request.json_schema))
    try:
        answer = json.loads(found.text)
        if '"pattern' not in request.json_schema:  # a client's pattern may take Python for ever
            validator.validate(answer)
    except (ValueError, RecursionError, ValidationError) as fault:
        raise RequestRefused(
            f"{request.model} could not be held to the schema: {str(fault).splitlines()[0][:200]}",
            "Give a plainer schema.",
        ) from None


def _tell_end(conversation: Conversation, found: Generation, logprobs: list[Any]) -> None:
    """Tell the listener of the whole answer, or of the end of its pieces."""
    listener, choice = conversation.listener, {"index": 0, "finish_reason": found.finish_reason or "stop"}
    asked, said = found.prompt_tokens, found.output_tokens
    usage = {} if asked is None or said is None else {
        "usage": {"prompt_tokens": asked, "completion_tokens": said, "total_tokens": asked + said}
    }  # fmt: skip
    if listener.streams:
        listener.piece({"choices": [{**choice, "delta": {}}]})
        return
    message = {"role": "assistant", "content": found.text}
    whole = {**choice, "message": message, **_logprobs_wanted(conversation.options, logprobs)}
    listener.whole({"choices": [whole], **usage})


def wrap(model: EmbeddedModel, prompt: str, template: str | None = None) -> str:
    """``prompt`` in one of the model's templates, if not the usual one.

    Spellings of control tokens in it are broken up: they are data.
    """
    for token in model.control:
        prompt = prompt.replace(token, f"{token[0]} {token[1:]}")
    return (template or model.template).replace("{prompt}", prompt)


def open_embedded(base_url: str | None = None, api_key: str | None = None) -> EmbeddedServer:
    """The installed models; they have neither address nor key."""
    return EmbeddedServer()


@dataclass(frozen=True, slots=True)
class Completion:
    """What llama.cpp answered. Seconds; None where it gave no figure."""

    text: str
    finish_reason: str | None
    prompt_tokens: int | None
    output_tokens: int | None
    cached_tokens: int | None
    prompt_s: float | None
    output_s: float | None
    answered_by: str
    likelihood: Likelihood
    logprobs: list[Any]


_ONE_SPACE = {"whitespace_flexible": False, "item_separator": ", ", "key_separator": ": "}
"""How JSON is written (llguidance, by which llama.cpp holds to schemas): left free, a small model fills all of its cap
with white space between two parts."""


class LlamaModel:
    """One GGUF model in this process, by llama.cpp (xllamacpp). Blocking; one thread; prints nothing.

    One thread per model is fastest where several models share a few cores. The prompt cache is off: with it,
    the same prompt may give another text (sums are rounded differently) and prompt tokens that were
    reused would look free in the statistics. llama.cpp also listens on a loopback port, which counting
    tokens needs; a random key keeps others on this machine out.
    """

    def __init__(self, path: Path, name: str) -> None:
        import xllamacpp

        self.path = path
        self.name = name
        self._key = secrets.token_hex(16)
        params = self.parameters()
        started = time.perf_counter()
        try:
            self._server = xllamacpp.Server(params)
        except RuntimeError as fault:
            raise ServerError(
                f"llama.cpp cannot load {name}: {fault}", f"Delete {path} if it is damaged, and try again."
            ) from fault
        self.load_s = time.perf_counter() - started

    def parameters(self) -> Any:
        """What llama.cpp is started with."""
        import xllamacpp

        params = xllamacpp.CommonParams()
        params.model.path = str(self.path)
        params.n_ctx = CONTEXT_TOKENS
        params.n_parallel = 1
        params.cpuparams.n_threads = 1
        params.cpuparams_batch.n_threads = 1
        params.n_threads_http = 1
        params.n_gpu_layers = 0
        params.verbosity = 0
        params.cache_prompt = False
        params.cache_ram_mib = 0
        params.port = 0
        params.hostnames = ["127.0.0.1"]
        params.api_keys = [self._key]
        params.cors_origins = "http://127.0.0.1"
        params.ui = False
        params.endpoint_slots = False
        return params

    def complete(
        self,
        prompt: str,
        *,
        max_output_tokens: int | None,
        temperature: float,
        seed: int | None,
        stop: tuple[str, ...],
        timeout_s: float,
        cancelled: threading.Event | None = None,
        told: Callable[[str, list[Any]], None] | None = None,
        grammar: str | None = None,
        json_schema: str | None = None,
        stop_loops: bool = False,
        more: Mapping[str, Any] | None = None,
    ) -> Completion:
        """The text that follows ``prompt``, control tokens and all; only what ``grammar`` (GBNF) allows.

        Streamed, so that a call that takes too long or is no longer wanted ends at its next token. ``told`` is given
        each piece of text and the log probabilities of its tokens in the model's thread. With ``stop_loops`` a text
        that repeats itself is ended. ``more`` are other fields of llama.cpp's.
        """
        body: dict[str, Any] = {
            "prompt": prompt,
            "max_tokens": LONGEST_OUTPUT_TOKENS if max_output_tokens is None else max_output_tokens,
            "temperature": temperature,
            "stop": list(stop),
            "stream": True,
            "logprobs": 1,
            "stream_options": {"include_usage": True},
            **(more or {}),
        }
        if seed is not None:
            body["seed"] = seed
        if grammar is not None:
            body["grammar"] = grammar
        elif json_schema is not None:
            body["json_schema"] = {**json.loads(json_schema), "x-guidance": _ONE_SPACE}
        if stop_loops:
            body["timings_per_token"] = True  # of an answer that is ended no usage is told
        answer = _Stream(time.monotonic() + timeout_s, cancelled, told, LoopWatch() if stop_loops else None)
        reply = self._server.handle_completions(body, answer.take)
        if isinstance(reply, dict):
            answer.take(reply)
        if answer.fault is not None:
            remedy = "Shorten the question" + ("." if json_schema is None else ", or give a plainer schema.")
            raise RequestRefused(f"{self.name} refused the call: {answer.fault}", remedy)
        if answer.late:
            raise AnswerLate(f"{self.name} gave no whole answer within {timeout_s:g} s")
        return answer.completion()

    def count_tokens(self, text: str) -> int:
        """Tokens of ``text``, beginning-of-text token included."""
        request = urllib.request.Request(
            f"{self._server.listening_address}/tokenize",
            data=json.dumps({"content": text, "add_special": True, "parse_special": True}).encode(),
            headers={"Authorization": f"Bearer {self._key}", "Content-Type": "application/json"},
        )
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        try:
            with opener.open(request, timeout=10) as reply:
                return len(json.load(reply)["tokens"])
        except OSError as fault:
            raise ServerError(f"llama.cpp did not count tokens: {fault}", "Try again.") from fault


class _Stream:
    """Gathers the chunks of one streamed answer; tells llama.cpp to stop when time is up or the text is a loop."""

    def __init__(
        self,
        deadline: float,
        cancelled: threading.Event | None,
        told: Callable[[str, list[Any]], None] | None = None,
        loops: LoopWatch | None = None,
    ) -> None:
        self.deadline = deadline
        self._loops = loops
        self._told = told
        self.cancelled = cancelled
        self.late = False
        self.fault: str | None = None
        self._texts: list[str] = []
        self._logprobs: list[Any] = []
        self._last: dict[str, Any] = {}
        self._finish_reason: str | None = None

    def take(self, chunk: Any) -> bool:
        """Keep a chunk; True asks for no more."""
        if not isinstance(chunk, dict):
            self.fault = f"unexpected answer {chunk!r}"
            return True
        if "error" in chunk:
            error = chunk["error"]
            self.fault = str(error.get("message", error)) if isinstance(error, dict) else str(error)
            return True
        ended = False
        for choice in chunk.get("choices") or ():
            self._texts.append(text := choice.get("text") or "")
            told = (choice.get("logprobs") or {}).get("content") or []
            if self._told is not None and (text or told):
                self._told(text, told)
            self._logprobs += told
            self._finish_reason = choice.get("finish_reason") or self._finish_reason
            if self._finish_reason is None and self._loops is not None and self._loops.heard(text):
                self._finish_reason, ended = LOOPED, True
        self._last = {**self._last, **chunk}
        if ended:
            self._last["usage"] = counted_so_far(chunk.get("timings"))
            return True
        finished = self._finish_reason is not None
        if not finished and (
            time.monotonic() > self.deadline or (self.cancelled is not None and self.cancelled.is_set())
        ):
            self.late = True
            return True
        return False

    def completion(self) -> Completion:
        usage, timings = self._last.get("usage") or {}, self._last.get("timings") or {}
        prompt_tokens = counted(usage.get("prompt_tokens"))
        return Completion(
            text="".join(self._texts),
            finish_reason=self._finish_reason,
            prompt_tokens=prompt_tokens,
            output_tokens=counted(usage.get("completion_tokens")),
            cached_tokens=cached_tokens(usage, timings, prompt_tokens),
            prompt_s=seconds(timings.get("prompt_ms")),
            output_s=seconds(timings.get("predicted_ms")),
            answered_by=str(self._last.get("model", "")),
            likelihood=likelihood_of(self._logprobs),
            logprobs=self._logprobs,
        )
