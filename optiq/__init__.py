"""Opti-Q's optimizer as a library: plans, estimates, planners, servers, execution.

What is named here is imported when it is first used, so that ``import optiq`` stays light. One name stands in another
room, since it brings all of them together: :func:`open`, a home of PerfDB for programs and notebooks.
"""

from __future__ import annotations

import importlib
from typing import Any

_HOMES = {
    "Budget": "optiq.questions.question",
    "Estimate": "optiq.estimation",
    "Executor": "optiq.execution",
    "ModelFigures": "optiq.statistics.snapshot",
    "ModelSelector": "optiq.selection.api",
    "OptiqError": "optiq.errors",
    "Plan": "optiq.plans.plan",
    "Planning": "optiq.planning",
    "PromptShape": "optiq.estimation",
    "Question": "optiq.questions.question",
    "Record": "optiq.statistics.snapshot",
    "Statistics": "optiq.statistics.snapshot",
    "Weights": "optiq.questions.question",
    "estimate": "optiq.estimation",
    "open": "flows.python_api",
    "open_server": "optiq.servers",
    "plan_batch": "optiq.planning",
    "plan_frontier": "optiq.planning",
    "read_questions": "optiq.questions.question_file",
}

__all__ = sorted(_HOMES)


def __getattr__(name: str) -> Any:
    if name in _HOMES:
        return getattr(importlib.import_module(_HOMES[name]), name)
    raise AttributeError(f"module 'optiq' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *_HOMES})
