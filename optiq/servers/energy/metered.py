"""A model server on this machine whose calls come with the energy that they took."""

from __future__ import annotations

import math
import threading
from dataclasses import replace
from typing import Any

from optiq.servers.energy.counters import EnergyCounter
from optiq.servers.protocol import OPTIONAL, GenerateRequest, Generation, ModelServer, ServedModel


class Shares:
    """Divides what the counter says between the calls in flight, equally, from event to event.

    While a counter fails or runs backwards, nobody's share is known: the calls in flight then get None.
    """

    def __init__(self, counter: EnergyCounter) -> None:
        self._counter = counter
        self._lock = threading.Lock()
        self._in_flight: dict[int, float] = {}
        self._last = math.nan
        self._number = 0

    def begin(self) -> int:
        """A call begins; returns what :meth:`end` takes."""
        with self._lock:
            self._share_out()
            self._number += 1
            self._in_flight[self._number] = 0.0
            return self._number

    def end(self, number: int) -> float | None:
        """The call is over: its joules, None if they are not known."""
        with self._lock:
            self._share_out()
            joules = self._in_flight.pop(number)
            return None if math.isnan(joules) else joules

    def _share_out(self) -> None:
        try:
            now = self._counter.read()
        except Exception:  # whatever a driver raises: the call it belongs to must not fail for it
            now = math.nan
        taken = now - self._last
        if self._in_flight:
            each = taken / len(self._in_flight) if taken >= 0 else math.nan
            for number in self._in_flight:
                self._in_flight[number] += each
        self._last = now


class MeteredServer:
    """``server`` with ``energy_j`` set in what it generates, but for calls that loaded their model."""

    def __init__(self, server: ModelServer, counter: EnergyCounter) -> None:
        self._server = server
        self._counter = counter
        self._shares = Shares(counter)
        self.name = server.name
        self.model_slots = server.model_slots
        self.slots = server.slots
        self.resident_models = server.resident_models
        self.counts_tokens = server.counts_tokens
        self.on_this_machine = server.on_this_machine

    def __getattr__(self, name: str) -> Any:
        """What servers may have beside the protocol."""
        if name in OPTIONAL:
            return getattr(self._server, name)
        raise AttributeError(name)

    def list_models(self) -> list[ServedModel]:
        return self._server.list_models()

    async def generate(self, request: GenerateRequest) -> Generation:
        """The server's own, with its share of the energy taken meanwhile."""
        number = self._shares.begin()
        joules: float | None = None
        try:
            generation = await self._server.generate(request)
        finally:
            joules = self._shares.end(number)
        return generation if generation.load_s else replace(generation, energy_j=joules)

    def count_tokens(self, model: str, text: str) -> int | None:
        return self._server.count_tokens(model, text)

    def identity(self, model: str) -> str:
        return self._server.identity(model)

    def health(self) -> str | None:
        return self._server.health()

    def describe(self) -> str:
        return f"{self._server.describe()}; energy measured on {self._counter.describe()}"

    async def disconnect(self) -> None:
        await self._server.disconnect()

    def close(self) -> None:
        self._server.close()


def metered(server: ModelServer, counter: EnergyCounter | None) -> ModelServer:
    """``server``, metered if there is a counter and the server runs on this machine."""
    if counter is None or not server.on_this_machine:
        return server
    return MeteredServer(server, counter)
