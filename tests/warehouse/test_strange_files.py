"""A landed file never stops the night: strange but valid files of every kind, and every row of them accounted for."""

from __future__ import annotations

import datetime
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

import sql
from optiq.errors import InputError
from optiq.plans.plan import Plan
from warehouse import chemistry
from warehouse.connection import reading
from warehouse.faults import columns_of
from warehouse.home import Home
from warehouse.ingestion.trials import TRIAL_COLUMNS, land_trials
from warehouse.landing import KINDS, land_traces, landed
from warehouse.refresh import refresh
from warehouse.refused import culprit, retry_refused

ONE = Plan.of(["gemma3:270m"])
TWO = Plan.of(["gemma3:270m", "smollm2:135m"], [(0, 1)])
# A night takes seconds: shrinking one would take minutes.
FEW_NIGHTS = settings(
    max_examples=4, phases=[Phase.generate], deadline=None, suppress_health_check=list(HealthCheck)
)

TEXTS = [
    None,
    "",
    " ",
    "*",
    "e1",
    "e2",
    "nan",
    "x" * 3000,
    "ü\n\t",
    ONE.key,
    TWO.key,
    "gemma3:270m",
    "answered",
]
TEXTS += ["failed", "open", "choice", "geography", "measured", "cost_usd", "qoa", '{"a": 1}', "2026-01-01"]
WHOLE = [None, 0, 1, 7, -1, 2**31, 2**62]
FIGURES = [None, 0.0, 0.5, 1.0, -0.5, 1e-300, 1e300, float("nan"), float("inf"), 12.0]
TIMES = [None, *(datetime.datetime(year, 1, 1, tzinfo=datetime.UTC) for year in (1, 1970, 2026, 2261))]


def value_of(dtype: Any) -> st.SearchStrategy[Any]:
    """Any value that a column of ``dtype`` can hold, mostly ones that a reader may stumble over."""
    if isinstance(dtype, pl.List):
        return st.none() | st.lists(value_of(dtype.inner), max_size=3)
    if isinstance(dtype, pl.Struct):
        return st.none() | st.fixed_dictionaries(
            {field.name: value_of(field.dtype) for field in dtype.fields}
        )
    if dtype.is_temporal():
        return st.sampled_from(TIMES)
    if dtype.is_float():
        return st.sampled_from(FIGURES)
    if dtype.is_integer():
        return st.sampled_from(WHOLE if dtype == pl.Int64 else WHOLE[:5])
    return st.sampled_from([None, True, False]) if dtype == pl.Boolean else st.sampled_from(TEXTS)


@st.composite
def strange_file(draw: st.DrawFn) -> tuple[str, pl.DataFrame]:
    """A kind and a frame: its columns in part, in another type, null, and odd values in the rest."""
    kind = draw(st.sampled_from(KINDS))
    schema: dict[str, Any] = {}
    often = draw(st.booleans())  # half of the files have what they need
    for name, dtype in columns_of(kind).items():
        fate = draw(st.sampled_from(["sound"] * 12 + ([] if often else ["absent", "other", "null"])))
        if fate != "absent":
            other = draw(st.sampled_from([pl.String(), pl.Float64(), pl.Int32(), pl.List(pl.String())]))
            schema[name] = {"sound": dtype, "null": pl.Null(), "other": other}[fate]
    n = draw(st.integers(0, 4))
    data = {
        name: [None] * n if dtype == pl.Null else draw(st.lists(value_of(dtype), min_size=n, max_size=n))
        for name, dtype in schema.items()
    }
    return kind, pl.DataFrame(data, schema=schema)


@FEW_NIGHTS
@given(files=st.lists(strange_file(), min_size=20, max_size=30))
def test_strange_files_are_merged_row_by_row_or_set_aside_whole(
    fresh_home: Home, copy_of: Callable[[Home], Home], traces: Any, files: list[tuple[str, pl.DataFrame]]
) -> None:
    home = copy_of(fresh_home)
    good = land_traces(home, traces(traces.execution(ONE, 99)))
    rows = {good.name: 1}
    for number, (kind, frame) in enumerate(files):
        name = f"{kind}-strange-{number:016d}.parquet"
        frame.write_parquet(home.landing / name)
        rows[name] = frame.height
    ids = {file.name: file.file_id for file in landed(home)}
    report = refresh(home, full_gate=False)
    assert report.published
    assert good.name not in report.refused
    assert not landed(home)
    kept = {path.name for path in home.landing.glob("refused/*.parquet")}
    assert kept == set(report.refused)
    assert all((home.landing / "refused" / f"{name}.json").is_file() for name in kept)
    with reading(home.perfdb) as connection:
        table = connection.execute(
            "select file_id, n_rows, n_quarantined, refused_because is not null from ingested_files"
        )
        found = {row[0]: row[1:] for row in table.fetchall()}
    for name, n in rows.items():
        taken, aside, refused = found[ids[name]]
        assert taken + aside == n, name
        assert refused == (name in kept) or ids[name] in {ids[other] for other in kept}
    assert not refresh(home, full_gate=False).published
    assert not figures_that_are_none(home)
    shutil.rmtree(home.path)


def figures_that_are_none(home: Home) -> list[str]:
    """Columns of tables and views that hold NaN or infinity: what is not known is NULL."""
    with reading(home.perfdb) as connection:
        columns = connection.execute(
            "select table_name, column_name from duckdb_columns() "
            "where schema_name = 'main' and not internal and data_type in ('DOUBLE', 'FLOAT')"
        ).fetchall()
        return [
            f"{table}.{column}"
            for table, column in columns
            if connection.execute(
                f'select 1 from "{table}" where not isfinite("{column}") limit 1'
            ).fetchall()
        ]


