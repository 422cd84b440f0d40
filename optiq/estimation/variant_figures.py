"""Figures of variants: those of the served model until their own are known, and then drawn to them.

Rates belong to weights and machine, so a variant has those of its model: prices as they are, speed and energy per
token with what its own calls showed mixed in. How long its outputs are and how good its answers are is its own: on
any topic these start from the model's figure, moved by as much as the variant was seen to differ from its model on
any topic, and what was observed on the topic itself draws them on.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import replace
from functools import cache, partial

from optiq.plans.wired import single_key
from optiq.prompts.prompt_set import PromptSet
from optiq.prompts.variants import Variant, find_variant
from optiq.questions.metric import COST, RESOURCES
from optiq.questions.question import TASKS
from optiq.statistics.snapshot import ANY_TASK, ANY_TOPIC, NAN, ModelFigures, Statistics

STRENGTH = 5.0
"""So many observations of a variant weigh as much as what its model is known for: few, as it is another operator."""

_REASONING = 0.25
"""Share of the room for reasoning that is expected to be used before anybody has. The prompt asks for a few short
sentences, which is about a quarter; the embedded models wrote 8 and 39 tokens more on 30 easy questions."""

_PRICES = tuple(rate.name for rate in COST.rates)
_PACES = (
    *(rate.name for metric in RESOURCES if metric is not COST for rate in metric.rates),
    "chars_per_token",
)


def with_variants(statistics: Statistics, variants: Iterable[Variant]) -> Statistics:
    """``statistics`` with figures of ``variants``; those of whose model nothing is known are left as they are."""
    rows: list[ModelFigures] = []
    for variant in variants:
        if variant.model in statistics.models:
            rows += _Family(statistics, variant).rows()
    return statistics.with_rows(rows) if rows else statistics


class _Family:
    """A variant and its model in ``statistics``."""

    def __init__(self, statistics: Statistics, variant: Variant) -> None:
        self.statistics = statistics
        self.variant = variant
        self.of_model = {(row.topic, row.task): row for row in statistics.rows(variant.model)}
        self.own = {(row.topic, row.task): row for row in statistics.rows(variant.name)}
        self._known = cache(partial(_scope, statistics))
        alone = statistics.records_of(single_key(variant.name))
        self.judged = [record for record in alone if not math.isnan(record.qoa)]
        self.priced = any(
            not math.isnan(getattr(row, name)) for row in self.of_model.values() for name in _PRICES
        )

    def rows(self) -> list[ModelFigures]:
        """A row for each topic and task on which the model or the variant is known."""
        return [self._row(topic, task) for topic, task in sorted({*self.of_model, *self.own})]

    def _row(self, topic: str, task: str) -> ModelFigures:
        model, own = self.of_model.get((topic, task)), self.own.get((topic, task))
        blank = ModelFigures(model=self.variant.name, topic=topic, task=task)
        model, mine = model or blank, own or blank
        priced = model if self.priced else mine
        values = {name: getattr(priced, name) for name in _PRICES}
        for name in _PACES:
            values[name] = _drawn(
                getattr(mine, name),
                mine.n_observations,
                getattr(model, name),
                STRENGTH + model.n_observations,
            )
        values["qoa"] = _drawn(mine.qoa, self._judged(topic, task, mine), self._qoa(topic, task), STRENGTH)
        values["output_tokens"] = _drawn(
            mine.output_tokens, mine.n_observations, self._output_tokens(topic, task), STRENGTH
        )
        start = f"as {self.variant.model} (variant)"
        told = start if own is None or own.n_observations == 0 else f"{own.provenance}, start {start}"
        return replace(
            blank,
            n_observations=mine.n_observations,
            provenance=told,
            price_steps=priced.price_steps,
            **values,
        )

    # --- where the variant starts on a topic and task --------------------------------------------------------

    def _qoa(self, topic: str, task: str) -> float:
        start = self._known(self.variant.model, topic, task).qoa
        if topic == ANY_TOPIC:
            return start
        own = self._known(self.variant.name, ANY_TOPIC, task)
        usual = self._known(self.variant.model, ANY_TOPIC, task).qoa
        moved = _drawn(own.qoa, self._judged(ANY_TOPIC, task, own), usual, STRENGTH) - usual
        return start if math.isnan(moved) else min(max(start + moved, 0.0), 1.0)

    def _output_tokens(self, topic: str, task: str) -> float:
        start = self._expected_length(self._known(self.variant.model, topic, task).output_tokens, task)
        if topic == ANY_TOPIC:
            return start
        usual = self._expected_length(self._known(self.variant.model, ANY_TOPIC, task).output_tokens, task)
        own = self._known(self.variant.name, ANY_TOPIC, task)
        now = _drawn(own.output_tokens, own.n_observations, usual, STRENGTH)
        return self._capped(start * now / usual if usual > 0 else start)

    def _judged(self, topic: str, task: str, own: ModelFigures) -> float:
        """Questions behind the quality of the variant; many more of its answers may never have been judged."""
        tasks = (*TASKS, ANY_TASK) if task == ANY_TASK else (task, ANY_TASK)
        found = [row for row in self.judged if topic in (row.topic, ANY_TOPIC) and row.task in tasks]
        if not found:
            return own.n_observations
        return sum(row.n_questions or row.n_observations for row in found)

    def _expected_length(self, length: float, task: str) -> float:
        return self._capped(_lengthened(self.statistics, self.variant.prompt, length, task))

    def _capped(self, length: float) -> float:
        cap = self.variant.max_output_tokens
        return length if cap is None else min(length, cap)  # a length that is not known stays NaN


def _scope(statistics: Statistics, name: str, topic: str, task: str) -> ModelFigures:
    """The figures for a topic and task; for any task those of rows that say none."""
    if task != ANY_TASK:
        return statistics.figures(name, topic, task)
    rows = {row.topic: row for row in statistics.rows(name) if row.task == ANY_TASK}
    found = [rows[scope] for scope in (topic, ANY_TOPIC) if scope in rows]
    blank = ModelFigures(model=name, topic=topic)
    if not found:
        return blank
    return found[0] if len(found) == 1 else _filled(found[0], found[1])


def _filled(first: ModelFigures, second: ModelFigures) -> ModelFigures:
    gaps = {
        name: getattr(second, name) for name in ("qoa", "output_tokens") if math.isnan(getattr(first, name))
    }
    return replace(first, **gaps)


def _lengthened(statistics: Statistics, prompt: str, length: float, task: str) -> float:
    """What an output of ``length`` under the usual prompts comes to under ``prompt``.

    Reasoning makes it longer: by what models were seen to write with both prompts, else by a share of the room for it.
    """
    key = "output length", prompt, task
    if key not in statistics.derived:
        statistics.derived[key] = _seen_ratio(statistics, prompt, task)
    n, ratio = statistics.derived[key]
    expected = length + _REASONING * PromptSet(prompt).reasoning_tokens
    return _drawn(length * ratio, n, expected, STRENGTH)


def _seen_ratio(statistics: Statistics, prompt: str, task: str) -> tuple[float, float]:
    """Observations, and output length under ``prompt`` over that under the usual prompts, of models that had both."""
    total = weight = 0.0
    for name in statistics.models:
        found = find_variant(name, (), statistics.models)
        if found is None or found.prompt != prompt:
            continue
        plain, other = (_scope(statistics, each, ANY_TOPIC, task) for each in (found.model, name))
        n = float(min(plain.n_observations, other.n_observations))
        if n and plain.output_tokens > 0 and not math.isnan(other.output_tokens):
            total, weight = total + n * other.output_tokens / plain.output_tokens, weight + n
    return weight, (total / weight if weight else NAN)


def _drawn(observed: float, n: float, start: float, strength: float) -> float:
    """``observed``, drawn to ``start`` as if that stood on ``strength`` observations; the one that is known."""
    if math.isnan(observed):
        return start
    if math.isnan(start) or n == 0:  # published under the variant's own name
        return observed
    return (n * observed + strength * start) / (n + strength)
