"""`optiq cache`: the outputs that are kept so that the same call is not made twice."""

from __future__ import annotations

import typer

from flows.command_line.options import Json, PerfDBHome


def register(app: typer.Typer) -> None:
    """Add the verb to the command line."""
    group = typer.Typer(
        help="Outputs of models that are kept, so that no call is made twice.", no_args_is_help=True
    )
    group.command("show")(show)
    group.command("clear")(clear)
    app.add_typer(group, name="cache")


def show(perfdb: PerfDBHome = None, json: Json = False) -> None:
    """How many outputs are kept, and where.

    Example:  optiq cache show
    """
    from flows.command_line.screen import say, say_json
    from optiq.configuration import Settings
    from tasks.run_state import open_responses
    from warehouse.find_home import find_home

    store = open_responses(find_home(Settings.load({"home": perfdb}).home))
    count, size = len(store), store.path.stat().st_size
    store.close()
    if json:
        say_json({"path": str(store.path), "responses": count, "bytes": size})
    else:
        say(f"{count} responses, {size / 1e6:.1f} MB in {store.path}")


def clear(perfdb: PerfDBHome = None) -> None:
    """Forget what is kept. Calls of unfinished runs stay: they are paid for and recorded nowhere else.

    Example:  optiq cache clear
    """
    from flows.command_line.screen import say
    from optiq.configuration import Settings
    from tasks.run_state import open_responses
    from warehouse.find_home import find_home

    store = open_responses(find_home(Settings.load({"home": perfdb}).home))
    cleared, left = store.clear(), len(store)
    store.close()
    say(f"{cleared} responses forgotten" + (f", {left} of unfinished runs kept" if left else ""))
