"""A night far from what was known is refused, until a person accepts it; too few rows to tell are let through."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import sql
from optiq.errors import GateError, InputError
from optiq.plans.plan import Plan
from warehouse.gate import check_columns, compare_with_known
from warehouse.home import Home
from warehouse.ingest import ingest_priors
from warehouse.landing import land_traces, landed
from warehouse.migrate import migrate
from warehouse.night import PREPARE, Asked, Night
from warehouse.query import query
from warehouse.refresh import refresh
from warehouse.refused import retry_refused
from warehouse.relative import Change, compare_night, remember_known
from warehouse.relative_rules import RULES
from warehouse.statistics import Settings

SOLO = Plan.of(["solo:7b"])  # nobody published anything about it
PHI = Plan.of(["phi4:14b"])


def rows(
    traces: Any, start: int, n: int, plan: Plan = SOLO, spread: float = 0.2, **figures: Any
) -> pl.DataFrame:
    """``n`` executions that cost about 0.0011 USD; ``figures`` are factors, and ``qoa``, ``topic`` and the like."""
    draw = np.random.default_rng(start)
    made = []
    factors = {name: figures.pop(name, 1.0) for name in ("cost_usd", "latency_s", "output_tokens")}
    for number in range(start, start + n):
        noise = draw.lognormal(0, spread)
        cost, latency = 0.0011 * factors["cost_usd"] * noise, 2.0 * factors["latency_s"] * noise
        call = {
            "prompt_tokens": 4000,
            "prompt_chars": 16_000,
            "output_tokens": round(50 * factors["output_tokens"] * noise),
            **{f"{part}cost_usd": cost for part in ("", "subplan_")},
            **{f"{part}latency_s": latency for part in ("", "subplan_")},
        }
        call |= figures.get("call", {})
        whole = {name: value for name, value in figures.items() if name != "call"}
        made.append(
            traces.execution(plan, number, call=call, **{"cost_usd": cost, "latency_s": latency} | whole)
        )
    return traces(*made)


@pytest.fixture(scope="module")
def known(fresh_home: Home, copy_of: Any, traces: Any) -> Home:
    """A night of 200 executions of a model alone."""
    home = copy_of(fresh_home)
    land_traces(home, rows(traces, 0, 200, qoa=0.9))
    refresh(home)
    return home


@pytest.fixture
def after(known: Home, copy_of: Any) -> Home:
    """A copy to land more in."""
    return copy_of(known)


def refused(home: Home, accept: tuple[str, ...] = ()) -> set[str]:
    """The rules by which what has landed would be refused: a night up to its statistics, and the relative checks."""
    names = ("copy", "check", "merge", "drift", "statistics")
    with Night(home, Asked(Settings()), lambda _: None, landed(home)) as night:
        for step in PREPARE:
            if step.name in names:
                step.do(night)
        results, _ = compare_with_known(night.connection, False, accept)
    return {result.name for result in results if result.refuses}


def test_ninety_rows_at_500_dollars_do_not_become_the_price_of_a_model(after: Home, traces: Any) -> None:
    before = after.perfdb.read_bytes()
    land_traces(after, rows(traces, 1000, 90, cost_usd=500 / 0.0011, spread=0))
    (file,) = landed(after)
    with pytest.raises(GateError, match="not published: the check 'mean_cost_usd'") as caught:
        refresh(after)
    assert "optiq refresh --accept mean_cost_usd --accept price" in caught.value.remedy
    assert after.perfdb.read_bytes() == before
    assert landed(after) == [file]

    (page,) = after.gate.glob("refused-*")
    text = page.read_text()
    assert f"- 90 rows in `{file.name}`" in text
    assert "solo:7b: 0.00112" in text
    assert "500 (90 new)" in text
    assert f"| e001000 | q1000 | solo:7b | {file.name} | 500 |" in text
    assert "`optiq refresh --accept price` publishes it" in text

    # One rule is not the other.
    assert refused(after, accept=("price",)) == {"mean_cost_usd"}
    report = refresh(after, accept=["price", "mean_cost_usd"])
    assert "Accepted: price" in Path(report.gate_report).read_text()
    kept = query(after.perfdb, "from accepted_changes order by rule, subject")
    assert kept.select("rule", "subject").rows() == [
        ("mean_cost_usd", "*"),
        ("mean_cost_usd", "solo:7b"),
        ("price", "solo:7b"),
    ]
    assert (
        query(after.perfdb, "select gate from snapshots order by number")
        .item(-1, 0)
        .endswith("accepted: mean_cost_usd, price")
    )
    assert query(after.perfdb, "select name from quality_checks where accepted order by name")[
        "name"
    ].to_list() == [
        "mean_cost_usd",
        "price",
    ]
    # What was accepted is known: the next night may be like it.
    land_traces(after, rows(traces, 2000, 90, cost_usd=400 / 0.0011))
    assert refused(after) == set()


def test_one_file_that_alone_is_far_off_is_set_aside_and_the_rest_published(after: Home, traces: Any) -> None:
    land_traces(after, rows(traces, 1000, 40))
    land_traces(after, rows(traces, 2000, 90, latency_s=1000.0))
    report = refresh(after)
    assert report.n_executions_new == 40
    ((name, reason),) = report.refused.items()
    assert "mean_latency_s" in reason
    assert "`optiq refresh --accept mean_latency_s`" in reason
    assert f"`{name}`: 90 rows" in Path(report.gate_report).read_text()
    assert retry_refused(after) == [name]
    assert refused(after) == {"mean_latency_s"}
    assert refresh(after, accept=["mean_latency_s"]).n_executions_new == 90


def test_files_that_are_far_off_together_refuse_the_night(after: Home, traces: Any) -> None:
    for start in (1000, 2000):
        land_traces(after, rows(traces, start, 60, latency_s=1000.0))
    assert refused(after) == {"mean_latency_s"}
    assert len(landed(after)) == 2


@pytest.mark.parametrize(
    ("n", "changes", "expected"),
    [
        (90, {}, set()),
        (90, {"latency_s": 1.3, "cost_usd": 3.0, "output_tokens": 0.2, "qoa": 0.5}, set()),
        (90, {"latency_s": 1000.0}, {"mean_latency_s"}),
        (90, {"latency_s": 0.001}, {"mean_latency_s"}),
        (29, {"latency_s": 1000.0}, set()),  # too few to tell
        (90, {"cost_usd": 50.0}, {"mean_cost_usd"}),
        (1, {"cost_usd": 500 / 0.0011}, {"mean_cost_usd"}),  # one row can spoil a mean
        (1, {"cost_usd": 100.0}, set()),
        (90, {"output_tokens": 40.0}, {"mean_output_tokens"}),
        (90, {"qoa": 0.1}, {"mean_qoa"}),
        (90, {"qoa": 0.1, "topic": "other questions"}, set()),
        (90, {"qoa": 0.1, "call": {"digest": "other weights"}}, set()),
        (90, {"call": {"prompt_tokens": 40_000}}, {"chars_per_token"}),
        (90, {"status": "failed", "answer": None, "error": "down", "qoa": None}, {"failed_share"}),
        (90, {"qoa": None}, {"unjudged_share"}),
        (90, {"qoa": None, "reference": None}, set()),  # nothing to judge by
    ],
)
def test_golden_nights(after: Home, traces: Any, n: int, changes: dict[str, Any], expected: set[str]) -> None:
    land_traces(after, rows(traces, 1000, n, **{"qoa": 0.9, **changes}))
    assert refused(after) == expected


def test_one_call_that_hung_tells_nothing_of_a_model(after: Home, traces: Any) -> None:
    frame = pl.concat([rows(traces, 1000, 89), rows(traces, 2000, 1, latency_s=1700.0)])
    land_traces(after, frame)
    assert refused(after) == set()


def test_the_first_prices_are_held_against_the_published_ones(home: Home, traces: Any) -> None:
    land_traces(home, rows(traces, 0, 90, plan=PHI))
    assert refused(home) == set()
    land_traces(home, rows(traces, 1000, 90, plan=Plan.of(["qwen2.5:14b"]), cost_usd=1000.0))
    assert refused(home) == {"price"}


def test_a_published_price_is_held_against_the_calls_that_were_paid(
    home: Home, traces: Any, tmp_path: Path
) -> None:
    land_traces(home, rows(traces, 0, 90, plan=PHI))
    refresh(home)
    prices = tmp_path / "prices.csv"
    prices.write_text(
        "model,usd_per_prompt_token,usd_per_output_token,source,as_of\nphi4:14b,6e-5,1.4e-4,per thousand,2026-11-01\n"
    )
    ingest_priors(home, [prices], trusted=True)  # else ingest itself asks for the unit
    assert refused(home) == {"price"}
    assert refused(home, accept=("price",)) == set()


def test_only_rules_can_be_accepted(home: Home) -> None:
    with pytest.raises(InputError, match=r"no rule 'nonsense'.*mean_cost_usd"):
        refresh(home, accept=["nonsense"])


# --- against a plain oracle


@pytest.fixture(scope="module")
def empty() -> duckdb.DuckDBPyConnection:
    """A PerfDB without rows, as a refresh has it open at the gate."""
    connection = duckdb.connect()
    migrate(connection)
    connection.execute(sql.read("merge/macros"))
    connection.execute("set variable last_ingestion = 0")
    connection.execute("create temp table drift_window as select 0 as first_ingestion")
    connection.execute(sql.read("statistics/30_published_figures"))
    for model in "ab":
        connection.execute(
            "insert into plans values (?, '{}', ?, 0, 1, ?, [?], [])", [f"1:0:{model}", model, model, model]
        )
    return connection


FIGURES = st.lists(st.floats(1e-3, 1e3).map(lambda x: round(x, 6)), min_size=0, max_size=60)
STRATA = st.dictionaries(st.tuples(st.sampled_from("ab"), st.sampled_from("xyz")), FIGURES, max_size=6)


def told_of(known: dict[Any, list[float]], new: dict[Any, list[float]], model: str | None) -> float | None:
    """What ``sql/relative/compared.sql`` tells of latency, in plain Python: None where there is too little to tell."""
    alike = [key for key in new if new[key] and len(known.get(key, [])) >= 3 and model in (None, key[0])]
    n_new, n_known = sum(len(new[key]) for key in alike), sum(len(known[key]) for key in alike)
    if min(n_new, n_known) < 30:
        return None
    usual = {key: float(np.mean(known[key])) for key in alike}
    off = [x - usual[key] for key in alike for x in new[key]]
    before = sum(usual[key] * len(new[key]) for key in alike) / n_new
    error = math.sqrt(
        np.var(off, ddof=1) / n_new
        + sum(len(new[key]) ** 2 * np.var(known[key], ddof=1) / len(known[key]) for key in alike) / n_new**2
    )
    after = before + float(np.mean(off))
    if after >= before:
        return max(1.0, (after - 1.96 * error) / before)
    return min(1.0, (after + 1.96 * error) / before)


@settings(max_examples=60)
@given(STRATA, STRATA)
def test_what_is_told_of_means_is_what_plain_python_tells(
    empty: duckdb.DuckDBPyConnection, known: dict[Any, list[float]], new: dict[Any, list[float]]
) -> None:
    def add(strata: dict[Any, list[float]]) -> None:
        for (model, topic), figures in strata.items():
            empty.execute(
                "insert into plan_days by name select $topic as topic, $key as plan_key, 'open' as task, [] as served, "
                "0 as n_executions, 0 as n_subplans, 0 as n_failed, 0 as n_energy_measured, moments(x) as latency_s "
                "from (select unnest($figures::double[]) as x)",
                {"topic": topic, "key": f"1:0:{model}", "figures": figures},
            )

    empty.execute("delete from plan_days")
    add(known)
    remember_known(empty)
    add(new)
    found = {
        change.subject: change.told for change in compare_night(empty) if change.rule == "mean_latency_s"
    }
    for subject in ("a", "b", "*"):
        expected = told_of(known, new, None if subject == "*" else subject)
        assert found.get(subject) == (None if expected is None else pytest.approx(expected, rel=1e-6))


TOLD = st.one_of(
    st.none(), st.sampled_from([-1.0, -0.5, 0.0, 0.01, 0.05, 0.2, 0.5, 0.51, 1.0, 5.0, 20.0, 21.0, 101.0])
)


@settings(max_examples=15)
@given(st.dictionaries(st.tuples(st.sampled_from(sorted(RULES)), st.sampled_from("ab*")), TOLD, max_size=8))
def test_great_expectations_judge_changes_as_perfdb_does(
    changes: dict[tuple[str, str], float | None],
) -> None:
    from warehouse.expectations import check_changes

    night = [Change(rule, subject, 50, 50, 1.0, 1.0, told) for (rule, subject), told in changes.items()]
    results = check_changes(night)
    failed = {result.name.removeprefix("night.").split(":")[0] for result in results if not result.passed}
    assert failed == {change.rule for change in night if not change.passes}
    assert all(result.relative for result in results)


VALUES = st.one_of(st.none(), st.sampled_from([-1.0, 0.0, 0.5, 1.0, 1.5, 1e9]))
TABLE = st.fixed_dictionaries(
    {
        "execution_id": st.one_of(st.none(), st.uuids().map(str)),
        "plan_key": st.sampled_from(["1:0:a", "nonsense", None]),
        "status": st.sampled_from(["answered", "failed", "lost", None]),
        "kind": st.sampled_from(["open", "essay", None]),
        **dict.fromkeys(("cost_usd", "latency_s", "energy_j", "qoa", "predicted_qoa"), VALUES),
    }
)


@settings(max_examples=15)
@given(st.lists(TABLE, min_size=1, max_size=4))
def test_great_expectations_judge_columns_as_perfdb_does(table: list[dict[str, Any]]) -> None:
    from warehouse.expectations import validate

    texts = ("execution_id", "plan_key", "status", "kind")
    types = {name: pl.String if name in texts else pl.Float64 for name in table[0]}
    frame = pl.DataFrame(table, schema=types).with_columns(
        topic=pl.lit("t"), energy_source=pl.lit(None, pl.String), ingestion=1
    )
    connection = duckdb.connect()
    connection.execute("set variable last_ingestion = 0")
    connection.register("executions", frame.to_arrow())
    ours = {result.name: result.n_bad_rows for result in check_columns(connection, "executions")}
    theirs = {result.name: result.n_bad_rows for result in validate("executions", frame.to_pandas())}
    del theirs["executions.execution_id: column_values_to_be_unique"]  # sql/checks/executions_given_twice
    assert {name: n > 0 for name, n in ours.items()} == {name: n > 0 for name, n in theirs.items()}
