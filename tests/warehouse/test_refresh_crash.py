"""A refresh that dies at any step leaves what was published, and the next one completes."""

from __future__ import annotations

from typing import Any

import pytest

from optiq.plans.plan import Plan
from warehouse.home import Home
from warehouse.ingest import ingest_priors
from warehouse.landing import land_traces, landed
from warehouse.query import query
from warehouse.refresh import refresh

CHAIN = Plan.of(["smollm2:135m", "gemma3:270m"], [(0, 1)])
STEPS = [
    "started",
    "copied",
    "migrated",
    "published figures merged",
    "traces checked",
    "executions merged",
    "calls merged",
    "plan_days merged",
    "model_days merged",
    "files recorded",
    "drift judged",
    "statistics recomputed",
    "topics learned",
    "chemistry computed",
    "levels filled",
    "past questions read",
    "gate passed",
    "snapshot recorded",
    "closed",
    "published",
    "snapshot kept",
    "done",
]


class Killed(BaseException):
    """Stands for a kill: nothing in the code may catch it."""


def land(home: Home, traces: Any, tmp_path: Any) -> None:
    land_traces(home, traces(*[traces.execution(CHAIN, i) for i in range(4)], traces.execution(CHAIN, 0)))
    priors = tmp_path / "priors.csv"
    priors.write_text("model,qoa\nnew:1b,0.5\nnew:1b,5\n")
    ingest_priors(home, [priors])


def test_the_steps_are_all_named(home: Home, traces: Any, tmp_path: Any) -> None:
    land(home, traces, tmp_path)
    seen: list[str] = []
    refresh(home, full_gate=False, on_step=seen.append)
    assert seen == STEPS


@pytest.fixture(scope="module")
def killed_before_publishing(fresh_home: Home, copy_of: Any, traces: Any, tmp_path_factory: Any) -> Home:
    """A home whose refresh was killed after each step in turn until nothing was left but to publish.

    Every refresh takes what the one before it left a step further than that came.
    """
    home = copy_of(fresh_home)
    land(home, traces, tmp_path_factory.mktemp("priors"))
    before = home.perfdb.read_bytes()
    for last in STEPS[: STEPS.index("published")]:
        refresh_until(home, last)
        assert home.perfdb.read_bytes() == before, last
        assert len(landed(home)) == 3, last
    return home


def refresh_until(home: Home, last: str) -> None:
    """A refresh that is killed after a step."""

    def kill(step: str) -> None:
        if step == last:
            raise Killed

    with pytest.raises(Killed):
        refresh(home, full_gate=False, on_step=kill)


@pytest.mark.parametrize("last", [None, *STEPS[STEPS.index("published") :]])
def test_a_kill_after_any_step_loses_nothing(
    killed_before_publishing: Home, copy_of: Any, last: str | None
) -> None:
    home = copy_of(killed_before_publishing)
    if last is not None:
        refresh_until(home, last)
    refresh(home, full_gate=False)
    assert landed(home) == []
    counts = {
        table: query(home.perfdb, f"select count(*) as n from {table}")["n"][0]
        for table in ("executions", "calls", "quarantine", "snapshots", "ingested_files")
    }
    assert counts == {"executions": 4, "calls": 8, "quarantine": 2, "snapshots": 2, "ingested_files": 4}
    statistics = query(
        home.perfdb, "select n_observations from plan_statistics where topic = 'geography' order by plan_key"
    )
    assert statistics["n_observations"].to_list() == [4, 4]
    assert {path.stem for path in home.snapshots.iterdir()} == set(
        query(home.perfdb, "select snapshot_id from snapshots")["snapshot_id"]
    )
