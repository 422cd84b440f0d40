"""Costs by looks: the factor that made the data is found, luck is not heard, and all plans of a question share it."""

from __future__ import annotations

import copy
import math
from dataclasses import replace

import numpy as np
import pytest
from catalogs import build, figures
from recordings import sums_and_poems

from optiq.estimation import PromptShape, estimate
from optiq.estimation.looks import Looks, Slopes, learn_looks
from optiq.estimation.past_questions import ANYTHING, PastQuestions, seen
from optiq.evaluation.snapshot import planning_of
from optiq.planning.given import plan_among
from optiq.planning.pipeline import Planning
from optiq.plans.plan import Plan
from optiq.questions.question import Budget, Question, Weights

STATISTICS = build(
    figures("a", qoa=0.4),
    figures("b", qoa=0.6, usd_per_output_token=8e-6, seconds_per_output_token=0.004),
    figures("c", qoa=0.7, usd_per_output_token=3e-5, output_tokens=80.0),
)

WORDS = ["river", "autumn", "mountain", "bread", "moon"]


def poem(i: int) -> str:
    return f"Write a poem about {WORDS[i % 5]} and {WORDS[i // 5 % 5]} in the style of poet {WORDS[i % 3]}"


def calculation(i: int) -> str:
    return f"{i * 37 % 900} + {i * 91 % 900} = ?"


def off_of(texts: list[str], dearer: float, seed: int = 0, models: int = 3, noise: float = 0.1) -> np.ndarray:
    """Calculations cost ``dearer`` times what is expected, in every metric; each model is off by an own factor."""
    draw = np.random.default_rng(seed)
    level = np.linspace(-0.5, 0.5, models)[None, :, None]
    by_text = np.array([math.log(dearer) if "=" in text else 0.0 for text in texts])[:, None, None]
    return by_text + level + draw.normal(0, noise, (len(texts), models, 3))


def test_what_made_calculations_dear_is_found() -> None:
    texts = [f(i) for i in range(40) for f in (poem, calculation)]
    looks = learn_looks(texts, ["open"] * len(texts), off_of(texts, 4.0))
    assert looks is not None
    assert {one.metric for one in looks.found} == {"cost_usd", "latency_s", "energy_j"}
    assert all(one.explained > 0.9 for one in looks.found)
    dear, cheap = looks.factors(calculation(77), "open"), looks.factors(poem(63), "open")
    assert np.array(dear) / np.array(cheap) == pytest.approx(4.0, rel=0.15)
    every = [looks.factors(text, "open")[0] for text in texts]
    assert np.mean(every) == pytest.approx(1.0, abs=0.01)  # what statistics expect of all of them stays
    assert looks.factors(calculation(77), "choice") == (1.0, 1.0, 1.0)
    assert copy.copy(looks).factors(calculation(77), "open") == dear


def test_luck_and_few_questions_are_not_heard() -> None:
    texts = [poem(i) for i in range(60)]
    heard = [learn_looks(texts, ["open"] * 60, off_of(texts, 1.0, seed)) for seed in range(20)]
    assert sum(looks is not None for looks in heard) <= 2
    few = [f(i) for i in range(9) for f in (poem, calculation)]
    assert learn_looks(few, ["open"] * len(few), off_of(few, 4.0)) is None
    nothing = np.full((60, 3, 3), np.nan)
    assert learn_looks(texts, ["open"] * 60, nothing) is None


def test_a_model_that_ran_on_dear_questions_only_is_not_what_made_them_dear() -> None:
    texts = [f(i) for i in range(40) for f in (poem, calculation)]
    off = off_of(texts, 4.0)
    off[[i for i, text in enumerate(texts) if "=" not in text], 2] = np.nan
    looks = learn_looks(texts, ["open"] * len(texts), off)
    assert looks is not None
    ratio = looks.factors(calculation(77), "open")[0] / looks.factors(poem(63), "open")[0]
    assert ratio == pytest.approx(4.0, rel=0.2)


DEARER = Looks([Slopes("open", m, (0.0,) * 11, (1.0,) * 11, (0.0,) * 11, math.log(f), 0.9, 50)
                for m, f in (("cost_usd", 2.0), ("latency_s", 1.5))])  # fmt: skip


