"""Recorded outcomes as Optiq reads them. Paths are arguments: nothing of the data is part of the project."""

from __future__ import annotations

import hashlib
import os
import tempfile
from pathlib import Path

import numpy as np
import polars as pl

from optiq.evaluation.outcomes import FloatArray, Outcomes
from optiq.plans.plan import Plan
from optiq.questions.metric import METRIC_NAMES
from optiq.questions.question import Question
from optiq.text.embedding import NAME, embed
from warehouse.recorded import read_recorded

RUNS = "Opti-Q nsga"
"""The recordings of one family of prompts; the others were made with different prompts and are not pooled."""

PRICES = {"gemma-2-9b-it": 0.1, "49b": 0.9, "51b": 0.9, "70b": 0.9, "mixtral-8x7b": 0.24, "gpt-4": 24.7}
USUAL_PRICE = 0.2
"""USD per million tokens, by what a model's name holds."""


def recorded(path: Path) -> Outcomes:
    """Executions that were published with the paper (``executions.parquet``, with its neighbours in the folder)."""
    traces, _ = read_recorded([path], RUNS)
    return Outcomes.from_traces(traces)


def published_predictions(path: Path, outcomes: Outcomes) -> FloatArray:
    """(questions, plans, 4): what the published optimizer had expected of the same executions."""
    traces, _ = read_recorded([path], RUNS)
    row = {asked.question_id: q for q, asked in enumerate(outcomes.questions)}
    column = {plan.key: p for p, plan in enumerate(outcomes.plans)}
    names = [f"predicted_{metric}" for metric in METRIC_NAMES]
    table = traces.group_by("question_id", "plan_key").agg(pl.col(names).mean())
    found = np.full(outcomes.values.shape, np.nan)
    for name, key, *figures in table.select("question_id", "plan_key", *names).iter_rows():
        if name in row and key in column:
            found[row[name], column[key]] = [np.nan if value is None else value for value in figures]
    return found


def router(path: Path) -> Outcomes:
    """Questions × models with a score each; cost is the price of a million tokens, all else is unknown."""
    table = pl.read_parquet(path)
    models = sorted(set(table.columns) - {"question_id", "task", "subject", "question"})
    scores = table.select(models).to_numpy().astype(np.float64)
    values = np.full((*scores.shape, 4), np.nan)
    values[:, :, 0] = [_price(model) for model in models]
    values[:, :, 3] = scores
    # the benchmark that a question comes from is not given to any policy
    asked = [Question(*row) for row in table.select("question_id", "question").iter_rows()]
    plans = [Plan.of([model]) for model in models]
    counts = (~np.isnan(scores)).astype(np.int64)
    return Outcomes(asked, plans, values, counts, {}, ())


STRONG, WEAK = "gpt-4-1106", "mixtral-8x7b"
PRICES_OF_TWO = {STRONG: 24.7, WEAK: 0.24}
"""USD per million tokens, as the paper of RouteLLM has them (arXiv 2406.18665)."""


def routellm(path: Path) -> Outcomes:
    """Questions × a strong and a weak model, right or wrong; what ``subject`` says is given to no policy."""
    table = pl.read_parquet(path)
    models = [WEAK, STRONG]
    scores = table.select(models).to_numpy().astype(np.float64)
    values = np.full((*scores.shape, 4), np.nan)
    values[:, :, 0] = [PRICES_OF_TWO[model] for model in models]
    values[:, :, 3] = scores
    asked = [Question(str(name), text) for name, text in table.select("question_id", "question").iter_rows()]
    counts = np.ones(scores.shape, dtype=np.int64)
    return Outcomes(asked, [Plan.of([model]) for model in models], values, counts, {}, ())


LABELS = {"router": "task", "routellm": "subject"}
"""The column with the benchmark's label of a question."""


def labels_of(path: Path, column: str) -> list[str]:
    """The label that the benchmark gives each question, for the bound that knows it."""
    return pl.read_parquet(path, columns=[column])[column].to_list()


def _price(model: str) -> float:
    return next((price for part, price in PRICES.items() if part in model), USUAL_PRICE)


def sentences_of(outcomes: Outcomes) -> FloatArray:
    """(questions, 384): sentence embeddings, kept in the folder for temporary files: thousands take minutes."""
    texts = [asked.text for asked in outcomes.questions]
    digest = hashlib.sha256("\0".join([NAME, *texts]).encode()).hexdigest()[:16]
    kept = Path(tempfile.gettempdir()) / f"optiq-benchmark-embeddings-{digest}.npy"
    if not kept.exists():
        partial = kept.with_suffix(f".{os.getpid()}.npy")
        np.save(partial, embed(texts, threads=os.cpu_count() or 1))
        partial.replace(kept)
    return np.asarray(np.load(kept), dtype=np.float64)
