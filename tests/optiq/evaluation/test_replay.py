"""Policies on recordings whose best choice is known."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest
from recordings import CHEAP, DEAR, sums_and_poems

from optiq.errors import InputError, UnknownName
from optiq.evaluation import replay, summarise
from optiq.evaluation.intervals import interval, paired
from optiq.evaluation.outcomes import Outcomes
from optiq.evaluation.policies import default_policies, make_policies
from optiq.evaluation.replay import Decision, Held, Setting
from optiq.extensions.built_in import POLICIES
from optiq.questions.question import Budget

EVERYTHING = [name for name in POLICIES.names() if name != "single"] + [f"single:{DEAR}"]


def table(frame: pl.DataFrame) -> dict[str, float]:
    return {line.policy: line.qoa.mean for line in summarise(frame)}


@pytest.fixture(scope="module")
def replayed() -> pl.DataFrame:
    return replay(sums_and_poems(), make_policies(EVERYTHING), Setting())


def test_every_policy_answers_every_question_once(replayed: pl.DataFrame) -> None:
    counts = replayed.group_by("policy").agg(pl.len(), pl.col("question_id").n_unique().alias("questions"))
    assert set(counts["policy"]) == set(EVERYTHING)
    assert set(counts["len"]) == set(counts["questions"]) == {40}
    assert replayed["status"].unique().to_list() == ["answered"]


def test_planning_finds_which_model_knows_what(replayed: pl.DataFrame) -> None:
    means = table(replayed)
    assert means["opti-q"] > 0.87 > max(means["best-single"], means["random"], means[f"single:{DEAR}"])
    # what is learned of 16 questions is drawn to the mean of all: a chain that is nearly as good is taken for better
    assert means["best-single-per-topic"] == pytest.approx(means["opti-q"], abs=0.03)
    assert means["oracle"] >= max(means.values())


def test_a_fold_never_sees_its_own_outcomes() -> None:
    outcomes = sums_and_poems()
    seen: list[set[str]] = []

    class Curious:
        def learn(self, history: Outcomes, setting: Setting) -> None:
            seen.append({asked.question_id for asked in history.questions})

        def decide(self, held: Held) -> list[Decision]:
            assert not seen[-1] & {asked.question_id for asked in held.questions}
            assert not hasattr(held, "values")
            assert not hasattr(held, "qoa")
            return [Decision(0) for _ in held.questions]

    replay(outcomes, {"curious": Curious}, Setting(), folds=4)
    assert len(seen) == 4


def test_limits_hold_and_what_cannot_be_afforded_is_not_answered() -> None:
    names = [name for name in EVERYTHING if name not in ("llm-blender", f"single:{DEAR}")]
    frame = replay(sums_and_poems(), make_policies(names), Setting(Budget(max_cost_usd=2.0)))
    assert set(frame["within_budget"].drop_nulls()) == {True}
    assert set(frame["plan_key"]) == {f"1:0:{CHEAP}"}
    nothing = replay(sums_and_poems(), make_policies(["opti-q"]), Setting(Budget(max_cost_usd=0.5)))
    assert nothing["status"].unique().to_list() == ["infeasible"]
    assert nothing["observed_qoa"].null_count() == 40


def test_a_limit_on_what_is_not_known_is_not_met() -> None:
    outcomes = sums_and_poems()
    outcomes.values[:, :, 2] = np.nan
    frame = replay(outcomes, make_policies(["opti-q", "oracle"]), Setting(Budget(max_energy_j=1e9)))
    assert frame["status"].unique().to_list() == ["infeasible"]


def test_more_confidence_never_picks_dearer_plans() -> None:
    outcomes = sums_and_poems()
    means = [
        replay(outcomes, make_policies(["opti-q"]), Setting(Budget(max_cost_usd=4.1), confidence))[
            "observed_cost_usd"
        ].mean()
        for confidence in (0.5, 0.95)
    ]
    assert means[0] >= means[1]


def test_calls_in_turn_add_their_times_and_calls_side_by_side_do_not(replayed: pl.DataFrame) -> None:
    rows = replayed.filter(pl.col("policy") == "llm-ensemble")
    outcomes = sums_and_poems()
    for row in rows.to_dicts():
        q = [asked.question_id for asked in outcomes.questions].index(row["question_id"])
        assert row["called"] == 2
        assert row["observed_cost_usd"] == pytest.approx(outcomes.cost[q, :2].sum())
        assert row["observed_latency_s"] == pytest.approx(outcomes.values[q, :2, 1].max())


def test_the_same_seed_gives_the_same_replay(replayed: pl.DataFrame) -> None:
    assert replayed.equals(replay(sums_and_poems(), make_policies(EVERYTHING), Setting()))


def test_policies_that_look_at_answers_need_them() -> None:
    outcomes = sums_and_poems()
    outcomes.answers.clear()
    assert "frugalgpt" not in default_policies(outcomes)
    with pytest.raises(InputError, match="answers"):
        replay(outcomes, make_policies(["frugalgpt"]), Setting())


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        ("guess", "unknown policy"),
        ("single", "names no model"),
        ("single:nobody", "never ran alone"),
        ("opti-q:colour=red", "no option"),
        ("opti-q:neighbours=maybe", "on or"),
        ("opti-q:tradeoff=much", "not a number"),
        ("opti-q:estimator=guess", "unknown estimator"),
    ],
)
def test_a_policy_that_cannot_be_read_says_why(spec: str, message: str) -> None:
    with pytest.raises((InputError, UnknownName), match=message):
        replay(sums_and_poems(), make_policies([spec]), Setting())


def test_paired_intervals_are_narrower_than_those_of_the_means() -> None:
    generator = np.random.default_rng(0)
    level = generator.uniform(0, 1, 200)
    better = level + generator.normal(0.05, 0.01, 200)
    difference, mean = paired(better, level), interval(better)
    assert difference.low > 0.04
    assert difference.high < 0.06
    assert mean.high - mean.low > 5 * (difference.high - difference.low)
    assert np.isnan(interval(np.array([np.nan])).mean)
