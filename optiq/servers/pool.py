"""Several servers as one: each model goes where it is served, and where several serve it to the one with most room.

``NAME/model`` is that model at the server of that name. The servers keep what is their own: limits, health, energy.
"""

from __future__ import annotations

import threading
import warnings
from collections import Counter
from collections.abc import Callable, Collection, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import Any

from optiq.errors import ModelNotServed, OptiqWarning, ServerError
from optiq.servers.protocol import GenerateRequest, Generation, ModelServer, ServedModel
from optiq.statistics.snapshot import ModelFigures


@dataclass(frozen=True, slots=True)
class Place:
    """Where a model can be asked: ``server`` calls it ``model``. ``key`` is what its health is told by."""

    key: str
    server: ModelServer
    model: str


def places_of(server: ModelServer, model: str) -> Sequence[Place]:
    """The places of ``model``: one, but in a pool of servers."""
    found = getattr(server, "places", None)
    return [Place(model, server, model)] if found is None else found(model)


def members_of(server: ModelServer) -> Mapping[str, ModelServer]:
    """The servers of a pool by name; a single one has no name."""
    return getattr(server, "members", None) or {"": server}


class PooledServer:
    """``members`` by name as one :class:`~optiq.servers.protocol.ModelServer`.

    ``only`` are the models that are used of a member (empty or absent: all); ``prices`` are rates in USD by member and
    model.
    """

    name = "pool"

    def __init__(
        self,
        members: Mapping[str, ModelServer],
        only: Mapping[str, Sequence[str]] | None = None,
        prices: Mapping[str, Mapping[str, Mapping[str, float]]] | None = None,
    ) -> None:
        self.members = dict(members)
        self.prices = prices or {}
        self._only = only or {}
        every = list(self.members.values())
        self.model_slots = max(server.model_slots for server in every)
        self.slots = sum(server.slots for server in every)
        self.resident_models: int | None = None
        self.counts_tokens = any(server.counts_tokens for server in every)
        self.on_this_machine = all(server.on_this_machine for server in every)
        self._listed: dict[str, list[ServedModel]] | None = None
        self._in_flight: Counter[str] = Counter()
        self._lock = threading.Lock()

    def list_models(self) -> list[ServedModel]:
        """The models of all members, each once. A member that does not answer is said, and left out.

        :class:`ServerError` if none answers.
        """
        with ThreadPoolExecutor(len(self.members)) as threads:
            answers = dict(zip(self.members, threads.map(_listed, self.members.values()), strict=True))
        faults = {name: found for name, found in answers.items() if isinstance(found, ServerError)}
        if len(faults) == len(self.members):
            raise next(iter(faults.values()))
        for name, fault in faults.items():
            warnings.warn(f"server {name} is left out: {fault}", OptiqWarning, stacklevel=2)
        self._listed = {
            name: [model for model in found if not self._only.get(name) or model.name in self._only[name]]
            for name, found in answers.items()
            if not isinstance(found, ServerError)
        }
        once: dict[str, ServedModel] = {}
        for found in self._listed.values():
            for model in found:
                once.setdefault(model.name, model)
        return sorted(once.values(), key=lambda model: model.name)

    def places(self, model: str) -> list[Place]:
        """Where ``model``, or ``NAME/model``, is served; empty if nowhere."""
        if self._listed is None:
            self.list_models()
        listed = self._listed or {}
        name, _, own = model.partition("/")
        if name in self.members and own:
            served = any(known.name == own for known in listed.get(name, ()))
            return [Place(model, self.members[name], own)] if served else []
        return [
            Place(f"{name}/{model}", self.members[name], model)
            for name, found in listed.items()
            if any(known.name == model for known in found)
        ]

    async def generate(self, request: GenerateRequest) -> Generation:
        """By the member that has the fewest of these calls in flight; an executor chooses by itself."""
        places = self._places(request.model)
        with self._lock:
            place = min(places, key=lambda one: self._in_flight[one.key])
            self._in_flight[place.key] += 1
        try:
            return await generate_at(place, request)
        finally:
            with self._lock:
                self._in_flight[place.key] -= 1

    def count_tokens(self, model: str, text: str) -> int | None:
        for place in self._places(model):
            if place.server.counts_tokens:
                return place.server.count_tokens(place.model, text)
        return None

    def identity(self, model: str) -> str:
        """What stands for all that may answer: which of them did is no matter."""
        return " or ".join(sorted({place.server.identity(place.model) for place in self._places(model)}))

    def health(self) -> str | None:
        said = {name: server.health() for name, server in self.members.items()}
        faults = [f"{name}: {fault}" for name, fault in said.items() if fault is not None]
        return "; ".join(faults) or None

    def describe(self) -> str:
        return "; ".join(f"{name} is {server.describe()}" for name, server in self.members.items())

    async def disconnect(self) -> None:
        import asyncio  # here, as planning needs names and prices alone

        await asyncio.gather(*(server.disconnect() for server in self.members.values()))

    def close(self) -> None:
        for server in self.members.values():
            server.close()

    async def features(self, model: str) -> frozenset[str] | None:
        """What every server of ``model`` says that it can; None where one does not say."""
        told: frozenset[str] | None = None
        for place in self._places(model):
            ask = getattr(place.server, "features", None)
            found: frozenset[str] | None = None if ask is None else await ask(place.model)
            if found is None:
                return None
            told = found if told is None else told & found
        return told

    async def pass_on(
        self, path: str, body: Any, timeout_s: float, take: Callable[[bytes], None] | None = None
    ) -> Any:
        """What a server of the model that ``body`` names answers, to a request that no plan is made for."""
        for place in self._places(str(body.get("model"))):
            if hasattr(place.server, "pass_on"):
                asked = {**body, "model": place.model}
                return await (
                    place.server.pass_on(path, asked, timeout_s)
                    if take is None
                    else place.server.pass_on(path, asked, timeout_s, take)
                )
        raise ServerError(f"no server of {body.get('model')!r} takes {path}", "Ask another model.")

    def _places(self, model: str) -> list[Place]:
        if places := self.places(model):
            return places
        raise ModelNotServed(
            f"no server of {', '.join(self.members)} has {model!r}", "`optiq models` lists all."
        )


