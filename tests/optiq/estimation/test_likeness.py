"""How questions look, how alike they are, and what past ones say of new ones: against plain counts, by hand."""

from __future__ import annotations

import math
import time
from dataclasses import replace

import numpy as np
import pytest
from catalogs import NAN, build, figures, record

from optiq.estimation.estimator import make_estimator
from optiq.estimation.likeness import SURFACE, Likeness, Scale, asked_and_options, surface, wide
from optiq.estimation.looks import PENALTIES, Looks, Slopes, learn_looks
from optiq.estimation.past_questions import ANYTHING, PastQuestions, QuestionFigures, seen
from optiq.estimation.reliability import AS_EXPECTED, Reliability
from optiq.statistics.snapshot import Statistics
from optiq.text.word_vectors import rarity_of, word_vectors


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


@pytest.mark.parametrize(
    ("text", "options"),
    [
        ("Which is a river?\nA. Oder\nB. Harz", "A. Oder\nB. Harz"),
        (
            "Which is a river?\n  (A) Oder\n  (B) Harz\nSay the letter.",
            "  (A) Oder\n  (B) Harz\nSay the letter.",
        ),
        ("Which?\r\nA: Oder\r\nB: Harz", "A: Oder\r\nB: Harz"),
        ("Dear\nA. Smith wrote to me.", ""),
        ("A. Oder\nB. Harz", ""),
        ("\n \nA. Oder\nB. Harz", ""),
        ("Is A. or B. right?", ""),
        ("", ""),
    ],
    ids=[
        "list",
        "brackets",
        "colons",
        "one letter",
        "options alone",
        "blanks before",
        "in a line",
        "nothing",
    ],
)
def test_options_are_told_from_what_is_asked(text: str, options: str) -> None:
    assert asked_and_options(text) == (text.removesuffix(options), options)


def test_what_is_asked_counts_as_much_as_all_options() -> None:
    asked, options = "Which of these is a river?", "A. The Harz, with the Brocken\nB. The Oder, near Poland"
    texts = ["Who painted Guernica?", f"{asked}\n{options}"]
    rarity = rarity_of([*texts, "Is it red?"])
    halves = word_vectors([asked, options], rarity)
    whole, listed = seen(texts, rarity)[:, :-SURFACE]
    assert listed == pytest.approx(halves.mean(axis=0), abs=1e-3)
    assert whole == pytest.approx(word_vectors(texts[:1], rarity)[0], abs=1e-3)


def test_long_texts_of_blank_lines_are_looked_at_in_a_moment() -> None:
    began = time.process_time()
    surface("\n" * 100_000)
    asked_and_options("\n" * 100_000 + "A.")
    assert time.process_time() - began < 2, "minutes, while blanks ran over ends of lines"


def plain_likeness(
    vectors: np.ndarray, topics: list[dict[str, float]], tasks: list[str], scale: Scale
) -> np.ndarray:
    """exp(−2 · distance²), pair by pair; half of it between tasks."""
    found = np.zeros((len(vectors), len(vectors)))
    for i, j in np.ndindex(found.shape):
        apart = 0.0
        about = [vectors[k, :-SURFACE] - scale.centre for k in (i, j)]
        one, two = (part / np.linalg.norm(part) for part in about)
        apart += float(((one - two) ** 2).sum())
        for look in range(SURFACE):
            seen_as = [
                min(max((vectors[k, look - SURFACE] - scale.middle[look]) / scale.spread[look], -4), 4)
                for k in (i, j)
            ]
            apart += (0.2 * (seen_as[0] - seen_as[1])) ** 2
        for name in {*topics[i], *topics[j]}:
            apart += (0.5 * (topics[i].get(name, 0.0) - topics[j].get(name, 0.0))) ** 2
        found[i, j] = math.exp(-2 * apart) * (1.0 if tasks[i] == tasks[j] else 0.5)
    return found


def test_likeness_falls_with_the_distance_of_what_is_seen_and_of_topics() -> None:
    draw = np.random.default_rng(0)
    vectors = np.hstack([draw.normal(size=(30, 5)) + 100.0, draw.random((30, SURFACE))])
    vectors[7, -1] = 90.0  # stranger than anything else
    topics = [{"Art": 0.5, "Law": 0.5} if i % 2 else {"Art": 1.0} for i in range(30)]
    given = [tuple(one.items()) for one in topics]
    tasks = ["open" if i % 3 else "choice" for i in range(30)]
    scale = Scale.of(vectors)
    assert scale.centre == pytest.approx(vectors[:, :5].mean(axis=0))
    assert scale.spread == pytest.approx(vectors[:, 5:].std(axis=0))
    likeness = Likeness(vectors, given, tasks, scale)
    expected = plain_likeness(vectors, topics, tasks, scale)
    assert likeness.of(vectors, given, tasks) == pytest.approx(expected, abs=1e-9)
    assert len(likeness) == 30
    distances = -np.log(expected) / 2
    looks = np.clip((vectors[:, 5:] - scale.middle) / scale.spread, -4, 4) * 0.2
    apart = ((looks[:, None] - looks[None]) ** 2).sum(axis=2)
    alone = np.exp(-2 * apart) * np.where(np.array(tasks)[:, None] == np.array(tasks), 1.0, 0.5)
    plain_views = expected, 1 / (1 + 2 * distances), alone
    for view, plain in zip(likeness.views(vectors, given, tasks), plain_views, strict=True):
        assert view == pytest.approx(plain, abs=1e-9)
    rows = np.array([3, 9, 20])
    for view, whole in zip(likeness.views_among(rows), likeness.views(vectors, given, tasks), strict=True):
        assert view == pytest.approx(whole[rows], abs=1e-9)
    new = likeness.of(vectors[:1], [(("Elsewhere", 1.0),)], ["open"])
    assert new[0, 0] < likeness.of(vectors[:1], given[:1], ["open"])[0, 0], "a topic nobody had"
    assert wide(expected) == pytest.approx(1 / (1 + 2 * distances))


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


