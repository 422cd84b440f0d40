"""`optiq up` and `optiq down`: a local Prefect server, worker and all deployments."""

from __future__ import annotations

from typing import Annotated

import typer

from flows.command_line.options import PerfDBHome


def register(app: typer.Typer) -> None:
    """Add both verbs to the command line."""
    app.command("up")(up)
    app.command("down")(down)


def up(
    port: Annotated[
        int, typer.Option("--port", min=1, max=65535, help="Port of the server on this machine.")
    ] = 4200,
    perfdb: PerfDBHome = None,
) -> None:
    """Start a local Prefect server, a worker and all deployments (the nightly refresh among them).

    Example:  optiq up
    """
    from flows.command_line.screen import say
    from flows.local_prefect import up as start
    from optiq.configuration import Settings
    from warehouse.find_home import find_home

    running = start(find_home(Settings.load({"home": perfdb}).home), port, say)
    say(f"Prefect is up: {running.api_url.removesuffix('/api')}")
    say(f"  export PREFECT_API_URL={running.api_url}")
    say("  prefect deployment run refresh-perfdb/nightly --watch")
    say("  optiq down")


def down(perfdb: PerfDBHome = None) -> None:
    """Stop what `optiq up` started.

    Example:  optiq down
    """
    from flows.command_line.screen import say
    from flows.local_prefect import down as stop
    from optiq.configuration import Settings
    from warehouse.find_home import find_home

    if not stop(find_home(Settings.load({"home": perfdb}).home), say):
        say("nothing to stop")
