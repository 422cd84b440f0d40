"""What one topic's statistics say about single models, and which record stands for a plan.

How models combine along a plan is :mod:`optiq.estimation.oracle`'s and :mod:`optiq.estimation.many_plans`'s
business, what their quality is an estimator's (:mod:`optiq.estimation.estimator`).
"""

from __future__ import annotations

import datetime
import math
from collections.abc import Iterable
from functools import cached_property
from typing import NamedTuple

from optiq.estimation.estimates import Figure
from optiq.estimation.similarity import THRESHOLD, similarity
from optiq.plans.plan import Plan
from optiq.plans.wired import single_key
from optiq.prompts.output_lengths import MAX_OUTPUT_TOKENS, TYPICAL_OUTPUT_TOKENS, USUAL_LENGTH
from optiq.prompts.shape import PromptShape, chars_per_token
from optiq.questions.metric import BY_NAME, RESOURCE_NAMES
from optiq.questions.question import Kind
from optiq.statistics.snapshot import (
    ANY_TASK,
    ANY_TOPIC,
    GUESS,
    NAN,
    ModelFigures,
    Record,
    Statistics,
    is_guess,
)


class Rates(NamedTuple):
    """Fixed part per call (0 if unknown), per prompt token and per output token, in the metric's unit."""

    fixed: float
    prompt: float
    output: float


class Match(NamedTuple):
    """A record that stands for a sub-plan: itself (similarity 1) or a similar one."""

    record: Record
    similarity: float

    @property
    def source(self) -> str:
        """``exact n=12`` or ``fuzzy 0.82 n=3``."""
        kind = "exact" if self.similarity == 1 else f"fuzzy {self.similarity:.2f}"
        return f"{kind} n={self.record.n_observations}{self.record.files}"


def times(rate: float, tokens: float) -> float:
    """``rate`` × ``tokens``; what has no rate costs nothing even where the number of tokens is unknown."""
    return 0.0 if rate == 0 else rate * tokens


