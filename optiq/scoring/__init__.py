"""How good an answer is: QoA against a reference, and the scores that it is chosen from."""

from optiq.scoring.dates import date_equality
from optiq.scoring.judging import SCORES, Scores, cosines, jaccard, score, score_many
from optiq.scoring.metrics import Metrics
from optiq.scoring.numbers import numeric_equality
from optiq.scoring.text import containment, exact_match, normalise

__all__ = [
    "SCORES",
    "Metrics",
    "Scores",
    "containment",
    "cosines",
    "date_equality",
    "exact_match",
    "jaccard",
    "normalise",
    "numeric_equality",
    "score",
    "score_many",
]
