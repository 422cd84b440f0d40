"""The shrunk estimator: arrays against its scalar form, and what it may never promise."""

import pytest
from catalogs import SHAPE, assert_equal_to_the_oracle, build, figures, random_catalog, record
from hypothesis import given, settings
from hypothesis import strategies as st
from plan_strategies import plans

from optiq.errors import UnknownName
from optiq.estimation import estimate
from optiq.estimation.estimator import Estimator, make_estimator
from optiq.estimation.pool import Pool
from optiq.plans.plan import Plan
from optiq.statistics.question_shifts import Shifts
from optiq.statistics.snapshot import Statistics

CHAIN = Plan.parse("a → a → a → a")


def qoa(statistics: Estimator | Statistics, plan: Plan | str, topic: str = "Art") -> float:
    return estimate(Plan.parse(plan), statistics, (topic,), "open", SHAPE, "z").qoa


@settings(deadline=None, max_examples=8)  # all plans each
@given(
    seed=st.integers(0, 10_000),
    n_records=st.sampled_from([0, 5, 40, 150]),
    missing=st.sampled_from([0.0, 0.1, 0.4]),
    blender=st.sampled_from(["z", "b", None]),
    moves=st.none() | st.tuples(*[st.floats(-0.6, 0.6)] * 3),
    topics=st.sampled_from([("Art",), ("Art", "Law")]),
)
def test_arrays_give_what_the_rules_give(
    seed: int,
    n_records: int,
    missing: float,
    blender: str | None,
    moves: tuple[float, ...] | None,
    topics: tuple[str, ...],
) -> None:
    drawn = random_catalog(
        seed, "abc", blender or "z", topics=("Art", "Law"), n_records=n_records, missing=missing
    )
    shifts = None if moves is None else Shifts(50, tuple(zip("abz", moves, strict=True)))
    statistics, pool = make_estimator("shrunk", drawn).shifted(shifts), Pool(("a", "b", "c"), blender)
    assert_equal_to_the_oracle(statistics, pool, 4, topics=topics)


@given(plan=plans(max_k=5), seed=st.integers(0, 500))
@settings(deadline=None, max_examples=40)
def test_quality_is_within_0_and_1_and_the_other_figures_are_the_papers(plan: Plan, seed: int) -> None:
    drawn = random_catalog(seed, missing=0.0)
    blender = plan.models[plan.blend_nodes[0]] if plan.blend_nodes else None
    ours = estimate(plan, make_estimator("shrunk", drawn), ("Art",), "open", SHAPE, blender)
    paper = estimate(plan, drawn, ("Art",), "open", SHAPE, blender)
    assert ours.metrics[:3] == pytest.approx(paper.metrics[:3], nan_ok=True)
    assert not ours.qoa < 0
    assert not ours.qoa > 1


def test_a_lucky_pair_does_not_compound_to_certainty() -> None:
    lucky = build(
        figures("a", qoa=0.7),
        record("a", qoa=0.7, n_observations=5),
        record("a → a", qoa=0.85, n_observations=5),
    )
    assert qoa(lucky, CHAIN) == 1.0  # the paper: 0.85 · 1.21 · 1.21, cut
    shrunk = make_estimator("shrunk", lucky)
    assert 0.7 < qoa(shrunk, "a → a") < 0.8
    assert qoa(shrunk, CHAIN) < 0.85


@pytest.mark.parametrize("plan", ["a → b", "blend(a, b; z)", "a → b → a"])
def test_many_observations_are_believed_and_few_are_not(plan: str) -> None:
    def drawn(n: int) -> Estimator:
        rows = [figures(name, qoa=0.5) for name in "abz"]
        return make_estimator("shrunk", build(*rows, record(plan, qoa=0.9, n_observations=n)))

    few, more, many = (qoa(drawn(n), plan) for n in (2, 20, 2000))
    assert 0.5 <= few < 0.6 < more < many
    assert many == pytest.approx(0.9, abs=0.01)


def test_a_similar_plan_never_stands_in() -> None:
    rows = [figures(name, qoa=0.5) for name in "abc"]
    statistics = make_estimator("shrunk", build(*rows, record("a → b → c", qoa=1.0, n_observations=500)))
    assert qoa(statistics, "b → b → c") == pytest.approx(0.5)


def test_what_other_topics_say_of_a_model_counts_where_it_has_no_runs() -> None:
    rows = [figures("a", qoa=float("nan")), record("a", "Law", qoa=0.9, n_observations=50)]
    assert qoa(make_estimator("shrunk", build(*rows)), "a") == pytest.approx(0.9)


def test_an_unknown_estimator_is_named_with_those_that_exist() -> None:
    with pytest.raises(UnknownName, match="paper, shrunk"):
        make_estimator("guess", build(figures("a")))


@pytest.mark.parametrize("plan", ["a", "a → a", "blend(a, a; z)"])
@pytest.mark.parametrize("estimator", ["paper", "shrunk"])
def test_a_quality_of_which_nothing_is_known_says_so(plan: str, estimator: str) -> None:
    blank = build(*[figures(name, qoa=float("nan")) for name in "az"])
    found = estimate(Plan.parse(plan), make_estimator(estimator, blank), ("Art",), "open", SHAPE, "z")
    assert found.qoa != found.qoa
    assert {s.source.removeprefix("shrunk: ") for s in found.provenance if s.metric == "qoa"} <= {"unknown"}
