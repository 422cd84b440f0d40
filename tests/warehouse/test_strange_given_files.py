"""Whatever a person gives: every row lands or is set aside with a reason, or the whole file is refused in one line."""

from __future__ import annotations

import csv
import datetime
import io
import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import polars as pl
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

import warehouse.ingestion.priors as priors
import warehouse.ingestion.statistics as statistics
import warehouse.ingestion.traces as traces
from optiq.errors import InputError
from warehouse.connection import reading
from warehouse.home import Home
from warehouse.ingest import ingest_priors, ingest_statistics, ingest_traces
from warehouse.ingestion.calls import KEYS
from warehouse.ingestion.priors import REPEATS
from warehouse.landing import landed
from warehouse.refresh import refresh

KINDS: dict[str, tuple[Callable[..., Any], tuple[str, ...]]] = {
    "priors": (ingest_priors, (*priors.COLUMNS, "metric", "value")),
    "statistics": (ingest_statistics, statistics.COLUMNS),
    "traces": (ingest_traces, traces.COLUMNS),
}
FOREIGN = (
    "row_number",
    "reason",
    "parsed_key",
    "calls_fault",
    "kind_read",
    "file",
    "content",
    "",
    " ",
    "ü,\n",
)

TEXTS = (
    "",
    " ",
    "*",
    "a",
    "a > b",
    "gemma3:270m",
    '{"models":["a","b"],"edges":[[0,1]]}',
    "2:1:a>b",
    "open",
    "choice",
)
TEXTS += (
    "answered",
    "failed",
    "measured",
    "given",
    "nan",
    "inf",
    "85%",
    "1,234",
    "true",
    "0.5",
    "1e400",
    "007",
)
TEXTS += (
    "2026-03-01",
    "2026-03-01T12:00:00+02:00",
    "1772366400",
    "qoa",
    "[]",
    "[1",
    '["x"]',
    '{"topic": "x"}',
    "B",
)
TEXTS += (
    '[{"latency_s": 1}]',
    '[{"node": 0, "latncy_s": 1}]',
    '[{"node": null, "output": "a"}]',
    "x" * 999,
    "\0",
    "ü\u2028",
)
NUMBERS = (
    None,
    True,
    0,
    1,
    -1,
    7,
    2**31,
    2**63,
    10**400,
    0.0,
    0.5,
    1.0,
    1e-300,
    1e300,
    1772366400,
    1772366400123,
)
WORDS = st.sampled_from((*TEXTS, *NUMBERS))
TOPICS = st.fixed_dictionaries({}, optional={"topic": WORDS, "weight": WORDS, "wieght": WORDS})
CALLS = st.fixed_dictionaries({}, optional=dict.fromkeys((*KEYS, "latncy_s", "foreign"), WORDS))
PLANS = st.fixed_dictionaries(
    {}, optional={"models": st.lists(WORDS, max_size=3), "edges": st.just([[0, 1]]), "colour": WORDS}
)
SOUND = {
    "model": "a",
    "qoa": 0.5,
    "plan": "a",
    "topic": "x",
    "as_of": "2026-03-01",
    "metric": "qoa",
    "value": 0.5,
}
VALUES = WORDS | st.lists(WORDS | TOPICS, max_size=2) | st.lists(CALLS, max_size=2) | PLANS | TOPICS


@st.composite
def strange_rows(draw: st.DrawFn) -> tuple[str, list[dict[str, Any]]]:
    """A kind, and rows that have some of its columns, sound values in many and anything in the others."""
    kind = draw(st.sampled_from(list(KINDS)))
    known = KINDS[kind][1]
    need = ["model", "qoa"] if draw(st.integers(0, 9)) else []
    names = [*need, *draw(st.lists(st.sampled_from((*known, *known, *FOREIGN)), max_size=6))]
    rows: list[dict[str, Any]] = []
    for _ in range(draw(st.integers(0, 4))):
        row = {}
        for name in dict.fromkeys(names):
            fate = draw(st.sampled_from(("sound", "sound", "any", "absent")))
            if fate != "absent":
                row[name] = SOUND.get(name) if fate == "sound" else draw(VALUES)
        rows.append(row)
    return kind, rows


