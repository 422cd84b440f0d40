"""How far a night may be from what was known before it. A night beyond is refused until a person accepts it.

The rules are generous: a model that got half as fast or three times as dear is drift, which is published and named
(:mod:`warehouse.drift`); milliseconds for seconds, cents for dollars or scores that went wrong are not. What is
compared, and when there is too little to tell, is in ``sql/relative/compared.sql``.
"""

from __future__ import annotations

from dataclasses import dataclass

from optiq.questions.metric import METRICS


@dataclass(frozen=True, slots=True)
class RelativeRule:
    """``what`` may change by a factor of ``most`` up or down, or (``is_change``) by the difference ``most``.

    ``figure`` is it of one call or execution, in SQL.
    """

    what: str
    most: float
    figure: str
    is_change: bool = False
    only_up: bool = False

    @property
    def bounds(self) -> tuple[float | None, float]:
        """Lowest and highest change: of factors around 1, of differences around 0. None is no limit."""
        if self.only_up:
            return None, self.most
        return (-self.most, self.most) if self.is_change else (1 / self.most, self.most)

    def allows(self, change: float | None) -> bool:
        """Whether so much change passes; None (too few rows to tell) does."""
        low, high = self.bounds
        return change is None or ((low is None or low <= change) and change <= high)

    def change(self, known: float, new: float) -> float | None:
        """The change from ``known`` to ``new``; None if there is no factor between them."""
        if self.is_change:
            return new - known
        return new / known if known > 0 and new > 0 else None


RULES = {
    **{
        f"mean_{metric.name}": RelativeRule(
            f"the mean {metric.title} of a run", 20, f"executions.{metric.name}"
        )
        if metric.is_resource
        else RelativeRule(
            f"the mean {metric.title} of a run", 0.5, f"executions.{metric.name}", is_change=True
        )
        for metric in METRICS
    },
    "mean_output_tokens": RelativeRule("the mean output tokens of a run", 20, "calls.output_tokens"),
    "chars_per_token": RelativeRule(
        "characters per prompt token", 5, "calls.prompt_chars / nullif(calls.prompt_tokens, 0)"
    ),
    "price": RelativeRule(
        "the price of a call against the published one, or the one paid before", 100, "calls.cost_usd"
    ),
    "failed_share": RelativeRule(
        "the share of executions that failed",
        0.5,
        "(executions.status = 'failed')::double",
        True,
        only_up=True,
    ),
    "unjudged_share": RelativeRule(
        "the share of answers that nobody judged although there is a reference",
        0.5,
        "case when executions.status = 'answered' and executions.reference is not null "
        "then (executions.qoa is null)::double end",
        True,
        only_up=True,
    ),
}
"""The rules by name: that of the check, and what ``optiq refresh --accept`` takes."""
