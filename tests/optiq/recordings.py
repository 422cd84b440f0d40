"""Made-up recordings with known answers: which policy is best on them is plain."""

from __future__ import annotations

import numpy as np

from optiq.evaluation.outcomes import Outcomes
from optiq.plans.plan import Plan
from optiq.questions.question import Question

CHEAP, DEAR = "cheap:1b", "dear:9b"
PLANS = (Plan.of([CHEAP]), Plan.of([DEAR]), Plan.of([CHEAP, DEAR], [(0, 1)]))
COSTS = (1.0, 4.0, 5.5)


def sums_and_poems(n: int = 40, seed: int = 0) -> Outcomes:
    """Half the questions are sums, which the cheap model knows; half ask for poets, whom only the dear one does."""
    generator = np.random.default_rng(seed)
    asked, values, answers = [], [], {}
    for i in range(n):
        number = generator.integers(100, 999)
        poem = i % 2 == 1
        text = f"Who wrote the poem on the lake, line {number}?" if poem else f"{number} + {number + i} = ?"
        asked.append(Question(f"q{i:03}", text, ((("poems" if poem else "sums"), 1.0),)))
        noise = generator.normal(0, 0.02, 3)
        qoa = np.clip(np.array([0.1, 0.9, 0.85] if poem else [0.9, 0.5, 0.7]) + noise, 0, 1)
        length = 1 + generator.normal(0, 0.05)
        values.append([[c * length, 2 * c * length, 3 * c, q] for c, q in zip(COSTS, qoa, strict=True)])
        for p in range(3):
            answers[i, p] = "right" if qoa[p] > 0.6 else f"wrong {p}"
    return Outcomes(asked, PLANS, np.array(values), np.ones((n, 3), dtype=np.int64), answers, ())
