"""Any server that speaks OpenAI's chat API: vLLM, llama.cpp, a hosted one. Through the official SDK.

The key comes from the caller or the environment. It is never shown: not in ``repr``, errors or logs.
"""

from __future__ import annotations

import asyncio
import importlib.util
import os
import time
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from optiq.errors import AnswerLost, ConfigurationError, ServerError, TransientServerError
from optiq.servers.connections import (
    ClientPerLoop,
    is_loopback,
    number_from,
    shown,
    split_url,
    status_fault,
    tls_context,
)
from optiq.servers.letters import fits_json, plain_letters, response_format
from optiq.servers.protocol import GenerateRequest, Generation, ServedModel
from optiq.servers.usage import cached_tokens, counted, seconds

if TYPE_CHECKING:
    import openai

_MEANING = "the base URL of the OpenAI-compatible server"
_LISTING_S = 10.0
# What a dialect may refuse without refusing the call: one wants max_completion_tokens, one knows no seed.
_DISPENSABLE = ("max_tokens", "seed", "temperature", "stop", "response_format")


class OpenAIServer:
    """An OpenAI-compatible server as a :class:`~optiq.servers.protocol.ModelServer`."""

    name = "openai"
    resident_models: int | None = None
    counts_tokens = False

    def __init__(self, base_url: str | None = None, api_key: str | None = None) -> None:
        if importlib.util.find_spec("openai") is None:
            raise ServerError(
                "the openai package is not installed", 'Install it with pip install "optiq[openai]".'
            )
        url = (
            base_url or os.environ.get("OPTIQ_OPENAI_BASE_URL") or os.environ.get("OPENAI_BASE_URL") or ""
        ).strip()
        if not url:
            raise ConfigurationError(
                "no base URL for the OpenAI-compatible server",
                "Give --server-url, such as http://127.0.0.1:8000/v1, or set OPTIQ_OPENAI_BASE_URL.",
            )
        parts = split_url(url, _MEANING)
        self._url = url
        self._shown = shown(parts)
        self._scheme = parts.scheme
        self._local = self.on_this_machine = is_loopback(parts.hostname)
        key = api_key or os.environ.get("OPTIQ_OPENAI_API_KEY") or os.environ.get("OPENAI_API_KEY")
        # The SDK insists on a key; servers on this machine mostly want none.
        self._key = key or "none"
        self._clients: ClientPerLoop[openai.AsyncOpenAI] = ClientPerLoop(self._connect, lambda c: c.close())
        self.slots = number_from("OPTIQ_OPENAI_SLOTS", 16)
        self.model_slots = number_from("OPTIQ_OPENAI_MODEL_SLOTS", min(self.slots, 8))
        self._refused: dict[str, frozenset[str]] = {}

    def list_models(self) -> list[ServedModel]:
        import openai

        http = openai.DefaultHttpxClient(**self._http_options())
        client = openai.OpenAI(
            api_key=self._key, base_url=self._url, max_retries=0, timeout=_LISTING_S, http_client=http
        )
        try:
            with client:
                listed = [_served(model) for model in client.models.list()]
        except (openai.OpenAIError, ValueError, AttributeError, TypeError) as fault:
            raise self._fault("its list of models", fault) from None
        return sorted(listed, key=lambda model: model.name)

    async def generate(self, request: GenerateRequest) -> Generation:
        import openai

        dropped = self._refused.get(request.model, frozenset())
        started_at, started = datetime.now(UTC), time.perf_counter()
        while True:
            try:
                with self._clients.lent() as client:
                    async with asyncio.timeout(request.timeout_s):
                        reply = await client.chat.completions.create(
                            model=request.model,
                            messages=[{"role": "user", "content": request.prompt}],
                            **_options(request, dropped),
                        )
                latency_s = time.perf_counter() - started
                break
            except (openai.BadRequestError, openai.UnprocessableEntityError) as fault:
                name = _refused_option(fault, _options(request, dropped))
                if name is None:
                    raise self._fault(request.model, fault) from None
                dropped |= {name}
                self._refused[request.model] = dropped
            except (openai.OpenAIError, TimeoutError, ValueError) as fault:
                raise self._fault(request.model, fault) from None
        try:
            choice, usage, timings = reply.choices[0], reply.usage, _extra(reply).get("timings") or {}
            text = choice.message.content or ""
        except (AttributeError, IndexError, TypeError):
            # HTTP 200, but no completion: an error in the body, or no JSON at all.
            raise AnswerLost(
                f"the answer of {self._shown} from {request.model} holds no completion"
            ) from None
        letters = plain_letters(text, request) if request.letters else None
        prompt_tokens = counted(usage.prompt_tokens) if usage else None
        return Generation(
            text=text if letters is None else letters,
            requested_model=request.model,
            answered_model=reply.model or request.model,
            server=self.name,
            latency_s=latency_s,
            started_at=started_at,
            prompt_tokens=prompt_tokens,
            output_tokens=counted(usage.completion_tokens) if usage else None,
            cached_tokens=cached_tokens(usage, timings, prompt_tokens),
            prompt_s=seconds(timings.get("prompt_ms")),  # llama.cpp adds these
            output_s=seconds(timings.get("predicted_ms")),
            finish_reason=choice.finish_reason,
            constrained=(letters is not None and "response_format" not in dropped)
            if request.letters
            else None,
        )

    def count_tokens(self, model: str, text: str) -> int | None:
        """None: the API has no tokenizer."""
        return None

    def identity(self, model: str) -> str:
        """By name and address: the API gives no digest."""
        return f"openai {self._shown} {model}"

    def health(self) -> str | None:
        try:
            self.list_models()
        except ServerError as fault:
            return str(fault)
        return None

    def describe(self) -> str:
        return f"openai: {self._shown}"

    async def disconnect(self) -> None:
        await self._clients.disconnect()

    def close(self) -> None:
        """Connections belong to event loops and go with them."""

    def _http_options(self) -> dict[str, Any]:
        return {
            "trust_env": not self._local,
            "follow_redirects": False,
            "verify": tls_context(self._scheme),
        }

    def _connect(self) -> openai.AsyncOpenAI:
        import openai

        return openai.AsyncOpenAI(
            api_key=self._key,
            base_url=self._url,
            max_retries=0,  # the executor retries, and counts its attempts
            timeout=None,  # each call has its own
            http_client=openai.DefaultAsyncHttpxClient(**self._http_options()),
        )

    def _fault(self, what: str, fault: Exception) -> ServerError:
        """``fault`` as an error of ours, with the key struck out wherever a server repeats it."""
        import httpx
        import openai

        server = f"the server at {self._shown}"
        if isinstance(fault, openai.APITimeoutError | TimeoutError):
            return AnswerLost(f"{server} gave no answer from {what} in time")
        if isinstance(fault, openai.APIConnectionError):
            begun = not isinstance(fault.__cause__, httpx.ConnectError | httpx.ConnectTimeout)
            return (AnswerLost if begun else TransientServerError)(
                f"{server} does not answer ({type(fault.__cause__ or fault).__name__})",
                "Start it, or give another address with --server-url.",
            )
        message = str(fault).replace(self._key, "[key]")
        if isinstance(fault, openai.APIStatusError):
            if fault.status_code == 404 and not isinstance(fault.body, dict):
                return ServerError(
                    f"{server} has no chat API", "Check the base URL: most of them end with /v1."
                )
            if fault.status_code == 429 and fault.code == "insufficient_quota":
                return ServerError(
                    f"{server} refuses: the account's quota is used up", "Raise it, or use another server."
                )
            remedy = f"Ask for one that it lists, or load {what} there."
            return status_fault(
                server, what, fault.status_code, message, dict(fault.response.headers), remedy
            )
        return AnswerLost(f"the answer of {server} from {what} cannot be read: {message[:300]}")


