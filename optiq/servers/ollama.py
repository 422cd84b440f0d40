"""Ollama, through its official client: the production default (the paper's setting, section 5).

Ollama gives durations in nanoseconds, and every figure is optional.
"""

from __future__ import annotations

import asyncio
import os
import time
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from optiq.errors import AnswerLost, ServerError, TransientServerError
from optiq.servers.connections import (
    ClientPerLoop,
    is_loopback,
    number_from,
    shown,
    split_url,
    status_fault,
    tls_context,
)
from optiq.servers.letters import fits_json, plain_letters, schema
from optiq.servers.protocol import GenerateRequest, Generation, ServedModel
from optiq.servers.usage import SeenPrompts, counted, seconds

if TYPE_CHECKING:
    import ollama

DEFAULT_PORT = 11434
_QUESTION_S = 10.0  # for listing and health: answers that need no model
_PER_SECOND = 1e9
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
    parts = split_url(f"http://{text}" if bare else text, "the address of Ollama")
    host = parts.hostname or ""
    host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)
    port = parts.port or (DEFAULT_PORT if bare else 443 if parts.scheme == "https" else 80)
    user = parts.netloc.rpartition("@")[0]
    host = f"[{host}]" if ":" in host else host
    return f"{parts.scheme}://{user + '@' if user else ''}{host}:{port}{parts.path.rstrip('/')}"


def answers(base_url: str | None, timeout_s: float) -> bool:
    """Whether Ollama answers within ``timeout_s`` and has at least one model."""
    import httpx

    url = address(base_url)
    local = is_loopback(split_url(url, "the address of Ollama").hostname)
    try:
        reply = httpx.get(f"{url}/api/tags", timeout=timeout_s, trust_env=not local)
        return reply.status_code == 200 and bool(reply.json().get("models"))
    except (httpx.HTTPError, ValueError, AttributeError):
        return False


