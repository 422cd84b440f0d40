"""A scripted model server without models: for faults and order, which real models give by chance only."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime

from optiq.servers import GenerateRequest, Generation, ServedModel


@dataclass(eq=False)
class FakeServer:
    """``answer(request)`` gives a text or an exception to raise. Counts what is in flight."""

    answer: Callable[[GenerateRequest], str | Exception]
    delay_s: float = 0.0
    latency_s: float | None = 1.0
    load_s: float | None = None
    prompt_tokens: int | None = 10
    output_tokens: int | None = 2
    model_slots: int = 8
    slots: int = 16
    name: str = "fake"
    counts_tokens: bool = False
    resident_models: int | None = None
    on_this_machine: bool = False
    requests: list[GenerateRequest] = field(default_factory=list)
    in_flight: dict[str, int] = field(default_factory=dict)
    most_in_flight: dict[str, int] = field(default_factory=dict)
    disconnected: int = 0
    lock: threading.Lock = field(default_factory=threading.Lock)

    def list_models(self) -> list[ServedModel]:
        return []

    async def generate(self, request: GenerateRequest) -> Generation:
        self._count(request.model, 1)
        self.requests.append(request)
        try:
            await asyncio.sleep(self.delay_s)
            answer = self.answer(request)
        finally:
            self._count(request.model, -1)
        if isinstance(answer, Exception):
            raise answer
        return Generation(
            answer,
            request.model,
            f"{request.model}-2026",
            self.name,
            self.latency_s,
            datetime.now(UTC),
            prompt_tokens=self.prompt_tokens,
            output_tokens=self.output_tokens,
            load_s=self.load_s,
            finish_reason="stop",
        )

    def _count(self, model: str, step: int) -> None:
        with self.lock:
            for name in (model, "*"):
                self.in_flight[name] = self.in_flight.get(name, 0) + step
                self.most_in_flight[name] = max(self.most_in_flight.get(name, 0), self.in_flight[name])

    def count_tokens(self, model: str, text: str) -> int | None:
        return None

    def identity(self, model: str) -> str:
        return f"{self.name} {model}"

    def health(self) -> str | None:
        return None

    def describe(self) -> str:
        return self.name

    async def disconnect(self) -> None:
        self.disconnected += 1

    def close(self) -> None:
        """Nothing to give back."""