@pytest.mark.parametrize("confidence", [None, 0.9])
@pytest.mark.parametrize("weights", [Weights(), Weights(0, 0, 0, 1), Weights(worth_usd=0.01)])
def test_one_and_many_questions_are_planned_alike_and_only_limits_and_bills_change(
    confidence: float | None, weights: Weights
) -> None:
    statistics = STATISTICS
    plain = Planning(
        statistics, statistics.models, None, max_operations=2, weights=weights, confidence=confidence
    )
    dearer = replace(plain, looks=DEARER)
    question = Question("1", "Who wrote this?")
    before, after = plain.plan(question), dearer.plan(question)
    assert [item.plan for item in before.frontier] == [item.plan for item in after.frontier]
    for one, other in zip(before.frontier, after.frontier, strict=True):
        factors = np.array([2.0, 1.5, 1.0, 1.0])
        assert np.array(other.metrics) == pytest.approx(np.array(one.metrics) * factors)
        assert np.array(other.judged) == pytest.approx(np.array(one.judged) * factors)
    chosen = after.choice.chosen
    assert chosen is not None
    limit = chosen.judged[0]
    budgets = [
        Budget(),
        Budget(max_cost_usd=limit * 1.01),
        Budget(max_cost_usd=limit * 0.99),
        Budget(max_cost_usd=1e-12),
    ]
    asked = [replace(question, question_id=str(i), budget=given) for i, given in enumerate(budgets)]
    for item, batched in zip(map(dearer.plan, asked), dearer.plan_all(asked), strict=True):
        assert item.choice.status == batched.choice.status
        if item.choice.chosen is not None and batched.choice.chosen is not None:
            assert item.choice.chosen.plan == batched.choice.chosen.plan
            assert item.choice.chosen.metrics == pytest.approx(batched.choice.chosen.metrics)
    told = [row for row in dearer.explain(question, chosen).provenance if "looks ×" in row.source]
    assert {(row.metric, row.source.split("looks ")[1]) for row in told} == {
        ("cost_usd", "×2"),
        ("latency_s", "×1.5"),
    }
    (estimates,) = dearer.estimates([question], [[chosen.plan]])
    assert estimates[0].metrics == pytest.approx(chosen.metrics)


def test_a_history_teaches_its_looks_and_the_paper_does_not_hear_them() -> None:
    outcomes = sums_and_poems(80)
    outcomes.values[1::2, :, 0] *= 3  # questions for poets cost three times as much
    history, asked = outcomes.only(range(60)), outcomes.only(range(60, 80))
    history = type(history)(
        [replace(one, topics=()) for one in history.questions],
        history.plans, history.values, history.counts, history.answers, history.calls,
    )  # fmt: skip
    planning = planning_of(history, neighbours=False, weights=Weights(0, 0, 0, 1))
    questions = [replace(one, topics=()) for one in asked.questions]
    every = planning.estimates(questions, [outcomes.plans] * len(questions))
    costs = np.array([[item.cost_usd for item in items] for items in every])
    assert costs == pytest.approx(asked.cost, rel=0.35)
    assert planning_of(history, estimator="paper").looks is None
    (planned, *_) = plan_among(planning, questions, [outcomes.plans[:1]] * len(questions))
    assert planned.choice.chosen is not None
    assert planned.choice.chosen.plan == outcomes.plans[0]


def test_questions_that_cost_just_what_was_expected_teach_nothing() -> None:
    """Whatever their length: what is expected of a call grows with its question."""
    texts = tuple("word " * (5 + i % 7 * 60) + str(i) for i in range(60))
    expected = [
        [
            estimate(Plan.of([name]), STATISTICS, ["*"], "open", PromptShape(len(text))).metrics[:3]
            for name in "abc"
        ]
        for text in texts
    ]
    past = PastQuestions(
        texts=texts,
        vectors=seen(texts),
        topics=(ANYTHING,) * 60,
        tasks=("open",) * 60,
        models=("a", "b", "c"),
        qoa=np.full((60, 3), 0.5),
        spent=np.log(expected),
    )
    heard = past.looks(STATISTICS)  # at most the rounding of figures
    for text in texts if heard else ():
        assert heard.factors(text, "open") == pytest.approx((1.0, 1.0, 1.0))
    assert learn_looks(texts, ["open"] * 60, np.zeros((60, 3, 3))) is None
    dearer = replace(
        past, spent=past.spent + np.log([1.0 + 3 * (i % 7 > 3) for i in range(60)])[:, None, None]
    )
    assert dearer.looks(STATISTICS) is not None, "long questions cost four times what is expected"
