"""From grades to what is known of the models."""

from __future__ import annotations

import math

import pytest

from optiq.chemistry.review import Grade
from optiq.chemistry.reviewed import Item, judge
from optiq.errors import InputError

TRUE = {"1": 9.0, "2": 3.0, "3": 7.0, "4": 1.0, "5": 8.0, "6": 4.0}


def grades(items: list[Item], off: dict[str, float]) -> list[Grade]:
    """Each reviewer grades the answers of the others, off the truth by so much, up and down in turn."""
    return [
        Grade(item.item, item.author, reviewer, TRUE[item.item] + by * (-1) ** i)
        for i, item in enumerate(items)
        for reviewer, by in off.items()
        if reviewer != item.author
    ]


def test_who_grades_well_is_told_by_the_others() -> None:
    items = [Item(name, "abc"[i % 3], 1.0) for i, name in enumerate(TRUE)]
    found = judge(items, grades(items, {"a": 0.0, "b": 0.1, "c": 1.0}), "abc")
    review = {one.item.author: one.review_accuracy for one in found}
    assert review["a"] > review["c"]
    assert all(one.quality == pytest.approx(TRUE[one.item.item], abs=1.1) for one in found)
    assert found[0].accuracy == pytest.approx(0.75 + 0.25 * review["a"])


def test_with_two_models_nobody_can_be_compared() -> None:
    items = [Item("1", "a", 0.5), Item("2", "b", math.nan)]
    labelled, unlabelled = judge(items, grades(items, {"a": 0.0, "b": 0.0}), "ab")
    assert math.isnan(labelled.review_accuracy)
    assert labelled.accuracy == 0.5
    assert math.isnan(unlabelled.accuracy)
    assert unlabelled.quality == 3.0


def test_one_model_or_no_grade() -> None:
    with pytest.raises(InputError, match="1 model is to review"):
        judge([Item("1", "a")], [], ["a"])
    with pytest.raises(InputError, match="no answer got a grade"):
        judge([Item("1", "a")], [Grade("1", "a", "b", math.nan, "excellent")], ["a", "b"])
