"""One server for a plan whose blend nodes run elsewhere than its other nodes."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping

from optiq.errors import ServerError
from optiq.servers.protocol import GenerateRequest, Generation, ModelServer, ServedModel


class CompositeServer:
    """``main`` for all models but those in ``blenders``, each of which has a server of its own.

    Blenders are not listed: they answer no question by themselves, so no pool may hold them.
    """

    def __init__(self, main: ModelServer, blenders: Mapping[str, ModelServer]) -> None:
        self._main = main
        self._blenders = dict(blenders)
        self.name = main.name
        self.model_slots = main.model_slots
        self.slots = main.slots + sum(server.slots for server in blenders.values())
        self.resident_models = None if main.resident_models is None else main.resident_models + len(blenders)
        self.counts_tokens = main.counts_tokens
        self.on_this_machine = all(
            getattr(server, "on_this_machine", False) for server in (main, *blenders.values())
        )

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


def with_blender(main: ModelServer, source: str | None) -> ModelServer:
    """``main``, and the GenFuser in ``source`` (a folder or the name of a model) if one is given.

    Raises
    ------
    ServerError
        if transformers is not installed.
    """
    if source is None:
        return main
    from optiq.servers.genfuser import GenFuserServer

    fuser = GenFuserServer(source)
    if fuser.model in {model.name for model in main.list_models()}:
        raise ServerError(
            f"{fuser.model} is the name of a served model too", "Rename the folder of the blender."
        )
    return CompositeServer(main, {fuser.model: fuser})