def test_ranks_of_equal_values_have_no_correlation_and_not_nan(home: Home, traces: Any) -> None:
    same = {"qoa": 0.5, "predicted_qoa": 0.5}
    plans = [ONE, TWO, Plan.of(["smollm2:135m"])]
    rows = [traces.execution(plan, 10 * i + j, **same) for i, plan in enumerate(plans) for j in range(3)]
    land_traces(home, traces(*rows))
    assert refresh(home, full_gate=False).published
    with reading(home.perfdb) as connection:
        found = connection.execute("select rank_correlation from rank_calibration").fetchall()
        errors = connection.execute(sql.read("queries/report_errors"), {"run": None}).fetchall()
    assert found
    assert {row[0] for row in found} == {None}
    assert [row[-1] for row in errors if row[0] == "qoa"] == [None]
    assert not figures_that_are_none(home)


@given(st.lists(st.booleans(), min_size=1, max_size=60).filter(any), st.integers(1, 400))
def test_the_files_at_fault_are_found_among_many(are_bad: list[bool], most: int) -> None:
    files: Any = [f"file {i}" for i in range(len(are_bad))]
    at_fault = {file for file, is_bad in zip(files, are_bad, strict=True) if is_bad}
    asked: list[int] = []

    def fails(some: Any) -> bool:
        asked.append(len(some))
        return bool(at_fault & set(some))

    left, found, sound = list(files), [], 0
    while at_fault & set(left):
        sound, guilty = culprit(left, fails, sound, most - len(asked))
        assert not at_fault & set(left[:sound]), "what is sound breaks nothing"
        if guilty is None:
            break
        found.append(guilty)
        left.remove(guilty)
    else:
        assert found == sorted(at_fault, key=files.index)
        assert len(asked) <= 2 * len(found) * len(files).bit_length()
    assert set(found) <= at_fault
    assert len(asked) <= most


@pytest.fixture
def fragile(monkeypatch: pytest.MonkeyPatch) -> None:
    """A step of the night that breaks on what one file brought, long after it was merged: a fault of ours to come."""
    real = chemistry.recompute_chemistry

    def breaks(connection: Any) -> bool:
        if connection.execute("select 1 from executions where execution_id = 'poison'").fetchall():
            raise ZeroDivisionError("nobody thought of this")
        return real(connection)

    monkeypatch.setattr(chemistry, "recompute_chemistry", breaks)


def test_a_file_that_breaks_a_later_step_is_set_aside_and_the_rest_is_published(
    home: Home, traces: Any, fragile: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(5):
        land_traces(home, traces(traces.execution(ONE, number)), number)
    poison = land_traces(
        home, traces(traces.execution(ONE, 9), traces.execution(ONE, 10, execution_id="poison"))
    )
    report = refresh(home, full_gate=False)
    assert report.n_executions_new == 5
    assert report.refused == {poison.name: "it cannot be merged: ZeroDivisionError: nobody thought of this"}
    assert "nobody thought of this" in Path(report.gate_report).read_text()
    with reading(home.perfdb) as connection:
        told = connection.execute("select file, row_number, reason from quarantine").fetchall()
    assert [(row[0], row[1]) for row in told] == [(poison.name, None)]
    assert not refresh(home, full_gate=False).published

    monkeypatch.undo()  # after an upgrade
    assert retry_refused(home) == [poison.name]
    report = refresh(home, full_gate=False)
    assert (report.n_executions_new, report.refused) == (2, {})
    with reading(home.perfdb) as connection:
        assert connection.execute("select count(*) from quarantine").fetchall() == [(0,)]
    assert not list(home.landing.rglob("*.parquet"))


def test_what_a_step_refuses_was_brought_by_a_file(
    home: Home, traces: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A fault that people can mend is a file's here: a night takes no flags that could be wrong."""
    land_traces(home, traces(traces.execution(ONE, 1)), 1)
    poison = land_traces(home, traces(traces.execution(ONE, 2, execution_id="poison")), 2)
    real = chemistry.recompute_chemistry

    def refuses(connection: Any) -> bool:
        if connection.execute("select 1 from executions where execution_id = 'poison'").fetchall():
            raise InputError("a profile without a model", "Name the model.")
        return real(connection)

    monkeypatch.setattr(chemistry, "recompute_chemistry", refuses)
    report = refresh(home, full_gate=False)
    assert report.n_executions_new == 1
    assert list(report.refused) == [poison.name]


@pytest.mark.parametrize(("trial", "model"), [("t1", ""), ("t1", " "), ("", "phi4:14b"), (None, "phi4:14b")])
def test_a_trial_without_a_name_is_set_aside_by_its_row(home: Home, trial: str | None, model: str) -> None:
    rows = [{"trial": trial, "model": model, "quality": 5.0, "accuracy": 0.5, "source": "review"}]
    rows.append(rows[0] | {"trial": "t2", "model": "phi4:14b"})
    land_trials(home, pl.DataFrame(rows, schema=TRIAL_COLUMNS), "review")
    report = refresh(home, full_gate=False)
    assert (report.refused, report.n_quarantined) == ({}, 1)
    with reading(home.perfdb) as connection:
        assert connection.execute("select reason from quarantine").fetchall() == [
            ("trial or model is missing",)
        ]


def test_what_fails_without_any_file_is_no_files_fault(
    home: Home, traces: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    landed_file = land_traces(home, traces(traces.execution(ONE, 1)))

    def breaks(connection: Any) -> bool:
        raise ZeroDivisionError("ours")

    monkeypatch.setattr(chemistry, "recompute_chemistry", breaks)
    before = home.perfdb.read_bytes()
    with pytest.raises(ZeroDivisionError):
        refresh(home, full_gate=False)
    assert landed_file.exists()
    assert home.perfdb.read_bytes() == before
