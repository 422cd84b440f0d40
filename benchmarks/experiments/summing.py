"""Rows of an experiment: one per setting, kind of question and policy, with intervals."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import polars as pl

from optiq.evaluation.intervals import Interval
from optiq.evaluation.summary import summarise
from optiq.questions.question import Budget

if TYPE_CHECKING:
    from benchmarks.experiments.setting import Setting

ALL_KINDS = "all"

SOURCES = ("replayed", "live", "replayed on live answers", "hindsight", "published")
"""What a row is: ours, a bound that saw the outcomes, or a published figure."""

_TEXT, _REAL, _WHOLE = pl.String(), pl.Float64(), pl.Int64()

ROW_SCHEMA: dict[str, pl.DataType] = {
    "setting": _TEXT,
    "x": _REAL,
    "questions": _TEXT,
    "policy": _TEXT,
    "what": _TEXT,
    "n_questions": _WHOLE,
    "answered": _REAL,
    **dict.fromkeys(("qoa", "qoa_low", "qoa_high", "above", "above_low", "above_high"), _REAL),
    **dict.fromkeys(("cost_usd", "latency_s", "energy_j"), _REAL),
    **dict.fromkeys((f"predicted_{name}" for name in ("qoa", "cost_usd", "latency_s", "energy_j")), _REAL),
    **dict.fromkeys(("low", "middle", "high"), _REAL),
    **dict.fromkeys(("within", "cost_over", "latency_over", "both_over"), _REAL),
    **dict.fromkeys(("kept_qoa", "cost_used", "latency_used", "operations", "models", "runs_seen"), _REAL),
    **dict.fromkeys(("qoa_step", "cost_usd_step", "latency_s_step", "energy_j_step"), _REAL),
    "seed": _WHOLE,
    "source": _TEXT,
}
"""``above`` is the paired difference in quality to the best single model, ``low`` … ``high`` the shares of answers with
a QoA below 0.5, from 0.5 to 0.8 and above (table 1), ``cost_over`` the share that broke the limit on cost alone
(table 3), ``kept_qoa`` the quality of what stayed within the limits, ``cost_used`` its share of the limit (section
6.5), ``models`` the distinct models of a plan, ``…_step`` the change from the setting before (table 2).
"""


def rows_of(
    frame: pl.DataFrame,
    setting: Setting,
    seed: int,
    what: str,
    runs_seen: float | None = None,
    together: bool = False,
    names: Mapping[str, str] | None = None,
) -> list[dict[str, Any]]:
    """Rows of one label. ``frame`` has the columns of :func:`optiq.evaluation.replay.replay`, without NaN.

    ``together`` adds rows for questions of all kinds; ``names`` are what kinds of question are called.
    """
    if together and frame["kind"].n_unique() > 1:
        # apart: the same question of two kinds would be two observations
        whole = frame.with_columns(kind=pl.lit(ALL_KINDS))
        return [
            *rows_of(frame, setting, seed, what, runs_seen, names=names),
            *rows_of(whole, setting, seed, what, runs_seen, names=names),
        ]
    shares = {
        (row["policy"], row["kind"]): row for row in _shares(frame, setting.budget).iter_rows(named=True)
    }
    rows = []
    for line in summarise(frame, seed=seed):
        seen = None if line.hindsight or runs_seen is None else runs_seen
        rows.append(
            {
                "setting": setting.label,
                "x": setting.x,
                "questions": (names or {}).get(line.kind, line.kind),
                "policy": line.policy + setting.suffix,
                "what": "hindsight" if line.hindsight else what,
                "n_questions": line.questions,
                "answered": line.answered,
                **_three("qoa", line.qoa),
                **_three("above", line.versus),
                "cost_usd": line.cost_usd,
                "latency_s": line.latency_s,
                "energy_j": line.energy_j,
                **{
                    k: v
                    for k, v in shares.get((line.policy, line.kind), {}).items()
                    if k in ROW_SCHEMA and k != "policy"
                },
                "runs_seen": seen,
                "seed": seed,
            }
        )
    return rows


def table_of(rows: Sequence[Mapping[str, Any]]) -> pl.DataFrame:
    """The rows as a frame with exactly the columns of ``ROW_SCHEMA``; NaN is null."""
    import polars.selectors as cs

    columns = {name: [row.get(name) for row in rows] for name in ROW_SCHEMA}
    return pl.DataFrame(columns, schema=ROW_SCHEMA, strict=False).with_columns(cs.float().fill_nan(None))


def with_steps(table: pl.DataFrame, labels: Sequence[str]) -> pl.DataFrame:
    """The changes from each of ``labels`` to the next, per policy and kind of question (table 2)."""
    stepped = pl.col("setting").is_in(list(labels)) & (pl.col("what") != "published")
    steps = []
    for name in ("qoa", "cost_usd", "latency_s", "energy_j"):
        change = (pl.col(name) - pl.col(name).shift(1)).over("policy", "questions", stepped, order_by="x")
        steps.append(pl.when(stepped).then(change).otherwise(pl.col(f"{name}_step")).alias(f"{name}_step"))
    return table.with_columns(steps)


def _shares(frame: pl.DataFrame, budget: Budget) -> pl.DataFrame:
    """Per policy and kind: predicted means, shares of QoA, of limits broken and used, sizes of plans."""
    answered = pl.col("status") == "answered"
    qoa, cost, latency = (pl.col(f"observed_{name}") for name in ("qoa", "cost_usd", "latency_s"))
    dear = _over(cost, budget.max_cost_usd)
    slow = _over(latency, budget.max_latency_s)
    kept = ~dear & ~slow
    models = pl.col("plan_key").str.split(":").list.slice(2).list.join(":").str.split(">")
    limits = {"cost_used": (cost, budget.max_cost_usd), "latency_used": (latency, budget.max_latency_s)}
    return (
        frame.filter(answered)
        .group_by("policy", "kind", maintain_order=True)
        .agg(
            *[pl.col(f"predicted_{name}").mean() for name in ("qoa", "cost_usd", "latency_s", "energy_j")],
            (qoa < 0.5).mean().alias("low"),
            ((qoa >= 0.5) & (qoa < 0.8)).mean().alias("middle"),
            (qoa >= 0.8).mean().alias("high"),
            kept.mean().alias("within"),
            (dear & ~slow).mean().alias("cost_over"),
            (slow & ~dear).mean().alias("latency_over"),
            (dear & slow).mean().alias("both_over"),
            qoa.filter(kept).mean().alias("kept_qoa"),
            *[
                (pl.lit(None, _REAL) if limit is None else (value.filter(kept).mean() / limit)).alias(name)
                for name, (value, limit) in limits.items()
            ],
            models.list.len().mean().cast(_REAL).alias("operations"),
            models.list.n_unique().mean().cast(_REAL).alias("models"),
        )
    )


def _over(value: pl.Expr, limit: float | None) -> pl.Expr:
    # what is not known did not stay within
    return pl.lit(False) & value.is_null() if limit is None else (value > limit).fill_null(True)


def _three(name: str, value: Interval) -> dict[str, float]:
    mean, low, high = value
    return {name: mean, f"{name}_low": low, f"{name}_high": high}
