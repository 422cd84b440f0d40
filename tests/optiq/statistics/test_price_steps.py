"""Prices by length, hour and day: which step a call is priced by."""

from __future__ import annotations

import datetime
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from optiq.estimation.catalog import Catalog
from optiq.execution.accounting import Tariff, call_bound, price_call
from optiq.execution.trace import Call
from optiq.plans.plan import Plan
from optiq.prompts.shape import PromptShape
from optiq.questions.metric import COST
from optiq.questions.question import Kind
from optiq.statistics.price_steps import PriceStep, dearest, depends, in_force, last_change
from optiq.statistics.snapshot import ModelFigures, Record, Statistics

UTC = datetime.UTC
NOON = datetime.datetime(2026, 6, 1, 12, tzinfo=UTC)


def step(prompt: float, output: float = 1.0, **more: object) -> PriceStep:
    return PriceStep(usd_per_prompt_token=prompt, usd_per_output_token=output, **more)  # type: ignore[arg-type]


TIERS = (step(1e-6, 2e-6), step(3e-6, 6e-6, above_tokens=200_000))
NIGHT = step(5e-7, 1e-6, hour_from=datetime.time(16, 30), hour_until=datetime.time(0, 30))


@pytest.mark.parametrize(("tokens", "rate"), [(0, 1e-6), (200_000, 1e-6), (200_001, 3e-6)])
def test_a_tier_reprices_the_whole_call(tokens: int, rate: float) -> None:
    found = in_force(TIERS, NOON, tokens)
    assert found is not None
    assert found.usd_per_prompt_token == rate


@pytest.mark.parametrize(
    ("hour", "minute", "rate"),
    [(16, 29, 1e-6), (16, 30, 5e-7), (23, 59, 5e-7), (0, 0, 5e-7), (0, 29, 5e-7), (0, 30, 1e-6)],
)
def test_hours_over_midnight(hour: int, minute: int, rate: float) -> None:
    found = in_force((step(1e-6), NIGHT), NOON.replace(hour=hour, minute=minute))
    assert found is not None
    assert found.usd_per_prompt_token == rate


def test_of_days_the_last_that_began() -> None:
    day = datetime.date(2026, 6, 1)
    steps = (step(1e-6, valid_until=day), step(2e-6, valid_from=day))
    before = in_force(steps, NOON - datetime.timedelta(days=1))
    after = in_force(steps, NOON)
    assert before is not None
    assert after is not None
    assert (before.usd_per_prompt_token, after.usd_per_prompt_token) == (1e-6, 2e-6)


@given(
    st.lists(st.tuples(st.times(), st.times()).filter(lambda pair: pair[0] != pair[1]), max_size=3),
    st.datetimes(datetime.datetime(2026, 1, 1), datetime.datetime(2026, 12, 30), timezones=st.just(UTC)),
)
def test_nothing_changes_between_a_change_and_now(
    hours: list[tuple[datetime.time, datetime.time]], when: datetime.datetime
) -> None:
    steps = [step(i + 1.0, hour_from=a, hour_until=b) for i, (a, b) in enumerate(hours)]
    began = last_change(steps, when)
    assert [one.holds(began) for one in steps] == [one.holds(when) for one in steps] or not hours


def test_a_bound_is_the_dearest_hour_and_the_tier_that_bytes_can_reach() -> None:
    steps = (*TIERS, NIGHT)
    assert dearest(steps, NOON, 1000)["usd_per_prompt_token"] == 1e-6
    assert dearest(steps, NOON, 200_001)["usd_per_prompt_token"] == 3e-6
    figures = ModelFigures(model="m", usd_per_prompt_token=1e-6, usd_per_output_token=2e-6, price_steps=steps)
    assert call_bound(figures, 200_000, 10, NOON).cost_usd == pytest.approx(200_128 * 3e-6 + 10 * 6e-6)
    assert Tariff.at(COST, figures.dearest(10, NOON)).prompt == 1e-6


@pytest.mark.parametrize(
    ("tokens", "hour", "paid"),
    [(256_000, 12, 256_000 * 1e-6), (256_001, 12, 256_001 * 3e-6), (256_001, 17, 256_001 * 5e-7)],
)
def test_a_bill_is_of_the_calls_own_length_and_hour(tokens: int, hour: int, paid: float) -> None:
    steps = (step(1e-6, 0.0), step(3e-6, 0.0, above_tokens=256_000), *[NIGHT])
    figures = ModelFigures(model="m", usd_per_prompt_token=1e-6, usd_per_output_token=0.0, price_steps=steps)
    call = Call(node=0, model="m", subplan=Plan.of(["m"]), started_at=NOON.replace(hour=hour), prompt_chars=0)
    call.prompt_tokens, call.output_tokens = tokens, 0
    price_call(call, figures)
    assert call.cost_usd == pytest.approx(paid)


def test_what_was_paid_at_other_prices_is_not_taken_for_todays() -> None:
    figures = ModelFigures(model="m", usd_per_prompt_token=1e-6, usd_per_output_token=2e-6, price_steps=TIERS)
    record = Record(plan=Plan.of(["m"]), topic="*", task="open", cost_usd=7.0, output_tokens=3.0)
    known = Statistics.build("s", [figures], [record])
    assert math.isnan(known.records("*", "open")[Plan.of(["m"]).key].cost_usd)
    assert known.figures("m", "*", "open").price_steps == TIERS


def test_one_rate_that_always_holds_depends_on_nothing() -> None:
    assert not depends(TIERS[:1])
    assert depends(TIERS)
    assert depends((NIGHT,))


def test_estimates_take_the_price_of_the_hour_and_say_when_it_began() -> None:
    figures = ModelFigures(
        model="m",
        usd_per_prompt_token=1e-6,
        usd_per_output_token=1e-6,
        output_tokens=0.0,
        chars_per_token=1.0,
        price_steps=(step(1e-6, 1e-6), NIGHT),
    )
    known = Statistics.build("s", [figures], [])
    evening, night = NOON.replace(hour=16, minute=29), NOON.replace(hour=16, minute=30)
    for when, rate in ((evening, 1e-6), (night, 5e-7)):
        catalog = Catalog(known.at(when), "*", Kind.OPEN, PromptShape(1000), None)
        assert catalog.lone("m", "cost_usd").value == pytest.approx(1000 * rate)
    assert known.price_change(evening) == NOON.replace(hour=0, minute=30)
    assert known.price_change(night + datetime.timedelta(hours=1)) == night
    assert Statistics.build("s", [ModelFigures(model="m", price_steps=TIERS)], []).price_change(night) is None
