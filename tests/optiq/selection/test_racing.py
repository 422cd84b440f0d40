"""Hill climbing races neighbours on the same examples: never more runs than in full, and the best of one role found."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

sys.path.insert(0, str(Path(__file__).parent))
from selection_cases import play, table_of

from optiq.selection.objective import Objective
from optiq.selection.space import Space

ONE_ROLE = Space.of({"solver": list("abcdefgh")})
TWO_ROLES = Space.of({"planner": list("abc"), "solver": list("abc")})


@settings(max_examples=30, deadline=None)
@given(
    accuracy=st.lists(st.sampled_from([0.1, 0.3, 0.3, 0.6, 0.95]), min_size=9, max_size=9),
    seed=st.integers(0, 1000),
    certainty=st.sampled_from([0.1, 1.5]),
)
def test_climbs_come_to_an_end_and_their_peaks_are_run_in_full(
    accuracy: list[float], seed: int, certainty: float
) -> None:
    """With little certainty comparisons contradict each other and could go round in circles."""
    scores = table_of(TWO_ROLES, 60, np.array(accuracy), seed)
    evidence, ranking = play("hill-climbing", TWO_ROLES, scores, np.ones(9), seed=seed, certainty=certainty)
    assert evidence.counts[ranking.order[0]] == 60
    assert evidence.runs <= scores.size


def test_what_is_clearly_worse_is_left_early() -> None:
    scores = table_of(ONE_ROLE, 200, np.array([0.05, 0.95, 0.3, 0.5, 0.2, 0.4, 0.12, 0.7]))
    evidence, ranking = play("hill-climbing", ONE_ROLE, scores, np.ones(8))
    assert ranking.order[0] == 1
    assert evidence.runs < scores.size / 2


def test_limits_are_of_means_so_nothing_races() -> None:
    scores = table_of(ONE_ROLE, 40, np.linspace(0.2, 0.9, 8))
    evidence, _ = play("hill-climbing", ONE_ROLE, scores, np.arange(8.0), objective=Objective(max_cost_usd=5))
    assert set(evidence.counts.tolist()) <= {0, 40}
