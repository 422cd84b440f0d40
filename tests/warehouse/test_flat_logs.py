"""A log of one call a row, without lists: what stands in columns of their own is the call."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from optiq.errors import InputError
from warehouse.home import Home
from warehouse.ingest import ingest_traces
from warehouse.ingestion.foreign import Foreign
from warehouse.query import query
from warehouse.refresh import refresh

ROW = {
    "model": "phi4:14b",
    "question": "Capital of Norway?",
    "answer": "Oslo",
    "reference": "Oslo",
    "prompt_tokens": 100,
    "output_tokens": 10,
    "latency_s": 12.5,
    "cost_usd": 0.002,
    "server": "office",
    "started_at": "2026-03-01T12:00:00Z",
}
SCORED = "qoa scored by the rules of docs/scoring.md, from the reference"
CALL = {"model": "phi4:14b", "prompt_tokens": 100, "output_tokens": 10, "latency_s": 12.5, "cost_usd": 0.002}


def written(path: Path, *rows: dict[str, Any]) -> Path:
    if path.suffix == ".jsonl":
        path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    else:
        frame = pl.DataFrame(rows, infer_schema_length=None)
        frame.write_parquet(path) if path.suffix == ".parquet" else frame.write_csv(path)
    return path


def calls(home: Home) -> list[dict[str, Any]]:
    refresh(home)
    columns = "model, prompt_tokens, output_tokens, latency_s, cost_usd"
    return query(home.perfdb, f"select {columns} from calls order by execution_id, node").to_dicts()


@pytest.mark.parametrize("suffix", [".csv", ".tsv", ".jsonl", ".parquet"])
def test_a_row_of_one_model_is_its_call(home: Home, tmp_path: Path, suffix: str) -> None:
    if suffix == ".tsv":
        path = tmp_path / "log.tsv"
        pl.DataFrame([ROW]).write_csv(path, separator="\t")
    else:
        path = written(tmp_path / f"log{suffix}", ROW)
    report = ingest_traces(home, [path])
    assert (report.n_landed, report.n_quarantined) == (1, 0)
    (notes,) = report.notes.values()
    assert [note.what for note in notes] == [SCORED]
    assert calls(home) == [CALL]
    execution = query(home.perfdb, "select qoa, latency_s, cost_usd from executions").row(0)
    assert execution == (1.0, 12.5, 0.002)
    observed = (
        "select n_observations from model_figures where model = 'phi4:14b' and metric = 'output_tokens'"
    )
    assert query(home.perfdb, observed)["n_observations"].max() == 1


def test_each_row_says_for_itself_what_it_has(home: Home, tmp_path: Path) -> None:
    rows = [
        {"model": "phi4:14b", "prompt_tokens": 100, "output_tokens": 10},
        {"model": "phi4:14b", "latency_s": 3.0, "prompt_tokens": None},  # of its call nothing is told
        {
            "model": "phi4:14b",
            "prompt_tokens": 7,
            "calls": [{"prompt_tokens": 100}],
        },  # what is nested goes first
        {"plan_key": "2:1:phi4:14b>mistral:7b", "prompt_tokens": 7},  # of which of the two?
    ]
    report = ingest_traces(home, [written(tmp_path / "log.jsonl", *rows)])
    assert (report.n_landed, report.n_quarantined) == (4, 0)
    (notes,) = report.notes.values()
    assert "columns of a call, but the plan has several: not read, give calls" in [
        note.what for note in notes
    ]
    assert [call["prompt_tokens"] for call in calls(home)] == [100, 100]


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"output_tokens": "many"}, "output_tokens"),
        ({"output_tokens": 1e9}, "is it a number of characters?"),
        ({"prompt_s": 86_000}, "is it in milliseconds?"),
        ({"cached": "perhaps"}, "cached"),
    ],
)
def test_what_is_wrong_with_it_is_said_as_of_any_call(
    home: Home, tmp_path: Path, change: Any, said: str
) -> None:
    report = ingest_traces(home, [written(tmp_path / "log.jsonl", {**ROW, **change})])
    assert (report.n_landed, report.n_quarantined) == (0, 1)
    assert said in str(report.reasons)


def test_columns_that_only_look_like_those_of_a_call_are_passed_over(home: Home, tmp_path: Path) -> None:
    report = ingest_traces(home, [written(tmp_path / "log.jsonl", {**ROW, "outputs": 1, "servers": 2})])
    assert report.n_landed == 1
    (notes,) = report.notes.values()
    assert [note.what for note in notes] == ["columns that are not read: outputs, servers", SCORED]


THEIRS = {
    "model": "phi4:14b",
    "request": "Capital of Norway?",
    "response": "Oslo",
    "gold": "Oslo",
    "prompt_tokens": 100,
    "completion_tokens": 10,
    "latency_ms": 12500,
    "cost_cents": 0.2,
    "timestamp": "2026-03-01T12:00:00Z",
}
READ = ("question=request", "answer=response", "reference=gold", "output_tokens=completion_tokens",
        "latency_s=latency_ms", "cost_usd=cost_cents", "started_at=timestamp")  # fmt: skip


@pytest.mark.parametrize("suffix", [".csv", ".jsonl", ".parquet"])
def test_columns_of_others_are_read_under_our_names_in_our_units(
    home: Home, tmp_path: Path, suffix: str
) -> None:
    report = ingest_traces(home, [written(tmp_path / f"log{suffix}", THEIRS)], Foreign(columns=READ))
    assert (report.n_landed, report.n_quarantined) == (1, 0)
    (notes,) = report.notes.values()
    assert [note.what for note in notes] == [
        "latency_ms is read as latency_s: its figures divided by 1,000",
        "cost_cents is read as cost_usd: its figures divided by 100",
        SCORED,
    ]
    assert calls(home) == [CALL]


@pytest.mark.parametrize("suffix", [".csv", ".jsonl"])
def test_parts_of_records_are_columns_too(home: Home, tmp_path: Path, suffix: str) -> None:
    usage = {"prompt_tokens": 100, "completion_tokens": 10}
    row = {
        "model": "phi4:14b",
        "usage": json.dumps(usage) if suffix == ".csv" else usage,
        "ms": {"total_ms": 12500},
    }
    row |= {"ms": json.dumps(row["ms"])} if suffix == ".csv" else {}
    said = (
        "prompt_tokens=usage.prompt_tokens",
        "output_tokens=usage.completion_tokens",
        "latency_s=ms.total_ms",
    )
    report = ingest_traces(home, [written(tmp_path / f"log{suffix}", row)], Foreign(columns=said))
    assert (report.n_landed, report.n_quarantined) == (1, 0)
    assert calls(home) == [{**CALL, "cost_usd": None}]


@pytest.mark.parametrize(
    ("said", "words"),
    [
        ("answer", "--column answer is no pair"),
        ("answer=response answer=gold", "answer is read twice: from 'response' and 'gold'"),
        ("response=answer", "Did you mean --column answer=response?"),
        ("figure=response", "there is no column 'figure' to read 'response' as"),
        ("answer=reply", "there is no column 'reply' to read. There are 'model', 'request'"),
    ],
)
def test_pairs_that_are_none_say_why(home: Home, tmp_path: Path, said: str, words: str) -> None:
    with pytest.raises(InputError) as told:
        ingest_traces(home, [written(tmp_path / "log.jsonl", THEIRS)], Foreign(columns=said.split()))
    assert words in str(told.value)


def test_a_figure_that_is_none_is_set_aside_as_it_stands(home: Home, tmp_path: Path) -> None:
    row = {**THEIRS, "latency_ms": "12,5 ms"}
    report = ingest_traces(home, [written(tmp_path / "log.csv", row)], Foreign(columns=READ))
    assert (report.n_landed, report.n_quarantined) == (0, 1)
    assert "'12,5 ms', not a number" in str(report.reasons)


def test_a_column_that_looks_like_ours_is_told_with_the_flag(home: Home, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="--column latency_s=latency_ms"):
        ingest_traces(home, [written(tmp_path / "log.jsonl", THEIRS)])


def test_the_quality_of_a_run_is_that_of_the_call_that_answered(home: Home, tmp_path: Path) -> None:
    """However it is told: else a model that gets worse in imported logs would never be seen to."""
    chain = {"plan_key": "2:1:phi4:14b>mistral:7b", "question": "Capital of Norway?"}
    rows = [
        ROW,
        {"model": "phi4:14b", "qoa": 0.25, "output_tokens": 5},
        {
            "model": "phi4:14b",
            "qoa": 0.25,
            "calls": [{"subplan_qoa": 0.75}],
        },  # what a call says of itself goes first
        {"model": "phi4:14b", "qoa": 0.25, "status": "failed", "output_tokens": 5},
        {"model": "phi4:14b", "output_tokens": 5},
        {**chain, "qoa": 0.5, "calls": [{"node": 0, "output_tokens": 5}, {"node": 1, "output_tokens": 5}]},
    ]
    path = tmp_path / "log.jsonl"
    path.write_text(
        "".join(json.dumps({"execution_id": f"e{n}", **row}) + "\n" for n, row in enumerate(rows))
    )
    assert ingest_traces(home, [path]).n_landed == len(rows)
    refresh(home)
    found = query(home.perfdb, "select subplan_qoa from calls order by execution_id, node")[
        "subplan_qoa"
    ].to_list()
    assert found == [1.0, 0.25, 0.75, None, None, None, 0.5]
