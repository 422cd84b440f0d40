"""Things by name: those that come with Optiq, and those that other packages add by entry points.

A package adds, say, a model server with three lines of its ``pyproject.toml`` and no change here::

    [project.entry-points."optiq.servers"]
    vllm = "their_package.vllm:open_vllm"
"""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from functools import cached_property
from importlib.metadata import EntryPoint, entry_points
from typing import Any

from optiq.errors import ConfigurationError, UnknownName


class Registry:
    """The things of one kind that can be asked for by name.

    ``group`` is the group of entry points, ``what`` one of them in words (``model server``), ``built_in`` where
    Optiq's own stand, as ``module:attribute``: these are known even where the installation's metadata is older
    than the code, and nobody takes their place. Nothing is imported before it is loaded.
    """

    def __init__(self, group: str, what: str, built_in: Mapping[str, str]) -> None:
        self.group = group
        self.what = what
        self.built_in = {name: EntryPoint(name, value, group) for name, value in built_in.items()}

    @cached_property
    def _added(self) -> dict[str, EntryPoint]:
        return {point.name: point for point in entry_points(group=self.group)}

    def names(self) -> tuple[str, ...]:
        """All that can be asked for, sorted."""
        return tuple(sorted({*self.built_in, *self._added}))

    def check(self, name: str) -> None:
        """:class:`~optiq.errors.UnknownName` for a name that nobody registered; it lists those that are."""
        if name in self.built_in or name in self._added:
            return
        close = difflib.get_close_matches(name, self.names(), n=1)
        hint = f"Did you mean {close[0]}? " if close else ""
        raise UnknownName(
            f"unknown {self.what} {name!r}", f"{hint}Choose one of {', '.join(self.names()) or 'none'}."
        )

    def load(self, name: str) -> Any:
        """What is registered under ``name``, imported now.

        Raises
        ------
        UnknownName
            for a name that nobody registered; it lists those that are.
        ConfigurationError
            if what another package registered cannot be imported.
        """
        self.check(name)
        if name in self.built_in:
            return self.built_in[name].load()
        added = self._added[name]
        try:
            return added.load()
        except Exception as fault:  # another package's code, run for the first time: it may raise anything
            package = added.dist.name if added.dist is not None else added.module
            raise ConfigurationError(
                f"the {self.what} {name!r} of {package} cannot be loaded: {type(fault).__name__}: {fault}",
                f"Repair or update {package}, or choose another of {', '.join(self.names())}.",
            ) from fault
