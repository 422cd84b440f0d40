"""An estimator of another package: one file and an entry point, and everything else knows it."""

import math
from importlib.metadata import EntryPoint
from typing import Any

import pytest
from catalogs import SHAPE, assert_equal_to_the_oracle, build, figures, random_catalog, record
from hypothesis import given, settings
from hypothesis import strategies as st

from optiq.configuration import Settings
from optiq.errors import ConfigurationError, UnknownName
from optiq.estimation import estimate
from optiq.estimation.catalog import Catalog
from optiq.estimation.estimates import Figure, Step
from optiq.estimation.estimator import Estimator, make_estimator
from optiq.estimation.pool import Pool
from optiq.extensions.built_in import ESTIMATORS
from optiq.plans.plan import Plan
from optiq.statistics.question_shifts import Shifts
from optiq.statistics.snapshot import Record


class Halfway(Estimator):
    """Every node is worth the mean of its model and of what it hears; records count a third."""

    start_answers = 3.0

    def on(self, catalog: Catalog) -> "HalfwayRules":
        return HalfwayRules(catalog)


class HalfwayRules:
    name = "halfway"
    similar = True

    def __init__(self, catalog: Catalog) -> None:
        self.catalog = catalog

    def alone(self, model: str) -> Figure:
        return Figure(self.catalog.figures(model).qoa, "halfway")

    def step(self, before: str, model: str) -> Step:
        return Step(0.5, 0.5 * self.alone(model).value, "halfway")

    def blend(self, leaves: tuple[str, ...]) -> Figure:
        heard = sum(self.alone(name).value for name in sorted(leaves)) / len(leaves)
        return Figure(0.5 * heard + 0.5 * self.alone(self.catalog.blender or "").value, "halfway")

    def change(self, qoa: Any, reference: Any) -> Any:
        return (qoa - reference) / 2

    def blended(self, reference: Any, change: Any) -> Any:
        return reference + change

    def trust(self, record: Record) -> float:
        return 1 / 3


@pytest.fixture
def halfway(monkeypatch: pytest.MonkeyPatch) -> None:
    point = EntryPoint("halfway", f"{__name__}:Halfway", ESTIMATORS.group)
    monkeypatch.setattr(EntryPoint, "load", lambda self: Halfway)
    monkeypatch.setitem(ESTIMATORS.__dict__, "_added", {"halfway": point})


@settings(deadline=None, max_examples=8)
@given(
    seed=st.integers(0, 10_000),
    missing=st.sampled_from([0.0, 0.3]),
    blender=st.sampled_from(["z", "b", None]),
    shift=st.none() | st.floats(-0.5, 0.5),
    confidence=st.sampled_from([None, 0.8]),
)
def test_arrays_follow_it_as_the_oracle_does(
    seed: int, missing: float, blender: str | None, shift: float | None, confidence: float | None
) -> None:
    drawn = random_catalog(seed, "abc", blender or "z", topics=("Art", "Law"), missing=missing)
    known = Halfway(drawn).shifted(None if shift is None else Shifts(9, (("a", shift), ("z", -shift))))
    topics, pool = (("Art", 0.3), ("Law", 0.7)), Pool(("a", "b", "c"), blender)
    assert_equal_to_the_oracle(known, pool, 4, topics=topics, every=3, confidence=confidence)


@pytest.mark.usefixtures("halfway")
def test_it_is_found_by_its_name() -> None:
    rows = [figures("a", qoa=0.2), figures("b", qoa=0.6), record("a → b", qoa=1.0, n_observations=9)]
    found = estimate(Plan.parse("a → b"), make_estimator("halfway", build(*rows)), ["Art"], "open", SHAPE)
    assert found.qoa == pytest.approx(0.4 * 2 / 3 + 1 / 3)
    assert {row.source for row in found.provenance if row.metric == "qoa"} == {"halfway", "halfway n=9"}
    assert Settings.load({"estimator": "halfway"}, {}).estimator == "halfway"


@pytest.mark.usefixtures("halfway")
def test_messages_list_it() -> None:
    with pytest.raises(UnknownName, match="halfway, paper, shrunk"):
        make_estimator("half", build(figures("a")))
    with pytest.raises(ConfigurationError, match="halfway, paper or shrunk"):
        Settings.load({"estimator": "half"}, {})


def test_statistics_that_are_asked_again_have_the_same_estimator() -> None:
    statistics = build(figures("a"))
    assert make_estimator("shrunk", statistics) is make_estimator("shrunk", statistics)
    assert make_estimator("paper", statistics).statistics is statistics
    assert not math.isnan(make_estimator("paper", statistics).shares("open").chain[0])
