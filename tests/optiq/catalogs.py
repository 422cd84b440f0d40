"""Catalogs for tests: a plain one to calculate by hand, random ones, the recorded one; arrays against the oracle."""

import math
import random
from collections.abc import Iterable, Sequence
from functools import lru_cache
from typing import Any

import numpy as np
import pytest

from benchmarks.planners.catalogs import LEVELS, load
from optiq.estimation import PromptShape, estimate
from optiq.estimation.estimator import Estimator
from optiq.estimation.many_plans import ArrayEstimator
from optiq.estimation.plan_rows import PlanRows
from optiq.estimation.pool import Pool
from optiq.estimation.space import space
from optiq.plans.enumeration import connectivity_maps
from optiq.plans.plan import Plan
from optiq.plans.topology import topology
from optiq.statistics.snapshot import ModelFigures, Record, Statistics

NAN = math.nan
SHAPE = PromptShape(question_chars=200, base_chars=100, context_chars=40, blend_chars=80)


def figures(model: str, **values: Any) -> ModelFigures:
    """Figures on any topic: 1 µUSD, 1 ms, 0.1 J per prompt token, twice that per output token."""
    given: dict[str, Any] = {
        "usd_per_prompt_token": 1e-6,
        "usd_per_output_token": 2e-6,
        "seconds_per_prompt_token": 0.001,
        "seconds_per_output_token": 0.002,
        "joules_per_prompt_token": 0.1,
        "joules_per_output_token": 0.2,
        "output_tokens": 50.0,
        "chars_per_token": 4.0,
        "qoa": 0.5,
        "provenance": "prior: test",
    }
    return ModelFigures(model=model, **{**given, **values})


def record(plan: str, topic: str = "Art", **values: Any) -> Record:
    """A record of a plan given as text."""
    return Record(plan=Plan.parse(plan), topic=topic, **values)


def build(*rows: ModelFigures | Record) -> Statistics:
    """A snapshot of figures and records in any order."""
    return Statistics.build(
        "test",
        [row for row in rows if isinstance(row, ModelFigures)],
        [row for row in rows if isinstance(row, Record)],
    )


def random_catalog(
    seed: int,
    models: Iterable[str] = ("a", "b", "c"),
    blender: str = "z",
    *,
    topics: Iterable[str] = ("Art",),
    n_records: int = 30,
    max_k: int = 4,
    missing: float = 0.1,
) -> Statistics:
    """Random figures and records, a share of them missing; some records have models of no pool."""
    draw, scatter = random.Random(seed), random.Random(seed + 1)

    def value(scale: float) -> float:
        return NAN if draw.random() < missing else draw.random() * scale

    names = [*models, "elsewhere"]
    rows: list[ModelFigures | Record] = []
    for topic in topics:
        for model in dict.fromkeys([*names, blender]):
            rows.append(
                ModelFigures(
                    model=model,
                    topic=topic,
                    usd_per_call=value(1e-4),
                    usd_per_prompt_token=value(1e-6),
                    usd_per_output_token=value(2e-6),
                    seconds_per_prompt_token=value(0.01),
                    seconds_per_output_token=value(0.1),
                    joules_per_prompt_token=value(0.1),
                    joules_per_output_token=value(1.0),
                    output_tokens=value(300),
                    chars_per_token=1 + value(4),
                    qoa=value(1.0),
                )
            )
        for _ in range(n_records):
            k = draw.randint(1, max_k)
            shape = topology(k, int(draw.choice(connectivity_maps(k))))
            plan = [
                blender if blends and draw.random() < 0.9 else draw.choice(names) for blends in shape.blends
            ]
            rows.append(
                Record(
                    plan=Plan.of(plan, shape.edges),
                    topic=topic,
                    n_observations=draw.randint(1, 4),
                    cost_usd=value(1e-3),
                    latency_s=value(20.0),
                    energy_j=value(100.0),
                    qoa=value(1.0),
                    output_tokens=value(100.0),
                    mean_question_chars=draw.choice([NAN, 50.0, 400.0]),
                    var_question_chars=scatter.choice([NAN, 0.0, 2500.0]),
                    **{
                        f"var_{name}": scatter.choice([NAN, (scatter.random() * scale) ** 2])
                        for name, scale in (
                            ("cost_usd", 1e-3),
                            ("latency_s", 20.0),
                            ("energy_j", 100.0),
                            ("qoa", 0.5),
                        )
                    },
                )
            )
    return build(*rows)


def assert_equal_to_the_oracle(
    known: Estimator | Statistics,
    pool: Pool,
    k: int,
    shape: PromptShape = SHAPE,
    topics: tuple = ("Art",),
    every: int = 1,
    confidence: float | None = None,
) -> None:
    """Every so many plans of up to k calls, as rows of the space and as a list."""
    arrays = ArrayEstimator(known, topics, "open", pool, confidence)
    all_plans = space(len(pool.models), k, pool.blender is not None)
    rows = all_plans.plan_rows[::every]
    plans = [all_plans.plan(int(row), pool.models, pool.blender) for row in rows]
    listed = PlanRows.of(plans, pool)
    oracle = [estimate(plan, known, topics, "open", shape, pool.blender, confidence) for plan in plans]
    assert all((found.bounds is None) == (confidence is None) for found in oracle)
    metrics, bounds = ([getattr(found, name) for found in oracle] for name in ("metrics", "judged"))
    for layout, at in ((all_plans, rows), (listed, listed.plan_rows)):
        figures, judged = (part[:, at].T for part in arrays.values_and_bounds(layout, shape))
        assert_close(figures, metrics, plans)
        assert_close(judged, bounds, plans)
        latencies = arrays.latencies(layout, shape)[at]
        assert latencies == pytest.approx(judged[:, 1], rel=1e-12, nan_ok=True)


def assert_close(found: np.ndarray, expected: Sequence, of: Sequence) -> None:
    """A row of figures for each of ``of``: equal to 1e-9 of what is expected, or to 1e-12; NaN where NaN is."""
    expected = np.array(expected)
    assert found.shape == expected.shape
    close = np.isclose(found, expected, 1e-9, 0, True) | np.isclose(found, expected, 0, 1e-12, True)
    for i in np.unique(np.nonzero(~close)[0]).tolist():
        raise AssertionError(f"{of[i]}: {found[i].tolist()} instead of {expected[i].tolist()}")


@lru_cache(maxsize=1)
def recorded_catalog() -> Statistics:
    """The authors' PerfDB of level 2 where the shared data are; a seeded catalog like it otherwise."""
    if not LEVELS.exists():
        names = ("m1", "m2", "m3", "m4", "m5")
        return random_catalog(7, names, "blend", topics=("Art", "Law"), n_records=700, max_k=5, missing=0.0)
    return load(LEVELS)[0]
