"""What past questions say against plain equations, and the shift of a plan against a walk over its nodes."""

from __future__ import annotations

import numpy as np
import pytest
from catalogs import build, figures, record
from hypothesis import given, settings
from hypothesis import strategies as st
from plan_strategies import plans

from optiq.estimation.composition import Rule
from optiq.estimation.estimator import make_estimator
from optiq.estimation.likeness import SURFACE, Likeness, Scale, surface
from optiq.estimation.neighbours import PENALTIES, Ridge, Strengths, left_out, nearest, said, tune
from optiq.estimation.past_questions import ANYTHING, PastQuestions, QuestionFigures, seen
from optiq.estimation.plan_rows import PlanRows
from optiq.estimation.pool import Pool
from optiq.estimation.shifts import model_shares, moved, plan_weights
from optiq.plans.plan import Plan
from optiq.statistics.question_shifts import Shifts
from optiq.text.word_vectors import rarity_of, word_vectors


def some_likeness(draw: np.random.Generator, n: int, tasks: list[str]) -> tuple[Likeness, np.ndarray]:
    vectors = np.hstack([draw.normal(size=(n, 6)), draw.random((n, SURFACE))])
    return Likeness(vectors, [ANYTHING] * n, tasks, Scale.of(vectors)), vectors


def plain_votes(near: np.ndarray, asked: np.ndarray, off: np.ndarray, strengths: Strengths) -> np.ndarray:
    """Ridge regression in turn, each model on the questions that it was judged on, by plain equations."""
    n, models = off.shape
    far, far_asked = 1 / (1 - np.log(near)), 1 / (1 - np.log(asked))
    easy, better = np.zeros(n), np.zeros((n, models))
    of_easy, of_better = np.zeros(len(asked)), np.zeros((len(asked), models))
    for _ in range(4):
        if np.isfinite(strengths.difficulty):
            pairs = [(i, m) for i in range(n) for m in range(models) if not np.isnan(off[i, m])]
            kernel = np.array([[far[i, j] for j, _ in pairs] for i, _ in pairs]).reshape(
                len(pairs), len(pairs)
            )
            rest = np.array([off[i, m] - better[i, m] for i, m in pairs])
            said_by = np.linalg.solve(kernel + strengths.difficulty * np.eye(len(pairs)), rest)
            easy = sum((far[:, i] * w for (i, _), w in zip(pairs, said_by, strict=True)), np.zeros(n))
            of_easy = sum(
                (far_asked[:, i] * w for (i, _), w in zip(pairs, said_by, strict=True)), np.zeros(len(asked))
            )
        for m in range(models):
            rows = np.flatnonzero(~np.isnan(off[:, m]))
            if not len(rows) or not np.isfinite(strengths.preference):
                continue
            among = near[np.ix_(rows, rows)] + strengths.preference * np.eye(len(rows))
            said_by = np.linalg.solve(among, off[rows, m] - easy[rows])
            better[:, m], of_better[:, m] = near[:, rows] @ said_by, asked[:, rows] @ said_by
    return of_easy[:, None] + of_better


@settings(deadline=None, max_examples=30)
@given(
    seed=st.integers(0, 10_000),
    difficulty=st.sampled_from([1.0, 4.0, np.inf]),
    preference=st.sampled_from([1.0, 25.0, np.inf]),
    judged=st.sampled_from([1.0, 0.7, 0.3]),
)
def test_what_is_learned_is_kernel_ridge_regression_in_turn(
    seed: int, difficulty: float, preference: float, judged: float
) -> None:
    draw = np.random.default_rng(seed)
    tasks = [str(task) for task in draw.choice(["open", "choice"], 12)]
    likeness, vectors = some_likeness(draw, 12, tasks)
    off = np.where(draw.random((12, 3)) < judged, draw.normal(0, 0.3, (12, 3)), np.nan)
    near = likeness.among(np.arange(12))
    asked = likeness.of(vectors[:4] + 0.1, [ANYTHING] * 4, ["open"] * 4)
    strengths = Strengths(difficulty, preference)
    found = said(asked, Ridge(near, near, off).weights(strengths))
    assert found[:, 1:] == pytest.approx(plain_votes(near, asked, off, strengths), abs=1e-5)


@settings(deadline=None, max_examples=40)
@given(seed=st.integers(0, 10_000), width=st.integers(1, 60), n=st.sampled_from([1, 3, 10]))
def test_the_nearest_are_those_of_a_full_sort_however_many_tie(seed: int, width: int, n: int) -> None:
    draw = np.random.default_rng(seed)
    likeness = draw.choice([0.1, 0.2, 0.3], (5, width))
    for row, columns in zip(likeness, nearest(likeness, n), strict=True):
        assert columns.tolist() == sorted(range(width), key=lambda i: (-row[i], i))[:n]


