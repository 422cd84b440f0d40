"""What calls cost: before they are made at the most, and after; and what they add up to along a plan.

The same rules as the estimators use (:mod:`optiq.estimation`), with observed tokens and times: cost and
energy add over nodes, latency is the longest path. What is not known stays ``None``.
"""

from __future__ import annotations

import datetime
import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Protocol

from optiq.errors import InputError
from optiq.execution.ledger import Amount
from optiq.execution.trace import Call, Execution
from optiq.plans.plan import Plan
from optiq.questions.metric import ADDITIVE, COST, ENERGY, RESOURCES, Metric
from optiq.questions.question import Kind, parse_number
from optiq.statistics.snapshot import ModelFigures

MEASURED, PREDICTED = "measured", "predicted"
"""Where an energy figure comes from: a device counter, or tokens and rates."""

TEMPLATE_TOKENS = 128
"""Room for the chat template that a server puts around a prompt."""


class Prices(Protocol):
    """Where the rates come from: :class:`~optiq.statistics.snapshot.Statistics` is one."""

    def figures(self, model: str, topic: str, kind: Kind | str) -> ModelFigures:
        """The rates in force for a call of ``model``."""
        ...


class PriceList:
    """Prices as providers publish them: USD per million prompt and output tokens by model; others have none."""

    def __init__(self, usd_per_million: Mapping[str, tuple[float, float]]) -> None:
        self._figures = {}
        for model, pair in usd_per_million.items():
            rates = [parse_number(rate, f"price of {model}") for rate in pair]
            if len(rates) != 2 or min(rates) < 0:
                raise InputError(
                    f"price of {model} is {pair!r}",
                    "Give USD per million prompt and output tokens, 0 or more.",
                )
            prompt, output = (rate / 1e6 for rate in rates)
            self._figures[model] = ModelFigures(
                model=model, usd_per_prompt_token=prompt, usd_per_output_token=output
            )

    def figures(self, model: str, topic: str, kind: Kind | str) -> ModelFigures:
        return self._figures.get(model) or ModelFigures(model=model)


@dataclass(frozen=True, slots=True)
class Tariff:
    """What a call of a model takes of one metric: ``fixed`` + ``prompt`` × tokens + ``output`` × tokens.

    NaN where a rate is not known. Where rates depend on the length of the prompt, the hour or the day, figures are to
    be :meth:`~ModelFigures.priced`, or taken at their :meth:`~ModelFigures.dearest`, first.
    """

    fixed: float
    prompt: float
    output: float

    @classmethod
    def at(cls, metric: Metric, figures: ModelFigures) -> Tariff:
        """By the rates of a model. An unknown rate per call is no fixed part; where of the time only the writing
        is known, the reading counts as nothing."""
        prompt, output = (getattr(figures, rate) for rate in metric.token_rates)
        fixed = getattr(figures, metric.call_rate) if metric.call_rate else 0.0
        if metric.adds == "path" and math.isnan(prompt):
            prompt = 0.0
        return cls(0.0 if math.isnan(fixed) else fixed, prompt, output)

    @property
    def known(self) -> bool:
        """Whether every call has its price."""
        return not math.isnan(self.prompt) and not math.isnan(self.output)

    def of(self, prompt_tokens: float, output_tokens: float) -> float:
        """For a call with so many tokens; NaN if it is not known."""
        return self.fixed + self.prompt * prompt_tokens + self.output * output_tokens

    def charge(self, prompt_tokens: int | None, output_tokens: int | None) -> float | None:
        """For a call that was made; at rate 0 tokens cost nothing, even if nobody counted them."""
        charge = self.fixed
        for rate, tokens in ((self.prompt, prompt_tokens), (self.output, output_tokens)):
            if rate == 0:
                continue
            if math.isnan(rate) or tokens is None:
                return None
            charge += rate * tokens
        return charge


