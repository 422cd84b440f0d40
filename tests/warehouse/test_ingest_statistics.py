"""Statistics measured elsewhere: the start that observations are added to."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from optiq.errors import InputError
from optiq.plans.plan import Plan
from warehouse.home import Home
from warehouse.ingest import ingest_statistics
from warehouse.landing import land_traces
from warehouse.query import query
from warehouse.refresh import refresh
from warehouse.statistics import load_statistics

CHAIN = Plan.of(["smollm2:135m", "gemma3:270m"], [(0, 1)])
PLAN = '"{""models"": [""smollm2:135m"", ""gemma3:270m""], ""edges"": [[0, 1]]}"'
HEADER = "topic,plan,n_observations,cost_usd,latency_s,energy_j,qoa,output_tokens,source,as_of\n"


def write(path: Path, *rows: str) -> Path:
    path.write_text(HEADER + "".join(f"{row}\n" for row in rows), encoding="utf-8")
    return path


def test_published_means_are_records_and_give_way_to_observations(
    home: Home, traces: Any, tmp_path: Path
) -> None:
    path = write(tmp_path / "s.csv", f"geography,{PLAN},1000,0.01,4.0,8.0,0.9,20,bench,2026-01-01")
    report = ingest_statistics(home, [path])
    assert (report.n_landed, report.n_quarantined) == (1, 0)
    refresh(home, full_gate=False)
    record = load_statistics(home.perfdb).records("geography")[CHAIN.key]
    assert (record.cost_usd, record.latency_s, record.energy_j, record.qoa) == (0.01, 4.0, 8.0, 0.9)
    assert record.provenance == "prior: bench, n=1000"
    # One wrong answer does not overturn the benchmark (worth 5 observations), many do.
    land_traces(home, traces(traces.execution(CHAIN, 1, qoa=0.0)))
    refresh(home, full_gate=False)
    where = f"topic = 'geography' and task = 'open' and plan_key = '{CHAIN.key}'"
    row = query(home.perfdb, f"from plan_statistics where {where}")
    assert row["qoa"][0] == pytest.approx(5 * 0.9 / 6)
    assert row["latency_s"][0] == pytest.approx((5 * 4 + 2) / 6)
    assert row.select("n_observations", "n_published", "observed_qoa").row(0) == (1, 1000, 0.0)
    land_traces(home, traces(*[traces.execution(CHAIN, 10 + i, qoa=0.0) for i in range(100)]))
    refresh(home, full_gate=False)
    assert load_statistics(home.perfdb).records("geography")[CHAIN.key].qoa < 0.05
    assert ingest_statistics(home, [path]).unchanged == [str(path)]


def test_a_one_model_statistic_is_a_prior_of_the_model(home: Home, tmp_path: Path) -> None:
    ingest_statistics(home, [write(tmp_path / "s.csv", "art,phi4:14b,50,,,,0.8,33,bench,2026-06-01")])
    refresh(home, full_gate=False)
    figures = load_statistics(home.perfdb).figures("phi4:14b", "art", "open")
    assert (figures.qoa, figures.output_tokens, figures.seconds_per_output_token) == (0.8, 33.0, 0.133)


def test_means_in_another_unit_are_refused(home: Home, tmp_path: Path) -> None:
    """PerfDB's published rates make one call of phi4:14b some 1e-5 USD, 4 s and 3 J."""
    path = write(
        tmp_path / "s.csv",
        "art,phi4:14b,50,1e-5,4,3,0.8,33,fine,2026-06-01",
        "history,phi4:14b,50,1e-5,3500,3,0.8,33,milliseconds,2026-06-01",
        "law,phi4:14b,50,12,4,3,0.8,33,micro-dollars,2026-06-01",
        "music,phi4:14b,50,1e-5,4,0.003,0.8,33,kilojoules,2026-06-01",
        "sport,nobody:1b,50,12,3500,3,0.8,33,unknown model,2026-06-01",
    )
    report = ingest_statistics(home, [path])
    assert (report.n_landed, report.n_quarantined) == (2, 3)
    refresh(home, full_gate=False)
    reasons = query(home.perfdb, "select reason from quarantine order by row_number")["reason"].to_list()
    assert "latency_s is 3500.0, about 1000 times above" in reasons[0]
    assert "cost_usd is 12.0, about a million times above" in reasons[1]
    assert "energy_j is 0.003, about 1000 times below" in reasons[2]


def test_bad_rows_and_repeats_go_to_quarantine(home: Home, tmp_path: Path) -> None:
    good = f"geography,{PLAN},10,0.01,4.0,8.0,0.9,20,bench,2026-01-01"
    other_numbering = '"{""models"": [""gemma3:270m"", ""smollm2:135m""], ""edges"": [[1, 0]]}"'
    path = write(
        tmp_path / "s.csv",
        good,
        good,
        f"geography,{other_numbering},10,0.01,4.0,8.0,0.5,20,bench,2026-01-01",
        f"art,{PLAN},10,,,,1.01,,bench,",
        f"art,{PLAN},10,,,,-0.1,,bench,",
        f"art,{PLAN},0,,,,0.1,,bench,",
        f"art,{PLAN},10,,0,,,,bench,",
        f"art,{PLAN},10,,,,,,bench,",
        f"art,{PLAN},10,,,,0.5,,bench,2099-01-01",
        "art,,10,,,,0.5,,bench,",
        f"art,{PLAN},10,0.1,2,,0.5,bench",
    )
    report = ingest_statistics(home, [path])
    assert (report.n_landed, report.n_quarantined) == (3, 8)
    refresh(home, full_gate=False)
    reasons = dict(query(home.perfdb, "select row_number, reason from quarantine order by 1").rows())
    assert sorted(reasons) == list(range(2, 12))
    assert reasons[2] == "repeats row 1, which is about the same topic and plan"
    assert reasons[3] == "differs from row 1, which is about the same topic and plan"
    assert reasons[8] == "no figure is given"
    assert reasons[11] == "the row has 8 cells, the header has 10: are its cells shifted?"
    counts = query(
        home.perfdb, "select n_rows, n_quarantined from ingested_files where kind = 'statistics'"
    ).row(0)
    assert counts == (1, 2)


def test_a_file_without_figures_is_refused(home: Home, tmp_path: Path) -> None:
    path = tmp_path / "s.csv"
    path.write_text("topic,plan\nart,phi4:14b\n")
    with pytest.raises(InputError, match="has no column with a figure"):
        ingest_statistics(home, [path])
