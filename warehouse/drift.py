"""Drift: at a refresh, new calls of each model are compared with those before them.

A refresh makes many comparisons (models × topics × metrics), and there is a refresh every night: who looks often enough
sees something. So the probability that a night on which nothing changed names a model at all is held to one in
``NIGHTS_PER_FALSE_ALARM``, whatever the nights have in common (Bonferroni over nights, as charts of quality control
hold their average run length; within a night Benjamini & Hochberg 1995). What is only suspected, at a false discovery
rate of ``SUSPICION``, is looked at again with the calls of the next nights, against the same earlier calls: a real
change gets surer, an accident does not. What is too small to matter is no drift however sure it is.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import astuple, dataclass, replace
from datetime import UTC, datetime

import duckdb

import sql
from warehouse.rows import temp_table
from warehouse.student import limit, two_sided

NIGHTS_PER_FALSE_ALARM = 2000
SUSPICION = 0.01
MOST_SUSPECTED = 2000
"""New calls after which a suspicion is dropped."""
LEAST_CHANGE = {"qoa": 0.05, "latency_s": 0.10, "output_tokens": 0.15, "cost_usd": 0.05}
"""The smallest change that matters: of quality as a difference, of the others as a share."""
# Prices do not scatter: what rounding makes of a change must not be divided by nothing.
_LEAST_ERROR = 1e-3


@dataclass(frozen=True, slots=True)
class Comparison:
    """New calls of a model against earlier ones; see the comments of the table ``drift``."""

    model: str
    topic: str
    metric: str
    before: float
    after: float
    change: float
    change_low: float
    change_high: float
    z: float
    p_value: float
    n_before: int
    n_after: int
    since: datetime | None
    served: str | None
    verdict: str = "stable"


_TYPES = {
    **dict.fromkeys(("model", "topic", "metric"), "varchar"),
    **dict.fromkeys(("before", "after", "change", "change_low", "change_high", "z", "p_value"), "double"),
    **dict.fromkeys(("n_before", "n_after"), "bigint"),
    "since": "timestamp",
    **dict.fromkeys(("served", "verdict"), "varchar"),
}


def judge_drift(connection: duckdb.DuckDBPyConnection) -> list[Comparison]:
    """Compare what this refresh merged with the baselines, and add to the table ``drift``.

    A model with fewer than 50 new calls waits for a later refresh. Baselines that have become too old are read again:
    so a night reads its own calls, and earlier ones as often as a tenth has come to them. The caller holds the
    transaction.
    """
    newest = "(select coalesce(max(ingestion), 0) from ingested_files)"
    connection.execute(f"set variable newest_ingestion = {newest}")
    connection.execute(sql.read("drift/watch"))
    if connection.execute("select exists (from drift_watch where baseline_ingestion is null)").fetchall()[0][
        0
    ]:
        read_baselines(connection)
    judged = _compare(connection)
    read_baselines(connection)
    return judged


def _compare(connection: duckdb.DuckDBPyConnection) -> list[Comparison]:
    connection.execute(sql.read("drift/to_compare"))
    if not len(connection.table("drift_models")):
        return []
    connection.execute(sql.read("drift/figures"))
    found = [comparison_of(*row) for row in connection.execute(sql.read("drift/compared")).fetchall()]
    judged = with_verdicts(found)
    temp_table(connection, "judged_drift", _TYPES, map(astuple, judged))
    connection.execute(
        "insert into drift by name "
        "select *, getvariable('newest_ingestion') as ingestion, $now as judged_at from judged_drift",
        {"now": datetime.now(UTC).replace(tzinfo=None)},
    )
    suspected = {row.model for row in judged if row.verdict == "suspected" and row.n_after < MOST_SUSPECTED}
    drifted = {row.model for row in judged if row.verdict == "drifted" and row.topic == "*"}
    connection.execute(
        "update drift_watch set from_ingestion = ingestion, baseline_ingestion = null "
        "where model in (select unnest($drifted))",
        {"drifted": sorted(drifted)},
    )
    connection.execute(
        "update drift_watch set ingestion = getvariable('newest_ingestion'), "
        "n_since = n_since + n_waiting, n_waiting = 0 "
        "where model in (select model from drift_models) and model not in (select unnest($waiting))",
        {"waiting": sorted(suspected - drifted)},
    )
    return judged


def read_baselines(connection: duckdb.DuckDBPyConnection) -> None:
    """Read what is usual of models whose baseline is missing or too old, from the calls that have been compared."""
    connection.execute(sql.read("drift/stale"))
    if len(connection.table("drift_asked")):
        _fit_rates(connection)
        connection.execute(sql.read("drift/figures"))
        connection.execute(sql.read("drift/baseline"))


_RATES = {
    "latency_s": ("seconds_fixed", "seconds_per_prompt_token", "seconds_per_output_token"),
    "cost_usd": ("usd_fixed", "usd_per_prompt_token", "usd_per_output_token"),
}


_EXACT = 1e-3
"""Mean square, as a share, by which costs may be off prices that are learned from them."""


def _fit_rates(connection: duckdb.DuckDBPyConnection) -> None:
    """Have the baseline say what tokens take, where its calls tell: before the first night of a model nothing is known
    of it, or that of another machine, and longer answers would look like a slower model.
    """
    import numpy as np  # most nights have nothing to read a baseline from

    from warehouse.least_squares import nonnegative_least_squares

    for model, metric, *told, n in connection.execute(sql.read("drift/rates")).fetchall():
        products, sums = (np.array(part) for part in told)
        found = nonnegative_least_squares(products, sums)
        off = n + float(np.dot(found, products @ found - 2 * sums))
        if metric == "cost_usd" and off > _EXACT * n:
            continue  # a bill follows its prices; what else costs are made of says nothing of these
        names = ", ".join(f"{name} = ${name}" for name in _RATES[metric])
        values = dict(zip(_RATES[metric], found, strict=True))
        connection.execute(f"update drift_asked set {names} where model = $model", {"model": model, **values})  # noqa: S608


def with_verdicts(comparisons: Sequence[Comparison]) -> list[Comparison]:
    """The comparisons with their verdicts: drifted, suspected or stable.

    Models as a whole are one family and models on single topics another, so that many topics do not hide
    what a model as a whole shows. Of m p-values in rising order the k-th and all before it count if it is at most
    k / m × the rate of the family.
    """
    rates = {"drifted": 0.5 / NIGHTS_PER_FALSE_ALARM, "suspected": SUSPICION}
    limits: dict[tuple[str, bool], float] = {}
    for whole in (True, False):
        family = sorted(c.p_value for c in comparisons if (c.topic == "*") == whole)
        for verdict, rate in rates.items():
            passed = [p for k, p in enumerate(family, 1) if p <= k / len(family) * rate]
            limits[verdict, whole] = max(passed, default=-1.0)

    def verdict_on(c: Comparison) -> str:
        if abs(c.change) >= LEAST_CHANGE[c.metric]:
            for verdict in rates:
                if c.p_value <= limits[verdict, c.topic == "*"]:
                    return verdict
        return "stable"

    return [replace(c, verdict=verdict_on(c)) for c in comparisons]


_BEYOND = 0.05
"""What an interval of a change leaves outside; the normal distribution is beyond the limit below with that."""
_NORMAL_LIMIT = 1.96


def comparison_of(
    model: str,
    topic: str,
    metric: str,
    usual: float,
    change: float,
    error: float,
    degrees: float | None,
    n_before: int,
    n_after: int,
    since: datetime | None,
    served: str | None,
) -> Comparison:
    """How far a figure is from what is ``usual``, by ``change`` with its standard ``error`` (in logarithms, but for the
    quality); without ``degrees`` of freedom the error is known well.
    """
    error = max(error, _LEAST_ERROR)
    z = change / error
    reach = (_NORMAL_LIMIT if degrees is None else limit(_BEYOND, degrees)) * error
    low, high = change - reach, change + reach
    if metric == "qoa":
        before, after = usual, min(max(usual + change, 0.0), 1.0)
    else:
        before, after = math.exp(usual), math.exp(usual + change)
        change, low, high = math.expm1(change), math.expm1(low), math.expm1(high)
    p_value = _two_sided(z, degrees)
    return Comparison(
        model, topic, metric, before, after, change, low, high, z, p_value, n_before, n_after, since, served
    )


def _two_sided(z: float, degrees: float | None) -> float:
    """The probability of a ``z`` so far from 0, by Student's distribution; without ``degrees`` the normal one."""
    if degrees is None:
        return math.erfc(abs(z) / math.sqrt(2))
    return two_sided(z, degrees)


DRIFT_WORDS = {
    "qoa": "quality",
    "latency_s": "latency",
    "output_tokens": "output length",
    "cost_usd": "price",
}
"""What is compared, in words; latency and price at equal tokens."""


def changed(metric: str, change: float) -> str:
    """A change in words: a difference of qualities, a share of the others."""
    said = f"{change:+.2f}" if metric == "qoa" else f"{change:+.0%}"
    return f"±{said[1:]}" if float(said[1:].rstrip("%")) == 0 else said


def drift_line(drifted: dict) -> str:
    """One drifted comparison in words, such as ``phi4:14b: quality 0.80 → 0.60 (52 new answers)``."""
    where = "" if drifted["topic"] == "*" else f" on {drifted['topic']}"
    n = f"({drifted['n_after']} new answers)"
    what = DRIFT_WORDS[drifted["metric"]]
    if drifted["metric"] == "qoa":
        return f"{drifted['model']}{where}: {what} {drifted['before']:.2f} → {drifted['after']:.2f} {n}"
    return f"{drifted['model']}{where}: {what} {changed(drifted['metric'], drifted['change'])} {n}"
