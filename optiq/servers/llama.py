"""One GGUF model in this process, by llama.cpp (xllamacpp). Blocking; one thread; prints nothing."""

from __future__ import annotations

import json
import secrets
import threading
import time
import urllib.request
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from optiq.errors import ServerError
from optiq.servers.connections import AnswerLost

CONTEXT_TOKENS = 4096
# Without a cap llama.cpp goes on until its context is full: minutes of babble on a small model.
LONGEST_OUTPUT_TOKENS = 512


@dataclass(frozen=True, slots=True)
class Completion:
    """What llama.cpp answered. Seconds; None where it gave no figure."""

    text: str
    finish_reason: str | None
    prompt_tokens: int | None
    output_tokens: int | None
    prompt_s: float | None
    output_s: float | None
    answered_by: str


class LlamaModel:
    """A loaded model.

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
        params = xllamacpp.CommonParams()
        params.model.path = str(path)
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
        started = time.perf_counter()
        try:
            self._server = xllamacpp.Server(params)
        except RuntimeError as fault:
            raise ServerError(
                f"llama.cpp cannot load {name}: {fault}", f"Delete {path} if it is damaged, and try again."
            ) from fault
        self.load_s = time.perf_counter() - started

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
        grammar: str | None = None,
    ) -> Completion:
        """The text that follows ``prompt``, control tokens and all; only what ``grammar`` (GBNF) allows.

        Streamed, so that a call that takes too long or is no longer wanted ends at its next token.
        """
        body: dict[str, Any] = {
            "prompt": prompt,
            "max_tokens": min(max_output_tokens or LONGEST_OUTPUT_TOKENS, LONGEST_OUTPUT_TOKENS),
            "temperature": temperature,
            "stop": list(stop),
            "stream": True,
            "stream_options": {"include_usage": True},
        }
        if seed is not None:
            body["seed"] = seed
        if grammar is not None:
            body["grammar"] = grammar
        answer = _Stream(time.monotonic() + timeout_s, cancelled)
        reply = self._server.handle_completions(body, answer.take)
        if isinstance(reply, dict):
            answer.take(reply)
        if answer.fault is not None:
            raise ServerError(f"{self.name} refused the call: {answer.fault}", "Shorten the question.")
        if answer.late:
            raise AnswerLost(f"{self.name} gave no whole answer within {timeout_s:g} s")
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
    """Gathers the chunks of one streamed answer; tells llama.cpp to stop when time is up."""

    def __init__(self, deadline: float, cancelled: threading.Event | None) -> None:
        self.deadline = deadline
        self.cancelled = cancelled
        self.late = False
        self.fault: str | None = None
        self._texts: list[str] = []
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
        for choice in chunk.get("choices") or ():
            self._texts.append(choice.get("text") or "")
            self._finish_reason = choice.get("finish_reason") or self._finish_reason
        self._last = {**self._last, **chunk}
        finished = self._finish_reason is not None
        if not finished and (
            time.monotonic() > self.deadline or (self.cancelled is not None and self.cancelled.is_set())
        ):
            self.late = True
            return True
        return False

    def completion(self) -> Completion:
        usage, timings = self._last.get("usage") or {}, self._last.get("timings") or {}
        return Completion(
            text="".join(self._texts),
            finish_reason=self._finish_reason,
            prompt_tokens=usage.get("prompt_tokens"),
            output_tokens=usage.get("completion_tokens"),
            prompt_s=_seconds(timings.get("prompt_ms")),
            output_s=_seconds(timings.get("predicted_ms")),
            answered_by=str(self._last.get("model", "")),
        )


def _seconds(milliseconds: float | None) -> float | None:
    return None if milliseconds is None else milliseconds / 1000
