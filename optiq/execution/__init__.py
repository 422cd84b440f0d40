"""Running plans on model servers: prompts, calls, answers, and the trace of it all (Opti-Q, section 3.2).

Whoever has plans run has them run here: `answer`, `ask`, `calibrate`, `review`, and `select` for plans and workflows.
Uses the rooms plans, questions, prompts, scoring, servers, statistics and text.
"""

from optiq.execution.calling import Retries
from optiq.execution.executor import Executor, Work
from optiq.execution.scores import score_executions
from optiq.execution.shared import Shared
from optiq.execution.trace import Call, Execution, Predicted, traces_frame

__all__ = [
    "Call",
    "Execution",
    "Executor",
    "Predicted",
    "Retries",
    "Shared",
    "Work",
    "score_executions",
    "traces_frame",
]
