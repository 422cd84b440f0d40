"""`optiq serve`: an endpoint that speaks OpenAI's and Ollama's API and plans each request."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

from flows.command_line.screen import note
from flows.declaration import Option
from flows.flow_requests import Limits, Place, Planning, Seeded, Serving
from optiq.endpoint.asked import STORES
from optiq.prompts import BARE, PROMPT_NAMES

if TYPE_CHECKING:
    from tasks.serving.run import ServeRequest


def _prompts() -> tuple[str, ...]:
    return PROMPT_NAMES


def _stores() -> tuple[str, ...]:
    return STORES


class Serve(Limits, Planning, Serving, Seeded, Place):
    """`optiq serve`."""

    host: Annotated[
        str, Option("Address to listen on; other than this machine's only with keys.", "ADDRESS", common=True)
    ] = "127.0.0.1"
    port: Annotated[
        int, Option("Port to listen on; 0: any that is free.", "PORT", most=65535, common=True)
    ] = 8080
    prompt: Annotated[str, Option("How models are asked: {names}.", "SET", choices=_prompts)] = BARE
    store_text: Annotated[
        str,
        Option("What traces hold of questions and answers: {names}.", choices=_stores),
    ] = "yes"
    most_requests: Annotated[
        int, Option("Requests in flight; more are told to come back (503).", "N", least=1)
    ] = 256
    most_mb: Annotated[float, Option("Longest request.", "MB", least=0.001, most=1024)] = 8.0
    request_timeout: Annotated[float, Option("Longest time for one request.", "SECONDS", least=0.001)] = 600.0
    shutdown_timeout: Annotated[
        int, Option("How long what is in flight may take at the end; then it is called off.", "SECONDS")
    ] = 30
    page: Annotated[bool, Option("Show the last requests at / (on this machine only).")] = True

    @property
    def wanted(self) -> ServeRequest:
        """What is served."""
        from dataclasses import replace

        from optiq.endpoint.app import Bounds
        from optiq.errors import InputError
        from tasks.serving.run import ServeRequest

        for flag, value, names in (
            ("--prompt", self.prompt, PROMPT_NAMES),
            ("--store-text", self.store_text, STORES),
        ):
            if value not in names:
                raise InputError(f"{flag} is {value!r}", f"Give one of {', '.join(names)}.")
        return ServeRequest(
            replace(self.settings, prompt=self.prompt),
            self.budget,
            self.host,
            self.port,
            self.store_text,
            Bounds(self.most_requests, int(self.most_mb * 2**20), self.request_timeout),
            self.shutdown_timeout,
            self.page,
        )


def serve(request: Serve) -> None:
    """Answer applications that speak OpenAI's or Ollama's API: the model `optiq` is planned, request by request.

    Example:  optiq serve --port 8080
    """
    from tasks.serving.run import serve as run

    run(request.wanted, note)
