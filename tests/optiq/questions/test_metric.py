"""What the table of metrics says is what records, files and SQL hold: a metric without its fields is noticed here."""

from __future__ import annotations

from dataclasses import fields

import pytest

import sql
from optiq.estimation.estimates import Bounds, Estimate
from optiq.execution.trace import Call, Execution, Predicted
from optiq.questions.metric import METRICS, RATES, RESOURCES, Metric
from optiq.questions.question import Budget, Weights
from optiq.statistics.snapshot import ModelFigures, Record


@pytest.mark.parametrize("metric", METRICS, ids=lambda metric: metric.name)
def test_records_that_people_read_have_a_field_for_every_metric(metric: Metric) -> None:
    def names(kind: type) -> set[str]:
        return {field.name for field in fields(kind)}

    assert metric.limit in names(Budget)
    assert metric.word in names(Weights)
    for kind in (Estimate, Bounds, Predicted):
        assert metric.name in names(kind)
    assert {metric.name, f"var_{metric.name}"} <= names(Record)
    assert f"subplan_{metric.name}" in names(Call)
    if metric.is_resource:
        assert metric.name in names(Call) & names(Execution)
        assert len(metric.token_rates) == 2
    assert {rate.name for rate in metric.rates} <= names(ModelFigures)


def test_figures_of_a_plan_come_in_the_order_of_the_table() -> None:
    positional = [field.name for field in fields(Estimate) if not field.kw_only]
    assert positional == ["plan", *(metric.name for metric in METRICS)]
    assert not METRICS[-1].is_resource
    assert METRICS[:-1] == RESOURCES


def test_a_line_of_sql_on_each_metric_is_written_out() -> None:
    text = sql.read("views/budget_adherence")
    for metric in RESOURCES:
        assert f"count({metric.limit}) as n_with_{metric.word}_limit," in text
        assert f"within their {metric.word} limit" in text
    assert "-- each" not in text
    rates = sql.read("views/model_statistics")
    assert all(f"(metric = '{rate.name}') as {rate.name}," in rates for rate in RATES)


def test_no_sql_is_left_with_a_mark_that_nobody_reads() -> None:
    folders = (
        "checks",
        "chemistry",
        "drift",
        "merge",
        "neighbours",
        "queries",
        "statistics",
        "topics",
        "views",
    )
    for folder in folders:
        for name in sql.names(folder):
            assert "-- each " not in sql.read(name), name
