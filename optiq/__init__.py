"""Opti-Q's optimizer as a library: plans, estimates, planners, servers, execution.

What is named here is imported when it is first used, so that ``import optiq`` stays light.
"""

from __future__ import annotations

import importlib
from typing import Any

_HOMES = {
    "Budget": "optiq.question",
    "Estimate": "optiq.estimation",
    "Executor": "optiq.execution",
    "ModelFigures": "optiq.statistics",
    "ModelSelector": "optiq.selection.api",
    "OptiqError": "optiq.errors",
    "Plan": "optiq.plan",
    "Planning": "optiq.planning",
    "PromptShape": "optiq.estimation",
    "Question": "optiq.question",
    "Record": "optiq.statistics",
    "Statistics": "optiq.statistics",
    "Weights": "optiq.question",
    "estimate": "optiq.estimation",
    "open_server": "optiq.servers",
    "plan_batch": "optiq.planners",
    "plan_frontier": "optiq.planners",
    "read_questions": "optiq.question_file",
}

__all__ = sorted(_HOMES)


def __getattr__(name: str) -> Any:
    if name in _HOMES:
        return getattr(importlib.import_module(_HOMES[name]), name)
    raise AttributeError(f"module 'optiq' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *_HOMES})
