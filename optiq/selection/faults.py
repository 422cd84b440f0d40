"""Whose fault a failure is: the agent's, its provider's, or that of how we run it.

Only the agent's say anything about the models that it was run with. A run that failed for another's reasons is not a
wrong answer (:class:`optiq.selection.evidence.Evidence`).
"""

from __future__ import annotations

import traceback
from collections.abc import Iterator, Sequence
from pathlib import Path

from optiq.selection.recording import CallRecord

AGENT, PROVIDER, OURS = "agent", "provider", "ours"
MADE_AGAIN = 2
"""So often at most a run is made again that failed for a reason of ours."""

_OF_LOOPS = ("event loop is closed", "different loop", "different event loop", "bound to a different")
_REFUSED = frozenset({401, 402, 403, 404, 407, 408, 425, 429})
_NEVER_THERE = ("ConnectionError", "TransportError", "TimeoutException", "ClientConnectionError", "HTTPError")
_HERE = str(Path(__file__).parent)


def fault_of_status(status: int) -> str:
    """A server that is overloaded, out of order or has no such model for us is no fault of what was asked."""
    return PROVIDER if status >= 500 or status in _REFUSED else AGENT


def fault_of(exception: BaseException) -> str:
    """Whose fault an exception is that a call ended with."""
    for cause in _causes(exception):
        if is_of_loops(cause):
            return OURS
        if any(kind.__name__ in _NEVER_THERE for kind in type(cause).__mro__):
            return PROVIDER
    return AGENT


def fault_of_run(exception: BaseException | None, calls: Sequence[CallRecord]) -> str | None:
    """Whose fault it is that a run failed; None if it did not.

    An agent that swallows the failure of its provider and answers all the same has failed for that reason, unless it
    asked the same model again and was answered.
    """
    if exception is not None and (_is_of_loops_at_all(exception) or _is_bug_of_ours(exception)):
        return OURS
    last = {(call.role, call.model): call.fault for call in sorted(calls, key=lambda call: call.ended_s)}
    for fault in (OURS, PROVIDER):
        if fault in last.values():
            return fault
    return None if exception is None else AGENT


def is_of_loops(exception: BaseException) -> bool:
    """Whether something of one event loop was used in another."""
    said = told(exception).lower()
    return isinstance(exception, RuntimeError) and any(part in said for part in _OF_LOOPS)


def told(exception: BaseException) -> str:
    """What an exception says of itself, if it can."""
    try:
        return str(exception)
    except Exception:  # whatever the user's class does
        return "it cannot say why"


def _is_of_loops_at_all(exception: BaseException) -> bool:
    return any(is_of_loops(cause) for cause in _causes(exception))


def _is_bug_of_ours(exception: BaseException) -> bool:
    from optiq.errors import OptiqError

    frames = traceback.extract_tb(exception.__traceback__)
    return bool(
        frames and frames[-1].filename.startswith(_HERE) and not isinstance(exception, OptiqError | OSError)
    )


def _causes(exception: BaseException | None) -> Iterator[BaseException]:
    seen: set[int] = set()
    while exception is not None and id(exception) not in seen:
        seen.add(id(exception))
        yield exception
        exception = exception.__cause__ or exception.__context__
