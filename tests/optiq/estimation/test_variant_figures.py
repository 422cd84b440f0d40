"""What is expected of a variant: its model's figures until its own are known, and never those of another variant."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from optiq.estimation import PromptShape, estimate
from optiq.estimation.estimator import make_estimator
from optiq.estimation.variant_figures import STRENGTH, with_variants
from optiq.plans.plan import Plan
from optiq.prompts.variants import Variant
from optiq.questions.question import Kind
from optiq.statistics.snapshot import FIGURES, ModelFigures, Record, Statistics

SHORT, LONG, REASONING = (
    Variant("m+short", "m", "zero-shot", 8),
    Variant("long", "m"),
    Variant("m+cot", "m", "cot"),
)
RATES: dict[str, float] = {
    "usd_per_call": 1e-6,
    "usd_per_prompt_token": 1e-8,
    "usd_per_output_token": 4e-8,
    "seconds_per_prompt_token": 0.001,
    "seconds_per_output_token": 0.01,
    "joules_per_prompt_token": 0.1,
    "joules_per_output_token": 0.4,
    "chars_per_token": 4.0,
}
MODEL = [
    ModelFigures(
        model="m", output_tokens=40.0, qoa=0.6, n_observations=100, provenance="observed n=100", **RATES
    ),
    ModelFigures(
        model="m", task="open", output_tokens=30.0, qoa=0.7, n_observations=90, provenance="observed n=90"
    ),
    ModelFigures(model="m", topic="art", task="open", output_tokens=20.0, qoa=0.8, provenance="observed n=9"),
]


def seen(name: str, topic: str = "*", task: str = "open", n: int = 20, **values: float) -> ModelFigures:
    return ModelFigures(
        model=name, topic=topic, task=task, n_observations=n, provenance=f"observed n={n}", **values
    )


def known(*rows: ModelFigures | Record, variants: tuple[Variant, ...] = (SHORT, LONG)) -> Statistics:
    figures = [row for row in rows if isinstance(row, ModelFigures)]
    records = [row for row in rows if isinstance(row, Record)]
    return with_variants(Statistics.build("s", [*MODEL, *figures], records), variants)


def alone(name: str, n: int, qoa: float, topic: str = "art") -> Record:
    return Record(plan=Plan.of([name]), topic=topic, task="open", n_observations=n, n_questions=n, qoa=qoa)


def test_a_variant_that_never_ran_is_its_model_within_its_cap() -> None:
    statistics = known()
    assert {"m", "m+short", "long"} == set(statistics.models)
    for topic in ("art", "law"):
        model, short = (statistics.figures(name, topic, "open") for name in ("m", "m+short"))
        for name in (*RATES, "qoa"):
            assert getattr(short, name) == getattr(model, name), name
        assert short.output_tokens == 8.0
        assert statistics.figures("long", topic, "open").output_tokens == model.output_tokens
        assert short.provenance == "as m (variant)"
        assert short.n_observations == 0
    assert statistics.source("m+short", "art", "open", ["qoa"]) == "as m (variant)"


def test_the_estimate_of_a_plan_says_where_the_figures_come_from() -> None:
    found = estimate(Plan.of(["m+short"]), known(), ["law"], Kind.OPEN, PromptShape(40, 20))
    assert {source.source for source in found.provenance} == {"as m (variant)"}
    shrunk = make_estimator("shrunk", known())
    again = estimate(Plan.of(["long"]), shrunk, ["law"], Kind.OPEN, PromptShape(40))
    told = {source.metric: source.source for source in again.provenance}
    assert told["qoa"] == "shrunk n=0: as m (variant)"
    assert found.cost_usd == pytest.approx(1e-6 + 15 * 1e-8 + 8 * 4e-8)


def test_of_a_model_that_nobody_knows_nothing_is_made_up() -> None:
    statistics = with_variants(Statistics.build("s", MODEL, []), [Variant("x", "nobody")])
    assert "x" not in statistics.models


def test_what_is_observed_of_the_variant_takes_over() -> None:
    few = known(seen("long", n=2, qoa=0.2), alone("long", 2, 0.2)).figures("long", "*", "open").qoa
    many = known(seen("long", n=500, qoa=0.2), alone("long", 500, 0.2)).figures("long", "*", "open").qoa
    assert 0.5 < few < 0.7, "two lucky or unlucky runs say little"
    assert few == pytest.approx((2 * 0.2 + STRENGTH * 0.7) / (2 + STRENGTH))
    assert many == pytest.approx(0.2, abs=0.01)


def test_a_variant_is_worse_on_other_topics_too_where_it_was_seen_to_be_worse() -> None:
    statistics = known(seen("long", n=500, qoa=0.5, output_tokens=15.0), alone("long", 500, 0.5, topic="law"))
    on_art = statistics.figures("long", "art", "open")
    assert on_art.qoa == pytest.approx(0.6, abs=0.01), "0.8 there, and 0.2 worse than its model in general"
    assert on_art.output_tokens == pytest.approx(10.0, rel=0.02), "half as long as its model there"


def test_answers_that_were_never_judged_say_nothing_of_quality() -> None:
    row = seen("long", n=1000, qoa=0.0, output_tokens=30.0)
    assert known(row, alone("long", 1, 0.0)).figures("long", "*", "open").qoa > 0.5


def test_prices_are_facts_and_paces_are_shared() -> None:
    learned = seen("long", task="*", n=100, usd_per_prompt_token=9.0, seconds_per_output_token=0.03)
    found = known(learned).figures("long", "*", "open")
    assert found.usd_per_prompt_token == RATES["usd_per_prompt_token"]
    assert 0.01 < found.seconds_per_output_token < 0.03


def test_reasoning_is_expected_to_be_longer_by_what_was_seen() -> None:
    variants = (REASONING, Variant("o+cot", "o", "cot"))
    other = [replace(row, model="o") for row in MODEL]
    guess = known(*other, variants=variants).figures("m+cot", "*", "open").output_tokens
    assert 60 < guess < 300
    told = known(*other, seen("o+cot", n=400, output_tokens=60.0), variants=variants)
    assert told.figures("m+cot", "*", "open").output_tokens == pytest.approx(60.0, rel=0.1), (
        "as the other model"
    )


ROW = st.fixed_dictionaries(
    {
        "topic": st.sampled_from(["*", "art", "law"]),
        "task": st.sampled_from(["*", "open", "choice"]),
        "n": st.integers(0, 300),
        "qoa": st.floats(0, 1) | st.just(math.nan),
        "output_tokens": st.floats(0, 500) | st.just(math.nan),
        "seconds_per_output_token": st.floats(0.001, 1) | st.just(math.nan),
    }
)


@settings(deadline=None, max_examples=60)
@given(st.lists(ROW, max_size=6), st.lists(ROW, max_size=6), st.sampled_from(["*", "art", "law", "new"]))
def test_variants_of_one_model_never_share_statistics(
    of_short: list[dict[str, Any]], of_long: list[dict[str, Any]], topic: str
) -> None:
    """Whatever is observed of one leaves the other and the model as they are; figures stay possible."""
    mine = [seen("m+short", **row) for row in of_short]
    others = [seen("long", **row) for row in of_long]
    alone_, together = known(*mine), known(*mine, *others)
    for kind in (Kind.OPEN, Kind.CHOICE):
        assert same(together.figures("m+short", topic, kind), alone_.figures("m+short", topic, kind))
        assert same(together.figures("m", topic, kind), known().figures("m", topic, kind))
        found = together.figures("m+short", topic, kind)
        assert math.isnan(found.qoa) or 0 <= found.qoa <= 1
        if not of_short:
            assert found.output_tokens <= 8
            assert found.provenance == "as m (variant)"


def same(one: ModelFigures, other: ModelFigures) -> bool:
    pairs = [(getattr(one, name), getattr(other, name)) for name in FIGURES]
    return one.provenance == other.provenance and all(a == b or (a != a and b != b) for a, b in pairs)
