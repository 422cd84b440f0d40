"""A total limit over shards that know nothing of each other: each gets a grant, and grants never exceed it.

One side grants (the coordinator of a run), so nothing is locked, and a store without locks will do. For one
unit (USD or joules):

- a shard may have spent up to its ``limit`` over all its sessions, and keeps to it by itself (its ledger);
- when a session ends, what it did not spend is free again;
- when a session dies and its own record of calls in flight cannot be seen from here, what it was granted and
  had not recorded counts as ``lost``: it may have been spent.

Always: the sum of all limits and of what was lost is at most the total.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass
class Grants:
    """Grants of one unit to shards by number. ``total`` None: there is no limit."""

    total: float | None
    limits: dict[int, float] = field(default_factory=dict)
    lost: dict[int, float] = field(default_factory=dict)

    def free(self) -> float:
        """What nobody was granted; never below 0."""
        if self.total is None:
            return math.inf
        taken = math.fsum(self.limits.values()) + math.fsum(self.lost.values())
        return max(self.total - taken, 0.0)

    def limit(self, shard: int) -> float | None:
        """What the shard may have spent in all; None: as much as it likes."""
        return None if self.total is None else self.limits.get(shard, 0.0)

    def grant(self, weights: Mapping[int, float]) -> None:
        """Give what is free to shards in proportion to ``weights`` (above 0)."""
        if self.total is None or not weights:
            return
        free, together = self.free(), math.fsum(weights.values())
        for shard, weight in weights.items():
            # Rounded down: the last digits of many shares must not add up to more than there was.
            share = free * (weight / together) * (1 - 1e-12)
            self.limits[shard] = self.limits.get(shard, 0.0) + share

    def settle(self, shard: int, spent: float) -> None:
        """A session ended and said what the shard has spent in all: the rest is free again."""
        if self.total is not None:
            self.limits[shard] = min(max(spent, 0.0), self.limits.get(shard, 0.0))

    def lose(self, shard: int, recorded: float) -> None:
        """A session died; ``recorded`` is what is known to be spent, the rest of its grant may be."""
        if self.total is None:
            return
        before = self.limits.get(shard, 0.0)
        self.settle(shard, recorded)
        self.lost[shard] = self.lost.get(shard, 0.0) + before - self.limits[shard]
