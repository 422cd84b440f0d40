"""The paper's experiments on a small recording whose answers are known, and the published figures beside them."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from benchmarks.experiments import recorded
from benchmarks.experiments.__main__ import main
from benchmarks.experiments.catalogue import EXPERIMENTS
from benchmarks.experiments.live import settings_for_live
from benchmarks.experiments.paper import FOLDER, beside, published
from benchmarks.experiments.recorded import RUNS, UNIT, Recordings
from benchmarks.experiments.setting import Setting
from benchmarks.experiments.summing import ALL_KINDS, ROW_SCHEMA, rows_of, table_of, with_steps
from optiq.evaluation.replay import frame_schema
from optiq.questions.question import Budget

SMALL, LARGE = "small:1b", "large:9b"
PLANS = {  # plan → USD, QoA: the chain is best, and large alone better than small
    (SMALL,): (0.2 * UNIT.cost_usd, 0.3),
    (LARGE,): (0.8 * UNIT.cost_usd, 0.6),
    (SMALL, LARGE): (1.5 * UNIT.cost_usd, 0.9),
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Twelve questions, each with every plan, and a catalog of published figures."""
    path = tmp_path_factory.mktemp("recorded")
    rows = []
    for i in range(12):
        for number, (models, (cost, qoa)) in enumerate(PLANS.items()):
            edges = [[0, 1]] if len(models) > 1 else []
            calls = [
                {"node": n, "model": m, "prompt_tokens": 10 + n, "output_tokens": 5, "cost_usd": cost / 2}
                for n, m in enumerate(models)
            ]
            row = {"execution_id": f"e{i}-{number}", "run_id": f"{RUNS} 1", "question_id": f"q{i:02}"}
            row |= {"question": f"Who wrote poem {i}?", "topic": "poems", "answer": f"poet {number}"}
            row |= {"plan": json.dumps({"models": models, "edges": edges}), "cost_usd": cost * (1 + i / 200)}
            # not the same everywhere: runs differ by a little
            row["qoa"] = qoa + 0.01 * (i % 3 - 1)
            rows.append({**row, "latency_s": 10.0 * len(models), "energy_j": 1.0, "calls": calls})
    pl.DataFrame(rows).write_parquet(path / "executions.parquet")
    figures = dict.fromkeys(("input_cost", "output_cost", "input_latency", "output_latency"), 1e-8)
    figures |= dict.fromkeys(("input_energy", "output_energy", "average_output_tokens"), 2.0)
    levels = [
        {"level_file": 0, "topic": "poems", "models": json.dumps(models), "edges": "[]", "cost": 1e-5}
        | {"latency": 5.0, "energy": 2.0, "qoa": qoa, **figures}
        for models, (_, qoa) in PLANS.items()
        if len(models) == 1
    ]
    pl.DataFrame(levels).write_parquet(path / "levels.parquet")
    return path


@pytest.fixture(scope="module")
def recordings(folder: Path) -> Recordings:
    return Recordings(folder, neighbours=False)


def replayed(name: str, recordings: Recordings) -> pl.DataFrame:
    return table_of(recorded.run(EXPERIMENTS[name], recordings, seed=0))


def test_plans_that_are_not_allowed_are_neither_chosen_nor_learned_from(recordings: Recordings) -> None:
    part = recordings.allowed(Setting("k≤1", 1, operations=1).allows)
    assert [plan.k for plan in part.plans] == [1, 1]
    assert len(part.calls) == 24
    assert len(recordings.outcomes.calls) == 48


def test_what_is_not_seen_stays_a_candidate(recordings: Recordings) -> None:
    part = recordings.seen(lambda plan: plan.k == 1)
    assert part.plans == recordings.outcomes.plans
    chain = [plan.k for plan in part.plans].index(2)
    assert not part.counts[:, chain].any()
    assert np.isnan(part.values[:, chain]).all()
    assert not any(plan == chain for _, plan in part.answers)


def test_larger_budgets_afford_better_plans(recordings: Recordings) -> None:
    table = replayed("qoa-against-budget", recordings).filter(pl.col("policy") == "opti-q")
    assert table["qoa"].round(6).to_list() == [0.6, 0.9, 0.9, 0.9, 0.9]
    assert table["within"].to_list() == [1.0] * 5


def test_more_operations_and_more_models_are_worth_what_the_chain_is(recordings: Recordings) -> None:
    for name, first, second in (("operations", "k≤1", "k≤2"), ("diversity", "d≤1", "d≤2")):
        found = replayed(name, recordings).filter(pl.col("policy") == "opti-q")
        by_setting = dict(found.select("setting", "qoa").iter_rows())
        assert (by_setting[first], by_setting[second]) == pytest.approx((0.6, 0.9))
    assert by_setting["pool of 1"] == pytest.approx((0.3 + 0.6) / 2)


def test_coverage_begins_with_published_figures_and_learns(recordings: Recordings) -> None:
    table = replayed("coverage", recordings).filter(pl.col("what") == "replayed")
    nothing = table.filter(pl.col("setting") == "level 0")
    assert set(nothing["policy"]) == {"opti-q", "opti-q-paper"}
    assert set(nothing["runs_seen"]) == {0.0}
    seen = dict(table.filter(pl.col("policy") == "opti-q").select("setting", "runs_seen").iter_rows())
    assert seen == pytest.approx(
        {"level 0": 0.0, "level 1": 19.2, "level 2": 28.8, "level 3": 28.8, "level 4": 28.8}
    )


