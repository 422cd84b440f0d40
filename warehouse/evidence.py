"""Judged executions that an evaluation stands on, and what was left out of them: nothing is dropped unsaid."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

import polars as pl

from optiq.errors import InputError

UNRECORDED = "unrecorded"
"""What a prompt set is called that was not recorded."""

MOST_QUESTIONS = 5000
"""Replayed at most unless told otherwise: likeness of all pairs of more would take gigabytes."""

FAILED = "plans that fail look better than they are"
UNJUDGED = "nothing says how good they were; `optiq score` does when there are references"


def beyond(questions: int) -> str:
    """Why questions are left out of very many."""
    return f"{questions:,} are replayed at most (--max-questions)"


@dataclass(frozen=True, slots=True)
class Part:
    """Which executions are wanted: begun from ``since`` and before ``until`` (UTC), of runs whose ids begin with
    ``run``, answered with the prompt set ``prompt`` (its name, or how its label begins), on at most ``questions``
    questions.
    """

    since: datetime | None = None
    until: datetime | None = None
    run: str | None = None
    prompt: str | None = None
    questions: int = MOST_QUESTIONS

    @classmethod
    def between(
        cls, since: str | None, until: str | None, run: str | None, prompt: str | None, questions: int
    ) -> Part:
        """From times as people write them; :class:`InputError` names what is none, or the wrong way round."""
        begin, end = _time_of(since, "--since"), _time_of(until, "--until")
        if begin is not None and end is not None and begin >= end:
            raise InputError("--since is not before --until", "Give an earlier --since.")
        return cls(begin, end, run, prompt, questions)

    def told(self) -> str:
        """As a person would say it; empty for everything."""
        words = [
            f"since {self.since:%Y-%m-%d %H:%M} UTC" if self.since else "",
            f"until {self.until:%Y-%m-%d %H:%M} UTC" if self.until else "",
            f"of runs that begin with {self.run}" if self.run else "",
        ]
        return ", ".join(filter(None, words))


_AGO = re.compile(r"(\d+)\s*([dhw])")
_UNITS = {"h": "hours", "d": "days", "w": "weeks"}


def _time_of(given: str | None, flag: str) -> datetime | None:
    """A time in UTC from a date, a date and time (ISO 8601), or so long ago: ``12h``, ``30d``, ``4w``.

    An :class:`InputError` names the flag whose value is none of these.
    """
    if given is None:
        return None
    text = str(given).strip()
    try:
        if ago := _AGO.fullmatch(text):
            return datetime.now(UTC) - timedelta(**{_UNITS[ago[2]]: int(ago[1])})
        found = datetime.fromisoformat(text)
    except (ValueError, OverflowError):
        raise InputError(
            f"{flag} is {text!r}", "Give a date such as 2026-10-01, a time, or how long ago: 12h, 30d, 4w."
        ) from None
    return found.replace(tzinfo=UTC) if found.tzinfo is None else found.astimezone(UTC)


class LeftOut(NamedTuple):
    """Something that was not taken, with its number, and why."""

    what: str
    why: str

    @classmethod
    def of(cls, n: int, one: str, more: str, why: str) -> LeftOut:
        """``LeftOut.of(2, "execution", "without a score", …)``: 2 executions without a score."""
        return cls(f"{n:,} {one}{'' if n == 1 else 's'} {more}".rstrip(), why)


@dataclass(frozen=True, slots=True)
class Evidence:
    """``table`` has the columns that :meth:`optiq.evaluation.Outcomes.from_traces` takes; ``source`` names where it
    is from, ``prompt`` the one prompt set of it.
    """

    table: pl.DataFrame
    source: str
    prompt: str
    left_out: tuple[LeftOut, ...] = ()


def choose_prompt(sets: pl.DataFrame, wanted: str | None) -> tuple[str, list[LeftOut]]:
    """The prompt set with most judged questions, and what the others are left out of.

    ``sets``: prompt, n_executions, n_judged, n_questions, the best first. Outputs of different prompts are
    different things, so they are not pooled. Raises :class:`~optiq.errors.InputError` if ``wanted`` names none.
    """
    names = sets["prompt"].to_list()
    able = [name for name in names if wanted is None or name.startswith(wanted)]
    if not able:
        raise InputError(
            f"no execution with a prompt set that begins with {wanted!r}", f"There are: {', '.join(names)}."
        )
    left = [
        LeftOut.of(
            row["n_executions"],
            "execution",
            f"with prompt set {row['prompt']}",
            "prompt sets are not pooled (--prompt)",
        )
        for row in sets.iter_rows(named=True)
        if row["prompt"] != able[0]
    ]
    return able[0], left
