"""Plans change with the question where past questions of its look went another way: `--neighbours`, `explain`."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from optiq.plans.plan import Plan
from warehouse.home import Home
from warehouse.landing import land_traces, trace_columns
from warehouse.refresh import refresh

ADDS, RHYMES = "phi4:14b", "mistral:7b"
POOL = ("--models", f"{ADDS},{RHYMES}", "--topic", "mixed", "--max-operations", "1", "--weights", "qoa=1")
POOL += ("--form", "short")  # as the past questions were answered
THINGS = ["rivers", "autumn", "lost ships", "mountains", "old friends", "the moon", "bread", "gardens"]
SUM = "How much is 71 plus 84?"
POEM = "Write a short poem about bread and rivers, verse 99."


def row(text: str, model: str, qoa: float, number: int) -> dict[str, Any]:
    plan = Plan.parse(model)
    started = datetime(2026, 3, 1, tzinfo=UTC) + timedelta(minutes=number)
    figures = {"cost_usd": 0.001, "latency_s": 1.0, "energy_j": 2.0}
    call = {
        "node": 0,
        "model": model,
        "answered_model": model,
        "prompt_tokens": 50,
        "output_tokens": 20,
        "output": "an answer",
        "cached": False,
        "started_at": started,
        "subplan": plan.to_json(),
        "subplan_key": plan.key,
        "subplan_level": 0,
        "subplan_qoa": qoa,
        **figures,
        **{f"subplan_{name}": value for name, value in figures.items()},
    }
    return {
        "execution_id": f"e{number:04d}",
        "question_id": text,
        "question": text,
        "topic": "mixed",
        "topics": [{"topic": "mixed", "weight": 1.0}],
        "kind": "open",
        "plan": plan.to_json(),
        "plan_key": plan.key,
        "level": 0,
        "status": "answered",
        "answer": "an answer",
        "qoa": qoa,
        "started_at": started,
        "calls": [call],
        **figures,
    }


@pytest.fixture(scope="module")
def learned(fresh_home: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home in which one model was good at sums and bad at poems, all on one topic, and the other the reverse."""
    import shutil

    path = tmp_path_factory.mktemp("learned") / "home"
    shutil.copytree(fresh_home, path)
    rows: list[dict[str, Any]] = []
    for n in range(60):
        poem = f"Write a short poem about {THINGS[n % 8]} and {THINGS[n // 8]}, verse {n}."
        for text, right in ((f"How much is {n} plus {n * 7 % 90 + 10}?", ADDS), (poem, RHYMES)):
            for model in (ADDS, RHYMES):
                rows.append(row(text, model, 0.9 if model == right else 0.2, len(rows)))
    land_traces(Home(path), pl.DataFrame(rows, schema=trace_columns()))
    refresh(Home(path), full_gate=False)
    return path


@pytest.fixture
def here(learned: Path, home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPTIQ_HOME", str(learned))


def chosen(result: Any) -> dict[str, Any]:
    assert result.code == 0, result.err
    found: dict[str, Any] = json.loads(result.out)[0]["chosen"]
    return found


@pytest.mark.usefixtures("here")
def test_the_plan_follows_the_look_of_the_question(optiq: Any) -> None:
    of_sum, of_poem = (chosen(optiq("plan", text, *POOL, "--json")) for text in (SUM, POEM))
    assert of_sum["plan"]["models"] == [ADDS]
    assert of_poem["plan"]["models"] == [RHYMES]
    assert of_sum["predicted_qoa"] == pytest.approx(0.9, abs=0.1)
    told = next(one["source"] for one in of_sum["provenance"] if one["metric"] == "qoa")
    assert "; neighbours n=120: +0." in told


@pytest.mark.usefixtures("here")
@pytest.mark.parametrize("how", [("--no-neighbours",), ("--estimator", "paper")])
def test_without_neighbours_it_does_not(optiq: Any, how: tuple[str, ...]) -> None:
    of_sum, of_poem = (chosen(optiq("plan", text, *POOL, *how, "--json")) for text in (SUM, POEM))
    assert of_sum["plan"] == of_poem["plan"]
    assert all("neighbours" not in one["source"] for one in of_sum["provenance"])


@pytest.mark.usefixtures("here")
def test_a_file_is_planned_and_estimated_as_its_questions_alone(optiq: Any, tmp_path: Path) -> None:
    pl.DataFrame({"question": [SUM, POEM], "topic": ["mixed"] * 2, "form": ["short"] * 2}).write_csv(
        tmp_path / "both.csv"
    )
    planned = json.loads(optiq("plan", "both.csv", *POOL, "--json").out)
    alone = [chosen(optiq("plan", text, *POOL, "--json")) for text in (SUM, POEM)]
    assert [one["chosen"] for one in planned] == alone
    estimated = json.loads(optiq("estimate", "both.csv", "--plans", ADDS, "--json").out)
    assert estimated[0]["predicted_qoa"] == pytest.approx(alone[0]["predicted_qoa"])
    assert estimated[1]["predicted_qoa"] < 0.4


@pytest.mark.usefixtures("here")
def test_explain_shows_the_neighbours_and_how_they_move_each_model(optiq: Any) -> None:
    result = optiq("explain", SUM, *POOL)
    assert result.code == 0
    assert result.out.count("How much is") >= 5
    assert f"neighbours {ADDS} +0." in result.out
    assert f"{RHYMES} -0." in result.out
    assert "past question" not in optiq("explain", SUM, *POOL, "--no-neighbours").out


def test_a_home_without_judged_questions_loads_no_vectors(
    optiq: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("optiq.text.word_vectors._loaded", lambda: pytest.fail("vectors were loaded"))
    assert optiq("plan", SUM, "--models", f"{ADDS},{RHYMES}", "--topic", "geography").code == 0
