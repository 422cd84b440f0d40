"""Traces as a frame: the columns of an execution and of the calls nested in it. Who only reads them needs no more."""

from __future__ import annotations

import polars as pl

from optiq.questions.metric import LIMITS, METRIC_NAMES, RESOURCE_NAMES

_UTC = pl.Datetime("us", "UTC")
_FIGURES: dict[str, pl.DataType] = {name: pl.Float64() for name in RESOURCE_NAMES}
CALL_SCHEMA: dict[str, pl.DataType] = {
    "node": pl.Int64(),
    "model": pl.String(),
    "answered_model": pl.String(),
    "server": pl.String(),
    "digest": pl.String(),
    "prompt_tokens": pl.Int64(),
    "output_tokens": pl.Int64(),
    "thinking_tokens": pl.Int64(),
    "cached_tokens": pl.Int64(),
    "prompt_chars": pl.Int64(),
    "max_output_tokens": pl.Int64(),
    **_FIGURES,
    "load_s": pl.Float64(),
    "prompt_s": pl.Float64(),
    "output_s": pl.Float64(),
    "queue_s": pl.Float64(),
    "energy_source": pl.String(),
    "finish_reason": pl.String(),
    "output": pl.String(),
    "thinking": pl.String(),
    "logprob_mean": pl.Float64(),
    "logprob_least": pl.Float64(),
    "error": pl.String(),
    "cached": pl.Boolean(),
    "constrained": pl.Boolean(),
    "started_at": _UTC,
    "attempts": pl.Int64(),
    "subplan": pl.String(),
    "subplan_key": pl.String(),
    "subplan_level": pl.Int64(),
    **{f"subplan_{name}": pl.Float64() for name in METRIC_NAMES},
}
SCORED_SCHEMA: dict[str, pl.DataType] = {
    "score_exact": pl.Float64(),
    "score_jaccard": pl.Float64(),
    "score_cosine": pl.Float64(),
    "score_contained": pl.Float64(),
    "score_numeric": pl.Float64(),
    "score_date": pl.Float64(),
    "scores": pl.String(),
    "qoa_metric": pl.String(),
}
"""What scoring says of an answer besides its quality, at once or later: a score by each metric, those of others as
JSON, and by which metric the quality is.
"""
TOPIC_SCHEMA: dict[str, pl.DataType] = {"topic": pl.String(), "weight": pl.Float64()}
TRACE_SCHEMA: dict[str, pl.DataType] = {
    "execution_id": pl.String(),
    "run_id": pl.String(),
    "question_id": pl.String(),
    "question": pl.String(),
    "topic": pl.String(),
    "topics": pl.List(pl.Struct(TOPIC_SCHEMA)),
    "topic_given": pl.Boolean(),
    "kind": pl.String(),
    "plan": pl.String(),
    "plan_key": pl.String(),
    "level": pl.Int64(),
    "status": pl.String(),
    "answer": pl.String(),
    "error": pl.String(),
    **_FIGURES,
    "wall_s": pl.Float64(),
    "energy_source": pl.String(),
    "qoa": pl.Float64(),
    "qoa_source": pl.String(),
    **SCORED_SCHEMA,
    "judge": pl.String(),
    "agreement": pl.Float64(),
    "reference": pl.String(),
    **{f"predicted_{name}": pl.Float64() for name in METRIC_NAMES},
    **{limit: pl.Float64() for limit in LIMITS},
    "snapshot_id": pl.String(),
    "prompt": pl.String(),
    "started_at": _UTC,
    "calls": pl.List(pl.Struct(CALL_SCHEMA)),
}
