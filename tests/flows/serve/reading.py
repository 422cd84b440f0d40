"""What an endpoint left on disk."""

from __future__ import annotations

import json
from typing import Any

import polars as pl

from warehouse.home import Home


def landed(home: Home) -> pl.DataFrame:
    """The traces in landing, in the order in which they began."""
    return pl.read_parquet(home.landing / "traces-serve-*.parquet").sort("started_at")


def lines_of(home: Home) -> list[Any]:
    """The lines of the journals."""
    files = sorted((home.path / "serving" / "journal").glob("*.jsonl"))
    return [json.loads(line) for file in files for line in file.read_text().splitlines()]
