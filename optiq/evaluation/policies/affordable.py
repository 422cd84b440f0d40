"""Which plans fit the limits, as expected before they run."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from optiq.evaluation.outcomes import FloatArray
from optiq.questions.question import Budget


def fits(figures: FloatArray, budget: Budget) -> NDArray[np.bool_]:
    """(…): whether cost, latency and energy (…, 3) are within their limits; an unknown figure meets no limit."""
    found = np.ones(figures.shape[:-1], dtype=np.bool_)
    for m, limit in enumerate((budget.max_cost_usd, budget.max_latency_s, budget.max_energy_j)):
        if limit is not None:
            with np.errstate(invalid="ignore"):
                found &= figures[..., m] <= limit
    return found