def call_bound(
    figures: ModelFigures, prompt_bytes: int, max_output_tokens: int, when: datetime.datetime
) -> Amount:
    """The most that one call can cost from ``when`` on; NaN where a rate is unknown.

    A tokenizer that falls back to bytes makes at most one token of each byte, so bytes bound tokens.
    """
    prompt_tokens = prompt_bytes + TEMPLATE_TOKENS
    figures = figures.dearest(prompt_tokens, when)
    return Amount(
        Tariff.at(COST, figures).of(prompt_tokens, max_output_tokens),
        Tariff.at(ENERGY, figures).of(prompt_tokens, max_output_tokens),
    )


def charged(
    figures: ModelFigures, prompt_tokens: int | None, output_tokens: int | None, when: datetime.datetime
) -> Amount:
    """What a call that was made at ``when`` took; NaN where a rate is unknown or nobody counted."""
    figures = figures.priced(prompt_tokens, when)
    found = (Tariff.at(metric, figures).charge(prompt_tokens, output_tokens) for metric in ADDITIVE)
    return Amount(*(math.nan if charge is None else charge for charge in found))


def price_call(call: Call, figures: ModelFigures) -> None:
    """Set what an answered call took of each additive metric, by its tokens and its prices; measured energy stays."""
    figures = figures.priced(call.prompt_tokens, call.started_at)
    for metric in ADDITIVE:
        if metric is not ENERGY or call.energy_source != MEASURED:
            charge = Tariff.at(metric, figures).charge(call.prompt_tokens, call.output_tokens)
            if metric is COST and charge is not None:
                charge = max(charge - saved_by_cache(figures, call.cached_tokens), 0.0)
            setattr(call, metric.name, charge)
    if call.energy_source != MEASURED:
        call.energy_source = None if call.energy_j is None else PREDICTED


def saved_by_cache(figures: ModelFigures, cached_tokens: int | None) -> float:
    """What a call cost less as so many tokens of its prompt were in the server's cache; 0 where that has no price."""
    less = figures.usd_per_prompt_token - figures.usd_per_cached_prompt_token
    return 0.0 if math.isnan(less) or cached_tokens is None else less * cached_tokens


def settle(execution: Execution) -> None:
    """Set what the sub-plan of every answered call, and the execution, took of each metric."""
    calls = {call.node: call for call in execution.calls if call.error is None}
    for metric in RESOURCES:
        took: dict[int, float | None] = {node: getattr(call, metric.name) for node, call in calls.items()}
        if metric.adds == "path":
            parts = longest_paths(execution.plan, took)
            whole = parts.get(execution.plan.sink)
        else:
            parts = {node: total(took[v] for v in execution.plan.closure(node)) for node in calls}
            whole = total(took.values())
        for node, call in calls.items():
            setattr(call, f"subplan_{metric.name}", parts[node])
        setattr(execution, metric.name, whole)
    if execution.energy_j is not None:  # a sum with one predicted part is predicted
        measured = all(call.energy_source == MEASURED for call in calls.values())
        execution.energy_source = MEASURED if measured else PREDICTED


def longest_paths(plan: Plan, latencies: Mapping[int, float | None]) -> dict[int, float | None]:
    """Seconds until each node that answered is done, from the seconds that each took by itself."""
    done: dict[int, float | None] = {}
    for node in sorted(latencies):  # canonical numbering is a topological order
        own = latencies[node]
        before = [done[v] for v in plan.predecessors(node)]
        known = [seconds for seconds in before if seconds is not None]
        if own is None or len(known) < len(before):
            done[node] = None
        else:
            done[node] = own + max(known, default=0.0)
    return done


def total(values: Iterable[float | None]) -> float | None:
    """The sum; ``None`` if a value is unknown or there is none."""
    known = list(values)
    return math.fsum(v for v in known if v is not None) if known and None not in known else None


def known_sum(values: Iterable[float | None]) -> float | None:
    """The same for what a person pays: of nothing it is 0, as nothing called is nothing spent."""
    return total([0.0, *values])
