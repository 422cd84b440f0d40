"""A bounded share of questions goes to what is uncertain and could win; limits hold, and what is certain is left."""

import pytest
from catalogs import build, figures, record

from optiq.errors import InputError
from optiq.planning import Planning
from optiq.planning.exploration import explore
from optiq.questions.question import BEST_ANSWER, Budget, Question, parse_share


def planning(n: int, other: float = 0.5) -> Planning:
    """A model that is well known, and one of which ``n`` answers are."""
    rows = [
        figures("known", qoa=0.6, n_observations=5000, provenance="observed n=5000"),
        record("known", "*", qoa=0.6, n_observations=5000, n_questions=5000),
        figures("new", qoa=other, n_observations=n, provenance=f"observed n={n}" if n else "guess: small"),
    ]
    if n:
        rows.append(record("new", "*", qoa=other, n_observations=n, n_questions=n))
    return Planning(build(*rows), ("known", "new"), None, max_operations=1, weights=BEST_ANSWER)


def asked(n: int, **more) -> list[Question]:
    return [Question(f"q{i}", "What is asked?", **more) for i in range(n)]


def explored(plan: Planning, questions: list[Question], share: float = 0.05, seed: int = 3) -> list[str]:
    found, marked = explore(plan, plan.plan_all(questions), share, seed)
    changed = [item for item in found if item.choice.chosen and item.choice.chosen.plan.models == ("new",)]
    assert {item.question.question_id for item in changed} == marked
    return sorted(marked)


def test_a_share_goes_to_the_uncertain_one_and_the_same_again():
    plan = planning(0)
    found = explored(plan, asked(200), share=0.5)
    assert 20 <= len(found) <= 101
    assert found == explored(plan, asked(200), share=0.5)
    assert 1 <= len(explored(plan, asked(200))) <= 11


def test_what_is_certain_is_not_explored():
    assert explored(planning(5000, other=0.3), asked(400)) == []


def test_limits_hold_for_what_is_explored():
    assert explored(planning(0), asked(100, budget=Budget(min_qoa=0.55)), share=1.0) == []


@pytest.mark.parametrize(("text", "share"), [("5%", 0.05), ("0.05", 0.05), (" 100 % ", 1.0), (None, 0.0)])
def test_shares_are_read(text, share):
    assert parse_share(text, "--explore") == pytest.approx(share)


@pytest.mark.parametrize("text", ["5", "-1%", "much", "nan", "%"])
def test_what_is_no_share_is_refused(text):
    with pytest.raises(InputError, match="--explore"):
        parse_share(text, "--explore")
