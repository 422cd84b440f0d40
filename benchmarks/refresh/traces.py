"""Traces as runs land them, drawn from a seed: 5 models, 20 topics, 60 plans, two calls per execution on average.

Whole columns are drawn at once and written a chunk at a time, so memory does not grow with the number.

    python -m benchmarks.refresh.traces HOME EXECUTIONS SEED [unlabelled] [one-by-one|loose]
"""

from __future__ import annotations

import io
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from itertools import permutations
from typing import Literal

import numpy as np
import polars as pl

from optiq.plans.plan import Plan
from optiq.questions.trace_schema import TRACE_SCHEMA
from warehouse.bundles import bundle_small
from warehouse.find_home import find_home
from warehouse.home import Home
from warehouse.landing import land_traces

MODELS = ("smollm2:135m", "gemma3:270m", "qwen3:0.6b", "llama3.2:1b", "granite4:350m")
TOPICS = tuple(f"topic {number:02d}" for number in range(20))
QUESTIONS = 5_000
CHUNK = 50_000
"""Executions per landed file."""
_FIRST = datetime(2025, 1, 1, tzinfo=UTC)
_DAYS = 120
_SHARES = {1: 0.35, 2: 0.37, 3: 0.21, 4: 0.07}
"""Share of the executions by number of calls: 2.0 calls on average."""
_WORDS = (
    "the of a river which year between city model first answer known was largest in who by energy law under "
    "treaty element number when discovered language empire protein theorem where star music"
)


def plans() -> list[Plan]:
    """5 single models, 20 chains of two, 25 plans of three models and 10 of four."""
    found = [Plan.of([model]) for model in MODELS]
    found += [Plan.of(pair, [(0, 1)]) for pair in permutations(MODELS, 2)]
    triples = list(permutations(MODELS, 3))
    found += [Plan.of(triple, [(0, 1), (1, 2)]) for triple in triples[:15]]
    blends = {Plan.of(triple, [(0, 2), (1, 2)]).key: triple for triple in triples}
    found += [Plan.of(triple, [(0, 2), (1, 2)]) for triple in list(blends.values())[:10]]
    quadruples = list(permutations(MODELS, 4))
    found += [Plan.of(four, [(0, 3), (1, 2), (2, 3)]) for four in quadruples[:10]]
    return found


Landing = Literal["together", "one-by-one", "loose"]
"""In files of ``CHUNK``; each execution by itself, as of `optiq ask`; the same, and nothing is bundled."""


def land_generated(
    home: Home, executions: int, seed: int, labelled: bool = True, landing: Landing = "together"
) -> int:
    """Land so many executions; returns the number of their calls.

    ``labelled``: half of the questions came with their topic, so that the refresh learns topics from them.
    """
    draw = np.random.default_rng(seed)
    pool = plans()
    calls = 0
    for number, start in enumerate(range(0, executions, CHUNK)):
        frame = _chunk(draw, pool, min(CHUNK, executions - start), f"run-{seed}-{number:05d}")
        if not labelled:
            frame = frame.with_columns(topic_given=pl.lit(False))
        calls += int(frame["calls"].list.len().sum())
        if landing == "together":
            land_traces(home, frame, number)
            continue
        for place, row in enumerate(_rows(frame)):
            land_traces(home, row, start + place)
            if landing == "one-by-one":
                bundle_small(home)
    return calls


def _rows(frame: pl.DataFrame) -> Iterator[pl.DataFrame]:
    """Each row by itself. A slice keeps the texts of the whole chunk, which triples the time to write it."""
    for part in frame.iter_slices(200):
        buffer = io.BytesIO()
        part.write_parquet(buffer)
        buffer.seek(0)
        yield from pl.read_parquet(buffer).iter_slices(1)


def _chunk(draw: np.random.Generator, pool: list[Plan], n: int, run: str) -> pl.DataFrame:
    sizes = draw.choice(list(_SHARES), n, p=list(_SHARES.values()))
    counts = {k: int((sizes == k).sum()) for k in _SHARES}
    parts = [
        _executions(draw, [p for p in pool if p.k == k], many, run) for k, many in counts.items() if many
    ]
    return pl.concat(parts).sort("started_at")