async def generate_at(place: Place, request: GenerateRequest) -> Generation:
    """What ``request`` comes to at ``place``; the generation names the server as the pool does."""
    if place.model == request.model and place.key == request.model:
        return await place.server.generate(request)
    found = await place.server.generate(replace(request, model=place.model))
    return replace(found, requested_model=request.model, server=place.key.partition("/")[0])


def at_prices(server: ModelServer, name: str | None, figures: ModelFigures) -> ModelFigures:
    """``figures`` of a model with what the member of that name takes for it."""
    prices: Mapping[str, Mapping[str, Mapping[str, float]]] = getattr(server, "prices", {})
    model = figures.model.removeprefix(f"{name}/")
    rates: Mapping[str, Any] | None = prices.get(name or "", {}).get(model)
    return replace(figures, price_steps=(), **rates) if rates else figures


def served_name(server: ModelServer, served: Collection[str], name: str) -> str | None:
    """The name under which ``name`` is among the ``served`` models, if it is not itself; None if it is not served.

    ``mistral`` and ``mistral:latest`` are one model; ``NAME/mistral`` is that at the server NAME.
    """
    other = name.removesuffix(":latest") if name.endswith(":latest") else f"{name}:latest"
    if other in served:
        return other
    member, _, model = name.partition("/")
    if member in members_of(server) and model and places_of(server, name):
        return model
    return None


def prices_at(server: ModelServer, name: str) -> tuple[tuple[tuple[str, float], ...], ...]:
    """What each server takes that calls of ``name`` may go to, in USD; empty for what is not set."""
    prices = getattr(server, "prices", {})
    if not any(prices.values()):
        return ()
    told = (
        prices.get(place.key.partition("/")[0], {}).get(place.model, {}) for place in places_of(server, name)
    )
    return tuple(tuple(sorted(rates.items())) for rates in told)


def _listed(server: ModelServer) -> list[ServedModel] | ServerError:
    try:
        return server.list_models()
    except ServerError as fault:
        return fault
