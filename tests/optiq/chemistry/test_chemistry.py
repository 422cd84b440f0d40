"""Cost, interaction graph and chemistry against the paper's figures and a direct reading of its definitions."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from optiq.chemistry.by_question import chemistry_over_questions
from optiq.chemistry.chem_e import chem_e, chemistry
from optiq.chemistry.cost import ORDERS, Order, answers_cost
from optiq.chemistry.interaction_graph import MOST_MODELS, InteractionGraph
from optiq.chemistry.profiles import Profile, combined_accuracy
from optiq.errors import InputError


def profiles(*pairs: tuple[float, float]) -> list[Profile]:
    return [Profile(f"m{i}", quality, accuracy) for i, (quality, accuracy) in enumerate(pairs)]


def oracle(members: list[Profile], used_from: float = 0.5) -> np.ndarray:
    """Definition 2 word by word: sets of models, equation 1, the maximum over all X."""

    def cost(chosen: frozenset[int]) -> float:
        used = [members[i] for i in chosen if members[i].accuracy >= used_from]
        total = 0.0
        ranked = sorted(used, key=lambda one: -one.quality)
        rank = 1.0
        for place, one in enumerate(ranked):
            rank += min(ranked[place - 1].quality - one.quality, 1.0) if place else 0.0
            total += one.penalty / rank
        return total

    def benefit(a: int, among: frozenset[int]) -> float:
        return cost(among) - cost(among | {a})

    places = range(len(members))
    found = np.zeros((len(members), len(members)))
    for a, b in combinations(places, 2):
        rest = [i for i in places if i not in (a, b)]
        for size in range(len(rest) + 1):
            for chosen in map(frozenset, combinations(rest, size)):
                together = cost(chosen | {a, b})
                if together > 1e-12:
                    change = abs(benefit(a, chosen) - benefit(a, chosen | {b}))
                    found[a, b] = found[b, a] = max(found[a, b], change / together)
    return found


def test_the_three_answers_of_the_paper_cost_0_0597() -> None:
    answers = profiles((9, 0.9), (8, 0.8), (7, 0.7))
    weights = [round(1 / rank, 2) for rank in (1, 2, 3)]  # the paper writes 0.33 for 1/3
    assert sum(w * a.penalty for w, a in zip(weights, answers, strict=True)) == pytest.approx(0.0597)
    assert answers_cost(answers) == pytest.approx(0.06)


def test_the_accuracy_of_o3_mini_is_0_962() -> None:
    assert combined_accuracy(1.0, 0.846) == pytest.approx(0.962, abs=5e-4)
    assert combined_accuracy(float("nan"), 0.8) == pytest.approx(0.6)


def test_figure_1_has_chemistry_1_4_between_a_and_b() -> None:
    # Costs of figure 1 with those that section 4.1 adds; bits c, b, a. {a} and {b} as the text needs them.
    costs = {
        0b111: 0.05,
        0b011: 0.08,
        0b101: 0.07,
        0b110: 0.06,
        0b001: 0.10,
        0b010: 0.12,
        0b100: 0.15,
        0: 0.20,
    }
    graph = InteractionGraph.build(3, lambda sets: np.array([costs[int(s)] for s in sets]))
    assert chem_e(graph)[0, 1] == pytest.approx(1.4)


@given(st.integers(2, 8), st.floats(0, 10), st.floats(0, 1))
def test_identical_profiles_have_no_chemistry(n: int, quality: float, accuracy: float) -> None:
    """Theorem 1."""
    assert chemistry(profiles(*[(quality, accuracy)] * n)) == pytest.approx(np.zeros((n, n)), abs=1e-9)


grades = st.sampled_from([0.0, 2.5, 5.0, 6.0, 7.5, 9.0, 10.0])
shares = st.sampled_from([0.0, 0.3, 0.5, 0.6, 0.8, 0.95, 1.0])


@settings(deadline=None, max_examples=60)
@given(st.lists(st.tuples(grades, shares), min_size=2, max_size=8))
def test_the_graph_gives_what_the_definition_gives(pairs: list[tuple[float, float]]) -> None:
    members = profiles(*pairs)
    assert chemistry(members) == pytest.approx(oracle(members), abs=1e-9)


@given(st.floats(0.0, 1e-3), st.sampled_from([3.0, 8.0]), st.sampled_from([0.5, 0.8]))
def test_near_ties_nearly_share_a_rank(apart: float, quality: float, accuracy: float) -> None:
    """Theorem 1 in the limit: what hardly differs hardly interacts."""
    found = chemistry(profiles((quality, accuracy), (quality + apart, accuracy), (quality, accuracy)))
    assert found.max() <= 2 * apart + 1e-9


@settings(deadline=None, max_examples=40)
@given(
    st.lists(st.tuples(grades, shares), min_size=2, max_size=5), st.sampled_from(ORDERS), st.integers(0, 99)
)
def test_chemistry_is_continuous(pairs: list[tuple[float, float]], order: Order, seed: int) -> None:
    moved = np.array(pairs) + np.random.default_rng(seed).uniform(-1e-7, 1e-7, (len(pairs), 2))
    near = [(float(q), float(a)) for q, a in np.clip(moved, [0, 0], [10, 1])]
    # Where everything is nearly perfect a quotient of next to nothing is anything.
    if min(one.penalty for one in profiles(*pairs)) > 1e-3:
        options = {"order": order, "used_from": 0.0}
        assert chemistry(profiles(*near), **options) == pytest.approx(
            chemistry(profiles(*pairs), **options), abs=1e-3
        )


def over(*right: str, order: Order = "quality") -> np.ndarray:
    """Chemistry of models that were right (1) or wrong (0) on each question."""
    table = np.array([[int(mark) for mark in marks] for marks in right], dtype=float).T
    return chemistry_over_questions(10 * table, table, used=np.ones(len(right), dtype=bool), order=order)[0]


@pytest.mark.parametrize("order", ORDERS)
def test_who_is_right_where_interacts_and_equal_means_do_not(order: Order) -> None:
    assert over("1010", "1010", order=order)[0, 1] == 0
    assert over("1010", "0101", order=order)[0, 1] == pytest.approx(1.0)
    assert over("1100", "0110", order=order)[0, 1] < over("1100", "0011", order=order)[0, 1]
    assert not over("1111", "1111", order=order).any()


@settings(deadline=None, max_examples=40)
@given(st.lists(st.tuples(grades, shares), min_size=2, max_size=6), st.sampled_from(ORDERS))
def test_on_one_question_it_is_cheme(pairs: list[tuple[float, float]], order: Order) -> None:
    quality, accuracy = np.array(pairs).T[:, None]
    found = chemistry_over_questions(quality, accuracy, used=accuracy[0] >= 0.5, order=order)[0]
    assert found == pytest.approx(chemistry(profiles(*pairs), order=order), abs=1e-9)


@given(st.integers(0, 99))
def test_questions_weigh_as_often_as_they_are_drawn(seed: int) -> None:
    draw = np.random.default_rng(seed)
    quality, accuracy = 10 * draw.random((5, 3)), draw.random((5, 3))
    times = draw.integers(0, 3, 5)
    used = np.ones(3, dtype=bool)
    weighed = chemistry_over_questions(quality, accuracy, times[None].astype(float), used=used)[0]
    again = chemistry_over_questions(quality.repeat(times, 0), accuracy.repeat(times, 0), used=used)[0]
    assert weighed == pytest.approx(again, abs=1e-9)


def test_a_model_that_is_not_used_has_no_chemistry() -> None:
    found = chemistry(profiles((9, 0.9), (5, 0.6), (8, 0.4)))
    assert found[0, 1] > 0
    assert not found[2].any()


def test_only_used_models_are_left_out_on_the_way_down() -> None:
    graph = InteractionGraph.build(3, lambda sets: sets * 1.0, lambda sets: sets & 0b011)
    assert set(np.flatnonzero(graph.nodes)) == {0b111, 0b110, 0b101, 0b100}
    assert graph.cost[0b001] == 0b101, "the smallest node that contains it"


def test_sets_outside_the_graph_can_be_passed_over() -> None:
    graph = InteractionGraph.build(3, lambda sets: sets * 1.0, lambda sets: sets & 0b011, "undefined")
    assert np.isnan(graph.cost[0b001])
    found = chem_e(graph)
    assert np.isnan(found[0, 2]), "no set without the third model is known"
    assert found[0, 1] == pytest.approx(0)


@pytest.mark.parametrize(("n", "word"), [(1, "at least two"), (25, f"at most {MOST_MODELS}")])
def test_too_few_and_too_many_models_are_refused(n: int, word: str) -> None:
    with pytest.raises(InputError, match=word):
        chemistry(profiles(*[(5, 0.7)] * n))


@pytest.mark.parametrize("pair", [(11, 0.5), (-1, 0.5), (5, 1.2), (float("nan"), 0.5), (5, float("nan"))])
def test_profiles_outside_their_scale_are_refused(pair: tuple[float, float]) -> None:
    with pytest.raises(InputError):
        profiles(pair)


def test_perfect_models_have_no_chemistry() -> None:
    assert not chemistry(profiles((10, 1), (10, 0.9), (9, 1))).any(), "all penalties are 0"