def _executions(draw: np.random.Generator, pool: list[Plan], n: int, run: str) -> pl.DataFrame:
    """``n`` executions of plans with the same number of calls."""
    k = pool[0].k
    picked = draw.integers(0, len(pool), n)
    question = draw.zipf(1.3, n) % QUESTIONS
    # Counted in seconds from the first day, so that the traces do not depend on the clock.
    started = _FIRST.timestamp() + draw.uniform(0, _DAYS * 86_400, n)
    failed = draw.random(n) < 0.01
    calls = [
        _call(draw, pool, picked, node, question, started, failed & (node == k - 1)) for node in range(k)
    ]
    last = calls[-1]
    known = ~failed
    qoa = last["subplan_qoa"].to_numpy()
    columns = {
        "execution_id": _ids(draw, n),
        "run_id": pl.repeat(run, n, eager=True),
        "question_id": pl.Series([f"q{q}" for q in question]),
        "question": pl.Series(_QUESTIONS).gather(question),
        "topic": pl.Series(TOPICS).gather(question % len(TOPICS)),
        "topics": pl.Series([[{"topic": t, "weight": 1.0}] for t in TOPICS]).gather(question % len(TOPICS)),
        "topic_given": pl.Series(question % 2 == 0),
        "kind": pl.Series(["open", "choice"]).gather((question % 4 == 0).astype(int)),
        "plan": pl.Series([plan.to_json() for plan in pool]).gather(picked),
        "plan_key": pl.Series([plan.key for plan in pool]).gather(picked),
        "level": pl.Series([plan.level for plan in pool]).gather(picked),
        "status": pl.Series(["answered", "failed"]).gather(failed.astype(int)),
        "answer": last["output"],
        "error": pl.Series([None, "the server broke off"]).gather(failed.astype(int)),
        "cost_usd": last["subplan_cost_usd"],
        "latency_s": last["subplan_latency_s"],
        "wall_s": last["subplan_latency_s"] + 0.05,
        "energy_j": last["subplan_energy_j"],
        "energy_source": pl.repeat("predicted", n, eager=True),
        "qoa": _known(qoa, known),
        "score_cosine": _known(np.nan_to_num(qoa), known),
        "reference": pl.Series(_ANSWERS).gather(question),
        "predicted_cost_usd": last["subplan_cost_usd"] * pl.Series(draw.lognormal(0, 0.2, n)),
        "predicted_latency_s": last["subplan_latency_s"] * pl.Series(draw.lognormal(0, 0.3, n)),
        "predicted_energy_j": last["subplan_energy_j"] * pl.Series(draw.lognormal(0, 0.3, n)),
        "predicted_qoa": pl.Series(draw.beta(5, 4, n)),
        "max_cost_usd": pl.repeat(0.01, n, eager=True),
        "snapshot_id": pl.repeat("000001-generated", n, eager=True),
        "started_at": _times(started),
    }
    frame = pl.DataFrame({name: series.alias(name) for name, series in columns.items()})
    # Calls of one execution side by side, then k of them to a list.
    flat = pl.concat(calls)[np.arange(n * k).reshape(k, n).T.ravel()].to_struct("calls")
    whole = frame.with_columns(flat.reshape((n, k)).arr.to_list())
    rest = [
        pl.lit(None, dtype).alias(name) for name, dtype in TRACE_SCHEMA.items() if name not in whole.columns
    ]
    return whole.with_columns(rest).select(list(TRACE_SCHEMA)).cast(pl.Schema(TRACE_SCHEMA))


