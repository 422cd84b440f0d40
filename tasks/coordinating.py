"""The coordinator's work: share out money, start shards, watch them, start again what broke, until all is done.

A shard that breaks (its flow run failed or crashed, or gave no sign of life for ``silence_s`` while it was
said to be working) is started again and goes on from its run folder, wherever a worker takes it. After
``attempts`` such ends it is given up. With a total limit there are rounds: when all shards have ended, what
some did not spend goes to those that stopped at their share.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from tasks.flow_runs import BROKEN, CANCELLED, ENDED, WORKING, FlowRuns, FlowRunState
from tasks.pulse import read_pulse
from tasks.shard_files import Board, Shard, place_of
from tasks.tally import ShardsTally

MOST_ROUNDS = 10
START_S = 90.0
"""How long a worker may take to bring up a shard's process, libraries, PerfDB and model server included."""
_LONGEST_DELAY_S = 60.0


@dataclass
class Coordinator:
    """Brings all shards of ``board`` to an end. ``parameters`` are those that every shard is started with."""

    board: Board
    runs: FlowRuns
    parameters: Mapping[str, Any]
    tally: ShardsTally
    silence_s: float = 120.0
    attempts: int = 3
    poll_s: float = 1.0
    restarts: int = 0
    _spent: dict[int, tuple[float, float]] = field(default_factory=dict)
    _signs: dict[int, tuple[str, float]] = field(default_factory=dict)

    def work(self) -> None:
        """Rounds until nothing is left that money or another start would help."""
        for shard in self.board.shards:
            shard.failures = 0
            if shard.state == "given up":
                shard.state = "waiting"
            if shard.state != "started":
                self._settle(shard)
        for _ in range(MOST_ROUNDS):
            before = self._done()
            self._start_all()
            self._watch()
            if self._done() == before:
                break

    def cancel(self) -> None:
        """Stop all shards that are under way; the same command goes on with them."""
        for shard in self.board.shards:
            if shard.state == "started" and shard.flow_run_id is not None:
                self.runs.cancel(shard.flow_run_id)
                shard.state, shard.fault = "waiting", "interrupted"
        self.board.write()

    def _unfinished(self) -> list[Shard]:
        """Shards with rows left that may be started."""
        shards = self.board.shards
        return [s for s in shards if s.state == "waiting" or (s.state == "ended" and self._left(s) > 0)]

    def _left(self, shard: Shard) -> int:
        return shard.questions - self.tally.done_of(shard.number)

    def _done(self) -> int:
        return sum(self.tally.done_of(shard.number) for shard in self.board.shards)

    def _start_all(self) -> None:
        """Give what is free to the shards that have rows left, and start those that can pay."""
        todo = self._unfinished()
        weights = {shard.number: float(max(self._left(shard), 1)) for shard in todo}
        self.board.usd.grant(weights)
        self.board.joules.grant(weights)
        for shard in todo:
            if shard.start == 0 or self._can_pay(shard):
                self._start(shard)
        for shard in self.board.shards:
            if shard.state == "started" and shard.flow_run_id is None:  # killed between writing and starting
                self._begin(shard)

    def _can_pay(self, shard: Shard) -> bool:
        """Whether the shard may spend more than it has spent."""
        limits = (self.board.usd.limit(shard.number), self.board.joules.limit(shard.number))
        spent = self._spent.get(shard.number, (0.0, 0.0))
        return all(limit is None or limit > past for limit, past in zip(limits, spent, strict=True))

    def _start(self, shard: Shard, delay_s: float = 0.0) -> None:
        shard.start, shard.state, shard.flow_run_id = shard.start + 1, "started", None
        self.board.write()
        self._begin(shard, delay_s)

    def _begin(self, shard: Shard, delay_s: float = 0.0) -> None:
        place = place_of(self.board.folder.run_id, shard.number)
        given = {
            **self.parameters,
            "shard": shard.number,
            "start": shard.start,
            "turn": self.board.turn,
            "max_total_cost": self.board.usd.limit(shard.number),
            "max_total_energy": self.board.joules.limit(shard.number),
        }
        shard.flow_run_id = self.runs.start(
            f"{place}#{shard.start}", f"{place}-{shard.start}", given, delay_s
        )
        self._signs.pop(shard.number, None)
        self.board.write()

    def _watch(self) -> None:
        """Until no shard is under way."""
        while under_way := [shard for shard in self.board.shards if shard.state == "started"]:
            for shard in under_way:
                assert shard.flow_run_id is not None, "a started shard has a flow run"
                seen = self.runs.look(shard.flow_run_id)
                if seen.kind == ENDED:
                    self._ended(shard)
                elif seen.kind == CANCELLED:
                    self._broke(shard, "its flow run was cancelled", for_good=True)
                elif seen.kind == BROKEN:
                    self._broke(shard, seen.message)
                elif seen.kind == WORKING and self._silent(shard, seen):
                    why = "no sign of life"
                    self.runs.give_up(shard.flow_run_id, why)
                    self._broke(shard, why)
                elif seen.kind != WORKING:
                    self._signs.pop(shard.number, None)
            time.sleep(self.poll_s)

    def _silent(self, shard: Shard, seen: FlowRunState) -> bool:
        """Whether nothing has changed for too long: neither the state of the flow run nor the pulse."""
        path = self.board.run(shard.number).path / "alive"
        self.board.folder.home.fetch(f"runs/{place_of(self.board.folder.run_id, shard.number)}/alive")
        pulse = read_pulse(path)
        self.tally.beat(shard.number, pulse)
        sign = f"{seen.state_id} {pulse.get('host')} {pulse.get('pid')} {pulse.get('count')}"
        now = time.monotonic()
        known, since = self._signs.get(shard.number, ("", now))
        if sign != known:
            self._signs[shard.number] = (sign, now)
            return False
        begun = pulse.get("start") == shard.start
        return now - since > (self.silence_s if begun else max(self.silence_s, START_S))

    def _ended(self, shard: Shard) -> None:
        stopped = self._settle(shard).get("stopped")
        given_up = stopped is not None and self._left(shard) > 0
        shard.state, shard.fault = ("given up", stopped) if given_up else ("ended", None)
        self.board.write()

    def _settle(self, shard: Shard) -> dict[str, Any]:
        """Count what the shard has done, and return what it said at its end.

        What it was granted and did not spend is free again, if it came to an end. If it did not, calls in
        flight may have been billed, and the grant stays its own.
        """
        found = self._count(shard)
        summary = found["summary"]
        if summary:
            self.board.usd.settle(shard.number, summary["spent_usd"])
            self.board.joules.settle(shard.number, summary["spent_j"])
            self._spent[shard.number] = (summary["spent_usd"], summary["spent_j"])
        return summary

    def _count(self, shard: Shard) -> dict[str, Any]:
        found = self.board.adopt(shard)
        self.tally.recorded(shard.number, found["done"])
        self._spent[shard.number] = (found["spent_usd"], found["spent_j"])
        return found

    def _broke(self, shard: Shard, why: str, for_good: bool = False) -> None:
        shard.failures, shard.fault = shard.failures + 1, why
        found = self._count(shard)
        unseen = self.board.folder.home.mirrored  # calls in flight were noted on a machine out of sight
        if unseen:
            self.board.usd.lose(shard.number, found["spent_usd"])
            self.board.joules.lose(shard.number, found["spent_j"])
        if for_good or shard.failures >= self.attempts:
            shard.state = "given up"
            self.board.write()
            return
        self.restarts += 1
        limited = self.board.usd.total is not None or self.board.joules.total is not None
        if unseen and limited:
            shard.state = "waiting"  # for money that other shards leave, in the next round
            self.board.write()
            return
        self._start(shard, min(2.0 ** (shard.failures - 1) - 1, _LONGEST_DELAY_S))
