"""Batch planning makes the choices that planning each question alone makes, at every length and budget."""

import random
from dataclasses import replace

import numpy as np
import pytest
from catalogs import build, figures, random_catalog, record, recorded_catalog
from hypothesis import given, settings
from hypothesis import strategies as st

from optiq.errors import OptiqWarning
from optiq.estimation import PromptShape
from optiq.estimation.estimator import Estimator, as_estimator, make_estimator
from optiq.planning import BatchItem, plan_batch, plan_frontier, planning_task
from optiq.planning.candidates import find_candidates
from optiq.planning.choose import choose
from optiq.planning.lines import lines_of_space
from optiq.questions.question import Budget, Weights
from optiq.statistics.question_shifts import Shifts
from optiq.statistics.snapshot import Statistics


def random_items(
    seed: int, n: int, topics: list[tuple[tuple[str, float], ...]], costs: list[float]
) -> list[BatchItem]:
    draw = random.Random(seed)
    items = []
    for _ in range(n):
        parts = [draw.random() for _ in range(4)]
        total = sum(parts)
        items.append(
            BatchItem(
                draw.choice(topics),
                draw.choice(["open", "choice"]),
                PromptShape(draw.randint(0, 3000), 120, 60, 90),
                Budget(
                    max_cost_usd=draw.choice([None, draw.choice(costs)]),
                    max_latency_s=draw.choice([None, None, 15.0 * draw.random()]),
                    min_qoa=draw.choice([None, None, draw.random()]),
                ),
                draw.choice(
                    [Weights(*(part / total for part in parts)), Weights(worth_usd=10 ** draw.uniform(-5, 0))]
                ),
            )
        )
    return items


def assert_as_one_by_one(
    known: Estimator | Statistics,
    items: list[BatchItem],
    models: list[str],
    blender: str,
    k: int,
    confidence: float | None = None,
) -> None:
    choices = plan_batch(known, items, models, blender, k, confidence=confidence)
    assert len(choices) == len(items)
    for item, choice in zip(items, choices, strict=True):
        frontier = plan_frontier(
            as_estimator(known).shifted(item.shifts),
            item.topics,
            item.kind,
            item.shape,
            models,
            blender,
            k,
            confidence=confidence,
        )
        alone = choose(frontier, item.budget, item.weights)
        assert (choice.status, choice.reason, choice.relaxed) == (alone.status, alone.reason, alone.relaxed)
        for one, other in (
            (choice.chosen, alone.chosen),
            (choice.nearest, alone.nearest),
            (choice.cheapest, alone.cheapest),
        ):
            assert (one is None) == (other is None)
            if one is not None and other is not None:
                assert one.plan == other.plan
                assert one.metrics == pytest.approx(other.metrics, rel=1e-9, nan_ok=True)
                assert one.judged == pytest.approx(other.judged, rel=1e-9, abs=1e-12, nan_ok=True)


@settings(deadline=None, max_examples=8)  # 25 questions each
@given(
    seed=st.integers(0, 10_000),
    missing=st.sampled_from([0.0, 0.1]),
    n_records=st.sampled_from([0, 30]),
    confidence=st.sampled_from([None, 0.9]),
)
def test_a_batch_is_planned_as_its_questions_alone(
    seed: int, missing: float, n_records: int, confidence: float | None
) -> None:
    statistics = random_catalog(seed, "abc", "z", topics=("Art", "Law"), n_records=n_records, missing=missing)
    statistics = build(
        *(statistics.figures(name, topic, "open") for name in statistics.models for topic in ("Art", "Law")),
        *(figures(name) for name in "abcz"),
        *(r for topic in ("Art", "Law") for r in statistics.records(topic).values()),
    )
    topics = [(("Art", 1.0),), (("Law", 1.0),), (("Art", 0.5), ("Law", 0.5))]
    items = random_items(seed, 25, topics, [1e-4, 1e-3])
    estimator = make_estimator("paper" if seed % 2 else "shrunk", statistics)
    assert_as_one_by_one(estimator, items, ["a", "b", "c"], "z", 3, confidence)


