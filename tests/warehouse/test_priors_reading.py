"""Priors files: good rows land, bad rows say why."""

from __future__ import annotations

import datetime
import json
from pathlib import Path

import polars as pl
import pytest

from benchmarks.read_across import line, readings
from optiq.errors import InputError
from optiq.servers.protocol import ServedModel
from warehouse.home import Home
from warehouse.ingest import ingest_prices
from warehouse.ingestion.chunks import read_chunks
from warehouse.ingestion.priors import FIGURES, Priors
from warehouse.ingestion.units import KnownRates
from warehouse.priors import published_rows, served_models, shipped

TODAY = datetime.date(2026, 11, 21)
WIDE = """model,task,usd_per_prompt_token,qoa,source,as_of
a,open,1e-8,0.5,me,2026-01-01
b,open,0.5,0.5,me,2026-01-01
,open,1e-8,0.5,me,2026-01-01
c,closed,1e-8,0.5,me,2026-01-01
d,open,x,0.5,me,2026-01-01
e,open,nan,0.5,me,2026-01-01
f,open,-1,0.5,me,2026-01-01
g,open,,1.5,me,2026-01-01
h,open,,,me,2026-01-01
i,open,,0.5,me,2036-01-01
j,open,,0.5,me,soon
k,,,0.5,,
a,open,2e-8,0.5,me,2026-01-01
x>y,open,,0.5,me,2026-01-01
"x	y",open,,0.5,me,2026-01-01
"""


def read_priors(path: Path, today: datetime.date = TODAY) -> tuple[pl.DataFrame, pl.DataFrame]:
    """All figures and all rejects of a small file."""
    reader = Priors(path, today)
    (chunk,) = read_chunks(path)
    reader.check(list(chunk.columns))
    return reader.read(chunk)


def write(folder: Path, text: str, name: str = "priors.csv") -> Path:
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return path


def test_each_bad_row_is_rejected_for_its_own_reason(tmp_path: Path) -> None:
    figures, rejects = read_priors(write(tmp_path, WIDE), TODAY)
    assert figures.select("model", "topic", "metric", "value").rows() == [
        ("a", "open", "qoa", 0.5),
        ("a", "open", "usd_per_prompt_token", 1e-8),
        ("k", "*", "qoa", 0.5),
        ("x>y", "open", "qoa", 0.5),
    ]
    reasons = dict(rejects.select("row_number", "reason").iter_rows())
    assert reasons == {
        2: "usd_per_prompt_token is 0.5, above 0.01: is it a price per million tokens?",
        3: "no model is named",
        4: "task is 'closed', not open, choice",
        5: "usd_per_prompt_token is 'x', not a number",
        6: "usd_per_prompt_token is 'nan', not a finite number: leave it out if it is unknown",
        7: "usd_per_prompt_token is -1.0, below 0",
        8: "qoa is 1.5, above 1: QoA runs from 0 to 1; divide percent by 100",
        9: "no figure is given",
        10: "as_of is 2036-01-01, in the future",
        11: "as_of is 'soon', not a date such as 2026-01-31",
        13: "usd_per_prompt_token differs from row 1, which is about the same",
        15: "'x\ty' cannot name a model",
    }
    assert '"model":"b"' in rejects["content"][0]


def test_the_file_is_the_source_where_none_is_given(tmp_path: Path) -> None:
    figures, _ = read_priors(write(tmp_path, "model,qoa\na,0.5\n", "mine.csv"), TODAY)
    assert figures.select("topic", "source", "as_of").row(0) == ("*", "mine.csv", None)


@pytest.mark.parametrize("suffix", [".jsonl", ".parquet", ".json"])
def test_json_and_parquet_hold_the_same(tmp_path: Path, suffix: str) -> None:
    table = pl.DataFrame(
        {"model": ["a", "b"], "topic": ["art", None], "qoa": [0.25, 0.5], "output_tokens": [7, None]}
    )
    path = tmp_path / f"priors{suffix}"
    table.write_parquet(path) if suffix == ".parquet" else None
    if suffix == ".jsonl":
        table.write_ndjson(path)
    if suffix == ".json":
        table.write_json(path)
    figures, rejects = read_priors(path, TODAY)
    assert figures.select("model", "topic", "metric", "value").rows() == [
        ("a", "art", "output_tokens", 7.0),
        ("a", "art", "qoa", 0.25),
        ("b", "*", "qoa", 0.5),
    ]
    assert rejects.is_empty()


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("topic,qoa\nart,0.5\n", "has no column 'model'"),
        ("model,source\na,me\n", "has no column with a figure"),
        ("model,qoa,output_token\na,0.5,3\n", "Did you mean 'output_tokens'?"),
        ("", "is empty"),
    ],
)
def test_what_is_no_priors_file_is_refused_in_one_line(tmp_path: Path, text: str, says: str) -> None:
    with pytest.raises(InputError) as caught:
        read_priors(write(tmp_path, text), TODAY)
    assert says in str(caught.value)
    assert "\n" not in str(caught.value)


