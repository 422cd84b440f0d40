"""How questions look, how alike they are, and what neighbours say of them: against plain counts, by hand."""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np
import pytest
from catalogs import NAN, build, figures, record

from optiq.estimation.estimator import make_estimator
from optiq.estimation.likeness import SURFACE, Likeness, surface
from optiq.estimation.looks import PENALTIES, Looks, Slopes, learn_looks
from optiq.estimation.neighbours import Neighbours, Strengths
from optiq.estimation.past_questions import ANYTHING, PastQuestions, QuestionFigures, seen
from optiq.statistics.snapshot import Statistics


@pytest.mark.parametrize(
    ("text", "looks"),
    [
        ("", [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]),
        (
            "What is 12 + 30?",
            [math.log(16), 4 / 16, 2 / 16, 1 / 16, 0, 0, 0, 1, 1, math.log(6), (4 + 2 + 2 + 1 + 3) / 5],
        ),
        ("Why? Say\nA) so\n", [math.log(15), 0, 2 / 15, 3 / 15, 1, 0, 2 / 1.15, 1, 0, math.log(5), 11 / 4]),
        ("def f(x): {}", [math.log(12), 0, 5 / 12, 0, 0, 1, 0, 0, 0, math.log(4), 10 / 3]),
        ("a; b", [math.log(4), 0, 1 / 4, 0, 0, 1, 0, 0, 0, math.log(3), 3 / 2]),
    ],
)
def test_looks_are_counted(text: str, looks: list[float]) -> None:
    assert surface(text) == pytest.approx(looks)


def plain_likeness(
    vectors: np.ndarray, topics: list[dict[str, float]], weights: tuple[float, float]
) -> np.ndarray:
    """Cosines, with looks in standard deviations, cut at 4."""
    looks, about = vectors[:, -SURFACE:], vectors[:, :-SURFACE]
    scaled = np.clip((looks - looks.mean(axis=0)) / looks.std(axis=0), -4, 4) * weights[0]
    names = sorted({name for given in topics for name in given})
    block = np.array([[given.get(name, 0.0) * weights[1] for name in names] for given in topics])
    rows = np.hstack([about, scaled, block])
    rows /= np.linalg.norm(rows, axis=1)[:, None]
    return np.asarray(rows @ rows.T)


@pytest.mark.parametrize(
    ("options", "weights"), [({}, (0.3, 1.0)), ({"surface_weight": 2.0, "topic_weight": 0.5}, (2.0, 0.5))]
)
def test_likeness_is_the_cosine_of_what_is_seen_and_of_topics(
    options: dict[str, float], weights: tuple[float, float]
) -> None:
    draw = np.random.default_rng(0)
    vectors = np.hstack([draw.normal(size=(40, 5)), draw.random((40, SURFACE))])
    vectors[7, -1] = 90.0  # stranger than anything else
    topics = [{"Art": 0.5, "Law": 0.5} if i % 2 else {"Art": 1.0} for i in range(40)]
    given = [tuple(one.items()) for one in topics]
    tasks = ["open" if i % 3 else "choice" for i in range(40)]
    likeness = Likeness(vectors, given, tasks, **options)
    expected = plain_likeness(vectors, topics, weights)
    other = np.array([[one != two for two in tasks] for one in tasks])
    expected[other] = -np.inf
    assert likeness.to_history(vectors, given, tasks) == pytest.approx(expected)
    assert len(likeness) == 40
    np.fill_diagonal(expected, -np.inf)
    assert likeness.to_others() == pytest.approx(expected)
    rows = np.array([3, 9, 30])
    assert likeness.to_others(rows) == pytest.approx(expected[rows])
    new = likeness.to_history(vectors[:1], [(("Elsewhere", 1.0),)], ["open"])
    assert new[0, 1] < likeness.to_history(vectors[:1], given[:1], ["open"])[0, 1], "a topic nobody had"


