"""Every method against brute force on problems whose answer is plain, and on degenerate ones."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

sys.path.insert(0, str(Path(__file__).parent))
from selection_cases import play, table_of

from optiq.errors import InputError, OptiqError, UnknownName
from optiq.extensions.built_in import SELECTORS
from optiq.selection.evidence import Evidence, Outcome, Run
from optiq.selection.intervals import lowest_means
from optiq.selection.objective import Objective
from optiq.selection.protocol import Problem
from optiq.selection.registry import make_selector
from optiq.selection.results import SelectionResult
from optiq.selection.search import search
from optiq.selection.space import Space

SPACE = Space.of({"planner": ["a", "b", "c"], "solver": ["a", "b", "c"]})
CLEAR = np.array([0.5, 0.4, 0.95, 0.45, 0.5, 0.4, 0.3, 0.35, 0.4])
COST = np.array([9.0, 8.0, 7.0, 6.0, 5.0, 4.0, 3.0, 2.0, 1.0])
METHODS = [
    name
    for name in SELECTORS.names()
    if name != "bayesian-optimisation" or importlib.util.find_spec("botorch") is not None
]
EXHAUSTIVE = {"random": {"share": 1}, "uct": {"share": 1}, "bayesian-optimisation": {"share": 1}}


@pytest.mark.parametrize("method", METHODS)
def test_a_clear_winner_is_found(method: str) -> None:
    scores = table_of(SPACE, 60, CLEAR)
    objective = Objective("cheapest", floor=0.9) if method.startswith("mixllm") else Objective()
    evidence, ranking = play(method, SPACE, scores, COST, objective, **EXHAUSTIVE.get(method, {}))
    assert SPACE.combinations[ranking.order[0]] == ("a", "c")
    assert evidence.runs <= scores.size


@pytest.mark.parametrize("method", METHODS)
def test_the_same_seed_asks_the_same(method: str) -> None:
    scores = table_of(SPACE, 30, CLEAR)
    first, second = (play(method, SPACE, scores, COST, seed=3)[0] for _ in range(2))
    np.testing.assert_array_equal(first.done, second.done)


@pytest.mark.parametrize("method", METHODS)
def test_one_combination_on_one_example(method: str) -> None:
    space = Space.of({"planner": ["a"], "solver": ["c"]})
    evidence, ranking = play(method, space, np.ones((1, 1)), np.ones(1))
    assert ranking.order == (0,)
    assert evidence.counts.tolist() == [1]


@pytest.mark.parametrize("method", [name for name in METHODS if name not in ("lm-proposal",)])
def test_an_unknown_price_never_wins_where_cost_counts(method: str) -> None:
    scores = table_of(SPACE, 30, np.full(9, 0.8))
    cost = COST.copy()
    cost[[2, 8]] = np.nan
    _, ranking = play(method, SPACE, scores, cost, Objective("cheapest", floor=0.5))
    assert not {2, 8} & set(ranking.order)


@pytest.mark.parametrize("method", ["arm-elimination", "brute-force", "epsilon-lucb"])
def test_hard_limits_hold(method: str) -> None:
    scores = table_of(SPACE, 60, CLEAR)
    _, ranking = play(method, SPACE, scores, COST, Objective(max_cost_usd=6.5))
    assert COST[ranking.order[0]] <= 6.5


def test_penalties_change_the_winner() -> None:
    scores = table_of(SPACE, 60, CLEAR)
    _, ranking = play("arm-elimination", SPACE, scores, COST, Objective("penalised", cost_weight=0.5))
    assert ranking.order[0] == 8  # 0.40 at 1 USD beats 0.95 at 7


@settings(max_examples=25, deadline=None)
@given(
    accuracy=st.lists(st.floats(0, 1), min_size=9, max_size=9),
    seed=st.integers(0, 50),
    method=st.sampled_from(["arm-elimination", "threshold-successive-elimination", "epsilon-lucb"]),
)
def test_what_was_eliminated_never_wins(accuracy: list[float], seed: int, method: str) -> None:
    scores = table_of(SPACE, 40, np.array(accuracy), seed)
    _, ranking = play(method, SPACE, scores, COST, seed=seed)
    assert not ranking.eliminated[list(ranking.order)].any()


@settings(max_examples=20, deadline=None)
@given(accuracy=st.lists(st.floats(0.2, 1), min_size=9, max_size=9), seed=st.integers(0, 50))
def test_mixllm_keeps_the_floor_and_brute_force_is_the_oracle(accuracy: list[float], seed: int) -> None:
    scores = table_of(SPACE, 40, np.array(accuracy), seed)
    floor = float(scores.mean(axis=1).max()) - 0.1
    objective = Objective("cheapest", floor=floor)
    _, ranking = play("mixllm", SPACE, scores, COST, objective, seed)
    _, exact = play("brute-force", SPACE, scores, COST, objective, seed)
    meets = np.flatnonzero(scores.mean(axis=1) >= floor - 1e-9)
    assert exact.order[0] == meets[COST[meets].argmin()]
    assert not ranking.order or ranking.order[0] in meets


def test_unequal_evidence_competes_by_its_lower_bound() -> None:
    problem = Problem(SPACE, 50)
    method, evidence = make_selector("brute-force", problem), problem.evidence()
    for example in range(50):
        evidence.add(Run(0, example), Outcome(float(example % 10 != 0), 1.0, 1.0))
    for example in range(3):
        evidence.add(Run(1, example), Outcome(1.0, 1.0, 1.0))
    assert method.ranking(evidence).order[0] == 0  # 90 % of 50 beats 3 of 3


def test_a_failed_run_is_a_wrong_one() -> None:
    problem = Problem(SPACE, 2)
    evidence = problem.evidence()
    evidence.add(Run(0, 0), Outcome(1.0, 1.0, 1.0))
    evidence.add(Run(0, 1), Outcome(0.0, None, None, "timed out"))
    assert evidence.accuracy[0] == 0.5
    assert evidence.failed[0].sum() == 1
    assert evidence.mean_cost_usd[0] == 1.0  # the failed run's cost is not known and not 0


def test_theta_is_measured_by_repeated_runs() -> None:
    scores = table_of(SPACE, 20, np.full(9, 0.7))
    evidence, ranking = play("mixllm", SPACE, scores, COST, Objective("cheapest"))
    assert len(evidence.repeats) == 2
    assert "θ is 0.000, from 60 runs" in ranking.note
    assert ranking.floor == pytest.approx(0.7)  # the repeats of this replay do not differ


@pytest.mark.parametrize(
    "space", [Space.of({"only": ["a", "b"]}), Space.of({"x": ["a", "b"], "y": ["a", "b"]}), SPACE]
)
@pytest.mark.parametrize("apart", [None, 0.7])
def test_mixllm_never_takes_more_runs_than_brute_force(space: Space, apart: float | None) -> None:
    rng = np.random.default_rng(3)
    problem = Problem(space, 7, Objective("cheapest"), repeat_temperature=apart)
    selector = make_selector("mixllm", problem, {"repeats": 5})

    def runner(batch):
        return [Outcome(float(rng.random() < 0.5), float(1 + c), 1.0) for c, _, _ in batch]

    evidence, finished = search(selector, problem, runner)
    assert finished
    assert evidence.runs <= len(space) * 7


def test_each_rule_of_the_published_mixllm_can_be_switched_off() -> None:
    """More rules, fewer combinations examined; without an end, all."""
    rng = np.random.default_rng(5)
    space = Space.of({stage: ["a", "b", "c", "d"] for stage in ("x", "y", "z")})
    ability = 0.5 + 0.1 * rng.random(4)[space.codes].sum(axis=1)
    scores = table_of(space, 60, ability)
    cost = np.array([1.0, 2.0, 4.0, 8.0])[space.codes].sum(axis=1)
    examined = {}
    for name, options in {
        "all": {}, "uct": {"select": "uct"}, "CE": {"estimate_costs": False}, "AP": {"predict_accuracy": False},
        "stop": {"stop": False},
    }.items():  # fmt: skip
        evidence, ranking = play(
            "mixllm-published", space, scores, cost, Objective("cheapest"), repeats=1, **options
        )
        examined[name] = int((evidence.counts > 0).sum())
        assert evidence.accuracy[ranking.order[0]] >= ranking.floor
    assert examined["all"] < examined["CE"]
    assert examined["all"] <= examined["AP"] < examined["stop"] == 64
    with pytest.raises(InputError, match="select is 'fast'"):
        make_selector("mixllm-published", Problem(SPACE, 5), {"select": "fast"})


@given(st.integers(2, 6), st.integers(1, 12), st.integers(0, 99))
def test_fluctuation_is_that_of_whole_runs(trials: int, examples: int, seed: int) -> None:
    """For independent examples: the variances of examples add up, as those of means over n do."""
    scores = np.random.default_rng(seed).random((trials, examples))
    evidence = Evidence(1, examples, 1)
    for trial in range(trials):
        for example in range(examples):
            evidence.add(Run(0, example, trial), Outcome(float(scores[trial, example])))
    expected = np.sqrt(sum(scores[:, i].var(ddof=1) for i in range(examples))) / examples
    assert evidence.fluctuation(0)[0] == pytest.approx(expected)


@pytest.mark.parametrize(
    ("method", "options"),
    [("random", {"share": 0}), ("epsilon-lucb", {"delta": 2}), ("hill-climbing", {"starts": 0}),
     ("mixllm", {"chance": 2}), ("arm-elimination", {"tolerance": "much"})],
)  # fmt: skip
def test_options_that_cannot_be_used(method: str, options: dict[str, object]) -> None:
    with pytest.raises(InputError):
        make_selector(method, Problem(SPACE, 5), options)


def test_unknown_methods_and_options_are_named() -> None:
    with pytest.raises(UnknownName, match="arm-elimination"):
        make_selector("nobody", Problem(SPACE, 5))
    with pytest.raises(UnknownName, match="tolerance"):
        make_selector("arm-elimination", Problem(SPACE, 5), {"speed": 1})


def test_lm_proposal_needs_an_advisor_and_a_usable_answer() -> None:
    with pytest.raises(InputError, match="language model"):
        make_selector("lm-proposal", Problem(SPACE, 5))
    silly = make_selector("lm-proposal", Problem(SPACE, 5, advisor=lambda _: "the best one"))
    with pytest.raises(OptiqError, match="proposed no combination"):
        silly.ask(Problem(SPACE, 5).evidence())


@pytest.mark.parametrize("method", [name for name in METHODS if not name.startswith("mixllm")])
def test_of_equals_the_chosen_is_on_the_frontier(method: str) -> None:
    """As accurate on the same examples, no price known: the faster one, whatever a model of all would favour."""
    space = Space.of({"planner": ["a", "b"], "solver": ["a", "b"]})
    advisor = None if method != "lm-proposal" else (lambda _: "[]")
    problem = Problem(space, 20, Objective(max_latency_s=30.0), advisor=advisor)
    evidence = problem.evidence()
    for place, (right, seconds) in enumerate([(9, 40.0), (6, 25.9), (2, 10.0), (6, 24.2)]):
        for example in range(12):
            evidence.add(Run(place, example), Outcome(float(example < right), None, seconds))
    ranking = make_selector(method, problem).ranking(evidence)
    assert ranking.order[:2] == (3, 1)
    assert SelectionResult(problem, method, evidence, ranking).frontier == [0, 2, 3]


def test_a_lucky_mean_of_few_examples_beats_nobody_on_the_frontier() -> None:
    space = Space.of({"only": ["a", "b"]})
    problem = Problem(space, 20)
    evidence = problem.evidence()
    for example in range(20):
        evidence.add(Run(0, example), Outcome(float(example % 2), None, 25.9))
    for example in range(4):
        evidence.add(Run(1, example), Outcome(float(example % 2), None, 24.2))
    ranking = make_selector("arm-elimination", problem).ranking(evidence)
    assert ranking.order[0] == 0
    assert SelectionResult(problem, "arm-elimination", evidence, ranking).frontier == [0, 1]


def test_how_far_one_is_behind_is_sure_only_by_paired_examples() -> None:
    """By z = 1.96 and one win of either side: 5 of 5 lost are sure, 3 of 5 are not, 30 of 50 are."""
    lost = np.full((4, 50), np.nan)
    lost[0, :5], lost[1, :5], lost[2] = 1.0, [1, 1, 1, 0, 0], [1] * 30 + [0] * 20
    low = lowest_means(lost)
    assert low[0] > 0 > low[1]
    assert low[2] > 0
    assert np.isnan(low[3])
