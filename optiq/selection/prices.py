"""What a call costs. A model without a price is unpriced: its cost is not known, never 0."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Protocol

from optiq.errors import InputError
from optiq.questions.question import Kind, parse_number
from optiq.statistics.snapshot import ANY_TOPIC, ModelFigures


class Rates(Protocol):
    """Where rates come from: :class:`~optiq.statistics.snapshot.Statistics` is one."""

    def figures(self, model: str, topic: str, kind: Kind | str) -> ModelFigures:
        """The rates of ``model``; NaN where unknown."""
        ...


@dataclass(frozen=True)
class Price:
    """USD per token and per call."""

    prompt: float
    output: float
    call: float = 0.0


@dataclass(frozen=True)
class PriceTable:
    """Prices by model."""

    prices: Mapping[str, Price] = field(default_factory=dict)

    @classmethod
    def of(cls, per_million: Mapping[str, tuple[float, float]]) -> PriceTable:
        """From USD per million prompt and output tokens, as price lists give them."""
        prices = {}
        for model, pair in per_million.items():
            rates = [parse_number(rate, f"price of {model}") for rate in pair]
            if len(rates) != 2 or min(rates) < 0:
                raise InputError(
                    f"price of {model} is {pair!r}",
                    "Give USD per million prompt and output tokens, 0 or more.",
                )
            prices[model] = Price(rates[0] / 1e6, rates[1] / 1e6)
        return cls(prices)

    @classmethod
    def from_rates(cls, rates: Rates, models: Iterable[str]) -> PriceTable:
        """The prices that PerfDB knows for ``models``."""
        prices = {}
        for model in models:
            known = rates.figures(model, ANY_TOPIC, Kind.OPEN)
            if not math.isnan(known.usd_per_prompt_token) and not math.isnan(known.usd_per_output_token):
                fixed = 0.0 if math.isnan(known.usd_per_call) else known.usd_per_call
                prices[model] = Price(known.usd_per_prompt_token, known.usd_per_output_token, fixed)
        return cls(prices)

    def cost(self, model: str, prompt_tokens: int | None, output_tokens: int | None) -> float | None:
        """USD of one call; None if the price or the tokens are not known."""
        price = self.prices.get(model)
        if price is None or prompt_tokens is None or output_tokens is None:
            return None
        return price.call + price.prompt * prompt_tokens + price.output * output_tokens
