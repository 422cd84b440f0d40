"""Charts as the pages take them."""

from __future__ import annotations

from typing import Any

HEIGHT = 260


def spec(chart: Any, height: int = HEIGHT) -> dict[str, Any]:
    """The specification, as wide as its place on the page; the page itself sets the looks."""
    made: dict[str, Any] = chart.properties(
        width="container", height=height, background="transparent"
    ).to_dict(validate=False)
    made.pop("config", None)
    made.pop("$schema", None)
    return made
