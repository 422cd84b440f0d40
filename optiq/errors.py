"""Errors that a person can mend. One family; every message says what is wrong and what to do.

::

    OptiqError                exit code 1
    ├── InputError            exit code 2: a file, row, flag or value that cannot be used
    │   ├── PlanError         not a plan: cycle, several sinks, unknown node, bad JSON
    │   ├── UnknownName       a model, topic, planner or server that nobody knows
    │   └── ConfigurationError
    ├── PerfDBError           missing, corrupt, foreign or newer PerfDB
    ├── GateError             the quality gate refused to publish
    ├── InfeasibleError       no plan meets the budget
    └── ServerError           a model server that cannot be reached or that failed
        ├── ModelNotServed
        ├── RequestRefused         this request only: too long, filtered, malformed
        └── TransientServerError   worth trying again: connection, 429, 5xx, time-out
            ├── RateLimited        the call comes too soon
            ├── ServerBusy         the server takes no more calls now
            └── AnswerLost         the call was made, its answer did not arrive
                ├── AnswerLate     not within its time
                └── AnswerBrokeOff     a part of it arrived, and was passed on

Anything else that surfaces is a bug and keeps its traceback.
"""

from __future__ import annotations

from collections.abc import Iterable


def meant(name: object, known: Iterable[str], otherwise: str = "") -> str:
    """What may have been meant by a name that is not known, as a remedy; ``otherwise`` where nothing is like it."""
    from difflib import get_close_matches

    close = get_close_matches(str(name), [*known], n=1)
    return f"Did you mean {close[0]!r}?" if close else otherwise


class OptiqError(Exception):
    """A fault with a remedy.

    ``message`` says what is wrong (with file and row where there are any), ``remedy`` what to do.
    ``str()`` is one line with both.
    """

    exit_code = 1

    def __init__(self, message: str, remedy: str = "") -> None:
        self.message = " ".join(message.split())
        self.remedy = " ".join(remedy.split())
        super().__init__(self.message)

    def __str__(self) -> str:
        if not self.remedy:
            return self.message
        end = "" if self.message.endswith((".", "!", "?", ":")) else "."
        return f"{self.message}{end} {self.remedy}"

    def __reduce__(self) -> tuple[type, tuple[str, str]]:
        return type(self), (self.message, self.remedy)


class InputError(OptiqError):
    """The caller gave something that cannot be used."""

    exit_code = 2


class PlanError(InputError):
    """A value that is not a valid plan: a DAG with a single sink and one model per node."""


class UnknownName(InputError):
    """A model, topic, planner or server name that is not known here."""


class ConfigurationError(InputError):
    """``optiq.toml`` or an ``OPTIQ_*`` variable holds something unusable."""


class PerfDBError(OptiqError):
    """PerfDB is missing, corrupt, foreign, or was made by a newer version."""


class GateError(OptiqError):
    """The quality gate found something that must not be published."""


class InfeasibleError(OptiqError):
    """No plan meets the budget."""


class ServerError(OptiqError):
    """A model server cannot be reached, or refused for good."""


class ModelNotServed(ServerError):
    """The server does not offer the model."""


class RequestRefused(ServerError):
    """The server will not answer this very request; others it may."""


class TransientServerError(ServerError):
    """May pass: connection, rate limit, 5xx, time-out. ``retry_after_s`` where the server said so."""

    def __init__(self, message: str, remedy: str = "", retry_after_s: float | None = None) -> None:
        super().__init__(message, remedy)
        self.retry_after_s = retry_after_s

    def __reduce__(self) -> tuple[type, tuple[str, str]]:
        return type(self), (self.message, self.remedy)


class RateLimited(TransientServerError):
    """The server takes no more calls now (429): it is well, and so is the request."""


class ServerBusy(TransientServerError):
    """The server has too much to do for the call (503), or is just starting."""


class AnswerLost(TransientServerError):
    """The call was made, and its answer did not arrive: it may be billed all the same."""


class AnswerLate(AnswerLost):
    """The answer did not arrive within its time."""


class AnswerBrokeOff(AnswerLost):
    """A part of the answer was passed on to who asked: another try would say it twice."""


class OptiqWarning(UserWarning):
    """Something was left out or assumed; the message names it."""


class OptiqNote(OptiqWarning):
    """Something that a person wants to know, with nothing wrong about it."""
