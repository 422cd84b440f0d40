"""`optiq chemistry` and `optiq recommend`."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from warehouse.home import Home
from warehouse.ingestion.trials import TRIAL_COLUMNS, land_trials
from warehouse.refresh import refresh

RIGHT = {"phi4:14b": 0.95, "mistral:7b": 0.7, "gemma3:27b": 0.6, "qwen2.5:14b": 0.9}


@pytest.fixture(scope="module")
def graded_once(fresh_home: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """40 trials of four models on one topic, published."""
    path = tmp_path_factory.mktemp("graded") / "home"
    shutil.copytree(fresh_home, path)
    draw = np.random.default_rng(3)
    rows = [
        {"trial": f"t{i}", "topic": "law", "task": "open", "model": model, "n": 1, "source": "review",
         "quality": float(np.clip(10 * right + draw.normal(0, 0.5), 0, 10)),
         "accuracy": float(np.clip(right + draw.normal(0, 0.05), 0, 1))}
        for i in range(40) for model, right in RIGHT.items()
    ]  # fmt: skip
    land_trials(Home(path), pl.DataFrame(rows, schema=TRIAL_COLUMNS), "review")
    refresh(Home(path), full_gate=False)
    return path


@pytest.fixture
def graded(home: Path, graded_once: Path) -> Path:
    shutil.copytree(graded_once, home, dirs_exist_ok=True)
    return home


def test_the_matrix_as_table_json_and_pictures(graded: Path, optiq, tmp_path: Path) -> None:
    shown = optiq("chemistry", "--topic", "law", "-o", "heat.svg")
    assert shown.code == 0, shown.err
    assert "how much what one model adds depends on" in shown.out
    assert "40 trials from histories" in shown.out  # they name no run
    assert (tmp_path / "heat.svg").read_text().startswith("<svg")
    found = json.loads(optiq("chemistry", "--json").out)
    assert [one["model"] for one in found["models"]] == sorted(RIGHT)
    assert len(found["pairs"]) == 6
    assert any(pair["certain"] for pair in found["pairs"])
    assert optiq("chemistry", "--map", "phi4:14b,mistral:7b", "-o", "map.png").code == 0
    assert (tmp_path / "map.png").read_bytes().startswith(b"\x89PNG")


def test_other_readings_are_computed_on_the_spot(graded: Path, optiq) -> None:
    usual = json.loads(optiq("chemistry", "--json").out)["pairs"]
    other = json.loads(optiq("chemistry", "--json", "--order", "penalty", "--used-from", "0.8").out)["pairs"]
    assert usual != other
    unused = [pair for pair in other if {pair["model_a"], pair["model_b"]} & {"mistral:7b", "gemma3:27b"}]
    assert {pair["chemistry"] for pair in unused} == {0.0}


def test_a_recommendation_says_why_and_how_certain(graded: Path, optiq) -> None:
    shown = optiq("recommend", "--size", "2", "--topic", "law")
    assert shown.code == 0, shown.err
    assert "least loss found" in shown.out
    assert "chemistry beyond noise in " in shown.out
    assert " of 1 pair; 40 trials" in shown.out
    best = json.loads(optiq("recommend", "--size", "2", "--strategy", "best", "--json").out)
    assert best["models"] == ["phi4:14b", "qwen2.5:14b"]
    weighed = ("recommend", "--size", "4", "--fewer", "--json")
    most = json.loads(optiq(*weighed, "--alpha", "0", "--beta", "0").out)
    assert len(most["models"]) == 4
    assert len(json.loads(optiq(*weighed, "--alpha", "0", "--beta", "9").out)["models"]) == 1
    none = json.loads(optiq(*weighed, "--tau", "99", "--used-from", "0.8").out)
    assert none["models"] == ["phi4:14b"]
    assert none["tau"] == 99
    assert optiq("recommend", "--alpha", "1.5").code == 2
    among = optiq("recommend", "--size", "2", "--among", "mistral:7b,gemma3:27b,phi4:14b", "--json")
    assert "qwen2.5:14b" not in json.loads(among.out)["models"]


def test_a_history_that_stays_outside(home: Path, optiq, tmp_path: Path) -> None:
    rows = [
        f"T{i},m{j},classify,1.0,false,{5 + j % 4},0.{5 + j % 4},2025-07-11 09:43:21"
        for i in range(3) for j in range(25)
    ]  # fmt: skip
    header = "trial,model,task,latency,result,quality,accuracy,created"
    (tmp_path / "runs.csv").write_text("\n".join([header, *rows]) + "\n")
    for verb in ("chemistry", "recommend"):
        cut = optiq(verb, "--history", "runs.csv")
        assert cut.code == 0
        assert (
            "left out 9 models with the fewest trials, then the least right: m0, m12, m16, m20, m24 …"
            in cut.err
        )
    best = optiq("recommend", "--history", "runs.csv", "--size", "2", "--strategy", "best", "--json")
    assert json.loads(best.out)["models"] == ["m11", "m15"], (
        "the best of all 25 are among those that are taken"
    )
    assert optiq("chemistry", "--history", "runs.csv", "--among", "m0,m1,m2").code == 0
    every = optiq("chemistry", "--history", "runs.csv", "--among", ",".join(f"m{j}" for j in range(25)))
    assert every.code == 2
    assert "at most 20 models (--among)" in every.err


NEEDED = "trial,model,task,latency,result,quality,accuracy,created"
NO_GRADES = "has no grades in 2 rows"


@pytest.mark.parametrize(
    ("grades", "said", "code"),
    [
        ({"a": "8,1", "b": "8,1"}, "No two models differ", 0),
        ({"a": "0,0", "b": "0,0"}, "not used and without chemistry: a, b", 0),
        ({"a": "8,1"}, "only a was graded", 2),
        ({"a": ",1", "b": ",1"}, NO_GRADES, 2),
        ({"a": "8,", "b": "8,"}, NO_GRADES, 2),
        ({"a": "80,1", "b": "8,7"}, "has no grades in 2 rows: accuracy is 7.0, above 1", 2),
        ({"a": "8,1", "b": "8,1", "c": ",1"}, "1 row of runs.csv without a usable quality and accuracy", 0),
        ({"a": "8,1", "b": "8,1", "c": "8,17"}, "left out: accuracy is 17.0, above 1", 0),
        ({}, "has no grades in 0 rows", 2),
    ],
)  # fmt: skip
def test_an_odd_history_is_told_in_plain_lines(
    home: Path, optiq, tmp_path: Path, grades: dict[str, str], said: str, code: int
) -> None:
    """What was left out, and why the first of it: a model that is silently missing looks like one that is no good."""
    rows = [f"T1,{model},law,1.0,x,{grade},2025-07-11 09:43:21" for model, grade in grades.items()]
    (tmp_path / "runs.csv").write_text("\n".join([NEEDED, *rows]) + "\n")
    result = optiq("chemistry", "--history", "runs.csv")
    assert result.code == code, result.err
    assert said in result.out + result.err
    assert result.err.count("\n") == (1 if code or "c" in grades else 0)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("chemistry", "--among", "phi4:14b"), "only phi4:14b was graded"),
        (("chemistry", "--topic", "cooking"), "Topics with grades: law"),
        (("chemistry", "--among", "phi4:14b,llama:1b"), "'llama:1b' has no grades"),
        (("chemistry", "--order", "size"), "quality or penalty"),
        (("chemistry", "--map", "phi4:14b"), "-o map.svg"),
        (("chemistry", "-o", "heat.pdf"), ".svg or .png"),
        (("recommend", "--size", "9"), "Ask for 1 to 4"),
        (("recommend", "--strategy", "luck"), "chemistry, best, random"),
    ],
)
def test_what_cannot_be_done_is_said_in_one_line(graded: Path, optiq, arguments, said: str) -> None:
    result = optiq(*arguments)
    assert result.code == 2
    assert said in result.err
    assert result.err.count("\n") == 1


def test_without_grades(home: Path, optiq) -> None:
    for verb in ("chemistry", "recommend"):
        result = optiq(verb)
        assert result.code == 2
        assert "optiq calibrate" in result.err
