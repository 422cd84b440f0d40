"""What past questions say against plain equations, and the shift of a plan against a walk over its nodes."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import numpy as np
import pytest
from catalogs import build, figures, record
from hypothesis import given, settings
from hypothesis import strategies as st
from plan_strategies import plans

from optiq.estimation.composition import Rule
from optiq.estimation.estimator import make_estimator
from optiq.estimation.likeness import SURFACE, Likeness, Scale, Views, surface
from optiq.estimation.neighbours import EVEN, PENALTIES, Learned, Strength, Strengths, learned, nearest, said
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


Tables = tuple[np.ndarray, ...]


def plain_ridge(
    among: np.ndarray, asked: np.ndarray, target: np.ndarray, counts: np.ndarray, penalty: float
) -> np.ndarray:
    """Kernel ridge regression by plain equations: what questions that count say of those that are asked."""
    rows = np.flatnonzero(counts)
    if not len(rows):
        return np.zeros(len(asked))
    equations = among[np.ix_(rows, rows)] + penalty * np.diag(1 / counts[rows])
    return asked[:, rows] @ np.linalg.solve(equations, target[rows])


def plain_left_out(among: np.ndarray, target: np.ndarray, counts: np.ndarray, penalty: float) -> np.ndarray:
    """What is said of each question once it is taken away."""
    found = np.zeros(len(target))
    for i in range(len(target)):
        others = counts * (np.arange(len(target)) != i)
        found[i] = plain_ridge(among, among[[i]], target, others, penalty)[0]
    return found


def plain_stack(
    among: Tables, asked: Tables, target: np.ndarray, counts: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Of asked and of left-out questions (rows, columns): penalties by trying, shares by trying."""
    columns, every = range(target.shape[1]), []
    for kernel in among:
        tried = []
        for penalty in PENALTIES:
            others = [plain_left_out(kernel, target[:, c], counts[:, c], penalty) for c in columns]
            others = np.stack(others, axis=1)
            tried.append((float((counts * (target - others) ** 2).sum()), -penalty, others))
        least = min(one[0] for one in tried)
        every.append([one for one in tried if one[0] <= least * (1 + 1e-9)][-1])
    scatter = float((counts * target**2).sum() / max(counts.sum(), 1))

    def error(shares: np.ndarray) -> float:
        heard = sum(share * one[2] for share, one in zip(shares, every, strict=True))
        return float((counts * (target - heard) ** 2).sum() + scatter * (((shares - 0.5) / EVEN) ** 2).sum())

    # the least of what is allowed: both heard, one of them, none
    tried_shares = [np.zeros(2)]
    for heard in ([0], [1], [0, 1]):
        told = np.array([(np.sqrt(counts) * every[v][2]).ravel() for v in heard]).T
        left = told.T @ told + scatter / EVEN**2 * np.eye(len(heard))
        right = told.T @ (np.sqrt(counts) * target).ravel() + scatter / EVEN**2 * 0.5
        tried_shares.append(np.zeros(2))
        tried_shares[-1][heard] = np.linalg.solve(left, right)
    shares = min((one for one in tried_shares if (one >= 0).all()), key=error)
    said_of = np.zeros((len(asked[0]), target.shape[1]))
    for share, (_, penalty, _), inner, outer in zip(shares, every, among, asked, strict=True):
        for c in columns:
            said_of[:, c] += share * plain_ridge(inner, outer, target[:, c], counts[:, c], -penalty)
    left = np.asarray(sum(share * one[2] for share, one in zip(shares, every, strict=True)))
    return said_of, left


