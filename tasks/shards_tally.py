"""Counts of a sharded run while it goes on, from the signs of life of its shards."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Mapping
from typing import Any

from tasks.tally import Standing


class ShardsTally:
    """What a progress display reads, summed over shards. ``done`` rows were settled before."""

    def __init__(
        self, total: int, done: int, max_usd: float | None = None, max_j: float | None = None
    ) -> None:
        self._total, self._apart = total, done
        self._limits = (max_usd, max_j)
        self._recorded: dict[int, int] = {}
        self._beats: dict[int, Mapping[str, Any]] = {}
        self._started = time.monotonic()
        self._finished = False
        self._first: int | None = None

    def beat(self, shard: int, pulse: Mapping[str, Any]) -> None:
        """The last sign of life of a shard."""
        if pulse.get("standing"):
            self._beats[shard] = pulse["standing"]

    def recorded(self, shard: int, done: int) -> None:
        """So many rows of the shard are on disk."""
        self._recorded[shard] = done

    def done_of(self, shard: int) -> int:
        """Rows of the shard that are known to be on disk."""
        return self._recorded.get(shard, 0)

    def finish(self) -> None:
        """The run is over."""
        self._finished = True

    def standing(self) -> Standing:
        """All counts at this moment; calls and statuses are those of the sessions that were seen."""
        beats = list(self._beats.values())
        shards = self._recorded.keys() | self._beats.keys()
        done = self._apart + sum(
            max(self._recorded.get(n, 0), self._beats.get(n, {}).get("done", 0)) for n in shards
        )
        done = min(done, self._total)
        self._first = done if self._first is None else self._first
        seconds = time.monotonic() - self._started
        fresh = done - self._first
        return Standing(
            total=self._total,
            done=done,
            running=sum(beat["running"] for beat in beats),
            statuses=_sum(beats, "statuses"),
            calls=dict(sorted(_sum(beats, "calls").items())),
            errors=_sum(beats, "errors"),
            cached=sum(beat["cached"] for beat in beats),
            spent_usd=sum(beat["spent_usd"] for beat in beats),
            spent_j=sum(beat["spent_j"] for beat in beats),
            max_usd=self._limits[0],
            max_j=self._limits[1],
            seconds=seconds,
            left_s=(self._total - done) * seconds / fresh if fresh else None,
            finished=self._finished,
        )


def _sum(beats: list[Mapping[str, Any]], name: str) -> dict[str, int]:
    together: Counter[str] = Counter()
    for beat in beats:
        together.update(beat[name])
    return dict(together)
