"""Chemistry in PerfDB: from traces, histories and reviews, at a refresh and on demand."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import polars as pl
import pytest

import sql
from optiq.chemistry.by_question import chemistry_over_questions
from optiq.chemistry.pool import TopicTrials
from optiq.errors import InputError, UnknownName
from optiq.plans.plan import Plan
from warehouse import chemistry
from warehouse.chemistry import load_chemistry, load_trials, read_lone_answers, recompute_chemistry
from warehouse.connection import writing
from warehouse.home import Home
from warehouse.ingest import ingest_traces
from warehouse.ingestion.trials import TRIAL_COLUMNS, land_trials
from warehouse.landing import land_traces
from warehouse.query import query
from warehouse.refresh import refresh

A, B, C = "phi4:14b", "mistral:7b", "gemma3:27b"
RIGHT = {A: 0.9, B: 0.7, C: 0.55}

HEADER = (
    "trial,model,task,latency,temperature,id,result,quality,generation_accuracy,variance,review_accuracy,"
    "accuracy,elapsed,strategy,created"
)


def history_row(trial: str, model: str, quality: str = "6.0", accuracy: str = "0.7") -> str:
    return (
        f"{trial},{model},classify,3.0,0.5,Item_1,false,{quality},0.5,0.01,0.9,{accuracy},1s,RANDOM,"
        "2025-07-11 09:43:21"
    )


@pytest.fixture(scope="module")
def made(fresh_home: Home, copy_of, traces) -> Home:
    """40 questions in two topics, each answered by three models alone; 10 in another topic, too few."""
    draw = np.random.default_rng(1)
    rows = []
    for question in range(50):
        topic = "art" if question < 20 else "law" if question < 40 else "rare"
        for model, share in RIGHT.items():
            number = len(rows)
            qoa = float(draw.random() < share)
            # Executions recorded elsewhere have no quality of their calls.
            unscored = {"subplan_qoa": None} if topic == "law" else {}
            row = traces.execution(Plan.parse(model), number, qoa, topic, unscored)
            rows.append(row | {"question": f"Question {question}?", "question_id": f"q{question}"})
    home = copy_of(fresh_home)
    land_traces(home, traces(*rows))
    refresh(home, full_gate=False)
    return home


@pytest.fixture
def answered(made: Home, copy_of) -> Home:
    """A copy of it."""
    return copy_of(made)


def test_profiles_pairs_and_ensembles_follow_from_traces(answered: Home) -> None:
    expected = query(
        answered.perfdb, "select topic, plan_key, avg(qoa) as qoa from executions group by all order by all"
    )
    of_law = {key.split(":", 2)[2]: qoa for topic, key, qoa in expected.iter_rows() if topic == "law"}
    found = query(
        answered.perfdb,
        "select model, quality, accuracy, n_trials, source from model_quality where topic = 'law' order by 1",
    )
    assert {row["model"]: row["accuracy"] for row in found.to_dicts()} == pytest.approx(of_law)
    assert found["quality"].to_list() == pytest.approx((10 * found["accuracy"]).to_list())
    assert set(found["n_trials"]) == {20}
    assert set(found["source"]) == {"traces"}
    topics = query(answered.perfdb, "select distinct topic from chemistry order by 1")["topic"].to_list()
    assert topics == ["*", "art", "law"]  # the third has too few questions
    outcomes = load_trials(answered.perfdb, "law").trials
    used = np.array([of_law[name] >= 0.5 for name in outcomes.models])
    matrix = chemistry_over_questions(outcomes.quality, outcomes.accuracy, used=used)[0]
    pool = load_chemistry(answered.perfdb, "law")
    assert pool.models == tuple(sorted(RIGHT))
    assert pool.found.chemistry == pytest.approx(matrix)
    assert pool.n_trials == 20
    ensembles = query(answered.perfdb, "select * from ensembles where topic = '*' order by strategy, size")
    assert ensembles.select("strategy", "size").rows() == [
        (strategy, size) for strategy in ("best", "chemistry") for size in (1, 2, 3)
    ]
    assert all(len(row["models"]) == row["size"] for row in ensembles.to_dicts())
    assert len(load_chemistry(answered.perfdb, "rare").profiles) == 3  # on the spot


def test_an_unchanged_basis_is_not_computed_again(answered: Home, tmp_path: Path) -> None:
    steps: list[str] = []
    priors = tmp_path / "priors.csv"
    priors.write_text("model,topic,usd_per_output_token,source,as_of\nnew:1b,*,0.000001,a paper,2026-01-01\n")
    from warehouse.ingest import ingest_priors

    ingest_priors(answered, [priors])
    refresh(answered, full_gate=False, on_step=steps.append)
    assert "published" in steps
    assert "chemistry computed" not in steps


@pytest.mark.parametrize("seed", [1, 2])
def test_answers_kept_from_night_to_night_are_those_of_all_executions(
    home: Home, traces, monkeypatch: pytest.MonkeyPatch, seed: int, tmp_path: Path
) -> None:
    monkeypatch.setattr("warehouse.chemistry.MOST_QUESTIONS", 6)
    monkeypatch.setattr("warehouse.chemistry.FEWEST_TRIALS", 3)
    draw = np.random.default_rng(seed)
    plans = [Plan.of([A]), Plan.of([B]), Plan.of([A, B], [(0, 1)]), Plan.of([A, B, C], [(0, 2), (1, 2)])]
    number = 0
    for night in range(4):
        rows = []
        for _ in range(40):
            call = {
                "subplan_qoa": draw.choice([0.0, 0.5, 1.0, None]),
                "digest": draw.choice(["old", "new", None]),
                "cached": bool(draw.random() < 0.1),
                "error": draw.choice([None, None, None, "broke off"]),
            }
            plan = plans[draw.integers(len(plans))]
            topic = f"t{draw.integers(2)}"
            row = traces.execution(plan, number, draw.choice([1.0, 0.0, None]), topic, call)
            # what nobody asked before comes later
            rows.append(row | {"question": f"Question {draw.integers(5 * (night + 2))}?"})
            number += 1
        land_traces(home, traces(*rows))
        refresh(home)
    told = query(home.perfdb, "select * from lone_answers order by all")
    everything = query(
        home.perfdb,
        "select topic, question, model, digest as served, count(*)::bigint as n, "
        "sum(coalesce(subplan_qoa, case when level = 0 then qoa end)) as total "
        "from calls inner join executions using (execution_id) where subplan_level = 0 and calls.error is null "
        "and not cached and coalesce(subplan_qoa, case when level = 0 then qoa end) is not null "
        "group by all",
    )
    key = "md5_number_lower(question)"
    keys = dict(query(home.perfdb, f"select distinct question, {key} from executions").iter_rows())
    oracle = everything.with_columns(
        question_key=pl.col("question").replace_strict(keys, return_dtype=pl.UInt64)
    )
    first = oracle.unique(["topic", "question_key"]).sort("question_key").group_by("topic").head(6)
    oracle = oracle.join(first, on=["topic", "question_key"], how="semi")
    assert told.height > 12
    assert told.sort(pl.all()).equals(oracle.select(told.columns).sort(pl.all()))
    with writing(copied(home, tmp_path), tmp_path / "spill") as connection:
        connection.execute(sql.read("merge/macros"))
        read_lone_answers(connection, anew=True)
        assert connection.sql("from lone_answers order by all").pl().equals(told)
        # and so is what is computed from them, topic by topic
        names = ("model_quality", "chemistry", "ensembles", "chemistry_basis")
        before = {name: connection.sql(f"from {name} order by all").pl() for name in names}
        assert before["chemistry"].height
        connection.execute("set variable last_ingestion = 0")
        for name in names:
            connection.execute(f"delete from {name}")
        assert recompute_chemistry(connection)
        assert all(connection.sql(f"from {name} order by all").pl().equals(before[name]) for name in names)


def test_only_topics_with_enough_new_answers_are_computed_again(
    answered: Home, traces, monkeypatch: pytest.MonkeyPatch
) -> None:
    computed: list[str] = []
    real = chemistry._rows_of

    def told(topic: str, given: TopicTrials) -> dict:
        computed.append(topic)
        return real(topic, given)

    monkeypatch.setattr(chemistry, "_rows_of", told)

    def learned(*numbers: int) -> list[str]:
        computed.clear()
        rows = (traces.execution(Plan.parse(A), 900 + n, 1.0, "law", {}) for n in numbers)
        land_traces(
            answered, traces(*(row | {"question": f"{n}?"} for n, row in zip(numbers, rows, strict=True)))
        )
        refresh(answered, full_gate=False)
        return list(computed)

    before = query(answered.perfdb, "from chemistry where topic = 'art' order by all")
    assert learned(0) == [], "one of 61 answers on law is new"
    assert learned(1, 2, 3) == ["law"], "four of 64 are, and of 154 in all"
    assert learned(4, 5, 6, 7, 8) == ["*", "law"], "nine of 159"
    assert query(answered.perfdb, "from chemistry where topic = 'art' order by all").equals(before)
    found = query(answered.perfdb, "select topic, max(n_trials) from chemistry group by all order by all")
    assert found.rows() == [("*", 59), ("art", 20), ("law", 29)]


def copied(home: Home, folder: Path) -> Path:
    path = folder / "copy.duckdb"
    shutil.copyfile(home.perfdb, path)
    return path


def test_a_history_brings_traces_and_grades(home: Home, tmp_path: Path) -> None:
    rows = [history_row(f"Trial_{i} 0", model, q, a) for i in range(3) for model, q, a in
            ((A, "8.0", "0.9"), (B, "6.0", "0.6"))]  # fmt: skip
    rows.append(history_row("Trial_9 0", A, quality="12"))  # a grade that cannot be
    rows.append("Trial_9 0,gpt,classify,3.0,classify,0.5,Item_1,x,6,0,0.5,0.1,0.9,oops,RANDOM")  # shifted
    path = tmp_path / "runs.csv"
    path.write_text("\n".join([HEADER, *rows]) + "\n")
    report = ingest_traces(home, [path])
    assert (report.n_landed, report.n_quarantined) == (7, 2)
    refresh(home, full_gate=False)
    found = query(
        home.perfdb, "select model, quality, accuracy, n_trials, source from model_quality order by 1"
    )
    assert found.rows() == [(B, 6.0, 0.6, 3, "histories"), (A, 8.0, 0.9, 3, "histories")]
    reasons = dict(query(home.perfdb, "select kind, reason from quarantine order by 1").rows())
    assert set(reasons) == {"traces", "trials"}
    assert "quality is 12" in reasons["trials"]
    assert query(home.perfdb, "select n_rows from ingested_files where kind = 'trials'").rows() == [(6,)]
    # A longer history adds what is new.
    longer = tmp_path / "longer.csv"
    longer.write_text("\n".join([HEADER, *rows[:6], history_row("Trial_7 0", A, "8.0", "0.9")]) + "\n")
    ingest_traces(home, [longer])
    refresh(home, full_gate=False)
    assert query(home.perfdb, "select count(*) from model_trials").item() == 7


def trial(number: int, model: str, quality: float | None, accuracy: float | None, **more) -> dict:
    return {"trial": f"t{number}", "topic": "law", "task": "open", "model": model, "quality": quality,
            "accuracy": accuracy, "n": 1, "run_id": "run", "source": "review", **more}  # fmt: skip


def test_reviews_stand_for_their_own_traces(answered: Home) -> None:
    """The traces are of the run ``run``: once its trials are there, they count, and its traces do not."""
    rows = [trial(i, model, 8.0 - j, 0.8 - j / 10) for i in range(4) for j, model in enumerate((A, B))]
    rows.append(trial(9, A, None, 0.5))  # nobody graded it: no profile follows from it
    land_trials(answered, pl.DataFrame(rows, schema=TRIAL_COLUMNS), "review")
    bad = pl.DataFrame([trial(5, A, 11.0, 0.5), trial(6, A, 5.0, 1.5)], schema=TRIAL_COLUMNS)
    land_trials(answered, bad, "bad")
    refresh(answered, full_gate=False)
    found = query(answered.perfdb, "select model, quality, n_trials, source from model_quality order by 1")
    assert found.rows() == [(B, 7.0, 4, "reviews"), (A, 8.0, 4, "reviews")]
    assert query(answered.perfdb, "select count(*) from quarantine where kind = 'trials'").item() == 2


def test_what_nothing_is_known_of(answered: Home) -> None:
    with pytest.raises(UnknownName, match="'cooking'"):
        load_trials(answered.perfdb, "cooking")


def test_an_empty_perfdb(home: Home) -> None:
    with pytest.raises(InputError, match="no graded answers"):
        load_chemistry(home.perfdb)
