"""What a review says of the models: consensus over all answers, then quality and accuracy per model and question."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from optiq.chemistry.consensus import consensus
from optiq.chemistry.profiles import combined_accuracy
from optiq.chemistry.review import Grade
from optiq.errors import InputError


@dataclass(frozen=True, slots=True)
class Item:
    """An answer that was graded: its name, whose it is, and how right it is by a reference (NaN without)."""

    item: str
    author: str
    generation_accuracy: float = math.nan


@dataclass(frozen=True, slots=True)
class Judged:
    """An item with its consensus grade (0 to 10) and its author's accuracies (0 to 1); NaN is not known."""

    item: Item
    quality: float
    review_accuracy: float
    accuracy: float


def judge(items: Sequence[Item], grades: Sequence[Grade], models: Sequence[str]) -> list[Judged]:
    """Every item with its consensus quality and the accuracies of its author, in the order of ``items``.

    Own grades are left out. Review accuracy is a figure of the model over all items, generation accuracy one
    of the item. With two models every answer has one grade, nobody can be compared, and review accuracy is NaN:
    then accuracy is what the reference says, or NaN without one. So it is where all grades are the same.

    Raises
    ------
    InputError
        for fewer than two models, or if there is not one grade.
    """
    if len(models) < 2:
        raise InputError(
            f"{len(models)} model is to review", "Models grade each other's answers: give at least two."
        )
    place = {item.item: i for i, item in enumerate(items)}
    column = {model: i for i, model in enumerate(models)}
    table = np.full((len(items), len(models)), np.nan)
    for grade in grades:
        table[place[grade.item], column[grade.reviewer]] = grade.grade
    if np.isnan(table).all():
        raise InputError(
            "no answer got a grade from 0 to 10",
            "Let other models review: these did not answer with a number.",
        )
    found = consensus(table, [column[item.author] for item in items])
    judged = []
    for item, quality in zip(items, found.quality, strict=True):
        review = float(found.review_accuracy[column[item.author]])
        judged.append(
            Judged(item, float(quality), review, combined_accuracy(item.generation_accuracy, review))
        )
    return judged
