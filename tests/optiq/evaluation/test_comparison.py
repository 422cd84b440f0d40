"""Policies are put side by side on questions that they all answered; the others stand apart and say so."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from recordings import CHEAP, DEAR, sums_and_poems

from optiq.errors import InputError
from optiq.evaluation import replay
from optiq.evaluation.comparison import KEPT, compare
from optiq.evaluation.coverage import check_enough, comparable, coverage_of
from optiq.evaluation.outcomes import Outcomes
from optiq.evaluation.policies import make_policies
from optiq.evaluation.replay import Decision, Held, Setting, frame_schema
from optiq.questions.question import Budget


def without(outcomes: Outcomes, question: int, plan: int) -> None:
    """Forget an execution."""
    outcomes.values[question, plan] = np.nan
    outcomes.counts[question, plan] = 0


def test_a_policy_that_could_not_be_replayed_everywhere_stands_apart() -> None:
    outcomes = sums_and_poems()
    for question in range(0, 40, 2):  # on sums nobody knows what the dear model would have said
        without(outcomes, question, 1)
    frame = replay(
        outcomes,
        make_policies(["best-single", f"single:{CHEAP}", f"single:{DEAR}", "oracle"]),
        Setting(),
        compared=comparable(outcomes),
    )
    found = {one.line.policy: one for one in compare(frame)}
    assert [name for name, one in found.items() if one.together] == [
        "best-single",
        f"single:{CHEAP}",
        "oracle",
    ]
    apart = found[f"single:{DEAR}"]
    assert (apart.unrecorded, apart.line.answered, apart.line.questions) == (0.5, 0.5, 20)
    # on poems alone, which the dear model knows: so does the best single model there, which is the same
    assert apart.reference_qoa == pytest.approx(apart.line.qoa.mean)
    assert apart.line.versus.mean == pytest.approx(0.0)
    assert found["oracle"].line.questions == found["best-single"].line.questions == 40


def test_what_cannot_be_afforded_is_not_called_unrecorded() -> None:
    frame = replay(
        sums_and_poems(), make_policies(["best-single", "oracle"]), Setting(Budget(max_cost_usd=1.0))
    )
    found = compare(frame)
    assert all(one.unrecorded == 0 for one in found)
    assert 0 < found[-1].line.answered < 1
    with pytest.raises(InputError, match="none of the 40 questions"):
        compare(replay(sums_and_poems(), make_policies(["best-single"]), Setting(Budget(max_cost_usd=0.1))))


ANSWERED = st.lists(st.sets(st.integers(0, 19)), min_size=1, max_size=4)


@settings(max_examples=30)  # a bootstrap each
@given(reference=st.sets(st.integers(0, 19), min_size=1), others=ANSWERED)
def test_every_table_is_about_the_same_questions(reference: set[int], others: list[set[int]]) -> None:
    """Against the plain oracle: means over the questions that all policies of a table answered."""
    answered = {"best-single": reference, **{f"policy {i}": found for i, found in enumerate(others)}}
    rows = [
        {
            "policy": name,
            "hindsight": False,
            "repeat": 0,
            "fold": 0,
            "question_id": f"q{q}",
            "kind": "open",
            "status": "answered" if q in found else "unrecorded",
            "observed_qoa": ((q * 7 + len(name)) % 10) / 10 if q in found else None,
        }
        for name, found in answered.items()
        for q in range(20)
    ]
    compared = compare(pl.DataFrame(rows, schema=frame_schema()))
    assert sorted(one.line.policy for one in compared) == sorted(answered)
    together = [one.line.policy for one in compared if one.together]
    common = set.intersection(*[answered[name] for name in together])
    assert len(common) >= KEPT * len(reference)
    for one in compared:
        name = one.line.policy
        own = common if one.together else answered[name] & reference
        assert one.line.questions == len(own)
        assert one.line.answered == pytest.approx(len(answered[name]) / 20)
        assert one.unrecorded == pytest.approx(1 - len(answered[name]) / 20)
        if own:
            mean = sum(((q * 7 + len(name)) % 10) / 10 for q in own) / len(own)
            base = sum(((q * 7 + len("best-single")) % 10) / 10 for q in own) / len(own)
            assert one.line.qoa.mean == pytest.approx(mean)
            assert one.line.versus.mean == pytest.approx(mean - base)


def test_questions_with_one_plan_teach_and_are_not_compared() -> None:
    outcomes = sums_and_poems()
    for question in range(10):
        without(outcomes, question, 0)
        without(outcomes, question, 1)
    cover = coverage_of(outcomes)
    assert (cover.questions, cover.compared, cover.alone, cover.fewest, cover.most) == (40, 30, 10, 3, 3)
    assert cover.complete
    assert "10 with one plan only were learned from" in cover.told()
    seen: list[int] = []

    class Counting:
        def learn(self, history: Outcomes, setting: Setting) -> None:
            seen.append(len(history.questions))

        def decide(self, held: Held) -> list[Decision]:
            assert all(len(held.candidates(q)) == 3 for q in range(len(held.questions)))
            return [Decision(0) for _ in held.questions]

    frame = replay(outcomes, {"counting": Counting}, Setting(), folds=5, compared=comparable(outcomes))
    assert frame.height == 30
    assert seen == [34] * 5  # all but the fold's six, those with one plan among them


def test_too_little_is_refused_with_what_to_do() -> None:
    outcomes = sums_and_poems(12)
    check_enough(outcomes, 5, "PerfDB")
    with pytest.raises(InputError, match="13 folds"):
        check_enough(outcomes, 13, "PerfDB")
    with pytest.raises(InputError, match=r"8 of 8 questions.*10 are needed.*optiq calibrate"):
        check_enough(sums_and_poems(8), 5, "PerfDB")
