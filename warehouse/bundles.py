"""Small landed traces are bundled as they land: `optiq ask` every minute makes 43,000 files a month.

A bundle has the rows of some hundreds of files, and says whose they are. To a refresh they are the files that they
were: each is merged once, and named where a row is refused. Bundling takes turns with refreshes. A kill in its midst
leaves a bundle beside files that are in it, which the next one takes away and a refresh counts once. In a store, where
machines do not take turns, a file may come into the bundles of two; it counts once there, too.
"""

from __future__ import annotations

import os
from contextlib import suppress

from optiq.errors import OptiqError
from warehouse.gather import SMALL, TOGETHER, is_small, read_small
from warehouse.home import Home
from warehouse.landing import BUNDLE, bundle_metadata, land, landed
from warehouse.lock import alone

MANY = 256
"""Whenever there are so many more small files, they are worth a bundle: not with each that lands, as some may stay."""


def bundle_small(home: Home) -> None:
    """Bundle small files of traces, if there are many and no refresh is running; never an error of who landed one."""
    many = _n_small(home)
    if many == 0 or many % MANY:
        return
    with suppress(OptiqError, OSError), alone(home, 0.0):
        _bundle(home)


def _n_small(home: Home) -> int:
    with os.scandir(home.landing) as found:
        return sum(
            file.name.startswith("traces-")
            and not file.name.startswith(f"traces-{BUNDLE}-")
            and file.stat().st_size <= SMALL
            for file in found
        )


def _bundle(home: Home) -> None:
    home.settle("landing")  # before what is in a bundle is taken away, others see the bundle
    files = landed(home)
    there = {file.file_id for file in files if file.bundle is not None}
    loose = [file for file in files if file.bundle is None and is_small(file)]
    done = [file for file in loose if file.file_id in there]
    # what was made of a person's file says so in its own metadata
    fresh = [file for file in loose if file.file_id not in there and file.source() == (None, None)]
    for start in range(0, len(fresh), TOGETHER):
        for kept, frame in read_small(fresh[start : start + TOGETHER]):
            rows = dict(frame.group_by("filename").len().iter_rows())
            counts = {file: rows.get(str(file.path), 0) for file in kept}
            land(home, "traces", frame.drop("filename", "file_row_number"), BUNDLE, bundle_metadata(counts))
            done += kept
    for file in done:
        file.path.unlink(missing_ok=True)
    home.forget(*(file.path for file in done))
