"""Does a total limit hold? Random schedules of processes that are killed, time out and are told odd counts of tokens.

    python benchmarks/spending.py --schedules 10000

Each schedule draws a limit, then forks sessions of one run, two at a time, until it is worth no more: real executors
(`answer`), real agents at the transport (`select`), and shards with grants of their own (`sharded`), on a model server
in the process that bills every call when it goes out, and then answers with a count of tokens, without one, with one
below nothing, or not at all; or the process is gone at that moment, as after kill -9. A leak: the server bills more
than the limit, or the ledger says less than the server bills.
"""

from __future__ import annotations

import argparse
import asyncio
import math
import mmap
import os
import random
import signal
import struct
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent))

from optiq.errors import AnswerLost, RateLimited, TransientServerError
from optiq.execution import Executor, Retries, Shared, Work
from optiq.execution.ledger import Ledger
from optiq.execution.responses import ResponseStore
from optiq.plans.plan import Plan
from optiq.questions.question import Question
from optiq.servers.protocol import GenerateRequest, Generation, ServedModel
from optiq.statistics.snapshot import ModelFigures, Statistics
from tasks.grants import Grants

PROMPT_USD, OUTPUT_USD = 0.001, 0.01
RATES = {"usd_per_prompt_token": PROMPT_USD, "usd_per_output_token": OUTPUT_USD}
PRICES = Statistics.build("s", [ModelFigures(model=m, **RATES) for m in "ab"], [])
PLANS = [Plan.of(["a"]), Plan.of(["a", "b"], [(0, 1)]), Plan.of(["a", "a", "b"], [(0, 2), (1, 2)])]
CAP = 8
SESSIONS = 4
_SLOTS = 256


class Bill:
    """What the server bills, in memory that all sessions of a schedule share: one slot for each."""

    def __init__(self) -> None:
        self._memory = mmap.mmap(-1, 4096)

    def clear(self) -> None:
        self._memory[:] = bytes(4096)

    def add(self, slot: int, usd: float) -> None:
        [before] = struct.unpack_from("d", self._memory, 8 * slot)
        struct.pack_into("d", self._memory, 8 * slot, before + usd)
        [calls] = struct.unpack_from("d", self._memory, 8 * (_SLOTS + slot))
        struct.pack_into("d", self._memory, 8 * (_SLOTS + slot), calls + 1)

    def total(self) -> float:
        return math.fsum(struct.unpack_from(f"{_SLOTS}d", self._memory))

    def calls(self) -> int:
        return int(sum(struct.unpack_from(f"{_SLOTS}d", self._memory, 8 * _SLOTS)))


class Fate:
    """What happens to the calls of a session, by its own chance."""

    def __init__(self, seed: int, bill: Bill, slot: int, deadly: float) -> None:
        self.chance, self.bill, self.slot, self.deadly = random.Random(seed), bill, slot, deadly

    def perhaps_die(self) -> None:
        if self.chance.random() < self.deadly:
            os._exit(9)

    def of_call(self, prompt_bytes: int, cap: int) -> tuple[str, int, int]:
        """What the server does with a call, with the tokens that it bills."""
        self.perhaps_die()
        what = self.chance.choices(["well", "odd", "lost", "busy", "too soon"], [6, 3, 1, 1, 0.5])[0]
        prompt, output = self.chance.randint(1, prompt_bytes + 100), self.chance.randint(1, cap)
        if what in ("well", "odd", "lost"):
            self.bill.add(self.slot, PROMPT_USD * prompt + OUTPUT_USD * output)
        self.perhaps_die()
        return what, prompt, output

    def counts(self, what: str, prompt: int, output: int) -> tuple[int | None, int | None]:
        if what == "well":
            return prompt, output
        return self.chance.choice(
            [(None, None), (prompt, None), (-prompt, output), (0, 0), (prompt, -(10**6))]
        )


class Server:
    """A model server in this process, by the protocol of :mod:`optiq.servers.protocol`."""

    name, model_slots, slots, resident_models, counts_tokens = "fake", 3, 3, None, False

    def __init__(self, fate: Fate) -> None:
        self._fate = fate

    def list_models(self) -> list[ServedModel]:
        return []

    def identity(self, model: str) -> str:
        return model

    def describe(self) -> str:
        return "fake"

    async def disconnect(self) -> None:
        """Nothing is open."""

    async def generate(self, request: GenerateRequest) -> Generation:
        from optiq.servers.usage import counted

        await asyncio.sleep(0)
        cap = request.max_output_tokens or CAP
        what, prompt, output = self._fate.of_call(len(request.prompt.encode()), cap)
        await asyncio.sleep(0)
        if what == "lost":
            raise AnswerLost("timed out")
        if what == "busy":
            raise TransientServerError("busy")
        if what == "too soon":
            raise RateLimited("too soon", retry_after_s=0.0)
        told = self._fate.counts(what, prompt, output)
        return Generation(
            "Oslo", request.model, request.model, "fake", 0.001, datetime.now(UTC), prompt_tokens=counted(told[0]),
            output_tokens=counted(told[1]),
        )  # fmt: skip


