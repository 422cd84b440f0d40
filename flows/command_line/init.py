"""`optiq init`: make PerfDB with the shipped priors."""

from __future__ import annotations

from typing import Annotated

from flows.command_line.screen import counted, say
from flows.declaration import Option
from flows.flow_requests import Place


def init(
    place: Place,
    shared_home: Annotated[
        bool, Option("Others of this machine may use the home, as your umask and its folder's mode let them.")
    ] = False,
) -> None:
    """Make PerfDB with the shipped priors. One that exists stays as it is (one of an older optiq is migrated).

    The home is yours alone (mode 0700) unless it is shared.

    Example:  optiq init
    """
    from optiq.files.private import share_home
    from warehouse.refresh import init as make_perfdb

    home = place.home()
    if shared_home:
        share_home(home.path)
    there = home.perfdb.exists()
    made = make_perfdb(home)
    if there and not made.published:
        say(f"PerfDB is there already: {home.perfdb} (snapshot {made.snapshot_id})")
    elif there:
        say(f"PerfDB brought up to date: {home.perfdb} (snapshot {made.snapshot_id})")
    else:
        say(
            f"PerfDB made: {home.perfdb} (snapshot {made.snapshot_id}, "
            f"{counted(made.n_priors_new, 'published figure')})"
        )
