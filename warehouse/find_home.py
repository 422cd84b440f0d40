"""Where PerfDB lives: ``$OPTIQ_HOME``, a folder of this machine or a home in a store."""

from __future__ import annotations

import os
from pathlib import Path

from optiq.files.private import know_home
from warehouse.home import Home


def find_home(path: str | Path | None = None) -> Home:
    """The home at ``path``, else at ``$OPTIQ_HOME``, else at ``.optiq``. Nothing is created.

    A URL (``s3://bucket/home``, ``file:///mnt/home``) is a home in a store: what comes back is its mirror on this
    machine, brought up to date (:mod:`warehouse.mirror`).
    """
    given = str(path or os.environ.get("OPTIQ_HOME") or ".optiq")
    if "://" in given:
        from warehouse.mirror import open_mirror

        return open_mirror(given)
    home = Home(Path(given).expanduser())
    know_home(home.path)
    return home
