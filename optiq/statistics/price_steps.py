"""Prices that depend on the length of a prompt, the hour or the day.

A price is a set of steps. Of those that hold at a moment one with hours goes before one that holds all day, then the
one that began last; of its tiers the one counts that the prompt reaches, and it re-prices the whole call.
"""

from __future__ import annotations

import datetime
import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

NAN = math.nan
RATES = ("usd_per_prompt_token", "usd_per_cached_prompt_token", "usd_per_output_token")


@dataclass(frozen=True, slots=True, kw_only=True)
class PriceStep:
    """USD per token for calls with more than ``above_tokens`` of prompt, cached ones included.

    It holds from ``valid_from`` until before ``valid_until``, daily from ``hour_from`` until before ``hour_until``
    (UTC; over midnight where the second is the earlier). None: without that end.
    """

    usd_per_prompt_token: float
    usd_per_output_token: float
    usd_per_cached_prompt_token: float = NAN
    above_tokens: int = 0
    valid_from: datetime.date | None = None
    valid_until: datetime.date | None = None
    hour_from: datetime.time | None = None
    hour_until: datetime.time | None = None

    @property
    def rates(self) -> dict[str, Any]:
        """By the names that figures have."""
        return {name: getattr(self, name) for name in RATES}

    @property
    def timed(self) -> bool:
        """Whether there are moments at which it does not hold."""
        return any(end is not None for end in (self.valid_from, self.valid_until, self.hour_from))

    def holds(self, when: datetime.datetime) -> bool:
        """Whether it does at ``when`` (without a zone: UTC)."""
        when = _utc(when)
        if self.valid_from is not None and when.date() < self.valid_from:
            return False
        if self.valid_until is not None and when.date() >= self.valid_until:
            return False
        if self.hour_from is None or self.hour_until is None:
            return True
        now = when.time()
        if self.hour_until < self.hour_from:
            return now >= self.hour_from or now < self.hour_until
        return self.hour_from <= now < self.hour_until

    @property
    def _rank(self) -> tuple[bool, datetime.date]:
        return self.hour_from is not None, self.valid_from or datetime.date.min


def in_force(
    steps: Iterable[PriceStep], when: datetime.datetime, prompt_tokens: float = 0
) -> PriceStep | None:
    """What a call at ``when`` with so many tokens of prompt is priced by; None if nothing holds."""
    held = [step for step in steps if step.holds(when)]
    if not held:
        return None
    first = max(step._rank for step in held)
    tiers = [step for step in held if step._rank == first]
    reached = [step for step in tiers if step.above_tokens == 0 or prompt_tokens > step.above_tokens]
    return max(reached, key=lambda step: step.above_tokens, default=None)


def dearest(steps: Iterable[PriceStep], when: datetime.datetime, prompt_tokens: float) -> dict[str, Any]:
    """The highest rates of a call with up to so many tokens of prompt, at any hour from ``when`` on."""
    today = _utc(when).date()
    reached = [
        step
        for step in steps
        if (step.above_tokens == 0 or prompt_tokens > step.above_tokens)
        and (step.valid_until is None or step.valid_until > today)
    ]
    highest = {name: max((getattr(step, name) for step in reached), default=NAN) for name in RATES}
    return {**highest, "usd_per_cached_prompt_token": NAN}  # nobody knows before what a cache holds


def last_change(steps: Iterable[PriceStep], when: datetime.datetime) -> datetime.datetime:
    """The last moment up to ``when`` at which one of ``steps`` began or ended to hold; long ago if none ever does."""
    when = _utc(when)
    moments = [datetime.datetime.min.replace(tzinfo=datetime.UTC)]
    midnight = datetime.time()
    for step in steps:
        days = [day for day in (step.valid_from, step.valid_until) if day is not None]
        moments += [datetime.datetime.combine(day, midnight, datetime.UTC) for day in days]
        hours = [hour for hour in (step.hour_from, step.hour_until) if hour is not None]
        for day in (when.date(), when.date() - datetime.timedelta(days=1)):
            moments += [datetime.datetime.combine(day, hour, datetime.UTC) for hour in hours]
    return max(moment for moment in moments if moment <= when)


def depends(steps: Sequence[PriceStep]) -> bool:
    """Whether the price is more than one rate that always holds."""
    return len(steps) > 1 or any(step.timed for step in steps)


def _utc(when: datetime.datetime) -> datetime.datetime:
    return when.replace(tzinfo=datetime.UTC) if when.tzinfo is None else when.astimezone(datetime.UTC)
