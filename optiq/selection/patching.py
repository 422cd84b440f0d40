"""Functions of other packages in place of which ours stand while a block runs."""

from __future__ import annotations

import importlib
import importlib.util
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec
from typing import Any

Patch = tuple[Any, str, Callable[[Any], Any]]
"""Who has the function, its name there, and what makes ours from the original."""


@contextmanager
def patched(patches: Sequence[Patch]) -> Iterator[None]:
    """While the block runs each function is ours; afterwards the originals, in the opposite order."""
    originals: list[tuple[Any, str, Any]] = []
    try:
        for owner, name, wrapped in patches:
            original = getattr(owner, name)
            originals.append((owner, name, original))
            setattr(owner, name, wrapped(original))
        yield
    finally:
        for owner, name, original in reversed(originals):
            setattr(owner, name, original)


@contextmanager
def patched_once_imported(wanted: Mapping[str, Callable[[Any], Sequence[Patch]]]) -> Iterator[None]:
    """The same for modules by name that take long to import: from when somebody else imports them."""
    with ExitStack() as stack:

        def found(name: str, module: Any) -> None:
            stack.enter_context(patched(wanted[name](module)))

        for name in wanted:
            if name in sys.modules:
                found(name, sys.modules[name])
        finder = _Finder(frozenset(wanted), found)
        sys.meta_path.insert(0, finder)
        try:
            yield
        finally:
            sys.meta_path.remove(finder)


class _Finder(MetaPathFinder):
    """Tells of modules when they have been executed; finding them is left to the others."""

    def __init__(self, names: frozenset[str], found: Callable[[str, Any], None]) -> None:
        self._names, self._found = names, found

    def find_spec(self, fullname: str, path: Any, target: Any = None) -> ModuleSpec | None:
        if fullname not in self._names:
            return None
        found = (f.find_spec(fullname, path, target) for f in sys.meta_path if f is not self)
        spec = next((one for one in found if one is not None), None)
        if spec is not None and spec.loader is not None:
            spec.loader.exec_module = self._telling(fullname, spec.loader.exec_module)  # type: ignore[method-assign,assignment]
        return spec

    def _telling(self, name: str, execute: Callable[[Any], None]) -> Callable[[Any], None]:
        def executed(module: Any) -> None:
            execute(module)
            self._found(name, module)

        return executed


def library(name: str) -> Any:
    """A package that agents may use, imported; None if it is not there."""
    return None if importlib.util.find_spec(name) is None else importlib.import_module(name)
