"""Functions of other packages in place of which ours stand while a block runs."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
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
