"""GenFuser, the blender of LLM-Blender (Jiang et al., ACL 2023): a T5 that fuses answers, by transformers.

Its input is not a chat prompt but parts between ``</s>``: the instruction, the input, the candidates each
behind a sentinel, and the task. That is how it was trained (repository yuchenlin/LLM-Blender), with
candidates of at most 128 tokens and 1024 tokens in all.
"""

from __future__ import annotations

import asyncio
import hashlib
import importlib.util
import os
import pickle
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from optiq.errors import AnswerLost, ModelNotServed, ServerError
from optiq.servers.addresses import number_from
from optiq.servers.protocol import Fusion, GenerateRequest, Generation, ServedModel

PUBLISHED = "llm-blender/gen_fuser_3b"
INPUT_TOKENS = 1024
CANDIDATE_TOKENS = 128
LONGEST_OUTPUT_TOKENS = 512
_CONTROL = ("</s>", "<s>", "<pad>", "<unk>", "<extra_id_")


class GenFuserServer:
    """A GenFuser as a :class:`~optiq.servers.protocol.ModelServer` that answers blend nodes only.

    ``source`` is a folder or a name on the Hugging Face hub. Weights are read from safetensors where there are
    some, else as plain tensors (``weights_only``); code that comes with a model is never run. It is loaded at
    its first call; ``$OPTIQ_GENFUSER_THREADS`` threads (default: all) compute.
    """

    name = "genfuser"
    model_slots = 1
    slots = 1
    resident_models: int | None = None
    counts_tokens = False
    on_this_machine = True

    def __init__(self, source: str = PUBLISHED) -> None:
        for package in ("transformers", "torch"):
            if importlib.util.find_spec(package) is None:
                raise ServerError(f"GenFuser needs {package}", f"Install it with pip install {package}.")
        self._source = source
        self._folder = Path(source).expanduser() if Path(source).expanduser().is_dir() else None
        self.model = self._folder.resolve().name if self._folder else source
        self._worker = ThreadPoolExecutor(1, thread_name_prefix="optiq-genfuser")
        self._loaded: tuple[Any, Any] | None = None
        self._threads = number_from("OPTIQ_GENFUSER_THREADS") or os.cpu_count() or 1

    def list_models(self) -> list[ServedModel]:
        """The one model; loads nothing."""
        return [ServedModel(self.model, self._digest(), INPUT_TOKENS)]

    async def features(self, model: str) -> frozenset[str]:
        """None: it writes text."""
        return frozenset()

    async def generate(self, request: GenerateRequest) -> Generation:
        """The fused answer. ``request.fusion`` holds what is fused."""
        if request.model != self.model:
            raise ModelNotServed(f"GenFuser is {self.model!r}, not {request.model!r}", "Ask another server.")
        if request.fusion is None:
            raise ServerError(
                f"{self.model} fuses answers and answers no question by itself",
                "Use it as the blender only, not in the pool.",
            )
        cancelled = threading.Event()
        try:
            return await asyncio.get_running_loop().run_in_executor(
                self._worker, self._answer, request, request.fusion, cancelled
            )
        except asyncio.CancelledError:
            cancelled.set()
            raise

    def count_tokens(self, model: str, text: str) -> int | None:
        """None: what it reads is made of the parts of a prompt, not of the prompt."""
        return None

    def identity(self, model: str) -> str:
        """By the files of a folder (names, sizes, times), or by name."""
        return f"genfuser {self._digest() or self._source}"

    def health(self) -> str | None:
        return None

    def describe(self) -> str:
        return f"genfuser: {self.model} in this process, blends only"

    async def disconnect(self) -> None:
        """Nothing is bound to an event loop."""

    def close(self) -> None:
        self._worker.shutdown(wait=True, cancel_futures=True)
        self._loaded = None

    def _digest(self) -> str | None:
        if self._folder is None:
            return None
        files = sorted(path for path in self._folder.iterdir() if path.is_file())
        told = [f"{path.name} {path.stat().st_size} {path.stat().st_mtime_ns}" for path in files]
        return hashlib.sha256("\n".join(told).encode()).hexdigest()

    def _load(self) -> tuple[Any, Any]:
        source = str(self._folder or self._source)
        try:
            from transformers import AutoModelForSeq2SeqLM, AutoTokenizer

            tokenizer = AutoTokenizer.from_pretrained(source, trust_remote_code=False)
            try:
                model = AutoModelForSeq2SeqLM.from_pretrained(
                    source, trust_remote_code=False, use_safetensors=True, dtype="auto"
                )
            except OSError:  # published as plain tensors only
                model = AutoModelForSeq2SeqLM.from_pretrained(
                    source, trust_remote_code=False, use_safetensors=False, weights_only=True, dtype="auto"
                )
        except (OSError, ValueError, ImportError, RuntimeError, pickle.UnpicklingError) as fault:
            reason = str(fault).strip().partition("\n")[0][:300]
            raise ServerError(
                f"the blender {self._source} cannot be loaded: {reason}",
                "Give genfuser a folder with a T5 model and its tokenizer, or a name on the hub that can be reached; "
                'it needs pip install "optiq[topics]".',
            ) from fault
        return tokenizer, model.eval()

    def _answer(self, request: GenerateRequest, fusion: Fusion, cancelled: threading.Event) -> Generation:
        import torch

        started_at, started = datetime.now(UTC), time.perf_counter()
        load_s = 0.0
        if self._loaded is None:
            self._loaded = self._load()
            load_s = time.perf_counter() - started
        tokenizer, model = self._loaded
        inputs = tokenizer(
            fusion_text(fusion, tokenizer),
            max_length=INPUT_TOKENS,
            truncation=True,
            add_special_tokens=False,
            return_tensors="pt",
        )
        asked = request.max_output_tokens
        limit = LONGEST_OUTPUT_TOKENS if asked is None else min(asked, LONGEST_OUTPUT_TOKENS)
        stop = _stop_when(time.monotonic() + request.timeout_s, cancelled)
        threads = torch.get_num_threads()
        torch.set_num_threads(self._threads)
        try:
            with torch.inference_mode():
                out = model.generate(
                    input_ids=inputs["input_ids"],
                    attention_mask=inputs["attention_mask"],
                    max_new_tokens=limit,
                    do_sample=False,
                    num_beams=1,
                    stopping_criteria=[stop],
                )[0]
        finally:
            torch.set_num_threads(threads)
        if stop.late:
            raise AnswerLost(f"{self.model} gave no whole answer within {request.timeout_s:g} s")
        written = out[1:]  # the first token starts the decoder
        ended = bool(len(written)) and int(written[-1]) == model.config.eos_token_id
        return Generation(
            text=tokenizer.decode(written, skip_special_tokens=True).strip(),
            requested_model=request.model,
            answered_model=self.model,
            server=self.name,
            latency_s=time.perf_counter() - started,
            started_at=started_at,
            digest=self._digest(),
            prompt_tokens=int(inputs["input_ids"].shape[1]),
            output_tokens=len(written),
            load_s=load_s,
            finish_reason="stop" if ended else "length",
            constrained=False if request.letters else None,
        )


