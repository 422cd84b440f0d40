"""Figures that say where they come from."""

from __future__ import annotations

from typing import NamedTuple


class Figure(NamedTuple):
    """A value and where it comes from."""

    value: float
    source: str


class Step(NamedTuple):
    """QoA after a step: ``share`` · QoA before it + ``bonus``, within 0 to 1."""

    share: float
    bonus: float
    source: str