def test_what_all_questions_have_in_common_says_nothing_where_it_is_taken_off() -> None:
    draw = np.random.default_rng(0)
    about = draw.normal(size=(30, 5))
    looks = draw.random((30, SURFACE))
    far = np.hstack([about + 100.0, looks])
    found = Likeness(far, [()] * 30, ["open"] * 30, centred=True).to_others()
    unit = about - about.mean(axis=0)
    unit /= np.linalg.norm(unit, axis=1)[:, None]
    expected = plain_likeness(np.hstack([unit, looks]), [{}] * 30, (0.3, 1.0))
    np.fill_diagonal(expected, -np.inf)
    assert found == pytest.approx(expected)


# --- what looks say of costs ----------------------------------------------------------------------------------


def test_a_factor_is_of_scaled_looks_cut_and_rounded() -> None:
    """Looks but the length count half, none beyond four deviations."""
    slopes = Slopes("open", "latency_s", (1.0,) * 11, (2.0,) * 11, (0.1, 0.2, *[0.0] * 9), 0.05, 0.9, 50)
    row = np.zeros((2, 11))
    row[0, :2] = 5.0, 3.0
    row[1, :2] = 99.0, -99.0
    assert slopes.logs(row) == pytest.approx([0.05 + 0.1 * 2 + 0.2 * 0.5, 0.05 + 0.1 * 4 - 0.2 * 2])
    text = "What is it?"
    length = 0.1 * (math.log(len(text)) - 1) / 2 + 0.2 * 0.5 * (0 - 1) / 2
    assert Looks([slopes]).factors(text, "open") == (1.0, round(math.exp(0.05 + length), 3), 1.0)


def texts(n: int) -> list[str]:
    return [f"Tell me about number {i * 7919 % 1000}{' and more of it' * (i % 4)}" for i in range(n)]


def test_twenty_questions_of_a_task_are_enough() -> None:
    off = np.array([[[float(i % 4)] * 3] for i in range(40)])
    assert learn_looks(texts(20), ["open"] * 20, off[:20]) is not None
    assert learn_looks(texts(19), ["open"] * 19, off[:19]) is None
    tasks = ["open"] * 20 + ["choice"] * 20
    off[20:, :, 0] = np.nan
    found = learn_looks(texts(40), tasks, off)
    assert found is not None
    told = {(one.task, one.metric, one.n_questions) for one in found.found}
    every = {("open", metric, 20) for metric in ("cost_usd", "latency_s", "energy_j")}
    assert told == every | {("choice", metric, 20) for metric in ("latency_s", "energy_j")}


def test_the_penalty_is_that_which_predicts_left_out_questions_best() -> None:
    """Against fits without each question in turn."""
    draw = np.random.default_rng(3)
    asked = texts(60)
    target = np.array([0.5 * (i % 4) for i in range(60)]) + draw.normal(0, 0.3, 60)
    found = learn_looks(asked, ["open"] * 60, np.repeat(target[:, None, None], 3, axis=2))
    assert found is not None
    looks = np.array([surface(text) for text in asked])
    spread = np.maximum(looks.std(axis=0), 1e-9)
    rows = np.clip((looks - looks.mean(axis=0)) / spread, -4, 4) * np.array([1.0, *[0.5] * 10])
    y = target - target.mean()

    def fit(kept: np.ndarray, penalty: float) -> np.ndarray:
        x = rows[kept] - rows[kept].mean(axis=0)
        return np.linalg.solve(x.T @ x + penalty * np.eye(11), x.T @ (y[kept] - y[kept].mean()))

    def error(penalty: float) -> float:
        total = 0.0
        for i in range(60):
            kept = np.arange(60) != i
            middle = rows[kept].mean(axis=0)
            total += (y[i] - y[kept].mean() - (rows[i] - middle) @ fit(kept, penalty)) ** 2
        return total

    errors = [error(penalty) for penalty in PENALTIES]
    one = found.found[0]
    # the product centres once for all, which moves the errors by a share of a percent
    assert one.slopes == pytest.approx(fit(np.full(60, True), PENALTIES[int(np.argmin(errors))]), abs=1e-6)
    alone = sum((y[i] - np.delete(y, i).mean()) ** 2 for i in range(60))
    assert one.explained == pytest.approx(1 - min(errors) / alone, abs=0.01)
    factors = [found.factors(text, "open")[0] for text in asked]
    assert np.mean(factors) == pytest.approx(1.0, abs=1e-3)