def _options(request: GenerateRequest, dropped: frozenset[str]) -> dict[str, Any]:
    options: dict[str, Any] = {"temperature": request.temperature}
    if request.max_output_tokens is not None:
        name = "max_completion_tokens" if "max_tokens" in dropped else "max_tokens"
        options[name] = request.max_output_tokens
    if request.seed is not None:
        options["seed"] = request.seed
    if request.stop:
        options["stop"] = list(request.stop)
    if request.letters and fits_json(request):
        options["response_format"] = response_format(request)
    return {name: value for name, value in options.items() if name not in dropped}


def _refused_option(fault: Any, options: dict[str, Any]) -> str | None:
    """The option that a 400 or 422 complains of and that the call can do without."""
    for name in _DISPENSABLE:
        if name in options and (fault.param == name or f"'{name}'" in str(fault)):
            return name
    told = str(fault).lower()
    if "response_format" in options and any(
        word in told for word in ("response_format", "json_schema", "grammar")
    ):
        return "response_format"
    return None


def _extra(model: Any) -> dict[str, Any]:
    return getattr(model, "model_extra", None) or {}


def _served(model: Any) -> ServedModel:
    extra = _extra(model)  # vLLM gives max_model_len, llama.cpp a table "meta"
    meta = extra.get("meta") or {}
    return ServedModel(
        name=model.id,
        context_tokens=extra.get("max_model_len") or meta.get("n_ctx"),
        parameters=meta.get("n_params"),
        size_bytes=meta.get("size"),
    )
