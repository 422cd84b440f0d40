"""Small real models in this process: everything works on a laptop with no server.

SmolLM2-135M-Instruct (``smollm2:135m``) and Gemma-3-270M (``gemma3:270m``) from packages, by llama.cpp.
A model is loaded when it is first asked. Each has its own thread, which answers one call at a time.
"""

from __future__ import annotations

import asyncio
import importlib.util
import threading
import time
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime

from optiq.errors import ModelNotServed, ServerError
from optiq.servers.letters import grammar
from optiq.servers.llama import CONTEXT_TOKENS, LlamaModel
from optiq.servers.model_files import EMBEDDED_MODELS, INSTALL_REMEDY, EmbeddedModel
from optiq.servers.protocol import GenerateRequest, Generation, ServedModel


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
        try:
            return await asyncio.get_running_loop().run_in_executor(
                self._worker(model.name), self._answer, model, request, cancelled
            )
        except asyncio.CancelledError:
            cancelled.set()
            raise

    def count_tokens(self, model: str, text: str) -> int | None:
        """Exact: the model's own tokenizer on the prompt as it would be put. Loads the model."""
        known = self._known(model)
        return self._load(known)[0].count_tokens(wrap(known, text))

    def identity(self, model: str) -> str:
        """The digest of the weights, the templates and the stop strings around a prompt."""
        known = self._known(model)
        around = (known.template, known.stop, known.control, known.reasoning_template, known.reasoning_stop)
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
            self._loaded[model.name] = LlamaModel(model.locate(), model.name)
            return self._loaded[model.name], time.perf_counter() - started

    def _answer(
        self, model: EmbeddedModel, request: GenerateRequest, cancelled: threading.Event
    ) -> Generation:
        started_at, started = datetime.now(UTC), time.perf_counter()
        llama, load_s = self._load(model)
        completion = llama.complete(
            wrap(model, request.prompt, request.reasons),
            max_output_tokens=request.max_output_tokens,
            temperature=request.temperature,
            seed=request.seed,
            stop=(*(model.reasoning_stop if request.reasons else model.stop), *request.stop),
            timeout_s=request.timeout_s,
            cancelled=cancelled,
            grammar=grammar(request.letters, request.several_letters) if request.letters else None,
        )
        # llama.cpp answers with whatever it has loaded, whichever model was asked for.
        if completion.answered_by != str(llama.path):
            raise ServerError(
                f"{model.name} was asked, but {completion.answered_by or 'an unnamed model'} answered",
                "Report this: one model's answers would be counted as another's.",
            )
        return Generation(
            text=completion.text.strip(),
            requested_model=request.model,
            answered_model=model.name,
            server=self.name,
            latency_s=time.perf_counter() - started,
            started_at=started_at,
            digest=model.digest(),
            prompt_tokens=completion.prompt_tokens,
            output_tokens=completion.output_tokens,
            load_s=load_s,
            prompt_s=completion.prompt_s,
            output_s=completion.output_s,
            finish_reason=completion.finish_reason,
            constrained=True if request.letters else None,
        )


def wrap(model: EmbeddedModel, prompt: str, reasons: bool = False) -> str:
    """``prompt`` in the model's template, or in the one for reasoning.

    Spellings of control tokens in it are broken up: they are data.
    """
    for token in model.control:
        prompt = prompt.replace(token, f"{token[0]} {token[1:]}")
    return (model.reasoning_template if reasons else model.template).replace("{prompt}", prompt)