def write(path: Path, rows: list[dict[str, Any]]) -> Path:
    """The rows in the form that the suffix names; Parquet with columns of one type."""
    names = list(dict.fromkeys(name for row in rows for name in row)) or ["model", "qoa"]
    if path.suffix == ".jsonl":
        path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    elif path.suffix == ".json":
        path.write_text(json.dumps(rows), encoding="utf-8")
    elif path.suffix == ".csv":
        with path.open("w", encoding="utf-8-sig", newline="") as file:
            writer = csv.DictWriter(file, names)
            writer.writeheader()
            cells = [{k: v if isinstance(v, str) else json.dumps(v) for k, v in row.items()} for row in rows]
            writer.writerows([{k: "" if v == "null" else v for k, v in row.items()} for row in cells])
    else:
        pl.DataFrame([parquet_column(name, [row.get(name) for row in rows]) for name in names]).write_parquet(
            path
        )
    return path


def parquet_column(name: str, values: list[Any]) -> pl.Series:
    """The values as they are, where Polars finds a type for them, or as something else that Parquet can hold."""
    try:
        found = pl.Series(name, values, strict=True)
        found.to_frame().write_parquet(io.BytesIO())
        return found
    except (TypeError, OverflowError, ValueError, pl.exceptions.PolarsError):
        odd = (
            b"\xff",
            datetime.timedelta(1),
            datetime.time(1),
            datetime.date(1, 1, 1),
            datetime.datetime(9999, 12, 31),
        )
        return pl.Series(name, [odd[len(name) % len(odd)]] * len(values))


FILES = st.tuples(strange_rows(), st.sampled_from((".csv", ".jsonl", ".json", ".parquet")))


def ingested(home: Home, path: Path, kind: str, rows: list[dict[str, Any]]) -> None:
    """Ingest the file: each row is accounted for, or the whole file is refused in one line and nothing lands."""
    before = {file.name for file in landed(home)}
    fault = None
    try:
        report = KINDS[kind][0](home, [path])
    except InputError as error:
        fault = error
    if fault is not None:
        assert "\n" not in str(fault)
        assert {file.name for file in landed(home)} == before
        return
    if str(path) in report.unchanged:
        return
    refused = report.n_quarantined
    assert refused == sum(one.rows for one in report.reasons.get(str(path), []))
    taken = report.n_landed
    if kind == "priors":  # several figures a row
        (file,) = [f for f in landed(home) if f.kind == kind and f.name not in before]
        taken = pl.read_parquet(file.path)["row_number"].n_unique()
        taken += sum(note.rows or 0 for note in report.notes.get(str(path), []) if note.what == REPEATS)
    assert taken + refused == len(rows), report


@settings(max_examples=80, phases=[Phase.generate], deadline=None, suppress_health_check=list(HealthCheck))
@given(file=FILES)
def test_every_row_lands_or_is_set_aside(tmp_path_factory: Any, file: Any) -> None:
    (kind, rows), suffix = file
    folder = tmp_path_factory.mktemp("given")
    ingested(Home(folder / "home"), write(folder / f"file{suffix}", rows), kind, rows)
    shutil.rmtree(folder)


@settings(max_examples=2, phases=[Phase.generate], deadline=None, suppress_health_check=list(HealthCheck))
@given(files=st.lists(FILES, min_size=15, max_size=25))
def test_what_lands_is_merged_or_set_aside(
    fresh_home: Home, copy_of: Callable[[Home], Home], tmp_path_factory: Any, files: list[Any]
) -> None:
    home, folder = copy_of(fresh_home), tmp_path_factory.mktemp("given")
    for number, ((kind, rows), suffix) in enumerate(files):
        ingested(home, write(folder / f"file{number}{suffix}", rows), kind, rows)
    waiting = {file.file_id: file.n_rows() for file in landed(home)}
    report = refresh(home, full_gate=False)
    assert report.refused == {}
    with reading(home.perfdb) as connection:
        table = connection.execute("select file_id, n_rows + n_quarantined from ingested_files").fetchall()
    assert {name: dict(table).get(name) for name in waiting} == waiting
    shutil.rmtree(home.path)
