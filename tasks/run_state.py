"""What the chunks of a run share in this process, and who watches it."""

from __future__ import annotations

import threading
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Protocol

from optiq.errors import OptiqWarning
from optiq.execution import Shared
from optiq.execution.event_loop import EventLoop
from optiq.execution.ledger import Amount, Ledger
from optiq.execution.limits import calls_at_once, calls_in_flight
from optiq.execution.responses import ResponseStore
from optiq.execution.shared import Control
from optiq.files.sqlite_file import set_aside_if_damaged
from optiq.planning.allotment import Allotment
from tasks.pulse import Pulse
from tasks.run_folder import RunFolder
from tasks.session import Session
from tasks.tally import Counts, Tally
from warehouse.home import Home


@dataclass(frozen=True)
class RunOptions:
    """How a run goes about it; none of this changes which plan a question gets.

    ``max_total_cost_usd`` and ``max_total_energy_j`` hold over all questions and sessions of the run,
    ``max_total_time_s`` for one session. ``total_cost_for_qoa``: the total that is expected to buy this mean QoA is
    planned for. ``explore``: at most this share of questions goes to models that may be better than they look.
    """

    limit: int | None = None
    retry_errors: bool = False
    fresh: bool = False
    cache: bool = True
    max_total_cost_usd: float | None = None
    max_total_energy_j: float | None = None
    fail_after: int | None = None
    with_questions: bool | None = None
    max_total_time_s: float | None = None
    total_cost_for_qoa: float | None = None
    explore: float = 0.0


class Watcher(Protocol):
    """Shows a run to a person."""

    def watch(self, tally: Counts, server: str | None) -> None:
        """A run begins; ``server`` says in one line where its models answer."""


@dataclass
class RunState:
    """One run in this process. ``pulse``: its signs of life, if somebody watches it from elsewhere.
    ``in_flight`` calls were called off when it was interrupted."""

    folder: RunFolder
    shared: Shared
    tally: Tally
    session: Session
    loop: EventLoop = field(default_factory=EventLoop)
    fail_after: int | None = None
    pulse: Pulse | None = None
    allotment: Allotment | None = None
    deadline: threading.Timer | None = None
    explore: float = 0.0
    failed: int = 0
    in_flight: int = 0
    lock: threading.Lock = field(default_factory=threading.Lock)

    def chunk_session(self) -> Session:
        """The session for one chunk: what it plans is forgotten with it, so that memory stays flat."""
        return replace(self.session, planning=replace(self.session.planning))

    def count_failed(self, number: int) -> None:
        """Stop the run when more questions have failed than it may bear."""
        with self.lock:
            self.failed += number
            if self.fail_after is not None and self.failed >= self.fail_after:
                self.shared.control.drain(
                    f"not asked: {self.failed} questions failed (--fail-after {self.fail_after}); "
                    "the same command goes on"
                )


_states: dict[str, RunState] = {}
_controls: list[Control] = []
_watcher: Watcher | None = None


@contextmanager
def watched_by(watcher: Watcher) -> Iterator[None]:
    """Runs that begin in the block are shown to ``watcher``."""
    global _watcher
    _watcher = watcher
    try:
        yield
    finally:
        _watcher = None


def show(tally: Counts, about: str | None = None) -> None:
    """Something that takes long begins, ``about`` says where in one line: show it to who watches."""
    if _watcher is not None:
        _watcher.watch(tally, about)


@contextmanager
def stoppable(control: Control) -> Iterator[None]:
    """:func:`interrupt_all` reaches ``control`` as long as the block runs."""
    _controls.append(control)
    try:
        yield
    finally:
        _controls.remove(control)


def open_responses(home: Home, *, thorough: bool = False) -> ResponseStore:
    """The cache that all runs of a home share. A damaged one is moved aside, and a new one begun."""
    path = home.path / "cache" / "responses.sqlite"
    without_damage(path, "outputs that were kept are not found again", thorough=thorough)
    return ResponseStore(path)


def without_damage(path: Path, loss: str, *, thorough: bool = False) -> None:
    """Move a file that is only kept to save work aside if it is damaged, and warn of what that means."""
    with suppress(OSError):  # whoever opens it says what is wrong with the disk
        if (aside := set_aside_if_damaged(path, thorough=thorough)) is not None:
            warnings.warn(
                f"{path} was damaged: it is {aside.name} now, and {loss}", OptiqWarning, stacklevel=2
            )


def open_state(
    folder: RunFolder,
    options: RunOptions,
    session: Session,
    spent: Amount,
    billed_usd: float,
    total: int,
    done: int,
) -> RunState:
    """Begin a session of a run; ``spent`` is what earlier ones recorded as spent: the ledger may know of more.

    ``billed_usd`` of it is for answers.
    """
    store = (
        open_responses(folder.home)
        if options.cache
        else ResponseStore(folder.path / "calls.sqlite", shared=False)
    )
    limits = options.max_total_cost_usd, options.max_total_energy_j
    try:
        ledger = Ledger(*limits, spent, path=folder.path / "ledger.sqlite")
    except BaseException:
        store.close()
        raise
    at_once = dict if session.server is None else partial(calls_at_once, session.server)
    tally = Tally(total, done, ledger, *limits, at_once, billed_usd)
    shared = Shared(responses=store, ledger=ledger, observer=tally)
    state = _states[folder.run_id] = RunState(
        folder, shared, tally, session, fail_after=options.fail_after, explore=options.explore
    )
    show(tally, session.describe())
    return state


def state_of(run_id: str) -> RunState:
    """The state of a run that was opened in this process."""
    return _states[run_id]


def close_state(run_id: str) -> bool:
    """The session is over: give everything back. False if it was over already."""
    state = _states.pop(run_id, None)
    if state is not None:
        if state.pulse is not None:
            state.pulse.stop()
        if state.deadline is not None:
            state.deadline.cancel()
        state.tally.finish()
        state.loop.close(state.session.server.disconnect() if state.session.server is not None else None)
        if state.shared.responses is not None:
            state.shared.responses.close()
        state.shared.ledger.close()
        state.folder.unlock()
    return state is not None


def interrupt_all(reason: str) -> None:
    """Call off what is in flight, in all runs of this process."""
    for state in list(_states.values()):
        if state.session.server is not None and not state.shared.control.interrupted:
            state.in_flight = calls_in_flight(state.session.server)
        state.shared.control.interrupt(reason)
    for control in list(_controls):
        control.interrupt(reason)
