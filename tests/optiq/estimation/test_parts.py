"""What a plan's parts say of it, by hand: means over topics, figures drawn to published ones, one learned rule."""

import math

import numpy as np
import pytest
from catalogs import NAN, build, figures, record

from optiq.estimation.composition import (
    Pooled,
    Rule,
    drawn,
    is_flat,
    learn_rule,
    node_values,
    observations,
    pooled,
    rule_of,
    usual,
)
from optiq.plans.plan import Plan

CHAIN = Plan.of(["a", "b"], [(0, 1)])


@pytest.mark.parametrize(
    ("found", "start", "value"),
    [
        (Pooled(10, 0.8), 0.4, 0.6),  # ten observations weigh as much as what was published
        (Pooled(30, 0.8), 0.4, 0.7),
        (Pooled(0, 0.8), 0.4, 0.4),
        (Pooled(10, NAN), 0.4, 0.4),
        (None, 0.4, 0.4),
        (Pooled(10, 0.8), NAN, 0.8),
    ],
)
def test_a_mean_is_drawn_to_what_was_published_by_as_much_as_it_is_unsure(found, start, value):
    assert drawn(found, start) == pytest.approx(value)


def test_nothing_known_stays_unknown():
    assert math.isnan(drawn(None, NAN))


def test_questions_count_where_they_are_told_and_runs_elsewhere():
    assert observations(record("a", n_observations=9, n_questions=4)) == 4.0
    assert observations(record("a", n_observations=9)) == 9.0


@pytest.mark.parametrize(
    ("plan", "flat"),
    [
        (Plan.of(["a"]), False),
        (CHAIN, False),
        (Plan.of(["a", "b", "z"], [(0, 1), (1, 2)]), False),
        (Plan.of(["a", "b", "z"], [(0, 2), (1, 2)]), True),
        (Plan.of(["a", "b", "c", "z"], [(0, 3), (1, 3), (2, 3)]), True),
        (Plan.of(["a", "b", "c", "z"], [(0, 1), (1, 3), (2, 3)]), False),
    ],
)
def test_one_blend_of_single_models_is_flat(plan, flat):
    assert is_flat(plan) is flat


def test_means_over_topics_are_weighted_by_what_was_observed():
    statistics = build(
        figures("a", qoa=0.5),
        record("a", topic="Art", n_observations=10, qoa=0.9),
        record("a", topic="Law", n_observations=30, qoa=0.5),
        record("b", topic="Law", n_observations=5, qoa=NAN),
    )
    found = pooled(statistics, "open")
    assert found == {"1:0:a": Pooled(40, pytest.approx(0.6))}
    # 40 observations of 0.6, and 10 observations' worth of 0.5
    assert usual(statistics, "open", "a") == pytest.approx((40 * 0.6 + 10 * 0.5) / 50)


def test_one_pair_teaches_so_much():
    """a is worth 0.2, b 0.6, the chain 0.5, run 25 times: least squares with 25 prior observations of an even share.

    With the share w and the gain g: 4.25 w − 10 g = 1.125 and −10 w + 50 g = −2.5.
    """
    rule = learn_rule([CHAIN], np.array([0.5]), np.array([25.0]), {"a": 0.2, "b": 0.6})
    assert rule.chain == pytest.approx((31.25 / 112.5, 0.625 / 112.5))
    assert rule.blend == (0.5, 0.0), "nobody ran a blend"
    assert Rule() == Rule((0.5, 0.0), (0.5, 0.0))


def test_a_blend_hears_the_mean_of_its_branches():
    """The branches are worth 0.2 and 0.6, the blender 0.8, the blend 0.7, run 25 times."""
    blend = Plan.of(["a", "b", "z"], [(0, 2), (1, 2)])
    rule = learn_rule([blend], np.array([0.7]), np.array([25.0]), {"a": 0.2, "b": 0.6, "z": 0.8})
    # heard 0.4, own 0.8: the same equations as above, as it hears 0.4 less and is worth 0.1 less than its own
    assert rule.blend == pytest.approx((31.25 / 112.5, 0.625 / 112.5))
    assert rule.chain == (0.5, 0.0)


def test_a_share_stays_within_0_and_1_whatever_was_seen():
    far = learn_rule([CHAIN] * 2, np.array([1.0, 0.9]), np.array([1e6, 1e6]), {"a": 0.9, "b": 0.1})
    assert 0.0 <= far.chain[0] <= 1.0
    away = learn_rule(
        [CHAIN, Plan.of(["b", "a"], [(0, 1)])],
        np.array([0.0, 1.0]),
        np.array([1e6, 1e6]),
        {"a": 0.9, "b": 0.1},
    )
    assert away.chain == pytest.approx((0.0, 0.0), abs=0.05)


@pytest.mark.parametrize(
    ("plans", "weights", "alone"),
    [
        ([Plan.of(["a"])], [25.0], {"a": 0.2}),  # no composed plan
        ([CHAIN], [0.0], {"a": 0.2, "b": 0.6}),  # never run
        ([CHAIN], [25.0], {"a": 0.2}),  # of b nothing is known
    ],
)
def test_what_teaches_nothing_changes_nothing(plans, weights, alone):
    assert learn_rule(plans, np.array([0.9]), np.array(weights), alone) == Rule()


def test_the_rule_of_a_snapshot_is_learned_from_its_pairs_and_flat_blends():
    rows = [figures("a", qoa=0.2), figures("b", qoa=0.6)]
    pair = record("a → b", n_observations=25, qoa=0.5)
    assert rule_of(build(*rows, pair), "open").chain == pytest.approx((31.25 / 112.5, 0.625 / 112.5))
    assert rule_of(build(*rows), "open") == Rule()


def test_a_node_is_worth_its_own_model_and_what_it_hears():
    rule, alone = Rule((0.25, 0.1), (0.5, -0.2)), {"a": 0.4, "b": 0.8, "z": 1.0}
    assert node_values(CHAIN, alone, rule) == pytest.approx([0.4, 0.75 * 0.8 + 0.25 * 0.4 + 0.1])
    blend = Plan.of(["a", "b", "z"], [(0, 2), (1, 2)])
    assert node_values(blend, alone, rule)[-1] == pytest.approx(0.5 * 1.0 + 0.5 * 0.6 - 0.2)
    assert node_values(CHAIN, alone, Rule((0.0, 0.9), (0.0, 0.0)))[-1] == 1.0
    assert node_values(CHAIN, alone, Rule((0.0, -0.9), (0.0, 0.0)))[-1] == 0.0


@pytest.mark.parametrize("order", [(0, 1), (1, 0)])
def test_chains_and_blends_teach_their_own_share_in_any_order(order):
    """The chain and the blend of the two tests above: each is worth what it is alone."""
    plans = [CHAIN, Plan.of(["a", "b", "z"], [(0, 2), (1, 2)])]
    means = np.array([0.5, 0.7])[list(order)]
    rule = learn_rule(
        [plans[i] for i in order], means, np.array([25.0, 25.0]), {"a": 0.2, "b": 0.6, "z": 0.8}
    )
    assert rule.chain == pytest.approx((31.25 / 112.5, 0.625 / 112.5))
    assert rule.blend == pytest.approx((31.25 / 112.5, 0.625 / 112.5))
