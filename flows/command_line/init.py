"""`optiq init`: make PerfDB with the shipped priors."""

from __future__ import annotations

from flows.command_line.screen import counted, say
from flows.flow_requests import Place


def init(place: Place) -> None:
    """Make PerfDB with the shipped priors. One that exists stays as it is (one of an older optiq is migrated).

    Example:  optiq init
    """
    from warehouse.refresh import init as make_perfdb

    home = place.home()
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
