"""An endpoint on a home of its own, over a model server without models; both in this process."""

from __future__ import annotations

import asyncio
import json
import shutil
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import httpx
import pytest
import uvicorn

from benchmarks.model_server import Behaviour, serve_client
from optiq.configuration import Settings
from optiq.questions.question import Budget
from tasks.serving.run import ServeRequest, listening, open_app, server_config
from warehouse.home import Home

MODELS = ["gemma3:27b", "mistral:7b", "phi4:14b"]


@contextmanager
def model_server(behaviour: Behaviour) -> Iterator[str]:
    """Its address; ``behaviour`` may be changed while it runs."""
    loop, ready, found = asyncio.new_event_loop(), threading.Event(), []

    async def main() -> None:
        server = await asyncio.start_server(
            lambda reader, writer: serve_client(behaviour, reader, writer), "127.0.0.1", 0, backlog=512
        )
        found.append(server.sockets[0].getsockname()[1])
        ready.set()
        await asyncio.Event().wait()

    def run() -> None:
        with pytest.raises(asyncio.CancelledError):
            loop.run_until_complete(task)
        loop.close()

    task = loop.create_task(main())
    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    assert ready.wait(10)
    try:
        yield f"http://127.0.0.1:{found[0]}"
    finally:

        def end() -> None:
            for one in asyncio.all_tasks(loop):
                one.cancel()

        loop.call_soon_threadsafe(end)
        thread.join(10)


@dataclass
class Endpoint:
    """A running endpoint with what stands around it."""

    url: str
    home: Home
    behaviour: Behaviour
    notes: list[str]
    client: httpx.Client = field(init=False)

    def __post_init__(self) -> None:
        self.client = httpx.Client(base_url=self.url, trust_env=False, timeout=60)

    def ask(
        self, text: str = "What is the capital of Norway?", model: str = "optiq", **fields: Any
    ) -> httpx.Response:
        """One question by OpenAI's chat API."""
        body = {"model": model, "messages": [{"role": "user", "content": text}], **fields}
        return self.client.post("/v1/chat/completions", json=body)

    def events(self, path: str = "/v1/chat/completions", **body: Any) -> list[Any]:
        """The data of a stream's events, each as JSON but for ``[DONE]``."""
        with self.client.stream("POST", path, json={"stream": True, **body}) as reply:
            assert reply.status_code == 200, reply.read()
            lines = [line[6:] for line in reply.iter_lines() if line.startswith("data: ")]
        return [line if line == "[DONE]" else json.loads(line) for line in lines]

    def until(self, what: Callable[[], Any], seconds: float = 30.0) -> Any:
        """What ``what`` gives, as soon as it gives something."""
        deadline = time.monotonic() + seconds
        while not (found := what()):
            assert time.monotonic() < deadline
            time.sleep(0.02)
        return found


@contextmanager
def running(home: Path, url: str, behaviour: Behaviour, **wanted: Any) -> Iterator[Endpoint]:
    """An endpoint on ``home``, ended in good order."""
    settings = wanted.pop("settings", Settings())
    settings = replace(
        settings, home=str(home), server="openai", server_url=f"{url}/v1", prompt="bare", energy="predicted"
    )
    notes: list[str] = []
    request = ServeRequest(settings, wanted.pop("budget", Budget()), port=0, **wanted)
    server = uvicorn.Server(server_config(open_app(request, notes.append), request, 2_000))
    opened: socket.socket = listening(request)
    thread = threading.Thread(target=server.run, kwargs={"sockets": [opened]}, daemon=True)
    thread.start()
    endpoint = Endpoint(f"http://127.0.0.1:{opened.getsockname()[1]}", Home(home), behaviour, notes)
    endpoint.until(lambda: server.started)
    try:
        yield endpoint
    finally:
        endpoint.client.close()
        server.should_exit = True
        thread.join(30)
        assert not thread.is_alive()


@pytest.fixture(autouse=True)
def _no_server_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("OPTIQ_CONFIG", "OPTIQ_SERVER", "OPENAI_API_KEY", "OPTIQ_OPENAI_API_KEY"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture(scope="module")
def served(fresh_home: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Endpoint]:
    """An endpoint that the tests of a module share."""
    home = tmp_path_factory.mktemp("served") / "home"
    shutil.copytree(fresh_home, home)
    behaviour = Behaviour([*MODELS])
    settings = Settings(features=(("images", ("phi4:14b",)),))
    with model_server(behaviour) as url, running(home, url, behaviour, settings=settings) as endpoint:
        yield endpoint


@pytest.fixture
def serve(fresh_home: Path, tmp_path: Path) -> Iterator[Callable[..., Any]]:
    """``serve(behaviour, **wanted)``: a context with an endpoint of the test's own, on a home that stays."""
    home = tmp_path / "home"
    shutil.copytree(fresh_home, home)
    with model_server(behaviour := Behaviour([*MODELS])) as url:

        def start(**wanted: Any) -> Any:
            return running(home, url, behaviour, **wanted)

        yield start
