"""The metrics of a run: what it costs, takes and yields. One table from which all that speaks of them is made.

From it come limits (:class:`~optiq.questions.question.Budget`), weights, columns of files and tables, rules on
what is read, the lines of SQL that end in ``-- each metric`` (:mod:`sql`), screens, charts and reports. A metric
is added by a row here, its fields in the records that people read by name (``Budget``, ``Weights``,
``ModelFigures``, ``Record``, ``Call``, ``Execution``, ``Estimate``), and a migration with its columns.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Literal


@dataclass(frozen=True, slots=True)
class Rate:
    """What a model takes per call or token, as priors give it. ``most`` is the highest believable, ``doubt`` asks
    what a higher one usually is."""

    name: str
    most: float
    doubt: str


@dataclass(frozen=True, kw_only=True)
class Metric:
    """One metric of a call, a plan and a run.

    ``name`` has its unit in it and names its column; ``word`` is what people call it, and its weight; ``noun`` is
    the unit in words. ``adds`` says what a plan comes to: the ``sum`` over its nodes, the longest ``path``
    through them, or nothing of the kind (``yield``: the quality, of which more is better). ``rates`` are the
    figures of a model that give it: per call (if there is one), per prompt token and per output token.
    ``most_of_call`` and ``most_of_run`` are the highest believable figures, ``least_of_plan`` the lowest
    believable mean, and ``doubt`` asks what a higher one usually is. Charts show it times ``chart_scale``.
    """

    name: str
    word: str
    unit: str
    noun: str
    best: str
    adds: Literal["sum", "path", "yield"]
    rates: tuple[Rate, ...] = ()
    most_of_call: float = 1.0
    most_of_run: float = 1.0
    least_of_plan: float = 0.0
    doubt: str = ""
    chart_title: str = ""
    chart_scale: float = 1.0

    @property
    def is_resource(self) -> bool:
        """Whether less of it is better: it is spent."""
        return self.adds != "yield"

    @cached_property
    def limit(self) -> str:
        """The limit on it: a field of a budget, a column of question files and traces."""
        return f"{'max' if self.is_resource else 'min'}_{self.name}"

    @property
    def parameter(self) -> str:
        """The parameter of flows and the field of requests that sets the limit."""
        return f"{'max' if self.is_resource else 'min'}_{self.word}"

    @property
    def flag(self) -> str:
        """The option that sets the limit."""
        return f"--{self.parameter.replace('_', '-')}"

    @cached_property
    def token_rates(self) -> tuple[str, str]:
        """The names of its rates per prompt token and per output token. Only resources have them."""
        prompt, output = self.rates[-2:]
        return prompt.name, output.name

    @cached_property
    def call_rate(self) -> str:
        """The name of its rate per call, empty if there is none."""
        return self.rates[0].name if len(self.rates) > 2 else ""

    @property
    def title(self) -> str:
        """Its word in running text: QoA is written so."""
        return "QoA" if self.word == "qoa" else self.word

    @property
    def header(self) -> str:
        """The head of a column of figures: ``cost USD``."""
        return f"{self.title} {self.unit}".rstrip()


COST = Metric(
    name="cost_usd",
    word="cost",
    unit="USD",
    noun="USD",
    best="cheapest",
    adds="sum",
    rates=(
        Rate("usd_per_call", 100, "is it a price per thousand calls?"),
        Rate("usd_per_cached_prompt_token", 0.01, "is it a price per million tokens?"),
        Rate("usd_per_prompt_token", 0.01, "is it a price per million tokens?"),
        Rate("usd_per_output_token", 0.01, "is it a price per million tokens?"),
    ),
    most_of_call=100,
    most_of_run=1_000,
    doubt="is it in cents or millionths?",
    chart_title="USD per 1,000 questions",
    chart_scale=1000.0,
)
LATENCY = Metric(
    name="latency_s",
    word="latency",
    unit="s",
    noun="seconds",
    best="fastest",
    adds="path",
    rates=(
        Rate("seconds_per_prompt_token", 60, "is it in milliseconds?"),
        Rate("seconds_per_output_token", 60, "is it in milliseconds?"),
    ),
    most_of_call=3_600,
    most_of_run=86_400,
    least_of_plan=1e-6,
    doubt="is it in milliseconds?",
    chart_title="latency per question, s",
)
ENERGY = Metric(
    name="energy_j",
    word="energy",
    unit="J",
    noun="joules",
    best="leanest",
    adds="sum",
    rates=(
        Rate("joules_per_prompt_token", 10_000, "is it in millijoules?"),
        Rate("joules_per_output_token", 10_000, "is it in millijoules?"),
    ),
    most_of_call=1e7,
    most_of_run=1e8,
    doubt="is it in millijoules?",
    chart_title="energy per question, J",
)
QOA = Metric(
    name="qoa",
    word="qoa",
    unit="",
    noun="0 to 1",
    best="best",
    adds="yield",
    doubt="QoA runs from 0 to 1; divide percent by 100",
    chart_title="quality (QoA)",
)

METRICS = (COST, LATENCY, ENERGY, QOA)
"""All metrics, in the order in which arrays and tuples hold them; the quality is the last."""

RESOURCES = tuple(metric for metric in METRICS if metric.is_resource)
ADDITIVE = tuple(metric for metric in METRICS if metric.adds == "sum")

METRIC_NAMES = tuple(metric.name for metric in METRICS)
RESOURCE_NAMES = tuple(metric.name for metric in RESOURCES)
LIMITS = tuple(metric.limit for metric in METRICS)
BY_NAME = {metric.name: metric for metric in METRICS}
BY_LIMIT = {metric.limit: metric for metric in METRICS}
RATES = tuple(rate for metric in METRICS for rate in metric.rates)