# --- what neighbours say --------------------------------------------------------------------------------------


def votes_of(near: list[int], qoa: np.ndarray, usual: np.ndarray, strengths: Strengths) -> np.ndarray:
    """The rule as it is told: how much easier, and how much better a column than the others."""
    off = [[x for x in row if not math.isnan(x)] for row in (qoa - usual).tolist()]
    level = {i: sum(off[i]) / len(off[i]) for i in near if off[i]}
    easier = sum(level.values()) / max(len(level) + strengths.difficulty, 1e-9)
    found = []
    for column in range(qoa.shape[1]):
        left = [qoa[i, column] - usual[i, column] - level[i] for i in near if not math.isnan(qoa[i, column])]
        found.append(easier + sum(left) / max(len(left) + strengths.preference, 1e-9))
    return np.array(found)


def history(n: int) -> tuple[Likeness, np.ndarray, np.ndarray, np.ndarray]:
    draw = np.random.default_rng(5)
    vectors = np.hstack([draw.normal(size=(n, 3)), draw.random((n, SURFACE))])
    kind = vectors[:, :1] > 0
    qoa = np.hstack([np.where(kind, 0.9, 0.3), np.where(kind, 0.4, 0.8), np.full((n, 1), 0.5)])
    qoa += draw.normal(0, 0.1, qoa.shape)
    qoa[draw.random(qoa.shape) < 0.2] = np.nan
    cost = np.array([[1.0, 4.0, np.nan]]).repeat(n, axis=0)
    return Likeness(vectors, [ANYTHING] * n, ["open"] * n), qoa, np.full((n, 3), 0.5), cost


def settings(numbers: tuple[int, ...], preferences: tuple[float, ...]) -> Iterator[Strengths]:
    for n in numbers:
        for difficulty in (0.0, 4.0, math.inf):
            for preference in preferences:
                yield Strengths(n, difficulty, preference)


