"""Prices of a table as they land: one row per model and step, with provider, source and day."""

from __future__ import annotations

import datetime
import math
from collections.abc import Mapping
from dataclasses import asdict

import polars as pl

from optiq.formats.price_tables import Price

PRICE_COLUMNS = {
    "model": pl.String,
    "provider": pl.String,
    "entry": pl.String,
    "above_tokens": pl.Int64,
    "valid_from": pl.Date,
    "valid_until": pl.Date,
    "hour_from": pl.Time,
    "hour_until": pl.Time,
    "usd_per_prompt_token": pl.Float64,
    "usd_per_cached_prompt_token": pl.Float64,
    "usd_per_output_token": pl.Float64,
    "source": pl.String,
    "as_of": pl.Date,
}


def price_rows(prices: Mapping[str, Price], as_of: datetime.date) -> pl.DataFrame:
    """The steps of the price of each model (``PRICE_COLUMNS``)."""
    rows = [
        {
            "model": model,
            "provider": price.provider,
            "entry": price.model,
            "source": price.source,
            "as_of": as_of,
            **{name: None if value != value else value for name, value in asdict(step).items()},
        }
        for model, price in sorted(prices.items())
        for step in price.steps
    ]
    return pl.DataFrame(rows, schema=PRICE_COLUMNS)


def prior_rows(
    prices: Mapping[str, Price], as_of: datetime.date
) -> list[tuple[str, str, str, float, str, str]]:
    """What a short prompt costs at the dearest hour of the day, as figures of the models."""
    return [
        (model, "*", name, rate, price.source, as_of.isoformat())
        for model, price in sorted(prices.items())
        for name, rate in price.base.rates.items()
        if not math.isnan(rate)
    ]
