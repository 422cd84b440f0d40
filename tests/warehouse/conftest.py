"""A home with a fresh PerfDB, and traces as runs land them."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from optiq.plans.plan import Plan
from warehouse.home import Home
from warehouse.landing import trace_columns
from warehouse.refresh import init


@pytest.fixture(scope="session")
def fresh_home(tmp_path_factory: pytest.TempPathFactory) -> Home:
    """Made once per session; tests take a copy."""
    home = Home(tmp_path_factory.mktemp("fresh") / "home")
    init(home)
    return home


@pytest.fixture
def home(fresh_home: Home, tmp_path: Path) -> Home:
    shutil.copytree(fresh_home.path, tmp_path / "home")
    return Home(tmp_path / "home")


@pytest.fixture(scope="session")
def copy_of(tmp_path_factory: pytest.TempPathFactory) -> Callable[[Home], Home]:
    """``copy_of(home)``: one like it. A refresh takes a second, a copy takes none: what several tests begin
    with is made once per module, and those that change it work on a copy."""

    def copy(home: Home) -> Home:
        path = tmp_path_factory.mktemp("copy") / "home"
        shutil.copytree(home.path, path)
        return Home(path)

    return copy


def execution(
    plan: Plan,
    number: int,
    qoa: float | None = 1.0,
    topic: str = "geography",
    call: dict[str, Any] | None = None,
    **changes: Any,
) -> dict[str, Any]:
    """One execution of ``plan`` with round figures: every call takes 1 s, 2 J and 0.001 USD."""
    started = datetime(2026, 3, 1, tzinfo=UTC) + timedelta(hours=number)
    calls = []
    for node, model in enumerate(plan.models):
        part = plan.subplan(node)
        calls.append(
            {
                "node": node,
                "model": model,
                "answered_model": model,
                "server": "test",
                "prompt_tokens": 100,
                "output_tokens": 10,
                "prompt_chars": 450,
                "cost_usd": 0.001,
                "latency_s": 1.0,
                "prompt_s": 0.6,
                "output_s": 0.4,
                "energy_j": 2.0,
                "output": f"answer of {model}",
                "cached": False,
                "started_at": started,
                "attempts": 1,
                "subplan": part.to_json(),
                "subplan_key": part.key,
                "subplan_level": part.level,
                "subplan_cost_usd": 0.001 * part.k,
                "subplan_latency_s": 1.0 * part.k,
                "subplan_energy_j": 2.0 * part.k,
                "subplan_qoa": qoa,
                **(call or {}),
            }
        )
    return {
        "execution_id": f"e{number:06d}",
        "run_id": "run",
        "question_id": f"q{number}",
        "question": f"What is the capital of {number:06d}?",
        "topic": topic,
        "topics": [{"topic": topic, "weight": 1.0}],
        "kind": "open",
        "plan": plan.to_json(),
        "plan_key": plan.key,
        "level": plan.level,
        "status": "answered",
        "answer": "Oslo",
        "cost_usd": 0.001 * plan.k,
        "latency_s": 1.0 * plan.k,
        "wall_s": 1.0 * plan.k,
        "energy_j": 2.0 * plan.k,
        "energy_source": "predicted",
        "qoa": qoa,
        "reference": "Oslo",
        "predicted_cost_usd": 0.002,
        "predicted_latency_s": 2.0,
        "predicted_qoa": 0.5,
        "started_at": started,
        "calls": calls,
        **changes,
    }


@pytest.fixture(scope="session")
def traces() -> Callable[..., pl.DataFrame]:
    """``traces(row, row, …)``: executions (``execution``) as a frame in the landing schema."""

    def build(*rows: dict[str, Any]) -> pl.DataFrame:
        return pl.DataFrame(list(rows), schema=trace_columns())

    build.execution = execution  # type: ignore[attr-defined]
    return build