def answer(folder: Path, limit: float, seed: int, fate: Fate) -> None:
    """A session of `optiq answer`: what its process does between opening and closing the run."""
    chance = random.Random(seed)
    store = ResponseStore(folder / "responses.sqlite")
    ledger = Ledger(limit, path=folder / "ledger.sqlite")
    shared = Shared(responses=store, ledger=ledger)
    executor = Executor(
        Server(fate), "r", PRICES, shared=shared, retries=Retries(3, first_s=0.0), max_output_tokens=CAP
    )
    work = [Work(Question(str(i), f"Where is {i}?"), PLANS[i % len(PLANS)]) for i in range(8)]
    done = executor.run(chance.sample(work, 5), concurrency=3)
    if any("fault of Optiq" in (execution.error or "") for execution in done):
        os._exit(1)
    store.delivered(f"r/{i}" for i in range(8) if chance.random() < 0.5)
    store.close()
    ledger.close()


def select(folder: Path, limit: float, seed: int, fate: Fate) -> None:
    """A session of `optiq select`: agents whose calls are seen at the transport."""
    import httpx

    from optiq.selection.api import ModelSelector
    from optiq.selection.runtime import Limits

    chance = random.Random(seed)

    def handle(request: httpx.Request) -> httpx.Response:
        import json

        body = json.loads(request.content)
        cap = body.get("max_tokens") or body.get("max_completion_tokens") or CAP
        what, prompt, output = fate.of_call(len(request.content), cap)
        if what == "lost":
            raise httpx.ReadTimeout("timed out")
        if what in ("busy", "too soon"):
            return httpx.Response(503 if what == "busy" else 429)
        told = fate.counts(what, prompt, output)
        usage = {"prompt_tokens": told[0], "completion_tokens": told[1]}
        choice = {"message": {"role": "assistant", "content": "Oslo"}}
        return httpx.Response(200, json={"choices": [choice], "usage": usage})

    client = httpx.Client(transport=httpx.MockTransport(handle), verify=False)

    class Agent:
        def __init__(self, models: dict[str, str]) -> None:
            self.models = models

        def run(self, example: dict) -> str:
            for model in self.models.values():
                asked = {"model": model, "messages": [{"role": "user", "content": example["question"]}]}
                if chance.random() < 0.6:
                    asked["max_tokens"] = CAP
                client.post("http://127.0.0.1:9/v1/chat/completions", json=asked)
            return "Oslo"

    ledger = Ledger(limit, path=folder / "ledger.sqlite")
    ModelSelector(
        Agent, {"first": ["a", "b"], "second": ["a"]},
        [Question(str(i), f"Where is {i}?", reference="Oslo") for i in range(3)],
        method="brute-force", prices=PRICES, ledger=ledger, limits=Limits(2, 2, 3, 20, limit), seed=seed,
    ).select()  # fmt: skip
    ledger.close()


def in_a_process(session: Callable[..., None], *given: object) -> int:
    """Fork; the session ends its process, by itself or at the hand of its fate."""
    child = os.fork()
    if child == 0:
        code = 1
        try:
            with open(os.devnull, "w") as nowhere:  # noqa: PTH123
                os.dup2(nowhere.fileno(), 1)
            session(*given)
            code = 0
        finally:
            os._exit(code)
    return child