@settings(deadline=None, max_examples=10)  # 25 questions each
@given(
    seed=st.integers(0, 10_000),
    missing=st.sampled_from([0.0, 0.1]),
    n_records=st.sampled_from([0, 30]),
    width=st.sampled_from([0.02, 0.2, 0.9]),
    confidence=st.sampled_from([None, 0.9]),
    few=st.sampled_from([0, 5, 64]),
    first=st.sampled_from([1, 4]),
    strong=st.sampled_from([3, 512]),
)
def test_so_is_one_whose_questions_are_moved_by_their_neighbours(
    seed: int,
    missing: float,
    n_records: int,
    width: float,
    confidence: float | None,
    few: int,
    first: int,
    strong: int,
) -> None:
    draw = random.Random(seed)
    drawn = random_catalog(seed, "abc", "z", topics=("Art", "Law"), n_records=n_records, missing=missing)
    statistics = build(
        *(drawn.figures(name, topic, "open") for name in drawn.models for topic in ("Art", "Law")),
        *(figures(name) for name in "abcz"),
        *(r for topic in ("Art", "Law") for r in drawn.records(topic).values()),
    )
    topics = [(("Art", 1.0),), (("Art", 0.5), ("Law", 0.5))]
    items = []
    for item in random_items(seed, 25, topics, [1e-4, 1e-3]):
        moves = tuple((name, width * (2 * draw.random() - 1)) for name in "abz")
        items.append(replace(item, shifts=Shifts(50, moves) if draw.random() < 0.9 else None))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("optiq.planning.moved.FEW", few)
        patch.setattr("optiq.planning.moved.FIRST", first)
        patch.setattr("optiq.planning.moved.NEXT", 2)
        patch.setattr("optiq.planning.moved.MOST_STRONG", strong)
        assert_as_one_by_one(make_estimator("shrunk", statistics), items, ["a", "b", "c"], "z", 3, confidence)


@pytest.mark.parametrize("confidence", [None, 0.95])
def test_kinks_between_the_ends_are_found(confidence: float | None) -> None:
    """b starts slow but reads fast, a the other way round: their blend's latency bends in between."""
    statistics = build(
        figures("a", seconds_per_prompt_token=0.1, seconds_per_output_token=0.0),
        figures("b", seconds_per_prompt_token=0.0, seconds_per_output_token=0.7),
        figures("c", seconds_per_prompt_token=0.03, seconds_per_output_token=0.5, qoa=0.4),
        figures("z", qoa=0.9),
        record("blend(a, b; z)", qoa=0.8),
        record("blend(c, c; z)", qoa=0.8),
    )
    lengths = range(0, 4000, 100)
    items = [
        BatchItem((("Art", 1.0),), "open", PromptShape(chars, 120, 60, 90), weights=Weights(0, 0.6, 0, 0.4))
        for chars in lengths
    ]
    assert_as_one_by_one(statistics, items, ["a", "b", "c"], "z", 3, confidence)
    names, shape = ["a", "b", "c"], items[0].shape
    task = planning_task(statistics, ["Art"], "open", shape, names, "z", 3, confidence=confidence)
    assert find_candidates(lines_of_space(task, 0, 3900, moved=False)).lines.kinked.any()


def test_candidates_hold_the_frontier_of_every_length() -> None:
    statistics = recorded_catalog()
    models = [name for name in statistics.models if name not in ("blend", "elsewhere")]
    topic = statistics.topics[0]
    task = planning_task(statistics, [topic], "open", PromptShape(0, 120, 60, 90), models, "blend", 4)
    candidates = find_candidates(lines_of_space(task, 50, 2000, moved=False))
    chars = np.array([50, 51, 400, 1234, 2000])
    on_frontier = candidates.on_frontier(candidates.lines.at(chars)[1])
    for row, length in zip(on_frontier.T, chars.tolist(), strict=True):
        frontier = plan_frontier(
            statistics, [topic], "open", PromptShape(length, 120, 60, 90), models, "blend", 4
        )
        assert [candidates.lines.plan(i) for i in np.flatnonzero(row).tolist()] == [e.plan for e in frontier]


def test_counted_tokens_are_planned_one_by_one() -> None:
    statistics = build(figures("a"), figures("b", qoa=0.7, usd_per_prompt_token=3e-6))
    shapes = [PromptShape(400, 100).with_tokens({"a": n, "b": 2 * n}) for n in (80, 120)]
    items = [BatchItem((("Art", 1.0),), "open", shape) for shape in shapes]
    assert_as_one_by_one(statistics, items, ["a", "b"], "b", 2)


def test_a_space_that_is_too_large_is_searched_and_says_so() -> None:
    names = [f"m{i:02}" for i in range(20)]
    statistics = build(
        *(figures(name, qoa=0.3 + i / 50, usd_per_call=i * 1e-4) for i, name in enumerate(names))
    )
    items = [BatchItem((("Art", 1.0),), "open", PromptShape(chars, 100)) for chars in (10, 500)]
    with pytest.warns(OptiqWarning, match="nsga2 searches instead"):
        choices = plan_batch(statistics, items, names, "m19", 5)
    assert [choice.status for choice in choices] == ["planned", "planned"]


def test_no_questions_and_one() -> None:
    statistics = build(figures("a"))
    assert plan_batch(statistics, [], ["a"]) == []
    (choice,) = plan_batch(statistics, [BatchItem((), "open", PromptShape(10))], ["a"])
    assert choice.chosen is not None
    assert choice.chosen.plan.models == ("a",)