def taught(n: int, noise: bool = False) -> tuple[np.ndarray, np.ndarray]:
    """How alike questions of two kinds are, and by how much each of two models was better than usual on them."""
    draw = np.random.default_rng(0)
    likeness, vectors = some_likeness(draw, n, ["open"] * n)
    kind = vectors[:, 0] > 0
    clear = np.stack([np.where(kind, 0.35, -0.35), np.where(kind, -0.35, 0.35)], axis=1)
    off = draw.random((n, 2)) - 0.5 if noise else clear
    return likeness.among(np.arange(n)), off


def test_what_there_is_to_learn_is_learned_and_noise_is_not() -> None:
    usual, cost = np.full((300, 2), 0.55), np.zeros((300, 2))
    strengths, explained = tune(*taught(300), usual, cost)
    assert explained > 0.4
    assert np.isfinite(strengths.preference)
    _, explained = tune(*taught(300, noise=True), usual, cost)
    assert explained < 0.03


def test_penalties_are_those_that_predict_left_out_questions_best() -> None:
    near, off = taught(40)
    off = off + np.random.default_rng(5).normal(0, 0.3, off.shape)
    off[::4, 0] = np.nan

    def error(strengths: Strengths) -> float:
        total = 0.0
        for fold in range(5):
            held = np.arange(40) % 5 == fold
            kept = ~held
            votes = plain_votes(near[np.ix_(kept, kept)], near[np.ix_(held, kept)], off[kept], strengths)
            total += float(np.nansum((off[held] - votes) ** 2))
        return total

    strengths, explained = tune(near, off, np.full(off.shape, 0.5), np.zeros(off.shape))
    tried = [Strengths(d, p) for d in PENALTIES for p in PENALTIES]
    assert error(strengths) == pytest.approx(min(map(error, tried)), rel=1e-6)
    assert explained == pytest.approx(1 - error(strengths) / np.nansum(off**2), abs=1e-6)


def test_from_five_hundred_questions_on_picks_decide(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("optiq.estimation.neighbours.ENOUGH", 40)
    near, off = taught(40)
    off = off + np.random.default_rng(5).normal(0, 0.3, off.shape)
    usual, cost = np.full(off.shape, 0.5), np.array([[1.0, 4.0]]).repeat(40, axis=0)
    found, _ = tune(near, off, usual, cost)

    def worth(strengths: Strengths) -> float:
        expected = usual + left_out(near, off, strengths)
        total = 0.0
        for per_call in (0.0, 0.05, 0.1, 0.2, 0.3):
            for q in range(40):
                value = [expected[q, m] - per_call * cost[q, m] / 4.0 for m in range(2)]
                pick = int(np.argmax(value))
                total += usual[q, pick] + off[q, pick] - per_call * cost[q, pick] / 4.0
        return total

    tried = [Strengths(found.difficulty, p) for p in PENALTIES[:-1]]
    assert worth(found) == pytest.approx(max(map(worth, tried)))


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
        past = PastQuestions(texts, seen(texts), (ANYTHING,) * n, ("open",) * n, ("a", "b"), np.array(qoa))
        known = QuestionFigures(past, statistics)
        assert known.silent
        (found,) = known.shifts(["What?"], [ANYTHING], ["open"])
        assert set(dict(found.by_model).values()) == {0.0}


def test_alone_and_in_a_batch_questions_have_the_same_shifts() -> None:
    statistics = make_estimator("shrunk", build(figures("a"), figures("b")))
    texts = tuple(f"Question number {n} about {'rivers' if n % 2 else 'sums'}?" for n in range(60))
    qoa = np.random.default_rng(1).random((60, 2))
    qoa[:, 0] = [0.9 if n % 2 else 0.1 for n in range(60)]
    past = PastQuestions(texts, seen(texts), (ANYTHING,) * 60, ("open",) * 60, ("a", "b"), qoa)
    figures_ = QuestionFigures(past, statistics)
    assert not figures_.silent
    asked = [f"Is {n} a river?" for n in range(20)]
    together = figures_.shifts(asked, [ANYTHING] * 20, ["open"] * 20)
    assert together == [figures_.shifts([text], [ANYTHING], ["open"])[0] for text in asked]


def test_word_vectors_are_the_means_of_the_words_the_rarer_the_more() -> None:
    rain, bow, both, none = word_vectors(["rain", "bow", "rain bow", ""])
    assert both == pytest.approx((rain + bow) / 2, abs=1e-6)
    assert not none.any()
    rarity = rarity_of(["rain", "rain and bow", "rain"])
    (weighed,) = word_vectors(["bow rain rain"], rarity)
    assert weighed == pytest.approx(np.log(4 / 2) * bow / 3, abs=1e-3), "what all say says nothing"
    (often,) = word_vectors(["bow bow rain"], rarity)
    assert often == pytest.approx((1 + np.log(2)) * np.log(4 / 2) * bow / 3, abs=1e-3)
    assert len(surface("")) == SURFACE
    assert seen([]).shape[0] == 0