def fusion_text(fusion: Fusion, tokenizer: Any) -> str:
    """The input of GenFuser. Spellings of control tokens in the texts are broken up: they are data."""
    candidates = []
    for number, candidate in enumerate(fusion.candidates):
        ids = tokenizer.encode(_data(candidate), add_special_tokens=False)
        text = _data(candidate)
        if len(ids) > CANDIDATE_TOKENS:
            text = tokenizer.decode(ids[:CANDIDATE_TOKENS]) + "..."
        candidates.append(f"Candidate {number}: <extra_id_{number}>:{text}")
    parts = [f"Instruction: {_data(fusion.instruction)}", f"Input: {_data(fusion.question)}", *candidates]
    return "</s>".join([*parts, "Summarize candidates into a better one for the given instruction:"])


def _data(text: str) -> str:
    for token in _CONTROL:
        text = text.replace(token, f"{token[0]} {token[1:]}")
    return text


def _stop_when(deadline: float, cancelled: threading.Event) -> Any:
    """A stopping criterion that ends a generation that takes too long or is no longer wanted."""
    import torch
    from transformers import StoppingCriteria

    class Late(StoppingCriteria):
        late = False

        def __call__(self, input_ids: Any, scores: Any, **kwargs: Any) -> Any:
            self.late = self.late or time.monotonic() > deadline or cancelled.is_set()
            return torch.full((input_ids.shape[0],), self.late, dtype=torch.bool)

    return Late()
