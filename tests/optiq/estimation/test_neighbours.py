"""Votes of neighbours against a plain count, and the shift of a plan against a walk over its nodes."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from catalogs import build, figures, record
from hypothesis import given, settings
from hypothesis import strategies as st
from plan_strategies import plans

from optiq.estimation.composition import Rule
from optiq.estimation.estimator import make_estimator
from optiq.estimation.likeness import SURFACE, Likeness, surface
from optiq.estimation.neighbours import NEIGHBOURS, Neighbours, Strengths, nearest
from optiq.estimation.past_questions import ANYTHING, PastQuestions, QuestionFigures, seen, tuned
from optiq.estimation.plan_rows import PlanRows
from optiq.estimation.pool import Pool
from optiq.estimation.shifts import model_shares, moved, plan_weights
from optiq.plans.plan import Plan
from optiq.statistics.question_shifts import Shifts
from optiq.text.word_vectors import word_vectors


def some_likeness(draw: np.random.Generator, n: int, tasks: list[str]) -> tuple[Likeness, np.ndarray]:
    vectors = np.hstack([draw.normal(size=(n, 6)), draw.random((n, SURFACE))])
    return Likeness(vectors, [ANYTHING] * n, tasks), vectors


@settings(deadline=None, max_examples=40)
@given(
    seed=st.integers(0, 10_000),
    n=st.integers(1, 12),
    difficulty=st.sampled_from([0.0, 1.0, np.inf]),
    preference=st.sampled_from([0.0, 4.0, np.inf]),
)
def test_votes_are_the_drawn_means_of_the_nearest(
    seed: int, n: int, difficulty: float, preference: float
) -> None:
    draw = np.random.default_rng(seed)
    tasks = [str(task) for task in draw.choice(["open", "choice"], 15)]
    likeness, vectors = some_likeness(draw, 15, tasks)
    qoa = np.where(draw.random((15, 3)) < 0.3, np.nan, draw.random((15, 3)))
    usual = draw.random((15, 3))
    votes = Neighbours(likeness, qoa, usual, np.zeros((15, 3)), Strengths(n, difficulty, preference))
    asked = likeness.to_history(vectors[:4] + 0.1, [ANYTHING] * 4, ["open"] * 4)
    found = votes.votes(asked)
    for q in range(4):
        alike = [i for i in range(15) if tasks[i] == "open"]
        near = sorted(alike, key=lambda i: (-asked[q, i], i))[:n]
        levels = {i: np.nanmean(qoa[i] - usual[i]) for i in near if not np.isnan(qoa[i]).all()}
        easier = sum(levels.values()) / max(len(levels) + difficulty, 1e-9)
        for model in range(3):
            left = [qoa[i, model] - usual[i, model] - levels[i] for i in near if not np.isnan(qoa[i, model])]
            preferred = sum(left) / max(len(left) + preference, 1e-9)
            assert found[q, model] == pytest.approx(easier + preferred, abs=1e-9)


@settings(deadline=None, max_examples=60)
@given(seed=st.integers(0, 10_000), width=st.integers(1, 60), n=st.sampled_from([1, 3, 10]))
def test_the_nearest_are_those_of_a_full_sort_however_many_tie(seed: int, width: int, n: int) -> None:
    draw = np.random.default_rng(seed)
    likeness = draw.choice([0.1, 0.2, 0.3, -np.inf], (5, width))
    order, alike = nearest(likeness, n)
    for row, columns, known in zip(likeness, order, alike, strict=True):
        assert columns.tolist() == sorted(range(width), key=lambda i: (-row[i], i))[:n]
        assert known.tolist() == np.isfinite(row[columns]).tolist()


def test_what_there_is_to_learn_is_learned_and_noise_is_not() -> None:
    draw = np.random.default_rng(0)
    likeness, vectors = some_likeness(draw, 300, ["open"] * 300)
    kind = vectors[:, 0] > 0
    clear = np.stack([np.where(kind, 0.9, 0.2), np.where(kind, 0.2, 0.9)], axis=1)
    usual = np.full((300, 2), 0.55)
    taught = Neighbours(likeness, clear, usual, np.zeros((300, 2)))
    assert taught.explained > 0.4
    assert taught.strengths.preference < np.inf
    assert taught.strengths.n in NEIGHBOURS
    noise = Neighbours(likeness, draw.random((300, 2)), usual, np.zeros((300, 2)))
    assert noise.explained < 0.03


@given(plan=plans(max_k=5), chain=st.floats(0, 1), blend=st.floats(0, 1), shift=st.floats(-0.3, 0.3))
def test_what_moves_all_models_moves_every_plan_as_much(
    plan: Plan, chain: float, blend: float, shift: float
) -> None:
    rule = Rule((chain, 0.1), (blend, -0.1))
    weights = plan_weights(plan, rule)
    assert sum(weights.values()) == pytest.approx(1.0)
    assert min(weights.values()) >= 0
    names = sorted(weights)
    pool = Pool(("a", "b", "c"), "z")
    shares = model_shares(PlanRows.of([plan], pool), pool, rule)[:, 0]
    assert shares.tolist() == pytest.approx([weights.get(name, 0.0) for name in pool.names])
    shifts = Shifts(10, tuple((name, shift) for name in names))
    assert moved(0.5, plan, shifts, rule) == pytest.approx(0.5 + shift)


def test_a_chain_and_a_blend_move_by_their_shares() -> None:
    rule = Rule((0.25, 0.0), (0.6, 0.0))
    shifts = Shifts(10, (("a", 0.2), ("b", -0.1), ("z", 0.1)))
    assert moved(0.5, Plan.parse("a → b"), shifts, rule) == pytest.approx(0.5 + 0.25 * 0.2 + 0.75 * -0.1)
    blend = Plan.parse("blend(a, b; z)")
    assert moved(0.5, blend, shifts, rule) == pytest.approx(0.5 + 0.6 * (0.2 - 0.1) / 2 + 0.4 * 0.1)
    assert moved(0.5, Plan.parse("elsewhere"), shifts, rule) == 0.5
    assert moved(0.99, Plan.parse("a"), shifts, rule) == 1.0
    assert np.isnan(moved(float("nan"), Plan.parse("a"), shifts, rule))


def test_one_question_equal_scores_and_texts_without_words_are_no_trouble() -> None:
    rows = figures("a"), figures("b"), record("a", qoa=0.5, n_observations=5)
    statistics = make_estimator("shrunk", build(*rows))
    for texts, qoa in ((("Why?",), [[0.3, 0.9]]), (("Why?", "", "\x00 ???"), [[0.5, 0.5]] * 3)):
        n = len(texts)
        past = PastQuestions(
            texts,
            seen(texts),
            (ANYTHING,) * n,
            ("open",) * n,
            ("a", "b"),
            np.array(qoa),
            Strengths(10, 0.0, 0.0),
        )
        strengths, _ = tuned(past, statistics)
        assert QuestionFigures(replace(past, strengths=strengths), statistics).silent
        (found,) = QuestionFigures(past, statistics).shifts(["What?"], [ANYTHING], ["open"])
        assert all(np.isfinite(value) for _, value in found.by_model)
        (other_task,) = QuestionFigures(past, statistics).shifts(["What?"], [ANYTHING], ["choice"])
        assert set(dict(other_task.by_model).values()) == {0.0}


def test_alone_and_in_a_batch_questions_have_the_same_shifts() -> None:
    statistics = make_estimator("shrunk", build(figures("a"), figures("b")))
    texts = tuple(f"Question number {n} about {'rivers' if n % 2 else 'sums'}?" for n in range(60))
    qoa = np.random.default_rng(1).random((60, 2))
    past = PastQuestions(
        texts, seen(texts), (ANYTHING,) * 60, ("open",) * 60, ("a", "b"), qoa, Strengths(10, 1.0, 1.0)
    )
    figures_ = QuestionFigures(past, statistics)
    asked = [f"Is {n} a river?" for n in range(20)]
    together = figures_.shifts(asked, [ANYTHING] * 20, ["open"] * 20)
    assert together == [figures_.shifts([text], [ANYTHING], ["open"])[0] for text in asked]


def test_word_vectors_are_the_means_of_the_words() -> None:
    rain, bow, both, none = word_vectors(["rain", "bow", "rain bow", ""])
    assert both == pytest.approx((rain + bow) / 2, abs=1e-6)
    assert not none.any()
    assert len(surface("")) == SURFACE
    assert seen([]).shape[0] == 0
