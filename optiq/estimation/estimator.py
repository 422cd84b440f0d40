"""What an estimator is, and those that there are: the entry points of the group ``optiq.estimators``.

What a call costs, how long it takes and what record stands for a plan is the same for all. Estimators differ in the
*quality* of models and of what is made of them: that is what they are asked, on one topic at a time
(:class:`QualityRules`). Every rule of theirs has the form ``share · heard + bonus``, so that the oracle
(:mod:`optiq.estimation.oracle`) and the arrays hold it alike. To add one, write both classes in a file and name it::

    [project.entry-points."optiq.estimators"]
    mine = "their_package.mine:Mine"
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from copy import copy
from typing import TYPE_CHECKING, Any, ClassVar, Protocol, Self

from optiq.estimation.composition import Rule, rule_of
from optiq.estimation.estimates import Figure, Step
from optiq.extensions.built_in import ESTIMATORS
from optiq.questions.question import Kind
from optiq.statistics.question_shifts import Shifts
from optiq.statistics.snapshot import Record, Statistics

if TYPE_CHECKING:
    from optiq.estimation.catalog import Catalog


class QualityRules(Protocol):
    """An estimator on one topic: QoA (0 to 1, NaN unknown) of single models and of what is made of them."""

    name: str
    """How sources of figures call what was drawn by these rules."""
    similar: bool
    """Whether the record of a plan stands for the quality of similar ones (:mod:`optiq.estimation.similarity`)."""

    def alone(self, model: str) -> Figure:
        """A model alone; what was recorded of it counts in it already."""

    def step(self, before: str, model: str) -> Step:
        """What ``model`` makes of the answer of ``before``: QoA after = share · QoA before + bonus."""

    def blend(self, leaves: tuple[str, ...]) -> Figure:
        """A blend of single models, in any order: the reference that changed branches move."""

    def change(self, qoa: Any, reference: Any) -> Any:
        """How much better a branch is than its reference; numbers or arrays."""

    def blended(self, reference: Any, change: Any) -> Any:
        """A blend whose branches changed by ``change`` on average, not yet cut to 0 to 1; numbers or arrays."""

    def trust(self, record: Record) -> float:
        """How much the record of a plan of several calls counts against the rules, 0 to 1."""


class Estimator(ABC):
    """A snapshot of statistics, and the rules by which plans are estimated from it.

    ``shifts`` say how one question's neighbours move the figures of models (:mod:`optiq.estimation.shifts`); None:
    not at all.
    """

    hears_neighbours: ClassVar[bool] = False
    """Whether past questions like one that is asked are to move its figures."""
    start_answers: ClassVar[float] = 0.0
    """So many answers as that weighs which the quality of a plan is drawn to (:mod:`optiq.estimation.risk`)."""
    part_answers: ClassVar[float] = 0.0
    """So many as what a plan's parts say weighs against its own: how little plans differ from their parts."""

    def __init__(self, statistics: Statistics) -> None:
        self.statistics = statistics
        self.shifts: Shifts | None = None
        self.derived: dict[object, Any] = {}
        """What was worked out with it, for all questions; it is not pickled."""

    @abstractmethod
    def on(self, catalog: Catalog) -> QualityRules:
        """The rules on the topic of ``catalog``."""

    def shares(self, kind: Kind | str) -> Rule:
        """In what shares a plan's models are heard in it, by which neighbours move it."""
        return rule_of(self.statistics, kind)

    def shifted(self, shifts: Shifts | None) -> Self:
        """The same as it looks for one question; what was derived is shared."""
        if shifts == self.shifts:
            return self
        found = copy(self)
        found.shifts, found.derived = shifts, self.derived  # a copy is made as from a pickle, which has none
        return found

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "derived": {}}


def make_estimator(name: str, statistics: Statistics) -> Estimator:
    """The estimator of that name on ``statistics``, one for as long as these live.

    Raises :class:`~optiq.errors.UnknownName`, which lists those that there are.
    """
    key = "estimator", name
    if key not in statistics.derived:
        statistics.derived[key] = ESTIMATORS.load(name)(statistics)
    found: Estimator = statistics.derived[key]
    return found


def as_estimator(given: Estimator | Statistics) -> Estimator:
    """``given``; of statistics alone the paper's estimator on them."""
    return given if isinstance(given, Estimator) else make_estimator("paper", given)
