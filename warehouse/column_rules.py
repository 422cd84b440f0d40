"""What the columns of tables may hold, written once: judged in PerfDB by every refresh, by Great Expectations if asked.

What has just been merged is judged, and ``plan_statistics``.
"""

from __future__ import annotations

from optiq.questions.metric import METRICS, RESOURCES
from optiq.questions.question import Kind
from optiq.statistics.price_steps import RATES as TOKEN_PRICES
from warehouse.ingestion.priors import FIGURES
from warehouse.ingestion.statistics import MEANS

# Lowest and highest value of each column; None is no limit. A missing figure breaks no rule.
_Ranges = dict[str, tuple[float | None, float | None]]
RANGES: dict[str, _Ranges] = {
    "priors": {"value": (0, 1e6)},
    "prices": {"above_tokens": (0, None), **dict.fromkeys(TOKEN_PRICES, (0, 0.01))},
    "published_statistics": {
        "n_observations": (1, None),
        **{name: (low, high) for name, (low, high, _) in MEANS.items()},
    },
    "executions": {
        **{metric.name: (0, metric.most_of_run) for metric in METRICS},
        "predicted_qoa": (0, 1),
    },
    "calls": {
        "node": (0, 6),
        "prompt_tokens": (0, None),
        "output_tokens": (0, None),
        **{metric.name: (0, metric.most_of_run) for metric in RESOURCES},
        "subplan_qoa": (0, 1),
    },
    "plan_statistics": {
        "level": (0, 6),
        "n_observations": (0, None),
        **{metric.name: (1e-9 if metric.least_of_plan else 0, None) for metric in RESOURCES},
        **{f"var_{metric.name}": (0, None) for metric in METRICS},
        "output_tokens": (0, None),
        "qoa": (0, 1),
        "var_question_chars": (0, None),
    },
}
PRESENT: dict[str, tuple[str, ...]] = {
    "priors": ("model", "topic", "metric", "value", "source"),
    "prices": ("model", "provider", "source", "as_of", "usd_per_prompt_token", "usd_per_output_token"),
    "published_statistics": ("topic", "plan_key", "source"),
    "executions": ("execution_id", "topic", "plan_key", "status"),
    "calls": ("execution_id", "model"),
    "plan_statistics": ("topic", "task", "plan_key", "provenance"),
}
ALLOWED: dict[str, dict[str, tuple[str, ...]]] = {
    "priors": {"metric": tuple(FIGURES)},
    "executions": {
        "status": ("answered", "failed"),
        "kind": tuple(kind.value for kind in Kind),
        "energy_source": ("measured", "predicted"),
    },
}
PLAN_KEY = r"^[1-7]:\d+:.+"
UNIQUE = {"executions": ("execution_id",), "plan_statistics": ("topic", "task", "plan_key")}


def judged_rows(table: str) -> str:
    """Which rows of ``table`` are judged, in SQL."""
    return "true" if table == "plan_statistics" else "ingestion > getvariable('last_ingestion')"
