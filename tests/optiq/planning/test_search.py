"""How the plans of many questions are found together: lines over lengths, rivals, moves of neighbours, pieces."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest
from catalogs import SHAPE, build, figures, random_catalog
from hypothesis import given, settings
from hypothesis import strategies as st

from optiq.estimation import Estimate
from optiq.estimation.estimator import make_estimator
from optiq.estimation.looks import SAME
from optiq.planning import BatchItem, Planning, plan_batch, plan_frontier
from optiq.planning.candidates import find_candidates
from optiq.planning.frontier import Frontiers
from optiq.planning.lines import LATENCY, QOA, Lines, lines_of_space
from optiq.planning.moved import MovedFrontiers
from optiq.planning.planners.exact import ExactPlanner
from optiq.planning.search import _corners
from optiq.planning.task import PlanningTask, planning_task
from optiq.prompts.shape import PromptShape
from optiq.questions.question import Budget, Question
from optiq.statistics.question_shifts import Shifts

ART = (("Art", 1.0),)
STATISTICS = build(
    figures("a", qoa=0.4),
    figures("b", qoa=0.6, usd_per_output_token=8e-6),
    figures("z", qoa=0.5, usd_per_prompt_token=5e-7),
)


def task(k: int = 2, blender: str | None = "z") -> PlanningTask:
    estimator = make_estimator("shrunk", STATISTICS)
    return planning_task(estimator, ["Art"], "open", SHAPE, ["a", "b"], blender, k)


def straight(figures: np.ndarray, high: int = 1000) -> Lines:
    """Lines of plans whose ``figures`` are (2, 4, plans), from 0 characters on."""
    tangents = np.stack([figures[1, LATENCY], figures[0, LATENCY]])
    return Lines(task(), 0, high, lambda at: task().space(), figures, figures, tangents)  # type: ignore[arg-type,return-value]


def meet(one: np.ndarray, other: np.ndarray) -> bool:
    """Whether at some length ``one`` (2, 4) is no worse than ``other`` on all metrics, in exact numbers."""
    low, high = Fraction(0), Fraction(1)
    for metric in range(4):
        sign = -1 if metric == QOA else 1
        start, end = (
            sign * (Fraction(a) - Fraction(b)) for a, b in zip(one[:, metric], other[:, metric], strict=True)
        )
        if start > 0 and end > 0:
            return False
        if start > 0:
            low = max(low, start / (start - end))
        if end > 0:
            high = min(high, start / (start - end))
    return low <= high


@settings(deadline=None, max_examples=40)
@given(st.integers(0, 10_000))
def test_rivals_are_the_pairs_of_which_one_is_no_worse_at_some_length(seed: int) -> None:
    ends = np.random.default_rng(seed).integers(1, 1000, (2, 4, 6)) / 1000
    ends[1, QOA] = ends[0, QOA]
    found = find_candidates(straight(ends))
    kept, n = found.lines.judged, found.lines.judged.shape[2]
    expected = [(i, j) for j in range(n) for i in range(n) if i != j and meet(kept[:, :, i], kept[:, :, j])]
    assert list(zip(*(part.tolist() for part in found.rivals), strict=True)) == expected


def test_what_is_beaten_at_both_ends_by_one_line_is_no_candidate() -> None:
    a, b = [1.0, 1.0, 1.0, 0.5], [2.0, 1.0, 1.0, 0.5]
    ends = np.array([[a, b, b], [b, b, a]]).transpose(0, 2, 1)
    kept = find_candidates(straight(ends)).lines.judged
    assert kept[:, 0].T.tolist() == [[1.0, 2.0], [2.0, 1.0]]
    assert find_candidates(straight(ends, high=0)).rivals[0].size == 0, (
        "one length: all that is left is on it"
    )


def test_a_latency_that_bends_is_beaten_by_what_is_below_its_tangents_alone() -> None:
    """Bent from 1 to 3: both tangents meet at 1 in the middle. Flat lines at 0.9 and at 1.5 with the same costs."""
    ends = np.ones((2, 4, 2))
    ends[1, LATENCY, 0] = 3.0
    for flat, left in ((0.9, 1), (1.5, 2)):
        ends[:, LATENCY, 1] = flat
        lines = replace(straight(ends), tangents=np.array([[1.0, flat], [-1.0, flat]]))
        assert lines.kinked.tolist() == [True, False]
        assert lines.below(0)[:, LATENCY, 0] == pytest.approx([1.0, 1.0])
        assert lines.below(1)[:, LATENCY, 0] == pytest.approx([-1.0, 3.0])
        assert lines.below(0)[:, LATENCY, 1].tolist() == [flat, flat]
        assert len(find_candidates(lines).lines.kinked) == left


def test_figures_between_the_ends_are_on_the_lines() -> None:
    low, high = np.array([[[1.0], [2.0], [3.0], [0.5]], [[3.0], [6.0], [3.0], [0.5]]])
    expected, judged = replace(straight(np.stack([low, high])), low=200, high=600).at(
        np.array([200, 300, 600])
    )
    assert expected is judged
    assert judged[:, 0].T.tolist() == [[1.0, 2.0, 3.0, 0.5], [1.5, 3.0, 3.0, 0.5], [3.0, 6.0, 3.0, 0.5]]


def test_a_dear_question_costs_takes_and_burns_so_many_times_more_and_is_no_better() -> None:
    judged = np.arange(1.0, 17.0).reshape(2, 2, 4)
    found = Frontiers(straight(np.ones((2, 4, 2))), np.ones((2, 2), dtype=bool), judged, judged)
    assert found.times([SAME, SAME]) is found
    dear = found.times([(2.0, 3.0, 5.0), SAME])
    assert dear.judged[0].tolist() == [[2.0, 6.0, 15.0, 4.0], [10.0, 18.0, 35.0, 8.0]]
    assert dear.judged[1].tolist() == judged[1].tolist()
    assert dear.expected is dear.judged


@pytest.mark.parametrize(
    ("moves", "corners"),
    [
        (None, [None]),
        ([[0.1, -0.2, 0.3]], [[0.1, -0.2, 0.3]]),
        # what moves all alike is left out: the rows are (0, 0, 0) and (0.2, -0.1, -0.1) without their means
        ([[0.5, 0.5, 0.5], [0.3, 0.0, 0.0]], [None, [0.2, -0.1, -0.1], [0.0, 0.0, -0.1], [0.0, -0.1, 0.0]]),
        ([[0.5, 0.5, 0.5], [0.25, 0.25, 0.25]], [None]),
    ],
)
def test_searches_begin_at_what_the_questions_have_and_at_the_ends_of_each_model(
    moves: list[list[float]] | None, corners: list[list[float] | None]
) -> None:
    found = list(_corners(task(), None if moves is None else np.array(moves)))
    assert len(found) == len(corners)
    for shifts, by_name in zip(found, corners, strict=True):
        if shifts is None:
            assert by_name is None
        else:
            assert shifts.among(("a", "b", "z")) == pytest.approx(by_name, abs=1e-12)


def items(n: int, moved: bool) -> list[BatchItem]:
    return [
        BatchItem(
            ART,
            "open",
            PromptShape(100 * i, 120, 60, 90),
            Budget(min_qoa=0.35),
            shifts=Shifts(9, (("a", 0.2 - 0.05 * i), ("b", 0.06 * i - 0.3))) if moved and i != 2 else None,
        )
        for i in range(n)
    ]


@pytest.mark.parametrize("moved", [False, True])
def test_pieces_are_put_together_as_they_were_asked(moved: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    given = items(7, moved)[::-1]
    estimator = make_estimator("shrunk", STATISTICS)
    whole = plan_batch(estimator, given, ["a", "b"], "z", 2)
    monkeypatch.setattr("optiq.planning.search.CHUNK", 3)
    monkeypatch.setattr("optiq.planning.search.MOVED_CHUNK", 3)
    assert plan_batch(estimator, given, ["a", "b"], "z", 2) == whole
    assert len({choice.chosen for choice in whole}) > 3


@pytest.mark.parametrize("moved", [False, True])
def test_a_planner_that_searches_finds_for_each_question_what_it_finds_for_it_alone(moved: bool) -> None:
    """dp finds all of a small space: so does ``exact``."""
    estimator, given = make_estimator("shrunk", STATISTICS), items(5, moved)
    together = plan_batch(estimator, given, ["a", "b"], "z", 2, planner="dp")
    for item, choice in zip(given, together, strict=True):
        (alone,) = plan_batch(estimator, [item], ["a", "b"], "z", 2, planner="dp")
        exact = plan_batch(estimator, [item], ["a", "b"], "z", 2)[0].chosen
        for found in (alone.chosen, choice.chosen):
            assert exact is not None
            assert found is not None
            assert found.plan == exact.plan
            assert found.metrics == pytest.approx(exact.metrics, rel=1e-9)


def test_frontiers_are_handed_over_where_they_are_asked_for_alone() -> None:
    planning = Planning(STATISTICS, ("a", "b"), "z", max_operations=2)
    asked = [Question("1", "What?", ART), Question("2", "What now?", ART)]
    assert [item.frontier for item in planning.plan_all(asked)] == [(), ()]
    whole = planning.plan_all(asked, frontiers=True)
    assert whole[0] == planning.plan(asked[0])
    for item in whole:
        shape = planning.shape(item.question)
        alone = plan_frontier(STATISTICS, ART, "open", shape, ["a", "b"], "z", 2)
        assert [e.plan for e in item.frontier] == [e.plan for e in alone]


def test_strong_plans_take_no_more_memory_than_they_may(monkeypatch: pytest.MonkeyPatch) -> None:
    statistics = random_catalog(1, "ab", "z", missing=0.0)
    given = planning_task(make_estimator("shrunk", statistics), ["Art"], "open", SHAPE, ["a", "b"], "z", 3)
    lines = lines_of_space(given, 0, 100, moved=True)
    plans = lines.judged.shape[2]
    for room, rows in ((plans * 20, 20), (plans, 16), (plans * 10**4, 512)):
        monkeypatch.setattr("optiq.planning.moved.STRONG_BYTES", room)
        found = MovedFrontiers(lines, np.zeros((1, 3)))
        assert found.beats.shape == (rows, plans)


def test_a_search_is_made_at_the_shortest_the_middle_and_the_longest_question(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    asked: list[int] = []

    class Asked:
        name = "asked"

        def frontier(self, given: PlanningTask) -> list[Estimate]:
            asked.append(given.shape.question_chars)
            return ExactPlanner().frontier(given)

    monkeypatch.setattr("optiq.planning.search.make_planner", lambda name: Asked())
    plan_batch(STATISTICS, items(7, moved=False), ["a", "b"], "z", 2, planner="dp")
    assert asked == [0, 300, 600]
