"""How a run is doing: a live display on a terminal, a plain line now and then elsewhere."""

from __future__ import annotations

import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from flows.command_line.screen import duration, figure, for_no_answer, note, printable, usd
from tasks.run_state import watched_by
from tasks.tally import Counts, RunStanding

_REDRAW_S = 0.2
_PLAIN_S = 10.0


@contextmanager
def progress(enabled: bool = True) -> Iterator[None]:
    """Runs that begin in the block show how they are doing, on standard error."""
    if not enabled:
        yield
        return
    display = _Display(terminal=sys.stderr.isatty())
    with watched_by(display):
        try:
            yield
        finally:
            display.stop()


def standing_line(standing: RunStanding) -> str:
    """A run at one moment, in one line."""
    parts = [f"{standing.done}/{standing.total} done, {standing.running} running"]
    if failed := standing.statuses.get("failed", 0):
        parts.append(f"{failed} failed")
    spent = usd(standing.spent_usd - standing.unanswered_usd)
    if standing.max_usd is not None:
        spent += f" of {usd(standing.max_usd)}"
    spent += for_no_answer(standing.unanswered_usd)
    if standing.max_j is not None:
        spent += f", {figure(standing.spent_j)} J of {figure(standing.max_j)}"
    parts.append(spent)
    if standing.left_s is not None and standing.done < standing.total:
        parts.append(f"{duration(standing.left_s)} left")
    if calls := calls_text(standing):
        parts.append(calls)
    return "; ".join(parts)


def calls_text(standing: RunStanding) -> str:
    """Calls, calls at once and errors per model."""
    parts = []
    for model in sorted({*standing.calls, *standing.late}):
        number = standing.calls.get(model, 0)
        errors, at_once = standing.errors.get(model, 0), standing.at_once.get(model)
        late = standing.late.get(model, 0)
        told = [
            f"{at_once} at once" if at_once else "",
            f"{late} too late" if late else "",
            f"{errors} failed" if errors else "",
        ]
        more = ", ".join(filter(None, told))
        parts.append(f"{model} {number}" + (f" ({more})" if more else ""))
    if standing.cached:
        parts.append(f"cache {standing.cached}")
    return ", ".join(parts)


class _Display:
    """Looks at the run from a thread of its own, so that showing it costs the run nothing."""

    def __init__(self, terminal: bool) -> None:
        self._terminal = terminal
        self._stopped = threading.Event()
        self._thread: threading.Thread | None = None

    def watch(self, tally: Counts, server: str | None) -> None:
        if tally.standing().done >= tally.standing().total:
            return  # nothing left to do
        if server is not None:
            note(printable(server))
        self._thread = threading.Thread(
            target=self._live if self._terminal else self._plain, args=(tally,), daemon=True
        )
        self._thread.start()

    def stop(self) -> None:
        self._stopped.set()
        if self._thread is not None:
            self._thread.join()

    def _plain(self, tally: Counts) -> None:
        while not self._stopped.wait(_PLAIN_S):
            standing = tally.standing()
            if not standing.finished:
                note(standing_line(standing))

    def _live(self, tally: Counts) -> None:
        from rich.console import Console
        from rich.progress import BarColumn, Progress, TextColumn

        columns = (BarColumn(bar_width=20), TextColumn("{task.description}", markup=False))
        with Progress(*columns, console=Console(stderr=True), transient=True, refresh_per_second=5) as bar:
            shown = bar.add_task("", total=tally.standing().total)
            while True:
                standing = tally.standing()
                bar.update(shown, completed=standing.done, description=printable(standing_line(standing)))
                if self._stopped.wait(_REDRAW_S):
                    return
