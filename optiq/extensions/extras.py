"""What an installation may leave out: which extra of `pip install "optiq[…]"` brings a module."""

from __future__ import annotations

EXTRAS = {
    "altair": "report",
    "bertopic": "topics",
    "botorch": "bayesian",
    "fastapi": "serve",
    "fastexcel": "sheets",
    "gpytorch": "bayesian",
    "great_expectations": "gate",
    "opentelemetry": "otel",
    "pandas": "gate",
    "prefect": "schedule",
    "prometheus_client": "serve",
    "pymoo": "nsga2",
    "rapidfuzz": "rouge",
    "s3fs": "s3",
    "safetensors": "embedded",
    "sentence_transformers": "topics",
    "sklearn": "topics",
    "starlette": "serve",
    "tokenizers": "embedded",
    "torch": "topics",
    "transformers": "topics",
    "uvicorn": "serve",
    "uvloop": "serve",
    "vl_convert": "report",
    "xlsxwriter": "sheets",
    "zeus": "energy",
}


def how_to_install(module: str | None) -> str | None:
    """What a person does who lacks ``module``; None for one that no extra brings: something is broken."""
    extra = EXTRAS.get((module or "").split(".")[0])
    return None if extra is None else f'Install it: pip install "optiq[{extra}]".'
