"""Which models a run still asks: one that keeps failing is taken out."""

from __future__ import annotations

import math
import threading
import time

from optiq.errors import ServerError


class TakenOut(ServerError):
    """The model is not asked any more in this run."""


class ModelHealth:
    """Counts faults in a row per model, over all threads of a run.

    A model is out after ``patience`` calls in a row that failed for good (each with its retries), or at once
    if the server does not have it. A call during which another one was answered is not in that row: of several at
    once those that fail come late, one behind the other, for their retries, and the model is well. It stays out for
    ``rest_s``: then one fault more takes it out again. A run is short enough for it to stay out to the end.
    """

    def __init__(self, patience: int = 3, rest_s: float = math.inf) -> None:
        self._patience = patience
        self._rest_s = rest_s
        self._lock = threading.Lock()
        self._in_a_row: dict[str, int] = {}
        self._answered_s: dict[str, float] = {}
        self._out: dict[str, tuple[str, float]] = {}

    def answered(self, model: str) -> None:
        """The model answered: it is well."""
        with self._lock:
            self._in_a_row[model] = 0
            self._answered_s[model] = time.monotonic()

    def failed(self, model: str, error: str, began_s: float = math.inf, *, at_once: bool = False) -> None:
        """A call of the model, first made at ``began_s`` (of the monotonic clock), failed for good."""
        with self._lock:
            if not at_once and began_s < self._answered_s.get(model, -math.inf):
                return
            count = self._in_a_row[model] = self._in_a_row.get(model, 0) + 1
            if at_once or count >= self._patience:
                self._out.setdefault(model, (error, time.monotonic() + self._rest_s))

    def why_out(self, model: str) -> str | None:
        """The fault that took the model out; None if it is in."""
        if model not in self._out:
            return None
        with self._lock:
            self._let_in()
            return self._out[model][0] if model in self._out else None

    @property
    def out(self) -> tuple[str, ...]:
        """The models that were taken out."""
        if not self._out:
            return ()
        with self._lock:
            self._let_in()
            return tuple(sorted(self._out))

    def _let_in(self) -> None:
        """Those that have rested are tried again."""
        now = time.monotonic()
        for model in [name for name, (_, until) in self._out.items() if until <= now]:
            del self._out[model]
