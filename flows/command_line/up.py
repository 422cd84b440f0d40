"""`optiq up` and `optiq down`: a local Prefect server, worker and all deployments."""

from __future__ import annotations

from typing import Annotated

from flows.command_line.screen import say
from flows.declaration import Option
from flows.flow_requests import Place


def up(
    place: Place,
    port: Annotated[int, Option("Port of the server on this machine.", "PORT", least=1, most=65535)] = 4200,
) -> None:
    """Start a local Prefect server, a worker and all deployments (the nightly refresh among them).

    The server answers to this machine only, and to who has the key of the home. What was paused stays paused. Runs
    work in the current folder.

    Example:  optiq up
    """
    import signal
    from importlib.util import find_spec
    from shlex import quote

    if find_spec("prefect") is None:
        raise ModuleNotFoundError("No module named 'prefect'", name="prefect")

    from flows.local_prefect import up as start
    from tasks.prefect_key import VARIABLE, key_file

    signal.signal(signal.SIGTERM, signal.default_int_handler)  # ends as cleanly as Ctrl-C
    running = start(place.home(), port, say)
    say(f"Prefect is up; its page: {running.api_url.removesuffix('/api')}")
    say(f"  export PREFECT_API_URL={running.api_url}")
    # The key itself is shown to nobody; optiq's own commands find it, and Prefect's take it from here.
    say(f'  export {VARIABLE}="$(cat {quote(str(key_file(place.home().path.resolve())))})"')
    say("  prefect deployment run refresh-perfdb/nightly --watch")
    say("  optiq down")


def down(place: Place) -> None:
    """Stop what `optiq up` started.

    Example:  optiq down
    """
    from flows.local_prefect import down as stop

    if not stop(place.home(), say):
        say("nothing to stop")
