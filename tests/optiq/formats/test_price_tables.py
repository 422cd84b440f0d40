"""Prices of the packages' own tables: what is sure is taken, what is not is asked, 0 and nothing are no prices."""

from __future__ import annotations

import datetime
import json
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from optiq.errors import InputError, UnknownName
from optiq.formats.price_tables import OLLAMA, Price, bare_name, price_for, provider_at, read_prices
from optiq.statistics.price_steps import depends, in_force
from warehouse.priors import served_models


@pytest.fixture(scope="module")
def table() -> list[Price]:
    return read_prices("genai-prices")


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("llama3.1:8b", "meta-llama/Llama-3.1-8B-Instruct"),
        ("gemma3:27b", "google/gemma-3-27b-it"),
        ("gpt-oss:20b", "openai.gpt-oss-20b"),
        ("qwen2.5:72b", "Qwen/Qwen2.5-72B-Instruct-Turbo"),
        ("mistral:7b", "mistralai/mistral-7b-instruct:free"),
    ],
)
def test_names_of_the_same_model(one: str, other: str) -> None:
    assert bare_name(one) == bare_name(other)


@pytest.mark.parametrize(
    ("one", "other"),
    [("llama3.1:8b", "llama3.1:70b"), ("gpt-4o", "gpt-4o-mini"), ("phi3:14b", "phi4:14b")],
)
def test_names_of_different_models(one: str, other: str) -> None:
    assert bare_name(one) != bare_name(other)


def test_the_very_name_is_sure(table: list[Price]) -> None:
    found = price_for("gpt-4o-mini", table)
    assert isinstance(found, Price)
    assert found.provider == "openai"
    assert list(found.base.rates.values()) == [1.5e-7, 7.5e-8, 6e-7]
    assert found.source.startswith("genai-prices ")


def test_providers_that_differ_are_asked(table: list[Price]) -> None:
    found = price_for("llama3.1:8b", table)
    assert isinstance(found, str)
    assert "prices: " in found
    assert isinstance(price_for("llama3.1:8b", table, "openrouter"), Price)
    assert price_for("nobody/knows-this:7b", table) is None


def test_a_price_by_the_hour_is_the_highest_of_the_day(table: list[Price]) -> None:
    found = price_for("deepseek-chat", table, "deepseek")
    assert isinstance(found, Price)
    assert found.base.usd_per_prompt_token == 2.7e-7
    assert "by the hour: 0.135 at its lowest" in found.told()


def test_a_price_that_rises_with_the_prompt_says_so(table: list[Price]) -> None:
    found = next(one for one in table if any(step.above_tokens for step in one.steps))
    assert "the whole call at another price above" in found.told()


@given(st.data())
def test_every_price_at_every_length_and_moment_is_that_of_the_package(data: st.DataObject) -> None:
    from genai_prices import Usage, data_snapshot

    entries = {
        (provider.id, model.id): model
        for provider in data_snapshot.get_snapshot().providers
        for model in provider.models
    }
    told = read_prices("genai-prices")
    price = data.draw(st.sampled_from([one for one in told if depends(one.steps)]) | st.sampled_from(told))
    edges = sorted({step.above_tokens for step in price.steps})
    tokens = data.draw(st.sampled_from([1, 1000, *edges[1:], *(edge + 1 for edge in edges)]))
    when = data.draw(
        st.datetimes(
            datetime.datetime(2024, 1, 1), datetime.datetime(2027, 1, 1), timezones=st.just(datetime.UTC)
        )
    )
    step = in_force(price.steps, when, tokens)
    theirs = entries[price.provider, price.model].get_prices(when)
    paid = theirs.calc_price(Usage(input_tokens=tokens, output_tokens=10))
    assert step is not None
    ours = step.usd_per_prompt_token * tokens + step.usd_per_output_token * 10
    assert ours == pytest.approx(float(paid["input_price"] + paid["output_price"]))


@pytest.mark.parametrize(
    ("url", "wanted"),
    [
        ("https://api.deepseek.com/v1", "deepseek"),
        ("https://openrouter.ai/api/v1", "openrouter"),
        ("http://127.0.0.1:11434", None),
        (None, None),
    ],
)
def test_an_address_tells_the_provider(url: str | None, wanted: str | None) -> None:
    assert provider_at(url) == wanted


def test_no_price_is_zero(table: list[Price]) -> None:
    assert all(
        step.usd_per_prompt_token > 0 and step.usd_per_output_token > 0 for one in table for step in one.steps
    )


def test_every_name_of_ollama_that_is_listed_has_a_price_or_a_published_quality(table: list[Price]) -> None:
    names = {one.name for one in table}
    served = set(pl.read_csv(served_models(), columns=["model"])["model"])
    unknown = {name for name, theirs in OLLAMA.items() if bare_name(theirs) not in names}
    assert unknown <= served


@pytest.mark.parametrize(
    ("entry", "wanted"),
    [
        ({"input_cost_per_token": 1e-7, "output_cost_per_token": 2e-7}, [(0, 1e-7, 2e-7)]),
        ({"input_cost_per_token": 0, "output_cost_per_token": 0}, None),
        ({"output_cost_per_token": 2e-7}, None),
        (
            {
                "input_cost_per_token": 1e-6,
                "output_cost_per_token": 2e-6,
                "input_cost_per_token_above_200k_tokens": 2e-6,
            },
            [(0, 1e-6, 2e-6), (200_000, 2e-6, 2e-6)],
        ),
        (
            {
                "tiered_pricing": [
                    {"range": [0, 256000.0], "input_cost_per_token": 5e-8, "output_cost_per_token": 4e-7},
                    {
                        "range": [256000.0, 1000000.0],
                        "input_cost_per_token": 2.5e-7,
                        "output_cost_per_token": 2e-6,
                    },
                ]
            },
            [(0, 5e-8, 4e-7), (256_000, 2.5e-7, 2e-6)],
        ),
    ],
)
def test_entries_of_litellm(tmp_path: Path, entry: dict[str, Any], wanted: Any) -> None:
    path = tmp_path / "prices.json"
    path.write_text(
        json.dumps({"a/b": {"mode": "chat", "litellm_provider": "a", **entry}, "sample_spec": {}})
    )
    found = [
        (step.above_tokens, step.usd_per_prompt_token, step.usd_per_output_token)
        for one in read_prices("litellm", path)
        for step in one.steps
    ]
    assert found == (wanted or [])


def test_what_is_no_table(tmp_path: Path) -> None:
    with pytest.raises(UnknownName, match="genai-prices, litellm"):
        read_prices("somebody")
    (tmp_path / "x.json").write_text("[]")
    with pytest.raises(InputError, match="no price table"):
        read_prices("litellm", tmp_path / "x.json")
    with pytest.raises(InputError, match="--from litellm"):
        read_prices("genai-prices", tmp_path / "x.json")