def one_run(
    kind: str, folder: Path, limit: float, chance: random.Random, bill: Bill
) -> tuple[float, Counter[str]]:
    """Sessions of one account, two at a time; USD that the ledger says at the end, and how sessions ended."""
    session = {"answer": answer, "select": select}[kind]
    ends: Counter[str] = Counter()
    for pair in range(SESSIONS // 2):
        deadly = chance.choice([0.0, 0.02, 0.1])
        children = []
        for place in (0, 1):
            slot, seed = 2 * pair + place, chance.randrange(10**9)
            children.append(in_a_process(session, folder, limit, seed, Fate(seed, bill, slot, deadly)))
        for child in children:
            code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
            ends["killed" if code == 9 else "ended" if code == 0 else "failed"] += 1
    ledger = Ledger(limit, path=folder / "ledger.sqlite")
    said = ledger.committed.cost_usd
    ledger.close()
    return said, ends


def sharded(folder: Path, limit: float, chance: random.Random, bill: Bill) -> tuple[float, Counter[str]]:
    """Shards with ledgers of their own and a coordinator that grants: shards that break go on, or are out of sight."""
    grants, ends = Grants(limit), Counter[str]()
    spent: dict[int, float] = {}
    for turn in range(2):
        grants.grant(dict.fromkeys(range(2), 1.0))
        children = {}
        for shard in range(2):
            place = folder / str(shard)
            place.mkdir(exist_ok=True)
            seed = chance.randrange(10**9)
            fate = Fate(seed, bill, 2 * turn + shard, chance.choice([0.0, 0.1]))
            children[shard] = in_a_process(answer, place, grants.limit(shard), seed, fate)
        for shard, child in children.items():
            code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
            ends["killed" if code == 9 else "ended" if code == 0 else "failed"] += 1
            path = folder / str(shard) / "ledger.sqlite"
            if code == 0:
                ledger = Ledger(grants.limit(shard), path=path)
                spent[shard] = ledger.spent.cost_usd
                ledger.close()
                grants.settle(shard, spent[shard])
            elif (
                chance.random() < 0.3
            ):  # its machine is out of sight: the next one begins with what was recorded
                for file in path.parent.iterdir():
                    file.unlink()
                grants.lose(shard, 0.0)
    return math.fsum(grants.limits.values()) + math.fsum(grants.lost.values()), ends


def main() -> int:
    """Print the table; 1 if there was a leak."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--schedules", type=int, default=10_000)
    parser.add_argument(
        "--first", type=int, default=0, help="number of the first schedule: go on where one stopped"
    )
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args()
    import gc

    import httpx  # noqa: F401 - once, and not in every fork

    import optiq.execution.ledger
    import optiq.selection.interception

    optiq.execution.ledger._LOOK_S = optiq.selection.interception._MONEY_S = 0.001  # waits change no sum

    bill = Bill()
    with tempfile.TemporaryDirectory() as scratch:  # whatever loads late is loaded once
        for session in (answer, select):
            session(Path(scratch), 0.1, 0, Fate(0, bill, 0, 0.0))
    gc.collect()
    gc.freeze()
    table = {kind: Counter[str]() for kind in ("answer", "select", "sharded")}
    took = dict.fromkeys(table, 0.0)
    started, leaks, used = time.monotonic(), 0, dict.fromkeys(table, 0.0)
    signal.signal(signal.SIGTERM, lambda *_: stop.append(True))  # the table is of what was done by then
    stop: list[bool] = []
    for number in range(given.first, given.first + given.schedules):
        if stop:
            break
        chance = random.Random(f"{given.seed}:{number}")
        kind = list(table)[number % len(table)]
        limit = chance.choice([0.0, 0.3, 1.0, 3.0, 10.0]) * chance.uniform(0.5, 1.5)
        bill.clear()
        begun = time.monotonic()
        # In memory where there is some: a killed process loses nothing there either, and no disk is waited for.
        place = "/dev/shm" if os.path.isdir("/dev/shm") else None  # noqa: PTH112
        with tempfile.TemporaryDirectory(dir=place) as scratch:
            folder = Path(scratch)
            if kind == "sharded":
                said, ends = sharded(folder, limit, chance, bill)
            else:
                said, ends = one_run(kind, folder, limit, chance, bill)
        took[kind] += time.monotonic() - begun
        billed = bill.total()
        leak = billed > limit + 1e-9 or said < billed - 1e-9 or said > limit + 1e-9 or ends["failed"]
        leaks += bool(leak)
        table[kind].update({"schedules": 1, "leaks": int(bool(leak)), "billed": bill.calls(), **ends})
        used[kind] += billed / limit if limit else 0.0
        if leak:
            print(
                f"schedule {number} ({kind}): limit {limit:.6f}, billed {billed:.6f}, ledger {said:.6f}, {dict(ends)}"
            )
    print(
        f"{'':8}{'schedules':>10}{'ended':>8}{'killed':>8}{'billed calls':>14}{'of the limit':>14}{'leaks':>7}"
    )
    for kind, row in table.items():
        share = used[kind] / max(row["schedules"], 1)
        print(
            f"{kind:8}{row['schedules']:>10}{row['ended']:>8}{row['killed']:>8}{row['billed']:>14}{share:>14.0%}{row['leaks']:>7}"
        )
    if given.schedules < 100:
        print({kind: f"{seconds:.1f} s" for kind, seconds in took.items()})
    done = sum(row["schedules"] for row in table.values())
    print(f"{leaks} leaks in {done} schedules, {time.monotonic() - started:.0f} s")
    return 1 if leaks else 0


if __name__ == "__main__":
    sys.exit(main())
