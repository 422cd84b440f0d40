"""Prices of the packages' own tables: what is sure is taken, what is not is asked, 0 and nothing are no prices."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from optiq.errors import InputError, UnknownName
from optiq.formats.price_tables import OLLAMA, Price, bare_name, price_for, read_prices


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
    assert (found.provider, found.prompt, found.output, found.cached) == ("openai", 1.5e-7, 6e-7, 7.5e-8)
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
    assert (found.prompt, found.lowest) == (2.7e-7, 1.35e-7)
    assert "by the hour" in found.told()


def test_a_price_that_rises_with_the_prompt_says_so(table: list[Price]) -> None:
    found = next(one for one in table if one.dearer_from)
    assert "dearer from" in found.told()


def test_no_price_is_zero(table: list[Price]) -> None:
    assert all(one.prompt > 0 and one.output > 0 for one in table)


def test_every_name_of_ollama_that_is_listed_is_in_the_table(table: list[Price]) -> None:
    names = {one.name for one in table}
    assert {name for name, theirs in OLLAMA.items() if bare_name(theirs) not in names} == set()


@pytest.mark.parametrize(
    ("entry", "wanted"),
    [
        ({"input_cost_per_token": 1e-7, "output_cost_per_token": 2e-7}, (1e-7, 2e-7, None)),
        ({"input_cost_per_token": 0, "output_cost_per_token": 0}, None),
        ({"output_cost_per_token": 2e-7}, None),
        (
            {
                "input_cost_per_token": 1e-6,
                "output_cost_per_token": 2e-6,
                "input_cost_per_token_above_200k_tokens": 2e-6,
            },
            (1e-6, 2e-6, 200_000),
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
            (5e-8, 4e-7, 256_000),
        ),
    ],
)
def test_entries_of_litellm(tmp_path: Path, entry: dict[str, Any], wanted: Any) -> None:
    path = tmp_path / "prices.json"
    path.write_text(
        json.dumps({"a/b": {"mode": "chat", "litellm_provider": "a", **entry}, "sample_spec": {}})
    )
    found = [(one.prompt, one.output, one.dearer_from) for one in read_prices("litellm", path)]
    assert found == ([wanted] if wanted else [])


def test_what_is_no_table(tmp_path: Path) -> None:
    with pytest.raises(UnknownName, match="genai-prices, litellm"):
        read_prices("somebody")
    (tmp_path / "x.json").write_text("[]")
    with pytest.raises(InputError, match="no price table"):
        read_prices("litellm", tmp_path / "x.json")
