"""Figures of models under the names that servers give them, at the prices of these servers.

A model at a server (``NAME/phi4:14b``) starts with what is known of the model itself; what is observed of it goes to
its own name. Where several servers share the calls of a model, it is planned at the dearest of their prices.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from optiq.statistics.snapshot import ModelFigures, Statistics


@dataclass(frozen=True, slots=True)
class NamedModel:
    """``name`` is how plans call the model ``like``. ``prices`` are rates in USD of each server that takes its calls;
    empty for one that takes what PerfDB knows.
    """

    name: str
    like: str
    prices: tuple[tuple[tuple[str, float], ...], ...] = ()


def with_named(statistics: Statistics, named: Sequence[NamedModel]) -> Statistics:
    """``statistics`` with figures of ``named``; what is known under a name itself stays."""
    rows: list[ModelFigures] = []
    for one in named:
        own = statistics.rows(one.name)
        known = own or [
            replace(row, model=one.name, n_observations=0, provenance=f"as {one.like}: {row.provenance}")
            for row in statistics.rows(one.like)
        ]
        if not known and any(one.prices):
            known = [ModelFigures(model=one.name)]
        if any(one.prices):
            known = [_priced(row, one) for row in known]
        rows += known if known != own else []
    return statistics.with_rows(rows) if rows else statistics


def _priced(row: ModelFigures, named: NamedModel) -> ModelFigures:
    rates: dict[str, Any] = {}
    for prices in named.prices:
        for rate in {rate for told in named.prices for rate, _ in told}:
            price = dict(prices).get(rate, getattr(row, rate))
            if not math.isnan(price):
                rates[rate] = max(price, rates.get(rate, 0.0))
    return replace(row, price_steps=() if rates else row.price_steps, **rates)
