"""PerfDBs that learned of a history and nothing else, made and thrown away: what lands, a refresh, a session on it."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import polars as pl

from optiq.configuration import Settings
from optiq.planning import Planning
from tasks.session import open_session
from warehouse.home import Home
from warehouse.landing import land_traces
from warehouse.refresh import init, refresh


class LearnedHomes:
    """Makes them in a scratch folder; with the shipped figures, like any fresh PerfDB."""

    def __init__(self, scratch: Path) -> None:
        self._fresh, self._home = scratch / "fresh", scratch / "home"
        init(Home(self._fresh))

    @classmethod
    @contextmanager
    def in_scratch(cls) -> Iterator[LearnedHomes]:
        """In a folder that is gone afterwards."""
        with tempfile.TemporaryDirectory() as scratch:
            yield cls(Path(scratch))

    @contextmanager
    def after(
        self, traces: pl.DataFrame, models: Sequence[str], blender: str | None = None
    ) -> Iterator[Planning]:
        """Planning with default settings after a refresh with ``traces``; its PerfDB is gone afterwards."""
        shutil.copytree(self._fresh, self._home)
        try:
            land_traces(Home(self._home), traces)
            refresh(Home(self._home))
            given = {"home": str(self._home), "models": list(models), "blender": blender}
            settings = Settings.load({name: value for name, value in given.items() if value is not None}, {})
            yield open_session(settings, serve=False).planning
        finally:
            shutil.rmtree(self._home)