def _call(
    draw: np.random.Generator,
    pool: list[Plan],
    picked: np.ndarray,
    node: int,
    question: np.ndarray,
    started: np.ndarray,
    failed: np.ndarray,
) -> pl.DataFrame:
    """The call of one node in every execution, with the columns of the trace's struct."""
    n = len(picked)
    subplans = [plan.subplan(node) for plan in pool]
    model = np.array([MODELS.index(plan.models[node]) for plan in pool])[picked]
    parts = np.array([plan.k for plan in subplans])[picked]
    depth = np.array([len(plan.predecessors(node)) > 0 for plan in pool])[picked]
    prompt = draw.integers(60, 240, n) + 120 * depth
    output = draw.integers(4, 120, n)
    known = ~failed
    latency = (0.0004 * prompt + 0.012 * output) * (1 + model) * draw.lognormal(0, 0.25, n)
    energy = (0.004 * prompt + 0.09 * output) * (1 + model)
    cost = 1e-7 * prompt + 4e-7 * output
    skill = np.array([0.35, 0.45, 0.6, 0.65, 0.5])[model] + 0.03 * (parts - 1)
    # A topic is harder than the next by the same step, so that the statistics have something to find.
    quality = np.clip(skill - 0.01 * (question % len(TOPICS)) + draw.normal(0, 0.15, n), 0, 1)
    answer = (
        pl.Series(_ANSWERS).gather(draw.integers(0, QUESTIONS, n)) + " " + pl.Series(output).cast(pl.String)
    )
    scale = parts * draw.uniform(0.9, 1.1, n)
    columns = {
        "node": pl.repeat(node, n, eager=True),
        "model": pl.Series(MODELS).gather(model),
        "answered_model": pl.Series(MODELS).gather(model),
        "server": pl.repeat("ollama", n, eager=True),
        "digest": pl.Series([f"sha256:{index:012d}" for index in range(len(MODELS))]).gather(model),
        "prompt_tokens": pl.Series(prompt),
        "output_tokens": _known(output, known),
        "prompt_chars": pl.Series(prompt * 4 + draw.integers(0, 40, n)),
        "max_output_tokens": pl.repeat(256, n, eager=True),
        "cost_usd": _known(cost, known),
        "latency_s": _known(latency, known),
        "prompt_s": _known(0.2 * latency, known),
        "output_s": _known(0.8 * latency, known),
        "energy_j": _known(energy, known),
        "finish_reason": _known(pl.repeat("stop", n, eager=True), known),
        "output": _known(answer, known),
        "error": pl.Series([None, "the server broke off"]).gather(failed.astype(int)),
        "cached": pl.repeat(False, n, eager=True),
        "started_at": _times(started + node),
        "attempts": pl.Series(1 + (draw.random(n) < 0.02)),
        "subplan": pl.Series([plan.to_json() for plan in subplans]).gather(picked),
        "subplan_key": pl.Series([plan.key for plan in subplans]).gather(picked),
        "subplan_level": pl.Series([plan.level for plan in subplans]).gather(picked),
        "subplan_cost_usd": _known(cost * scale, known),
        "subplan_latency_s": _known(latency * scale, known),
        "subplan_energy_j": _known(energy * scale, known),
        "subplan_qoa": _known(quality, known),
    }
    frame = pl.DataFrame({name: series.alias(name) for name, series in columns.items()})
    schema = pl.Schema(TRACE_SCHEMA["calls"].inner.to_schema())  # type: ignore[attr-defined]
    rest = [pl.lit(None, dtype).alias(name) for name, dtype in schema.items() if name not in frame.columns]
    return frame.with_columns(rest).select(list(schema)).cast(schema)


def _known(values: np.ndarray | pl.Series, known: np.ndarray) -> pl.Series:
    """``values`` where ``known``, else NULL."""
    return pl.select(pl.when(pl.Series(known)).then(pl.Series(values))).to_series()


def _times(seconds: np.ndarray) -> pl.Series:
    return pl.Series((seconds * 1e6).astype(np.int64)).cast(pl.Datetime("us", "UTC"))


def _ids(draw: np.random.Generator, n: int) -> pl.Series:
    text = draw.bytes(16 * n).hex()
    return pl.Series([text[at : at + 32] for at in range(0, 32 * n, 32)])


def _texts(seed: int, fewest: int, most: int) -> list[str]:
    draw, words = np.random.default_rng(seed), _WORDS.split()
    return [
        f"{number} " + " ".join(draw.choice(words, draw.integers(fewest, most)))
        for number in range(QUESTIONS)
    ]


_QUESTIONS = _texts(1, 8, 40)
_ANSWERS = _texts(2, 3, 40)


if __name__ == "__main__":
    print(
        land_generated(
            find_home(sys.argv[1]),
            int(sys.argv[2]),
            int(sys.argv[3]),
            "unlabelled" not in sys.argv,
            "loose" if "loose" in sys.argv else "one-by-one" if "one-by-one" in sys.argv else "together",
        )
    )