def plainly(among: Views, asked: Views, off: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """What is learned, question by question and model by model, by plain equations: of asked and of left-out ones."""
    ran = (~np.isnan(off)).astype(float)
    answers = ran.sum(axis=1)
    ease = np.array([np.nanmean(row) if np.isfinite(row).any() else 0.0 for row in off])
    wide = (among.far, among.looks), (asked.far, asked.looks)
    easy, easy_left = plain_stack(*wide, ease[:, None], answers[:, None])
    easy_there, _ = plain_stack(wide[0], wide[0], ease[:, None], answers[:, None])
    common = (answers * ease + easy_there[:, 0]) / (answers + 1)
    close = (among.near, among.looks), (asked.near, asked.looks)
    better, better_left = plain_stack(*close, np.nan_to_num(off - common[:, None]), ran)
    return easy + better, easy_left + better_left


@settings(deadline=None, max_examples=15)
@given(seed=st.integers(0, 10_000), judged=st.sampled_from([1.0, 0.7, 0.3]))
def test_what_is_learned_is_what_plain_equations_say(seed: int, judged: float) -> None:
    draw = np.random.default_rng(seed)
    tasks = [str(task) for task in draw.choice(["open", "choice"], 10)]
    likeness, vectors = some_likeness(draw, 10, tasks)
    off = np.where(draw.random((10, 3)) < judged, draw.normal(0, 0.3, (10, 3)) + vectors[:, :1] / 9, np.nan)
    among = likeness.views_among(np.arange(10))
    asked = likeness.views(vectors[:4] + 0.1, [ANYTHING] * 4, ["open"] * 4)
    found = learned(among, among, off)
    expected, left = plainly(among, asked, off)
    assert said(asked, found.weights)[:, 1:] == pytest.approx(expected, abs=1e-4)
    assert found.left_out == pytest.approx(left, abs=1e-4)
    known = np.nan_to_num(off)
    if known.any():
        rest = ((known - left) * ~np.isnan(off)) ** 2
        assert found.explained == pytest.approx(1 - rest.sum() / (known**2).sum(), abs=1e-4)


@settings(deadline=None, max_examples=40)
@given(seed=st.integers(0, 10_000), width=st.integers(1, 60), n=st.sampled_from([1, 3, 10]))
def test_the_nearest_are_those_of_a_full_sort_however_many_tie(seed: int, width: int, n: int) -> None:
    draw = np.random.default_rng(seed)
    likeness = draw.choice([0.1, 0.2, 0.3], (5, width))
    for row, columns in zip(likeness, nearest(likeness, n), strict=True):
        assert columns.tolist() == sorted(range(width), key=lambda i: (-row[i], i))[:n]


def taught(n: int, noise: bool = False) -> tuple[Likeness, np.ndarray]:
    """How alike questions of two kinds are, and by how much each of two models was better than usual on them."""
    draw = np.random.default_rng(0)
    likeness, vectors = some_likeness(draw, n, ["open"] * n)
    kind = vectors[:, 0] > 0
    clear = np.stack([np.where(kind, 0.35, -0.35), np.where(kind, -0.35, 0.35)], axis=1)
    return likeness, draw.random((n, 2)) - 0.5 if noise else clear


def of_all(likeness: Likeness, off: np.ndarray) -> Learned:
    views = likeness.views_among(np.arange(len(off)))
    return learned(views, views, off)


def test_what_there_is_to_learn_is_learned_and_noise_is_not() -> None:
    clear = of_all(*taught(300))
    assert clear.explained > 0.4
    near, looks = clear.strengths.preference
    assert near.share > 0.5 > looks.share, "it is told by what questions are about"
    assert of_all(*taught(300, noise=True)).explained < 0.03


def test_the_order_of_questions_changes_nothing() -> None:
    likeness, off = taught(60)
    off = off + np.random.default_rng(5).normal(0, 0.3, off.shape)
    off[::4, 0] = np.nan
    views = likeness.views_among(np.arange(60))
    order = np.random.default_rng(1).permutation(60)
    before = learned(views, views, off)
    turned = Views(*(view[np.ix_(order, order)] for view in views))
    after = learned(turned, turned, off[order])
    assert after.left_out == pytest.approx(before.left_out[order], abs=1e-6)
    for one, other in zip(before.strengths.preference, after.strengths.preference, strict=True):
        assert one == pytest.approx(other, abs=1e-6)


def test_nothing_is_said_without_a_share() -> None:
    assert Strengths().silent
    assert Strengths((Strength(1.0, 0.0),), (Strength(1.0, 0.0),)).silent
    assert not Strengths((Strength(1.0, 0.0),), (Strength(1.0, 0.1),)).silent


def test_a_sample_speaks_for_all_where_the_others_say_the_same() -> None:
    """Every question asked twice: one of each is enough."""
    likeness, off = taught(40)
    every, once = np.repeat(np.arange(40), 2), np.arange(40)
    views, among = likeness.views_among(once), likeness.views_among(once)
    double = Views(*(view[every] for view in views))
    seen_twice = learned(double, among, off[every])
    whole_views = Views(*(view[np.ix_(every, every)] for view in views))
    whole = learned(whole_views, whole_views, off[every])
    assert seen_twice.left_out == pytest.approx(whole.left_out, abs=1e-4)


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


def test_learning_has_one_thread_also_in_libraries_that_it_loads() -> None:
    """More would change digits; scipy has a library of its own, and is loaded when it is needed."""
    code = """
from optiq.estimation import past_questions
from threadpoolctl import threadpool_info

def told(*_):
    import scipy.linalg
    print([one["num_threads"] for one in threadpool_info() if one["user_api"] == "blas"])

past_questions._learned = told
past_questions.learn(None, None)
"""
    with_threads = {name: value for name, value in os.environ.items() if not name.endswith("_NUM_THREADS")}
    done = subprocess.run(
        [sys.executable, "-c", code], env=with_threads, capture_output=True, text=True, check=True
    )
    threads = json.loads(done.stdout)
    assert threads
    assert set(threads) == {1}