def test_shipped_figures_are_whole_and_sourced() -> None:
    figures, rejects = read_priors(shipped())
    assert rejects.is_empty()
    assert set(figures["model"]) == {
        "mistral:7b",
        "llama3-chatqa:8b",
        "phi4:14b",
        "qwen2.5:14b",
        "gemma3:27b",
        "smollm2:135m",
        "gemma3:270m",
    }
    per_model = figures.group_by("model").agg(pl.col("metric").n_unique(), pl.len())
    assert set(per_model.select("metric", "len").iter_rows()) == {(8, 9)}
    assert set(figures["metric"]) <= set(FIGURES)
    assert figures["as_of"].null_count() == 0
    own = figures.filter(pl.col("model").is_in(["smollm2:135m", "gemma3:270m"]))
    assert all(source.startswith(("measured: ", "derived: ")) for source in own["source"])
    phi4 = figures.filter((pl.col("model") == "phi4:14b") & (pl.col("metric") == "qoa"))
    assert dict(phi4.select("topic", "value").iter_rows()) == {"open": 0.03, "choice": 0.74}


def test_figures_of_served_models_are_sourced_and_dated() -> None:
    figures, rejects = read_priors(served_models(), datetime.date(2027, 1, 1))
    assert rejects.is_empty()
    assert figures["model"].n_unique() >= 40
    assert figures["as_of"].null_count() == figures["source"].null_count() == 0
    assert not set(figures["model"]) & set(read_priors(shipped())[0]["model"])
    quality = figures.filter(pl.col("metric") == "qoa")
    assert quality["model"].n_unique() == quality.height >= 70
    assert set(quality["topic"]) == {"choice"}
    assert quality["source"].str.contains("MMLU.Pro").all()  # one benchmark's scale, so that they compare
    # What another benchmark says is read across by one rule, and says so; nothing else of another benchmark is here.
    read_across = quality.filter(pl.col("source").str.starts_with("read across "))
    found = read_across.select("model", "value", "source", pl.col("as_of").dt.to_string()).rows()
    assert sorted(found) == sorted(readings())
    assert len(found) >= 20
    assert not quality.join(read_across, on="model", how="anti")["source"].str.contains("Redux|GPQA").any()
    prices = figures.filter(pl.col("metric").str.starts_with("usd_"))
    assert prices["value"].min() > 0
    assert prices["source"].str.starts_with("genai-prices ").all()


def test_another_benchmark_is_read_only_where_models_have_both() -> None:
    redux = line("MMLU-Redux")
    assert redux.rms_error < 0.025
    assert redux.n >= 30
    # Qwen3-30B-A3B without thinking: 0.841 on the one, 0.691 on the other, by its model card.
    assert abs(redux.read(0.841) - 0.691) < 2 * redux.rms_error
    assert "llama3.2:1b" not in {
        model for model, *_ in readings()
    }  # MMLU 0.493, and no model below 0.6 has both
    assert all(0 < value < 1 for _, value, *_ in readings())


def test_a_served_model_has_published_figures_at_once() -> None:
    model = ServedModel("meta-llama/Llama-3.1-8B-Instruct", None, None, None, None)
    hosted = {
        name: row for row in published_rows([model], False) for name in FIGURES if getattr(row, name) > 0
    }
    assert {row.model for row in hosted.values()} == {model.name}
    assert hosted["usd_per_prompt_token"].provenance.startswith("prior: genai-prices ")
    assert hosted["qoa"].task == "choice"
    # A provider's price and speed are not those of this machine; the quality is that of the weights.
    assert [row.qoa for row in published_rows([model], True)] == [0.483]
    assert published_rows([ServedModel("mine:7b", None, None, None, None)], False) == []


def test_rates_in_another_unit_than_perfdb_knows_are_refused(tmp_path: Path) -> None:
    known = KnownRates({"a": {"usd_per_prompt_token": 1e-8, "seconds_per_output_token": 0.01, "qoa": 0.001}})
    file = tmp_path / "p.csv"
    file.write_text(
        "model,topic,usd_per_prompt_token,seconds_per_output_token,qoa\n"
        "a,art,0.009,,\n"  # per million tokens
        "a,law,,9.5,\n"  # milliseconds
        "a,*,3e-8,0.05,0.9\n"
        "new,*,0.009,9.5,0.9\n"
    )
    reader = Priors(file, TODAY, known)
    (chunk,) = read_chunks(file)
    reader.check(list(chunk.columns))
    figures, rejects = reader.read(chunk)
    assert sorted(set(figures["row_number"])) == [3, 4]
    reasons = dict(rejects.select("row_number", "reason").rows())
    assert "about a million times above what PerfDB knows" in reasons[1]
    assert "seconds_per_output_token of a is 9.5, about 1000 times above" in reasons[2]


def test_the_price_of_cached_tokens_lands_where_the_table_has_one(tmp_path: Path) -> None:
    entry = {
        "mode": "chat",
        "litellm_provider": "a",
        "input_cost_per_token": 1e-6,
        "output_cost_per_token": 4e-6,
    }
    cached = {**entry, "cache_read_input_token_cost": 2.5e-7}
    (tmp_path / "prices.json").write_text(json.dumps({"sample_spec": {}, "x": entry, "y": cached}))
    home = Home(tmp_path / "home")
    ingest_prices(home, "litellm", ["x", "y"], path=tmp_path / "prices.json")
    landed = pl.read_parquet(home.path / "landing" / "priors-*.parquet")
    told = {
        (model, metric): value for model, metric, value in landed.select("model", "metric", "value").rows()
    }
    assert told.pop(("y", "usd_per_cached_prompt_token")) == 2.5e-7
    assert {metric for _, metric in told} == {"usd_per_prompt_token", "usd_per_output_token"}
    assert len(told) == 4