class Catalog:
    """The ingredients for one topic, kind and prompt shape. ``blender`` None: plans have no blends."""

    def __init__(
        self, statistics: Statistics, topic: str, kind: Kind | str, shape: PromptShape, blender: str | None
    ) -> None:
        self.statistics = statistics
        self.topic = topic
        self.kind = kind
        self.shape = shape
        self.blender = blender
        self.records = statistics.records(topic, kind)
        self._figures: dict[str, ModelFigures] = {}
        self._output_tokens: dict[str, float] = {}
        self._ranked: dict[Plan, list[Match]] = {}

    # --- single models -------------------------------------------------------------------------------

    def figures(self, model: str) -> ModelFigures:
        """The merged figures of ``model`` on this topic, at the prices of a lone call of this length."""
        if model not in self._figures:
            found = self.statistics.figures(model, self.topic, self.kind)
            when = self.statistics.prices_at or datetime.datetime.now(datetime.UTC)
            self._figures[model] = found.priced(lone_tokens(found, self.shape), when)
        return self._figures[model]

    def source(self, model: str, names: Iterable[str]) -> str:
        """Where the figures of ``model`` called ``names`` come from."""
        return self.statistics.source(model, self.topic, self.kind, names)

    def single(self, model: str) -> Record | None:
        """The record of ``model`` running alone, if there is one."""
        return self.records.get(single_key(model))

    def elsewhere(self, model: str, metric: str) -> Figure | None:
        """What ``model`` alone did on other topics of the task, else on other tasks: better than to know nothing.

        None if it was measured nowhere. Where it comes from says which questions those were.
        """
        topic = "" if self.topic == ANY_TOPIC else f"on {self.topic}, "
        for scope, kind, of in (
            (ANY_TOPIC, self.kind, "other topics"),
            (self.topic, None, f"{topic}other forms"),
            (ANY_TOPIC, None, "other forms"),
        ):
            record = self.statistics.records(scope, kind).get(single_key(model))
            if record is not None and not math.isnan(getattr(record, metric)):
                value = self.recorded(record, metric)
                return Figure(value, f"{of}: single n={record.n_observations}{record.files}")
        return None

    def rates(self, model: str, metric: str) -> Rates:
        """What a call, a prompt token and an output token of ``model`` cost in ``metric``."""
        figures = self.figures(model)
        fixed, (prompt, output) = BY_NAME[metric].call_rate, BY_NAME[metric].token_rates
        per_call = getattr(figures, fixed) if fixed else 0.0
        return Rates(
            0.0 if math.isnan(per_call) else per_call, getattr(figures, prompt), getattr(figures, output)
        )

    def question_tokens(self, model: str) -> float:
        """Tokens of the question itself: the server's count where there is one, else from its length."""
        return question_tokens(self.figures(model), self.shape)

    def template_tokens(self, model: str, chars: int) -> float:
        """Tokens of ``chars`` characters of a prompt template."""
        return chars / chars_per_token(self.figures(model))

    def output_tokens(self, model: str) -> float:
        """The expected output length: the figure; else the mean in the model's own record; else derived; else a guess.

        Derived: what the recorded mean cost (else latency, else energy) leaves for output after the fixed
        part and a prompt of the recorded mean length, divided by the output rate. No more than outputs may have.
        """
        if model not in self._output_tokens:
            self._output_tokens[model] = self._find_output_tokens(model)
        return self._output_tokens[model]

    def _find_output_tokens(self, model: str) -> float:
        longest = self.shape.longest_output(model)
        if longest is not None and self._assumes_length(model):
            told = self.statistics.usual_length(model, self.kind)
            if math.isnan(told):
                return min(TYPICAL_OUTPUT_TOKENS[Kind(self.kind).task], longest.tokens)
            return min(told, longest.tokens + longest.room)
        giver = self.statistics.giver(model, self.topic, self.kind, "output_tokens")
        told = NAN if giver is None else giver.output_tokens
        if math.isnan(told) or (giver is not None and is_guess(giver, "output_tokens")):
            derived = self._derive_output_tokens(model)
            told = told if math.isnan(derived) else derived
        return told if longest is None else min(told, longest.tokens + longest.room)

    def guesses_length(self, model: str) -> bool:
        """Whether the output length of ``model`` is the usual one of such answers: nothing tells of its own."""
        return self._assumes_length(model) or (
            self.statistics.guessed(model, self.topic, self.kind, "output_tokens")
            and math.isnan(self._derive_output_tokens(model))
        )

    def _assumes_length(self, model: str) -> bool:
        """Whether what is known of lengths is of other forms: outputs of these, and published ones that are longer than
        such answers can be, say nothing of them, nor facts of essays.
        """
        longest = self.shape.longest_output(model)
        giver = self.statistics.giver(model, self.topic, self.kind, "output_tokens")
        if longest is None or giver is None or giver.task != ANY_TASK or is_guess(giver, "output_tokens"):
            return False
        short, usual = MAX_OUTPUT_TOKENS[Kind.OPEN], TYPICAL_OUTPUT_TOKENS[Kind(self.kind).task]
        told = giver.output_tokens
        return giver.n_observations > 0 or told > longest.tokens or told <= short < usual

    def _derive_output_tokens(self, model: str) -> float:
        """From the model's own record; NaN where it says nothing."""
        figures, record = self.figures(model), self.single(model)
        if record is None:
            return NAN
        if not math.isnan(record.output_tokens):
            return record.output_tokens
        prompt_chars = record.mean_question_chars + self.shape.base_of(model)
        for metric in RESOURCE_NAMES:
            rates = self.rates(model, metric)
            if rates.output > 0:
                read = times(rates.prompt, prompt_chars / chars_per_token(figures))
                left = getattr(record, metric) - rates.fixed - read
                if not math.isnan(left):
                    return max(left, 0.0) / rates.output
        return NAN

    def composed_single(self, model: str, metric: str) -> float:
        """A lone call of ``model`` from its rates: fixed + prompt tokens × rate + output tokens × rate."""
        rates = self.rates(model, metric)
        prompt = self.question_tokens(model) + self.template_tokens(model, self.shape.base_of(model))
        return rates.fixed + times(rates.prompt, prompt) + times(rates.output, self.output_tokens(model))

    def lone(self, model: str, metric: str) -> Figure:
        """A lone call of ``model``: as recorded, at this length; else composed from rates; else as elsewhere."""
        record = self.single(model)
        if record is not None and not math.isnan(getattr(record, metric)):
            return Figure(self.recorded(record, metric), f"single n={record.n_observations}{record.files}")
        value = self.composed_single(model, metric)
        if math.isnan(value):
            return self.elsewhere(model, metric) or Figure(value, "unknown")
        names = [rate.name for rate in BY_NAME[metric].rates]
        if self.statistics.guessed(model, self.topic, self.kind, "output_tokens"):
            names.append("output_tokens")
        source = self.source(model, names) or "prior"
        if self._assumes_length(model):
            source += f"; {GUESS}{USUAL_LENGTH}"
        return Figure(value, source)

    def growth(self, model: str, metric: str, template_chars: int, before: tuple[str, ...]) -> float:
        """What reading a template and the outputs of ``before`` adds to a lone call of ``model``."""
        template = self.added(model, metric, self.template_tokens(model, template_chars))
        return template + sum(self.added(model, metric, self.output_tokens(other)) for other in before)

    def added(self, model: str, metric: str, tokens: float) -> float:
        """What ``tokens`` more in the prompt add to a call of ``model``.

        Where that is unknown but the lone call is on record, 0: the record holds a typical prompt, which is
        closer than knowing nothing. Without a record it stays unknown.
        """
        value = times(self.rates(model, metric).prompt, tokens)
        if math.isnan(value):
            record = self.single(model)
            if record is not None and not math.isnan(getattr(record, metric)):
                return 0.0
            return value if self.elsewhere(model, metric) is None else 0.0
        return value

    # --- records of plans ----------------------------------------------------------------------------

    @cached_property
    def blends(self) -> dict[tuple[str, ...], Record]:
        """Known blends of singles by this blender, by their sorted models."""
        found: dict[tuple[str, ...], Record] = {}
        for record in self.records.values():
            leaves, last = record.plan.models[:-1], record.plan.models[-1]
            if last != self.blender or len(leaves) < 2 or math.isnan(record.qoa):
                continue
            if record.plan.edges == tuple((v, len(leaves)) for v in range(len(leaves))):
                found[tuple(sorted(leaves))] = record
        return dict(sorted(found.items()))

    def match(self, plan: Plan, metric: str, similar: bool) -> Match | None:
        """The record with ``metric`` that stands for ``plan``: its own, else the most similar from 0.75 up.

        The second only with ``similar``. Ties go to more observations, then to the plan that sorts first. A similar
        record stands for quality only: cost, latency and energy of the very models are known from their rates, while
        a plan with a cheap model in the place of a dear one is similar, too, and would let it pass a hard limit.
        """
        own = self.records.get(plan.key)
        if own is not None and not math.isnan(getattr(own, metric)):
            return Match(own, 1.0)
        if metric in RESOURCE_NAMES or not similar:
            return None
        for match in self._similar(plan):
            if not math.isnan(getattr(match.record, metric)):
                return match
        return None

    def _similar(self, plan: Plan) -> list[Match]:
        """The records that may stand for ``plan``, best first."""
        if plan not in self._ranked:
            matches = [
                Match(r, similarity(plan, r.plan)) for r in self._by_size.get((plan.k, plan.models[-1]), [])
            ]
            self._ranked[plan] = sorted((m for m in matches if m.similarity >= THRESHOLD), key=_rank)
        return self._ranked[plan]

    @cached_property
    def _by_size(self) -> dict[tuple[int, str], list[Record]]:
        found: dict[tuple[int, str], list[Record]] = {}
        for record in self.records.values():
            found.setdefault((record.plan.k, record.plan.models[-1]), []).append(record)
        return found

    def recorded(self, record: Record, metric: str) -> float:
        """The record's mean of ``metric``, brought from its mean question length to this question's.

        Only what depends on the question's length moves: Σ prompt rate × tokens over the nodes (for latency
        over the record's critical path). A record whose mean length or rates are unknown stays as it is. The
        share that the recorded mean cannot hold is cut, so that no length gives a figure below 0.
        """
        value: float = getattr(record, metric)
        if metric not in RESOURCE_NAMES or math.isnan(record.mean_question_chars):
            return value
        now = then = 0.0
        for model in self.length_models(record, metric):
            rate = self.rates(model, metric).prompt
            now += times(rate, self.question_tokens(model))
            then += times(rate, record.mean_question_chars / chars_per_token(self.figures(model)))
        if math.isnan(now) or math.isnan(then):
            return value
        return value + (now - then) * (min(1.0, value / then) if then > 0 else 1.0)

    def length_models(self, record: Record, metric: str) -> tuple[str, ...]:
        """The models whose reading of the question counts: all nodes, for latency those on the critical path.

        The critical path is the one that the rates alone make longest at the recorded mean length; of equally
        long ones that which reads the question most slowly.
        """
        plan = record.plan
        if metric != "latency_s":
            return plan.models
        paths: list[tuple[float, float, tuple[str, ...]]] = []
        for v, model in enumerate(plan.models):
            rates = self.rates(model, metric)
            before = plan.predecessors(v)
            reads = times(rates.prompt, record.mean_question_chars / chars_per_token(self.figures(model)))
            heard = sum(times(rates.prompt, self.output_tokens(plan.models[u])) for u in before)
            own = reads + heard + times(rates.output, self.output_tokens(model))
            longest = max((paths[u] for u in before), default=(0.0, 0.0, ()))
            paths.append((longest[0] + own, longest[1] + reads, (*longest[2], model)))
        return paths[-1][2]


