"""Questions that come one by one: those alike share the plans that can be on a frontier, kept from one to the next.

A batch finds these plans once for all its questions; whoever asks one at a time would find them anew each time, for
milliseconds of which choosing takes a tenth. They are kept per topics, kind of question, templates and operations, for
lengths between two powers of two, so that what is chosen is what :meth:`Planning.plan_all` chooses.
"""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import replace
from typing import Any

import numpy as np

from optiq.estimation.estimates import Confidence, topic_weights
from optiq.planning.candidates import Candidates, find_candidates
from optiq.planning.choose import Choice, choose_each
from optiq.planning.items import BatchItem
from optiq.planning.lines import lines_of_space
from optiq.planning.moved import MovedFrontiers
from optiq.planning.pipeline import Planning, plan_items
from optiq.planning.planners.registry import usable_planner
from optiq.questions.question import Budget

MOST_KEPT, MOST_CHOICES = 256, 1024
"""Sets of plans that are kept, and choices, the ones used last."""

MOST_PLANS = 20_000
"""Plans of a space up to which its sets are kept: of more they would fill the memory."""


class OneByOne:
    """A planning that keeps what questions alike share. For one thread."""

    def __init__(self, planning: Planning) -> None:
        self.planning = planning
        self._kept: OrderedDict[object, Candidates | MovedFrontiers | None] = OrderedDict()
        self._bounds: OrderedDict[object, int] = OrderedDict()
        self._choices: OrderedDict[BatchItem, Choice] = OrderedDict()

    def choose(self, item: BatchItem) -> Choice:
        """The choice for one question, the same for all of which planning reads the same."""
        if item.shifts is not None:  # its neighbours are its own
            return self._choose(item)
        if item not in self._choices:
            _keep(self._choices, item, self._choose(item), MOST_CHOICES)
        self._choices.move_to_end(item)
        return self._choices[item]

    def _choose(self, item: BatchItem) -> Choice:
        low, high = _range(item.shape.question_chars)
        operations = self._operations(item, low)
        (judged,) = self.planning.judged_with([item])
        about = topic_weights(item.topics), str(item.kind), item.shape.bases, judged
        moved = item.shifts is not None
        key = about, item.shape.context_chars, item.shape.blend_chars, operations, low, moved
        if key not in self._kept or item.shape.question_tokens:
            _keep(self._kept, key, self._found(item, operations, low, high, judged), MOST_KEPT)
        self._kept.move_to_end(key)
        found = self._kept[key]
        if found is None:
            return plan_items(self.planning, [item])[0][1]
        if isinstance(found, MovedFrontiers):
            assert item.shifts is not None
            found.moves = np.array([item.shifts.among(found.lines.task.pool.names)])
        frontiers = found.frontiers(np.array([item.shape.question_chars]), range(1))
        return choose_each(frontiers.times([item.factors]), [item.budget], [item.weights])[0]

    def _found(
        self, item: BatchItem, operations: int, low: int, high: int, judged: Confidence | None
    ) -> Candidates | MovedFrontiers | None:
        """What questions like ``item`` share; None where nothing can be shared."""
        task = self.planning.task(item, operations, judged)
        if usable_planner(self.planning.planner, task) != "exact" or item.shape.question_tokens:
            return None
        if len(task.space().plan_rows) > MOST_PLANS:
            return None
        if task.price_tiers(low) != task.price_tiers(high):
            return None
        moved = item.shifts is not None
        lines = lines_of_space(task, low, high, moved=moved)
        if moved:
            return MovedFrontiers(lines, np.zeros((1, len(task.pool.names))))
        return find_candidates(lines)

    def _operations(self, item: BatchItem, low: int) -> int:
        """The bound on operations, which depends on the very length only where the budget bounds what is spent."""
        if item.budget == Budget(min_qoa=item.budget.min_qoa):
            return self.planning.bounded(item).max_operations
        asked = replace(item, weights=self.planning.weights, shifts=None)
        if asked not in self._bounds:
            _keep(self._bounds, asked, self.planning.bounded(item).max_operations, MOST_KEPT)
        return self._bounds[asked]


def _keep(kept: OrderedDict[Any, Any], key: object, found: object, most: int) -> None:
    kept[key] = found
    while len(kept) > most:
        kept.popitem(last=False)


def _range(chars: int) -> tuple[int, int]:
    """The powers of two that a length is between."""
    low = 1 << max(chars.bit_length() - 1, 0) if chars > 0 else 0
    return low, max(2 * low - 1, 1)
