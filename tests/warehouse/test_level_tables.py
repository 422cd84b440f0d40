"""The level tables: narrow, complete, and with the quality that planners take where nothing was judged."""

from __future__ import annotations

import math
import random
from typing import Any

import pytest

from optiq.plans.plan import Plan
from warehouse.home import Home
from warehouse.landing import land_traces
from warehouse.query import query
from warehouse.refresh import refresh
from warehouse.statistics import load_statistics

PHI, GEMMA, UNKNOWN = (Plan.of([name]) for name in ("phi4:14b", "gemma3:270m", "nobody:1b"))
CHAIN = Plan.of(["gemma3:270m", "phi4:14b"], [(0, 1)])
BLEND = Plan.of(["gemma3:270m", "phi4:14b", "phi4:14b"], [(0, 2), (1, 2)])
DEEP = Plan.of(["gemma3:270m", "phi4:14b", "phi4:14b", "gemma3:270m"], [(0, 2), (1, 2), (2, 3)])
KEY = ["topic", "task", "plan_key"]
COLUMNS = [
    *("topic", "task", "plan", "n_observations", "n_questions", "qoa", "qoa_basis"),
    *("cost_usd", "latency_s", "energy_j", "plan_key", "provenance"),
]


@pytest.fixture(scope="module", params=[1, 2])
def mixed(request: Any, fresh_home: Home, copy_of: Any, traces: Any) -> Home:
    """Executions of plans of all depths; some models are known from priors, few topics were judged."""
    home, draw = copy_of(fresh_home), random.Random(request.param)
    rows = [
        traces.execution(
            draw.choice([PHI, GEMMA, UNKNOWN, CHAIN, BLEND, DEEP]),
            number,
            topic=(topic := draw.choice(["*", "law", "geography"])),
            kind=draw.choice(["open", "choice"]),
            qoa=draw.choice([0.0, 1.0]) if topic == "law" or draw.random() < 0.05 else None,
        )
        for number in range(60)
    ]
    land_traces(home, traces(*rows))
    refresh(home, full_gate=False)
    return home


def test_a_model_that_was_asked_and_never_judged_keeps_its_prior(home: Home, traces: Any) -> None:
    plans = [PHI] * 30 + [UNKNOWN]
    rows = [traces.execution(plan, i, qoa=None, reference=None) for i, plan in enumerate(plans)]
    land_traces(home, traces(*rows))
    refresh(home, full_gate=False)
    prior = query(
        home.perfdb, "from model_figures where model = 'phi4:14b' and metric = 'qoa' and task = 'open'"
    )
    row, unknown = query(home.perfdb, "from level_0 where topic = 'geography' order by qoa").to_dicts()
    assert (unknown["plan"], unknown["qoa"], unknown["qoa_basis"]) == ("nobody:1b", None, None)
    assert (row["n_observations"], row["n_questions"], row["qoa_basis"]) == (30, 0, "prior")
    assert row["qoa"] == prior["value"][0]
    assert row["provenance"] == f"observed n=30, none judged; quality {prior['provenance'][0]}"


def test_the_quality_of_single_models_is_the_one_that_planners_take(mixed: Home) -> None:
    known = load_statistics(mixed.perfdb)
    table = query(
        mixed.perfdb,
        "select level_0.*, observed_qoa from level_0 join plan_statistics using (topic, task, plan_key)",
    )
    assert set(table["qoa_basis"]) >= {"judged", "prior", "other questions"}
    for row in table.iter_rows(named=True):
        if row["qoa_basis"] == "judged":
            assert row["observed_qoa"] is not None
        elif row["task"] != "*":
            figure = known.figures(row["plan"], row["topic"], row["task"]).qoa
            assert row["qoa"] == (None if math.isnan(figure) else figure)


def test_every_statistic_is_in_one_level_table_whole(mixed: Home) -> None:
    levels = [query(mixed.perfdb, f"from level_{level}") for level in range(5)]
    assert [table.columns for table in levels] == [COLUMNS] * 5
    assert all(table.height for table in levels[:3])
    for level, table in enumerate(levels):
        whole = query(mixed.perfdb, f"from plan_statistics where least(level, 4) = {level}").sort(KEY)
        detail = query(mixed.perfdb, f"from level_{level}_detail").sort(KEY)
        assert {*table.columns, *detail.columns} == {*whole.columns, "qoa_basis"}
        assert {*table.columns} & {*detail.columns} == {*KEY}
        assert detail.equals(whole.select(detail.columns))
        same = [name for name in COLUMNS if name not in ("plan", "qoa_basis", "qoa", "provenance")]
        assert table.sort(KEY).select(same).equals(whole.select(same))


def test_level_tables_and_views_are_made_anew_only_when_their_definition_changes(
    home: Home, traces: Any
) -> None:
    steps: list[str] = []
    land_traces(home, traces(traces.execution(CHAIN, 1)))
    refresh(home, full_gate=False, on_step=steps.append)
    assert "levels filled" in steps
    assert "views made" not in steps