def _rank(match: Match) -> tuple[float, int, tuple[int, int, tuple[str, ...]]]:
    return -match.similarity, -match.record.n_observations, match.record.plan.order


def question_tokens(figures: ModelFigures, shape: PromptShape) -> float:
    """Tokens of the question itself for a model with these figures."""
    for name, tokens in shape.question_tokens:
        if name == figures.model:
            return float(tokens)
    return shape.question_chars / chars_per_token(figures)


def lone_tokens(figures: ModelFigures, shape: PromptShape) -> float:
    """Tokens of the prompt of a lone call, by which a price that depends on the prompt's length is chosen.

    What a later call of a plan reads besides is not counted here; its bill counts it.
    """
    return question_tokens(figures, shape) + shape.base_of(figures.model) / chars_per_token(figures)


def price_tiers(
    statistics: Statistics, topic: str, kind: Kind | str, shape: PromptShape, models: Iterable[str]
) -> tuple[int, ...]:
    """The tier that each model whose price depends on the prompt's length reaches: () where there is none.

    Questions of other tiers are not on one line with these: what plans cost jumps between them.
    """
    found = []
    for model in models:
        figures = statistics.figures(model, topic, kind)
        if edges := {step.above_tokens for step in figures.price_steps} - {0}:
            tokens = lone_tokens(figures, shape)
            found.append(sum(tokens > edge for edge in edges))
    return tuple(found)


def catalogs(
    statistics: Statistics,
    topics: tuple[tuple[str, float], ...],
    kind: Kind | str,
    shape: PromptShape,
    blender: str | None,
) -> list[Catalog]:
    """One catalog per topic."""
    return [Catalog(statistics, topic or ANY_TOPIC, kind, shape, blender) for topic, _ in topics]
