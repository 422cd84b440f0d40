"""One setting of an experiment, and what an experiment is."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from optiq.plans.plan import Plan
from optiq.questions.question import Budget

MOST_OPERATIONS = 5
"""The largest plans of the paper's experiments (section 6.2)."""

LEVELS = range(5)


@dataclass(frozen=True, slots=True)
class Unit:
    """The budget b = 1: what one call of an average model costs and takes (section 6.5)."""

    cost_usd: float
    latency_s: float

    def budget(self, b: int, latency: bool) -> Budget:
        """``b`` units of money, and of time if ``latency``."""
        return Budget(max_cost_usd=b * self.cost_usd, max_latency_s=b * self.latency_s if latency else None)


@dataclass(frozen=True, slots=True)
class Setting:
    """What policies may do in one run. Settings with the same ``label`` are averaged per question.

    ``operations`` is the most calls of a plan, ``pool`` the models it may use (None: all), ``distinct`` how many
    different ones, ``level`` the coverage of PerfDB, ``confidence`` the probability with which limits are to hold.
    """

    label: str
    x: float
    budget: Budget = field(default_factory=Budget)
    confidence: float | None = None
    operations: int = MOST_OPERATIONS
    pool: tuple[str, ...] | None = None
    distinct: int | None = None
    level: int | None = None
    policies: tuple[str, ...] | None = None
    """Only these policies; None: all of the experiment."""

    suffix: str = ""
    """Added to the names of policies, so that one picture holds both."""

    def allows(self, plan: Plan) -> bool:
        """Whether a plan is small enough and made of the right models."""
        models = set(plan.models)
        return (
            plan.k <= self.operations
            and (self.pool is None or models <= set(self.pool))
            and (self.distinct is None or len(models) <= self.distinct)
        )


@dataclass(frozen=True, slots=True)
class Experiment:
    """``settings`` are made from the budget unit and the models; ``policies`` are those of replays.

    ``together``: questions of all kinds are summed up as one, too, as the paper does. ``columns`` name what the
    table shows, ``plotted`` what the picture does, with the title of each axis.
    """

    name: str
    title: str
    settings: Callable[[Unit, Sequence[str]], list[Setting]]
    policies: tuple[str, ...]
    columns: tuple[str, ...]
    plotted: tuple[tuple[str, str], ...]
    x_title: str
    """Title of the picture's x axis, which shows settings up to x = 9."""

    together: bool = False
    live_policies: tuple[str, ...] = ("opti-q", "best-single")
    replayed_live: tuple[str, ...] = ()
    """Policies that are replayed on the answers of a live run, because only their calls differ, not the models'."""
