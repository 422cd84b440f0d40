"""`optiq init`: make PerfDB with the shipped priors."""

from __future__ import annotations

import typer

from flows.command_line.options import PerfDBHome


def register(app: typer.Typer) -> None:
    """Add the verb to the command line."""
    app.command("init")(init)


def init(perfdb: PerfDBHome = None) -> None:
    """Make PerfDB with the shipped priors. One that exists stays as it is (one of an older optiq is migrated).

    Example:  optiq init
    """
    from flows.command_line.screen import say
    from optiq.configuration import Settings
    from warehouse.find_home import find_home
    from warehouse.refresh import init as make_perfdb

    home = find_home(Settings.load({"home": perfdb}).home)
    there = home.perfdb.exists()
    made = make_perfdb(home)
    if there and not made.published:
        say(f"PerfDB is there already: {home.perfdb} (snapshot {made.snapshot_id})")
    elif there:
        say(f"PerfDB brought up to date: {home.perfdb} (snapshot {made.snapshot_id})")
    else:
        say(
            f"PerfDB made: {home.perfdb} (snapshot {made.snapshot_id}, {made.n_priors_new} published figures)"
        )