@pytest.mark.parametrize("numbers", [(2, 5, 60), (60,)])
@pytest.mark.parametrize("tuned_on", [None, [0, 3, 4, 9, 20, 21]])
def test_neighbours_are_heard_as_left_out_questions_say(
    numbers: tuple[int, ...], tuned_on: list[int] | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Numbers from as many on as there are questions are not tried, unless there are no others."""
    monkeypatch.setattr("optiq.estimation.neighbours.NEIGHBOURS", numbers)
    monkeypatch.setattr("optiq.estimation.neighbours.STRENGTHS", (0.0, 4.0, math.inf))
    monkeypatch.setattr("optiq.estimation.neighbours.ROWS", 7)
    likeness, qoa, usual, cost = history(24)
    asked = range(24) if tuned_on is None else tuned_on
    others = likeness.to_others()
    found = Neighbours(likeness, qoa, usual, cost, tuned_on=None if tuned_on is None else np.array(tuned_on))

    def error(strengths: Strengths) -> float:
        total = 0.0
        for q in asked:
            near = [int(i) for i in np.argsort(-others[q], kind="stable")[: strengths.n] if i != q]
            total += np.nansum((qoa[q] - usual[q] - votes_of(near, qoa, usual, strengths)) ** 2)
        return total

    tried = list(settings([n for n in numbers if n < 24] or numbers, (0.0, 4.0, math.inf)))  # type: ignore[arg-type]
    best = min(tried, key=error)
    assert found.strengths == best
    rows = list(asked)
    assert found.explained == pytest.approx(1 - error(best) / np.nansum((qoa - usual)[rows] ** 2))
    assert Neighbours(likeness, qoa, usual, cost, best).explained == 0.0


def test_from_five_hundred_questions_on_picks_decide(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("optiq.estimation.neighbours.ENOUGH", 40)
    monkeypatch.setattr("optiq.estimation.neighbours.NEIGHBOURS", (2, 5))
    likeness, qoa, usual, cost = history(40)
    found = Neighbours(likeness, qoa, usual, cost).strengths
    others, price = likeness.to_others(), np.nan_to_num(cost[0]) / 4.0
    difficulty = found.difficulty

    def worth(strengths: Strengths) -> float:
        total = 0.0
        for q in range(40):
            near = [int(i) for i in np.argsort(-others[q], kind="stable")[: strengths.n]]
            estimate = np.where(np.isnan(qoa[q]), -np.inf, usual[q] + votes_of(near, qoa, usual, strengths))
            for per_call in (0.0, 0.05, 0.1, 0.2, 0.3):
                pick = int(np.argmax(estimate - per_call * price))
                total += np.nan_to_num(qoa[q, pick]) - per_call * price[pick]
        return total

    tried = [Strengths(n, difficulty, preference) for n in (2, 5) for preference in (0.0, 16.0, 64.0)]
    assert found == max(tried, key=worth)
    monkeypatch.setattr("optiq.estimation.neighbours.ENOUGH", 41)
    assert Neighbours(likeness, qoa, usual, cost).strengths.preference in (
        0.0,
        1.0,
        4.0,
        16.0,
        64.0,
        math.inf,
    )


TEXTS = ("What is a river?", "Where is the river?", "How much is 3 + 4?", "How much is 5 + 6?")


def past(**values: object) -> PastQuestions:
    given = {
        "texts": TEXTS,
        "vectors": seen(TEXTS),
        "topics": (ANYTHING,) * 4,
        "tasks": ("open", "open", "open", "choice"),
        "models": ("a", "b"),
        "qoa": np.array([[0.9, 0.1], [0.8, NAN], [0.1, 0.9], [0.5, 0.5]]),
        "strengths": Strengths(2, 0.0, 0.0),
    }
    return PastQuestions(**{**given, **values})  # type: ignore[arg-type]


def on(*rows: object) -> Statistics:
    return build(figures("a"), figures("b"), *rows)  # type: ignore[arg-type]


def test_the_past_questions_that_are_most_like_one_are_told() -> None:
    known = QuestionFigures(past(), make_estimator("shrunk", on()))
    first, second, third = known.nearest("What is a river?", ANYTHING, "open")
    assert (first.text, first.likeness, first.qoa) == (
        TEXTS[0],
        pytest.approx(1.0, abs=1e-3),
        (("a", 0.9), ("b", 0.1)),
    )
    assert (second.text, second.qoa) == (TEXTS[1], (("a", 0.8),))
    assert first.likeness > second.likeness > third.likeness
    assert third.text == TEXTS[2], "not the one of another task"
    assert [one.text for one in known.nearest("What is a river?", ANYTHING, "open", most=1)] == [TEXTS[0]]


def test_shifts_are_against_what_is_promised_on_the_topics_of_each_question() -> None:
    """Of Art a is promised 0.9, of Law 0.3, of b 0.5 everywhere; a model nobody judged is as easy as the others."""
    art, law = (("Art", 1.0),), (("Art", 0.5), ("Law", 0.5))
    statistics = build(
        *(figures("a", topic=name, qoa=q) for name, q in (("Art", 0.9), ("Law", 0.3))),
        figures("b"),
        figures("c"),
        record("c", "Art"),
        record("c", "Law"),
    )
    given = past(
        topics=(art, law, art, art),
        tasks=("open",) * 4,
        qoa=np.full((4, 2), 0.7),
        strengths=Strengths(1, 0.0, 0.0),
    )
    known = QuestionFigures(given, make_estimator("paper", statistics))
    assert known.models == ("a", "b", "c")
    for text, topics, a in ((TEXTS[0], art, 0.9), (TEXTS[1], law, 0.6)):
        (found,) = known.shifts([text], [topics], ["open"])
        easier = (0.7 - a + 0.7 - 0.5) / 2
        assert dict(found.by_model) == pytest.approx({"a": 0.7 - a, "b": 0.2, "c": easier}, abs=1e-3)
        assert found.n == 1


def test_each_past_question_is_left_out_of_what_is_said_of_it() -> None:
    known = QuestionFigures(past(), make_estimator("shrunk", on()))
    found = known.left_out()
    assert found.shape == (4, 2)
    # of the first two others are the other river and the sum: a did 0.3 better and 0.4 worse than 0.5
    assert found[0, 0] == pytest.approx((0.3 + 0.0) / 2 + (0.0 - 0.4) / 2)
    assert found[3].tolist() == [0.0, 0.0], "nobody is of its task"


def test_pieces_are_put_together(monkeypatch: pytest.MonkeyPatch) -> None:
    known = QuestionFigures(past(), make_estimator("shrunk", on()))
    asked = [*TEXTS, "And the sea?"]
    whole = known.shifts(asked, [ANYTHING] * 5, ["open"] * 5)
    monkeypatch.setattr("optiq.estimation.past_questions.CHUNK", 2)
    assert known.shifts(asked, [ANYTHING] * 5, ["open"] * 5) == whole
    for _ in range(2):  # asked again, and with others forgotten in between
        assert [known.shifts([text], [ANYTHING], ["open"])[0] for text in asked] == whole


@pytest.mark.parametrize(
    ("difficulty", "preference", "silent"),
    [(math.inf, math.inf, True), (math.inf, 1.0, False), (1.0, math.inf, False)],
)
def test_neighbours_are_silent_where_both_are_weighed_against_endless_votes(
    difficulty: float, preference: float, silent: bool
) -> None:
    given = past(strengths=Strengths(2, difficulty, preference))
    assert QuestionFigures(given, make_estimator("shrunk", on())).silent is silent


def test_looks_are_learned_from_how_far_calls_were_off_what_they_were_expected_to_spend() -> None:
    """Long questions cost what is expected, questions with a sum four times as much."""
    asked = tuple(
        f"{i} + {i * 7 % 90} = ?" if i % 2 else "Tell me of rivers" + " and seas" * (i % 5) for i in range(60)
    )
    statistics = build(figures("a"), record("a", "Art"))
    expected = np.array([[(len(text) / 4 + 100) * unit for unit in (1e-6, 1e-3, 0.1)] for text in asked])
    spent = np.log(expected)
    spent[1::2] += math.log(4)
    spent[5] = -np.inf
    given = past(
        texts=asked, vectors=seen(asked), topics=((("Art", 1.0),),) * 60, tasks=("open",) * 60,
        models=("a",), qoa=np.full((60, 1), 0.5), spent=spent[:, None, :],
    )  # fmt: skip
    assert past().looks(statistics) is None
    found = given.looks(statistics)
    assert found is not None
    assert {one.n_questions for one in found.found} == {59}, "a cost of nothing has no logarithm"
    dear, cheap = found.factors("31 + 4 = ?", "open"), found.factors("Tell me of rivers", "open")
    assert np.array(dear) / np.array(cheap) == pytest.approx(4.0, rel=0.1)
    middle = math.exp(-np.log([found.factors(text, "open")[0] for text in asked]).mean())
    assert middle == pytest.approx((0.5 * 1 + 0.5 * 4) / 2, rel=0.05), "1 on average"
