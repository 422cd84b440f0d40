"""What the page at ``/`` says of the plans on it: which were measured here, and which are only published."""

from __future__ import annotations

import re

from optiq.report.sections import BEST, UNMEASURED
from warehouse.refresh import refresh

PLAN = "mistral:7b+bare"


def points(endpoint) -> set[tuple[str, str, int]]:
    """The points of its charts: plan, series, answers."""
    page = endpoint.client.get("/").text
    found = re.findall(r'"plan":\s*"([^"]*)".{0,120}?"series":\s*"([^"]*)",\s*"n":\s*(\d+)', page)
    assert found
    return {(plan, series, int(n)) for plan, series, n in found}


def test_a_plan_that_nobody_ran_is_not_called_measured(serve) -> None:
    """A fresh home once showed what is published as measured, over no question at all."""
    with serve() as endpoint:
        assert {(series, n) for _, series, n in points(endpoint)} == {(UNMEASURED, 0)}
        assert "None of them was measured here" in endpoint.client.get("/").text
        execution_id = endpoint.ask(model="mistral:7b").json()["optiq"]["execution_id"]
        endpoint.client.post("/v1/feedback", json={"execution_id": execution_id, "score": 0.3})
    refresh(endpoint.home, full_gate=False)
    with serve() as endpoint:
        assert {(series, n) for plan, series, n in points(endpoint) if plan == PLAN} == {(BEST, 1)}
