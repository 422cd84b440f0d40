"""Statistics: look-up order of figures, pooling of records, and mending with a warning that names the row."""

import math
import pickle

import pytest

from optiq.errors import InputError, OptiqWarning
from optiq.plans.plan import Plan
from optiq.questions.question import Kind
from optiq.statistics.snapshot import ModelFigures, Record, Statistics

PAIR = Plan.parse("a → b")


def test_each_figure_comes_from_the_most_specific_row_that_has_it() -> None:
    statistics = Statistics.build(
        "s1",
        [
            ModelFigures(
                model="a",
                topic="*",
                usd_per_prompt_token=1.0,
                usd_per_output_token=2.0,
                provenance="prior: x",
            ),
            ModelFigures(model="a", topic="open", qoa=0.3, usd_per_output_token=3.0, provenance="prior: y"),
            ModelFigures(model="a", topic="Art", qoa=0.5, n_observations=7, provenance="observed n=7"),
        ],
        [],
    )
    art = statistics.figures("a", "Art", Kind.OPEN)
    assert (art.usd_per_prompt_token, art.usd_per_output_token, art.qoa) == (1.0, 3.0, 0.5)
    assert (art.n_observations, art.provenance) == (7, "observed n=7; prior: y; prior: x")
    choice = statistics.figures("a", "Law", Kind.MULTI)
    assert choice.usd_per_output_token == 2.0
    assert math.isnan(choice.qoa)
    assert statistics.source("a", "Art", Kind.OPEN, ["qoa"]) == "observed n=7"
    assert (
        statistics.source("a", "Art", "open", ["usd_per_prompt_token", "usd_per_output_token"])
        == "prior: x; prior: y"
    )
    assert statistics.topics == ("Art",)


def test_an_unknown_model_has_no_figures() -> None:
    figures = Statistics.build("s", [], []).figures("nobody", "Art", Kind.OPEN)
    assert figures.n_observations == 0
    assert math.isnan(figures.qoa)


def test_records_of_isomorphic_plans_are_pooled() -> None:
    one = Record(
        plan=Plan.of(["a", "b", "z"], [(0, 2), (1, 2)]), topic="Art", n_observations=1, qoa=0.2, cost_usd=1.0
    )
    two = Record(plan=Plan.of(["b", "a", "z"], [(0, 2), (1, 2)]), topic="Art", n_observations=3, qoa=0.6)
    (pooled,) = Statistics.build("s", [], [one, two]).records("Art").values()
    assert pooled.n_observations == 4
    assert pooled.qoa == pytest.approx(0.5)
    assert pooled.cost_usd == 1.0
    assert math.isnan(pooled.latency_s)


@pytest.mark.parametrize(
    ("figures", "says", "kept"),
    [({"qoa": 1.2}, r"clipped: a on \* \(1.2\)", 1.0), ({"qoa": -0.1}, r"clipped: a on \* \(-0.1\)", 0.0)],
)
def test_a_qoa_out_of_range_is_clipped_with_a_warning(figures: dict, says: str, kept: float) -> None:
    with pytest.warns(OptiqWarning, match=says):
        statistics = Statistics.build("s", [ModelFigures(model="a", **figures)], [])
    assert statistics.figures("a", "Art", "open").qoa == kept


@pytest.mark.parametrize(
    "name", ["usd_per_prompt_token", "seconds_per_output_token", "output_tokens", "chars_per_token"]
)
@pytest.mark.parametrize("value", [-1.0, math.inf])
def test_a_figure_that_cannot_be_counts_as_missing(name: str, value: float) -> None:
    with pytest.warns(OptiqWarning, match=f"{name} counts as missing: a on"):
        statistics = Statistics.build("s", [ModelFigures(model="a", **{name: value})], [])
    assert math.isnan(getattr(statistics.figures("a", "Art", "open"), name))


def test_bad_records_are_mended_and_named() -> None:
    with pytest.warns(OptiqWarning) as caught:
        statistics = Statistics.build("s", [], [Record(plan=PAIR, topic="Art", cost_usd=-1.0, qoa=2.0)])
    assert len(caught) == 2
    record = statistics.records("Art")[PAIR.key]
    assert math.isnan(record.cost_usd)
    assert record.qoa == 1.0


def test_none_is_missing_and_a_nameless_model_is_refused() -> None:
    statistics = Statistics.build("s", [ModelFigures(model="a", qoa=None)], [])  # type: ignore[arg-type]
    assert math.isnan(statistics.figures("a", "", "open").qoa)
    with pytest.raises(InputError, match="Name the model"):
        Statistics.build("s", [ModelFigures(model="")], [])


def test_a_snapshot_survives_pickling() -> None:
    statistics = Statistics.build(
        "s", [ModelFigures(model="a", qoa=0.5)], [Record(plan=PAIR, topic="Art", qoa=0.4)]
    )
    statistics.derived["something large"] = object
    again = pickle.loads(pickle.dumps(statistics))  # noqa: S301 - our own bytes
    assert again.derived == {}
    assert again.records("Art")[PAIR.key].qoa == 0.4
    assert again.models == ("a",)


def test_a_record_of_the_task_comes_first_then_one_that_says_no_task() -> None:
    rows = [
        Record(plan=PAIR, topic="Art", task="choice", n_observations=2, qoa=0.2),
        Record(plan=PAIR, topic="Art", task="*", qoa=0.5),
        Record(plan=Plan.of(["b"]), topic="Art", task="choice", qoa=0.1),
    ]
    statistics = Statistics.build("s", [ModelFigures(model="a", topic="choice", qoa=0.3)], rows)
    assert statistics.records("Art", Kind.MULTI)[PAIR.key].qoa == 0.2
    assert {key: r.qoa for key, r in statistics.records("Art", "open").items()} == {PAIR.key: 0.5}
    assert {key: r.qoa for key, r in statistics.records("Art").items()} == {"1:0:b": 0.1, PAIR.key: 0.2}
    assert statistics.topics == ("Art",)
    assert math.isnan(statistics.figures("a", "Art", "open").qoa)
    assert statistics.figures("a", "Art", "choice").qoa == 0.3