class OllamaServer:
    """An Ollama server as a :class:`~optiq.servers.protocol.ModelServer`."""

    name = "ollama"
    counts_tokens = False

    def __init__(self, base_url: str | None = None) -> None:
        self._url = address(base_url)
        parts = split_url(self._url, "the address of Ollama")
        self._shown = shown(parts)
        self._scheme = parts.scheme
        self._local = self.on_this_machine = is_loopback(parts.hostname)
        # As many as Ollama itself answers at once: more would wait there and count as latency here.
        self.model_slots = number_from("OLLAMA_NUM_PARALLEL", 1)
        self.resident_models: int | None = number_from("OLLAMA_MAX_LOADED_MODELS", 3)
        self.slots = max(self.model_slots, self.resident_models)
        self._clients: ClientPerLoop[ollama.AsyncClient] = ClientPerLoop(self._connect, lambda c: c.close())
        self._digests: dict[str, str | None] | None = None
        self._seen = SeenPrompts()
        self._free: set[str] = set()  # models whose server takes no schema

    def list_models(self) -> list[ServedModel]:
        import httpx
        import ollama

        client = ollama.Client(
            self._url,
            timeout=_QUESTION_S,
            trust_env=not self._local,
            follow_redirects=False,
            verify=tls_context(self._scheme),
        )
        try:
            listed = client.list().models
        except (ConnectionError, httpx.HTTPError) as fault:
            raise self._unreachable(fault) from fault
        except (ollama.ResponseError, ValueError) as fault:
            raise ServerError(
                f"{self._shown} does not answer like Ollama: {fault}", "Check the address."
            ) from fault
        finally:
            client.close()
        models = [
            ServedModel(
                name=model.model,
                digest=model.digest,
                parameters=_parameters(model.details.parameter_size if model.details else None),
                size_bytes=None if model.size is None else int(model.size),
            )
            for model in listed
            if model.model
        ]
        self._digests = {model.name: model.digest for model in models}
        return sorted(models, key=lambda model: model.name)

    async def generate(self, request: GenerateRequest) -> Generation:
        import httpx
        import ollama

        digest = await self._digest(request.model)
        # Ollama counts the tokens in its prompt cache, times the others, and tells neither.
        fresh = self._seen.fresh(request.model, request.prompt)
        started_at, started = datetime.now(UTC), time.perf_counter()
        try:
            with self._clients.lent() as client:
                async with asyncio.timeout(request.timeout_s):
                    reply = await self._chat(client, request)
        except ollama.ResponseError as fault:
            raise self._refused(request.model, fault) from fault
        except TimeoutError as fault:
            raise AnswerLost(
                f"Ollama gave no answer from {request.model} within {request.timeout_s:g} s"
            ) from fault
        except ConnectionError as fault:
            raise self._unreachable(fault) from fault
        except httpx.HTTPError as fault:
            raise AnswerLost(f"the connection to Ollama broke: {fault!r}") from fault
        except ValueError as fault:  # truncated JSON, or JSON that is no answer
            raise AnswerLost(f"Ollama's answer from {request.model} cannot be read") from fault
        latency_s = time.perf_counter() - started
        text = reply.message.content or ""
        letters = plain_letters(text, request) if request.letters else None
        return Generation(
            text=text if letters is None else letters,
            requested_model=request.model,
            answered_model=reply.model or request.model,
            server=self.name,
            latency_s=latency_s,
            started_at=started_at,
            digest=digest,
            prompt_tokens=counted(reply.prompt_eval_count),
            output_tokens=counted(reply.eval_count),
            load_s=seconds(reply.load_duration, _PER_SECOND),
            prompt_s=seconds(reply.prompt_eval_duration, _PER_SECOND) if fresh else None,
            output_s=seconds(reply.eval_duration, _PER_SECOND),
            finish_reason=reply.done_reason,
            constrained=(letters is not None and request.model not in self._free)
            if request.letters
            else None,
        )

    async def _chat(self, client: ollama.AsyncClient, request: GenerateRequest) -> ollama.ChatResponse:
        import ollama

        options: dict[str, Any] = {"options": _options(request)}
        if request.letters and request.model not in self._free and fits_json(request):
            options["format"] = schema(request)
        messages = [{"role": "user", "content": request.prompt}]
        try:
            # Thinking would use up the few tokens that an answer gets.
            return await client.chat(request.model, messages, think=False, **options)
        except ollama.ResponseError as fault:
            if "format" not in options or not _refuses_schema(fault):
                raise
        self._free.add(request.model)
        del options["format"]
        return await client.chat(request.model, messages, think=False, **options)

    def count_tokens(self, model: str, text: str) -> int | None:
        """None: Ollama counts tokens only by generating."""
        return None

    def identity(self, model: str) -> str:
        """By the digest of the weights; by name and address where the server gives none."""
        digest = self._known_digest(model)
        return f"ollama {digest}" if digest else f"ollama {self._shown} {model}"

    def health(self) -> str | None:
        try:
            self.list_models()
        except ServerError as fault:
            return str(fault)
        return None

    def describe(self) -> str:
        try:
            return f"ollama: {len(self.list_models())} models at {self._shown}"
        except ServerError:
            return f"ollama at {self._shown}, which does not answer"

    async def disconnect(self) -> None:
        await self._clients.disconnect()

    def close(self) -> None:
        """Connections belong to event loops and go with them."""

    def _connect(self) -> ollama.AsyncClient:
        import ollama

        return ollama.AsyncClient(
            self._url,
            trust_env=not self._local,
            follow_redirects=False,
            verify=tls_context(self._scheme),
        )

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

    def _unreachable(self, fault: Exception) -> TransientServerError:
        return TransientServerError(
            f"Ollama does not answer at {self._shown} ({type(fault).__name__})",
            "Start it with ollama serve, give another address with OLLAMA_HOST, or use --server embedded.",
        )

    def _refused(self, model: str, fault: ollama.ResponseError) -> ServerError:
        # The client drops the response, but the HTTP error that it came from still has the headers.
        response = getattr(fault.__context__, "response", None)
        headers = response.headers if response is not None else {}
        return status_fault("Ollama", model, fault.status_code, fault.error, headers, f"ollama pull {model}")


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


def _refuses_schema(fault: ollama.ResponseError) -> bool:
    told = any(word in fault.error.lower() for word in ("format", "grammar", "schema"))
    return fault.status_code in (400, 422, 501) or (fault.status_code == 500 and told)


def _parameters(text: str | None) -> int | None:
    """``7.2B`` as 7,200,000,000."""
    try:
        return round(float(text[:-1]) * _SUFFIXES[text[-1].upper()]) if text else None
    except (ValueError, KeyError):
        return None
