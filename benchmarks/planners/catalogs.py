"""The catalogs that planners are measured on: the authors' PerfDB where it is there, else a seeded one."""

from __future__ import annotations

import json
import random
import warnings
from pathlib import Path

from optiq.estimation import PromptShape
from optiq.plans.plan import Plan
from optiq.statistics.snapshot import ModelFigures, Record, Statistics

LEVELS = Path(__file__).parents[3] / "shared" / "data" / "recorded" / "levels.parquet"
SHAPE = PromptShape(question_chars=240, base_chars=120, context_chars=60, blend_chars=90)
BLENDER = "blend"


def load(levels: Path, level_file: int = 2) -> tuple[Statistics, tuple[str, ...], str]:
    """Snapshot, base models and a line that says what it is."""
    if not levels.exists():
        models = tuple(f"m{i}" for i in range(1, 6))
        return synthetic(models, 20), models, "a seeded synthetic catalog (no recorded levels found)"
    import polars as pl

    figures, records = [], []
    for row in pl.read_parquet(levels).filter(pl.col("level_file") == level_file).iter_rows(named=True):
        plan = Plan.of(json.loads(row["models"]), json.loads(row["edges"]))
        if plan.k == 1:
            figures.append(
                ModelFigures(
                    model=plan.models[0],
                    topic=row["topic"],
                    usd_per_prompt_token=row["input_cost"],
                    usd_per_output_token=row["output_cost"],
                    seconds_per_prompt_token=row["input_latency"],
                    seconds_per_output_token=row["output_latency"],
                    joules_per_prompt_token=row["input_energy"],
                    joules_per_output_token=row["output_energy"],
                    output_tokens=row["average_output_tokens"],
                )
            )
        records.append(
            Record(
                plan=plan,
                topic=row["topic"],
                cost_usd=row["cost"],
                latency_s=row["latency"],
                energy_j=row["energy"],
                qoa=row["qoa"],
            )
        )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # QoA above 1 and below 0 are in the data
        statistics = Statistics.build(f"recorded level {level_file}", figures, records)
    models = tuple(name for name in statistics.models if name != BLENDER)
    return statistics, models, f"the recorded catalog of level {level_file}"


def synthetic(models: tuple[str, ...], n_topics: int, seed: int = 7) -> Statistics:
    """Models from cheap and weak to dear and strong with noise; all pairs and a third of the small blends measured."""
    draw = random.Random(seed)
    figures, records = [], []
    scale = {name: 0.3 + i / len(models) for i, name in enumerate(models)} | {BLENDER: 1.0}
    for t in range(n_topics):
        topic = f"topic {t:02}"
        qoa = {}
        for name, size in scale.items():
            noise = draw.uniform(0.7, 1.3)
            qoa[name] = min(0.95, max(0.05, 0.25 + 0.35 * size + draw.gauss(0, 0.08)))
            figures.append(
                ModelFigures(
                    model=name,
                    topic=topic,
                    usd_per_prompt_token=1e-7 * size * noise,
                    usd_per_output_token=3e-7 * size * draw.uniform(0.7, 1.3),
                    seconds_per_prompt_token=2e-4 * size * draw.uniform(0.3, 2.0),
                    seconds_per_output_token=2e-2 * size * draw.uniform(0.5, 1.5),
                    joules_per_prompt_token=0.1 * size * noise,
                    joules_per_output_token=0.6 * size * draw.uniform(0.7, 1.3),
                    output_tokens=draw.uniform(60, 300),
                    qoa=qoa[name],
                )
            )
        for one in scale:
            for other in scale:
                effect = draw.gauss(1.03, 0.12)
                records.append(_record(f"{one} → {other}", topic, qoa[other] * effect, draw))
        for one in models:
            for other in models:
                if one <= other and draw.random() < 0.33:
                    best = max(qoa[one], qoa[other])
                    records.append(
                        _record(
                            f"blend({one}, {other}; {BLENDER})", topic, best * draw.gauss(1.05, 0.08), draw
                        )
                    )
    return Statistics.build(f"synthetic {seed}", figures, records)


def _record(plan: str, topic: str, qoa: float, draw: random.Random) -> Record:
    return Record(
        plan=Plan.parse(plan), topic=topic, qoa=min(max(qoa, 0.0), 1.0), n_observations=draw.randint(3, 30)
    )
