"""Prices of a table from ingest to estimates: whose they are, what they depend on, and which of them count."""

from __future__ import annotations

import datetime
import json
from pathlib import Path

import polars as pl
import pytest

import sql
from optiq.estimation.catalog import Catalog
from optiq.prompts.shape import PromptShape
from optiq.questions.question import Kind
from warehouse.home import Home
from warehouse.ingest import ingest_prices, ingest_priors
from warehouse.query import query
from warehouse.refresh import refresh
from warehouse.statistics import load_statistics

TABLE = {
    "a/long-reader": {
        "mode": "chat",
        "litellm_provider": "a",
        "input_cost_per_token": 1e-6,
        "output_cost_per_token": 2e-6,
        "input_cost_per_token_above_200k_tokens": 2e-6,
        "output_cost_per_token_above_200k_tokens": 3e-6,
    },
    "a/other": {
        "mode": "chat",
        "litellm_provider": "a",
        "input_cost_per_token": 1e-6,
        "output_cost_per_token": 2e-6,
    },
    "b/other": {
        "mode": "chat",
        "litellm_provider": "b",
        "input_cost_per_token": 3e-6,
        "output_cost_per_token": 4e-6,
    },
}


def priced(folder: Path, *models: str, **more: object) -> tuple[Home, dict[str, str]]:
    """A home with the prices of ``models`` from a table of litellm's form, published, and what was told."""
    table = folder / "table.json"
    table.write_text(json.dumps(TABLE), encoding="utf-8")
    home = Home(folder / "home")
    _, told = ingest_prices(home, "litellm", models, path=table, **more)  # type: ignore[arg-type]
    refresh(home)
    return home, told


def cost(home: Home, question_chars: int) -> float:
    """USD of a call of long-reader with 100 tokens of output, four characters a token."""
    priors = home.path.parent / "lengths.csv"
    priors.write_text("model,output_tokens,chars_per_token\nlong-reader,100,4\n")
    ingest_priors(home, [priors])
    refresh(home)
    shape = PromptShape(question_chars=question_chars)
    return (
        Catalog(load_statistics(home.perfdb), "*", Kind.OPEN, shape, None)
        .lone("long-reader", "cost_usd")
        .value
    )


def test_a_long_prompt_is_estimated_at_the_price_of_its_tier(tmp_path: Path) -> None:
    home, told = priced(tmp_path, "long-reader")
    assert "above 200,000 prompt tokens" in told["long-reader"]
    assert cost(home, 800_000) == pytest.approx(200_000 * 1e-6 + 100 * 2e-6)
    assert cost(home, 800_004) == pytest.approx(200_001 * 2e-6 + 100 * 3e-6)


def test_every_price_has_source_day_provider_and_tier(tmp_path: Path) -> None:
    home, _ = priced(tmp_path, "long-reader")
    found = query(home.perfdb, "select provider, entry, above_tokens, source, as_of from prices order by all")
    today = datetime.datetime.now(datetime.UTC).date()
    assert found.rows() == [
        ("a", "a/long-reader", 0, "table.json: a/long-reader", today),
        ("a", "a/long-reader", 200_000, "table.json: a/long-reader", today),
    ]


def test_a_later_price_of_a_person_stands_alone(tmp_path: Path) -> None:
    home, _ = priced(tmp_path, "long-reader")
    mine = tmp_path / "mine.csv"
    mine.write_text(
        f"model,usd_per_prompt_token,usd_per_output_token,as_of\nlong-reader,5e-6,5e-6,"
        f"{datetime.datetime.now(datetime.UTC).date()}\n"
    )
    ingest_priors(home, [mine], trusted=True)
    refresh(home)
    assert query(home.perfdb, sql.read("queries/current_prices")).is_empty()
    assert cost(home, 800_004) == pytest.approx((200_001 + 100) * 5e-6)


def test_where_providers_differ_the_one_at_the_address_counts_and_else_is_asked(tmp_path: Path) -> None:
    (tmp_path / "table.json").write_text(json.dumps(TABLE), encoding="utf-8")
    _, told = ingest_prices(Home(tmp_path / "home"), "litellm", ["other"], path=tmp_path / "table.json")
    assert told["other"].startswith("not sure, name a provider (--provider): 2 prices: a 1/2, b 3/4")
    home, told = priced(tmp_path, "hosted/other", served_by=lambda model: ("other", "b"))
    assert told["hosted/other"].startswith("3/4 USD per million tokens, table.json: b/other")
    assert load_statistics(home.perfdb).figures("hosted/other", "*", "open").usd_per_prompt_token == 3e-6


def test_rows_that_are_no_prices_are_set_aside(tmp_path: Path) -> None:
    from warehouse.ingestion.prices import PRICE_COLUMNS
    from warehouse.landing import land

    home, _ = priced(tmp_path, "long-reader")
    good = {
        "model": "m",
        "provider": "a",
        "entry": "m",
        "above_tokens": 0,
        "source": "s",
        "as_of": datetime.date(2026, 1, 1),
    }
    rows = [
        {**good, "usd_per_prompt_token": rate, "usd_per_output_token": 1e-6}
        for rate in (1e-6, -1.0, 5.0, None)
    ]
    land(home, "prices", pl.DataFrame(rows, schema=PRICE_COLUMNS), "mine")
    refresh(home)
    assert query(home.perfdb, "select count(*) from prices where model = 'm'").item() == 1
    assert query(home.perfdb, "select count(*) from quarantine where kind = 'prices'").item() == 3
