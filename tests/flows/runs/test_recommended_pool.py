"""`--models recommended`: plans over the pool that chemistry recommends among the served models."""

from __future__ import annotations

import json
from pathlib import Path

import polars as pl
import pytest

from warehouse.home import Home
from warehouse.ingestion.trials import TRIAL_COLUMNS, land_trials
from warehouse.refresh import refresh

RIGHT = {"phi4:14b": 0.95, "mistral:7b": 0.7, "gemma3:27b": 0.6, "not-served:1b": 0.9}


@pytest.fixture
def graded(home: Path) -> Path:
    rows = [
        {"trial": f"t{i}", "topic": "law", "task": "open", "model": model, "n": 1, "source": "review",
         "quality": 10 * right, "accuracy": right}
        for i in range(20) for model, right in RIGHT.items()
    ]  # fmt: skip
    land_trials(Home(home), pl.DataFrame(rows, schema=TRIAL_COLUMNS), "review")
    refresh(Home(home), full_gate=False)
    return home


def test_plans_are_over_the_recommended_pool(graded: Path, optiq, model_server) -> None:
    where = ("--server", "ollama", "--server-url", model_server().url)
    planned = optiq("plan", "Who made the law?", "--models", "recommended:2", "--frontier", "--json", *where)
    assert planned.code == 0, planned.err
    line = next(line for line in planned.err.splitlines() if "pool recommended by chemistry: " in line)
    among = json.loads(optiq("recommend", "--size", "2", "--json").out)["profiles"]
    used = {model for plan in json.loads(planned.out)[0]["frontier"] for model in plan["plan"]["models"]}
    assert used <= {one["model"] for one in among} - {"not-served:1b"}
    assert all(model in line for model in used)
    assert optiq("explain", "Who?", "--models", "recommended", *where).code == 0


@pytest.mark.parametrize("models", ["recommended:x", "recommended:0", "recommended,phi4:14b"])
def test_a_size_that_is_none(graded: Path, optiq, models: str) -> None:
    result = optiq("plan", "Who?", "--models", models)
    assert result.code == 2
    assert "recommended:3" in result.err


def test_without_grades_nothing_can_be_recommended(home: Path, optiq, model_server) -> None:
    result = optiq("plan", "Who?", "--models", "recommended:2", "--server", "ollama",
                   "--server-url", model_server().url)  # fmt: skip
    assert result.code == 2
    assert "optiq calibrate" in result.err
