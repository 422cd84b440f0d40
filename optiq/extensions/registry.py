"""Things by name: those that come with Optiq, and those that other packages add by entry points.

A package adds, say, a model server with three lines of its ``pyproject.toml`` and no change here::

    [project.entry-points."optiq.servers"]
    vllm = "their_package.vllm:open_vllm"
"""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from functools import cached_property
from itertools import chain, count
from operator import attrgetter
from typing import TYPE_CHECKING, Any

from optiq.errors import ConfigurationError, UnknownName, meant

if TYPE_CHECKING:
    from importlib.metadata import EntryPoint


class Registry:
    """The things of one kind that can be asked for by name.

    ``group`` is the group of entry points, ``what`` one of them in words (``model server``), ``built_in`` where
    Optiq's own stand, as ``module:attribute``: these are known even where the installation's metadata is older
    than the code, and nobody takes their place. Nothing is imported before it is loaded.
    """

    def __init__(self, group: str, what: str, built_in: Mapping[str, str]) -> None:
        self.group = group
        self.what = what
        self.built_in = dict(built_in)
        self._given: dict[str, Any] = {}

    @cached_property
    def _added(self) -> dict[str, EntryPoint]:
        from importlib.metadata import entry_points

        return {point.name: point for point in entry_points(group=self.group)}

    def names(self) -> tuple[str, ...]:
        """All that can be asked for, sorted."""
        return tuple(sorted({*self.built_in, *self._added, *self._given}))

    def give(self, thing: Any) -> str:
        """The name under which this process asks for ``thing`` from now on; of a name, the name itself.

        It is called like its ``name``, else like its class or function.
        """
        if isinstance(thing, str):
            return thing
        said = getattr(thing, "name", None)
        kind = thing if hasattr(thing, "__name__") else type(thing)
        wanted = said if isinstance(said, str) and said else kind.__name__.strip("<>")
        taken = {*self.built_in, *self._added}
        for name in chain([wanted], (f"{wanted}-{n}" for n in count(2))):
            if name not in taken and self._given.setdefault(name, thing) is thing:
                return name
        raise AssertionError("numbers do not end")

    def check(self, name: str) -> None:
        """:class:`~optiq.errors.UnknownName` for a name that nobody registered; it lists those that are."""
        if name in self.built_in or name in self._given or name in self._added:
            return
        choices = f"Choose one of {', '.join(self.names()) or 'none'}."
        raise UnknownName(f"unknown {self.what} {name!r}", f"{meant(name, self.names())} {choices}".lstrip())

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
            module, _, attribute = self.built_in[name].partition(":")
            return attrgetter(attribute)(importlib.import_module(module))
        if name in self._given:
            return self._given[name]
        added = self._added[name]
        try:
            return added.load()
        except Exception as fault:  # another package's code, run for the first time: it may raise anything
            package = added.dist.name if added.dist is not None else added.module
            raise ConfigurationError(
                f"the {self.what} {name!r} of {package} cannot be loaded: {type(fault).__name__}: {fault}",
                f"Repair or update {package}, or choose another of {', '.join(self.names())}.",
            ) from fault
