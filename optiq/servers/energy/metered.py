"""A model server on this machine whose calls come with the energy that they took."""

from __future__ import annotations

from dataclasses import replace

from optiq.servers.energy.counters import EnergyCounter
from optiq.servers.energy.shares import Shares
from optiq.servers.protocol import GenerateRequest, Generation, ModelServer, ServedModel


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
    if counter is None or not getattr(server, "on_this_machine", False):
        return server
    return MeteredServer(server, counter)