def test_the_same_seed_is_the_same_bytes(folder: Path, tmp_path: Path) -> None:
    for name in ("one", "two"):
        arguments = ["adherence", "--recorded", str(folder), "--no-embedding", "--seed", "3"]
        arguments += ["--csv", str(tmp_path / f"{name}.csv"), "--plot", str(tmp_path / f"{name}.svg")]
        assert main(arguments) == 0
    assert (tmp_path / "one.csv").read_bytes() == (tmp_path / "two.csv").read_bytes()
    assert (tmp_path / "one.svg").read_bytes() == (tmp_path / "two.svg").read_bytes()


def test_misuse_is_said_before_anything_is_done(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["adherence", "--recorded", str(folder), "--plot", "picture.pdf"]) == 2
    assert "neither .svg nor .png" in capsys.readouterr().err
    assert main(["adherence", "--live", str(folder)]) == 2
    assert "--questions" in capsys.readouterr().err


figures = st.lists(st.tuples(*[st.floats(0, 1)] * 3), min_size=1, max_size=12)


@settings(deadline=None, max_examples=30)  # a bootstrap each
@given(figures, st.floats(0.1, 0.9), st.floats(0.1, 0.9))
def test_shares_agree_with_counting(rows: list[tuple[float, ...]], cost: float, latency: float) -> None:
    frame = answered(rows)
    (row,) = rows_of(frame, Setting("b=1", 1, Budget(max_cost_usd=cost, max_latency_s=latency)), 0, "live")
    n = len(rows)
    assert row["cost_over"] == pytest.approx(sum(c > cost and s <= latency for c, s, _ in rows) / n)
    assert row["both_over"] == pytest.approx(sum(c > cost and s > latency for c, s, _ in rows) / n)
    kept = [q for c, s, q in rows if c <= cost and s <= latency]
    assert row["within"] == pytest.approx(len(kept) / n)
    assert row["kept_qoa"] == (pytest.approx(np.mean(kept)) if kept else None)
    assert row["low"] == pytest.approx(sum(q < 0.5 for *_, q in rows) / n)
    assert row["low"] + row["middle"] + row["high"] == pytest.approx(1)
    assert row["within"] + row["cost_over"] + row["latency_over"] + row["both_over"] == pytest.approx(1)


def test_all_kinds_together_count_a_question_once() -> None:
    frame = answered([(0.1, 0.1, 0.4), (0.1, 0.1, 0.8)])
    frame = frame.with_columns(kind=pl.Series(["open", "choice"]))
    rows = rows_of(frame, Setting("b=1", 1), 0, "live", together=True)
    assert {row["questions"]: (row["n_questions"], row["qoa"]) for row in rows} == {
        "open": (1, 0.4),
        "choice": (1, 0.8),
        ALL_KINDS: (2, pytest.approx(0.6)),
    }


def test_steps_are_changes_between_neighbouring_settings() -> None:
    rows = [
        {"setting": f"d≤{d}", "x": d, "questions": "all", "policy": "opti-q", "what": "replayed", "qoa": qoa}
        for d, qoa in ((1, 0.5), (2, 0.6), (3, 0.55))
    ]
    found = with_steps(table_of(rows), ["d≤1", "d≤2", "d≤3"])["qoa_step"].to_list()
    assert found == [None, pytest.approx(0.1), pytest.approx(-0.05)]


@pytest.mark.parametrize("name", sorted(EXPERIMENTS))
def test_published_figures_say_where_they_stand_and_fit_the_settings(name: str) -> None:
    table = published(name)
    assert table.height
    assert table["source"].is_not_null().all()
    labels = {s.label: s.x for s in EXPERIMENTS[name].settings(UNIT, ["a", "b", "c", "d", "e"])}
    for label, x in table.select("setting", "x").iter_rows():
        assert labels.get(label) == x
    shares = (
        table.select("qoa", "low", "middle", "high", "within", "kept_qoa").unpivot()["value"].drop_nulls()
    )
    assert shares.is_between(0, 1).all()
    assert set(pl.read_csv(FOLDER / f"{name}.csv").columns) <= set(ROW_SCHEMA)


def test_published_figures_stand_beside_other_questions_under_their_own_name() -> None:
    rows = [{"setting": "b=1", "x": 1, "questions": "open", "policy": "opti-q", "what": "live", "qoa": 0.5}]
    both = beside(table_of(rows), "qoa-against-budget")
    assert set(both["questions"]) == {"open"}
    assert "published: Opti-Q (DP) on SimpleQA" in both["policy"].to_list()


def test_the_product_is_asked_for_pools_since_it_cannot_count_models() -> None:
    pools = settings_for_live(EXPERIMENTS["diversity"], UNIT, ["a", "b"])
    assert [(s.label, s.x) for s in pools] == [("pool of 1", 1), ("pool of 1", 1), ("pool of 2", 2)]


def answered(rows: list[tuple[float, ...]]) -> pl.DataFrame:
    """Answers of one policy: (cost, latency, QoA) per question."""
    frame = pl.DataFrame(
        {
            "policy": "opti-q",
            "hindsight": False,
            "repeat": 0,
            "fold": 0,
            "question_id": [f"q{i}" for i in range(len(rows))],
            "kind": "open",
            "status": "answered",
            "plan_key": "1:0:small:1b",
            "called": 1,
            "within_budget": True,
            "observed_cost_usd": [c for c, _, _ in rows],
            "observed_latency_s": [s for _, s, _ in rows],
            "observed_qoa": [q for *_, q in rows],
        }
    )
    empty = pl.DataFrame(schema=frame_schema())
    return pl.concat([empty, frame.cast({"called": pl.Int64})], how="diagonal_relaxed")