# --- what past questions say ----------------------------------------------------------------------------------


TEXTS = ("What is a river?", "Where is the river?", "How much is 3 + 4?", "How much is 5 + 6?")


def past(**values: object) -> PastQuestions:
    given = {
        "texts": TEXTS,
        "vectors": seen(TEXTS),
        "topics": (ANYTHING,) * 4,
        "tasks": ("open", "open", "open", "choice"),
        "models": ("a", "b"),
        "qoa": np.array([[0.9, 0.1], [0.8, NAN], [0.1, 0.9], [0.5, 0.5]]),
    }
    return PastQuestions(**{**given, **values})  # type: ignore[arg-type]


def on(*rows: object) -> Statistics:
    return build(figures("a"), figures("b"), *rows)  # type: ignore[arg-type]


def test_the_past_questions_that_are_most_like_one_are_told() -> None:
    known = QuestionFigures(past(), make_estimator("shrunk", on()))
    first, second, third, fourth = known.nearest("What is a river?", ANYTHING, "open")
    assert (first.text, first.likeness, first.qoa) == (
        TEXTS[0],
        pytest.approx(1.0, abs=1e-3),
        (("a", 0.9), ("b", 0.1)),
    )
    assert (second.text, second.qoa) == (TEXTS[1], (("a", 0.8),))
    assert first.likeness > second.likeness > third.likeness > fourth.likeness
    assert fourth.text == TEXTS[3], "one of another task is less alike"
    assert [one.text for one in known.nearest("What is a river?", ANYTHING, "open", most=1)] == [TEXTS[0]]


def heard(
    given: PastQuestions, penalty: float, statistics: Statistics, name: str = "shrunk"
) -> QuestionFigures:
    """What is learned with a penalty that four questions would never tune, both views heard evenly."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("optiq.estimation.neighbours.PENALTIES", (penalty,))
        patch.setattr("optiq.estimation.neighbours.EVEN", 1e-6)
        patch.setattr("optiq.estimation.past_questions.ENOUGH_EXPLAINED", -math.inf)
        return QuestionFigures(given, make_estimator(name, statistics))


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
    given = past(topics=(art, law, art, art), tasks=("open",) * 4, qoa=np.full((4, 2), 0.7))
    known = heard(given, 1e-4, statistics, "paper")
    assert known.models == ("a", "b", "c")
    for text, topics, a in ((TEXTS[0], art, 0.9), (TEXTS[1], law, 0.6)):
        (found,) = known.shifts([text], [topics], ["open"])
        assert found.of("a") == pytest.approx(0.7 - a, abs=3e-3)
        assert found.of("b") == pytest.approx(0.2, abs=3e-3)
        assert found.of("c") == pytest.approx((0.7 - a + 0.2) / 2, abs=0.1), "as easy as for the others"
        assert found.n == 4


def test_what_nobody_asked_anything_like_is_as_usual() -> None:
    known = heard(past(), 1.0, on())
    near, far = known.shifts(["What is the river?", "qwx " * 400 + "!;{}" * 99], [ANYTHING] * 2, ["open"] * 2)
    assert near.of("a") > 0.05
    assert abs(far.of("a")) < near.of("a") / 3


def test_pieces_are_put_together(monkeypatch: pytest.MonkeyPatch) -> None:
    known = heard(past(), 1.0, on())
    asked = [*TEXTS, "And the sea?"]
    whole = known.shifts(asked, [ANYTHING] * 5, ["open"] * 5)
    monkeypatch.setattr("optiq.estimation.past_questions.CHUNK", 2)
    assert known.shifts(asked, [ANYTHING] * 5, ["open"] * 5) == whole
    for _ in range(2):  # asked again, and with others forgotten in between
        assert [known.shifts([text], [ANYTHING], ["open"])[0] for text in asked] == whole


def test_promises_are_put_right_where_a_model_is_known() -> None:
    """Of a question that is promised m on average comes 0.3 + 0.6 m; nothing of models without figures."""
    rows = figures("a", qoa=0.5), figures("b", qoa=0.4), figures("c", qoa=NAN)
    known = heard(past(), 1.0, build(*rows))
    known.votes = replace(known.votes, reliability=AS_EXPECTED)
    (before,) = known.shifts(["What is the river?", ""], [ANYTHING] * 2, ["open"] * 2)[:1]
    known.votes = replace(
        known.votes, reliability=Reliability(np.array([0.0, 1.0]), np.array([0.3, 0.9]), 4.0)
    )
    (after,) = known.shifts(["What is the river?", ""], [ANYTHING] * 2, ["open"] * 2)[:1]
    promised = {"a": 0.5 + before.of("a"), "b": 0.4 + before.of("b")}
    middle = sum(promised.values()) / 2
    right = 0.3 + 0.6 * middle
    for name, usual in (("a", 0.5), ("b", 0.4)):
        comes = right + 4.0 * (promised[name] - middle) * right * (1 - right)
        assert after.of(name) == pytest.approx(comes - usual, abs=2e-3)
    assert after.of("c") == before.of("c")


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
