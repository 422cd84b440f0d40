"""What `lm-proposal` tells its advisor: roles, prices, what was found before; a second round knows the first."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from optiq.plans.plan import Plan
from optiq.selection.advice import known_of
from optiq.selection.evidence import Outcome, Run
from optiq.selection.protocol import Problem
from optiq.selection.registry import make_selector
from optiq.selection.space import Space
from optiq.selection.stages import read_workflow
from optiq.statistics.snapshot import ModelFigures, Record, Statistics

SPACE = Space.of({"draft": ["a", "b"], "check": ["a", "b"]})
YAML = """name: two
stages:
  - name: draft
    prompt: "Draft an answer: {question}"
  - name: check
    prompt: "Is this right? {draft}"
"""


def test_roles_prices_and_earlier_results_reach_the_advisor(tmp_path: Path) -> None:
    path = tmp_path / "two.yaml"
    path.write_text(YAML)
    subject = read_workflow(path)
    statistics = Statistics.build(
        "s",
        [ModelFigures(model="a", usd_per_prompt_token=1e-6, usd_per_output_token=2e-6)],
        [Record(plan=Plan.of(["b"]), topic="workflow/two/check", n_observations=20, qoa=0.75, cost_usd=1e-4)],
    )
    told: list[str] = []

    def advisor(prompt: str) -> str:
        told.append(prompt)
        return '[{"draft": "a", "check": "b"}]' if len(told) == 1 else '[{"draft": "b", "check": "b"}]'

    problem = Problem(SPACE, 4, advisor=advisor, known=known_of(subject, SPACE, statistics))
    method, evidence = make_selector("lm-proposal", problem, {"rounds": 2}), problem.evidence()
    while runs := method.ask(evidence):
        for run in runs:
            evidence.add(run, Outcome(float(run.combination == SPACE.places["b", "b"]), 0.5, 1.0))
    first, second = told
    assert "Role draft is asked: Draft an answer: {question}" in first
    assert "Model a: 1 / 2 USD per million prompt / output tokens" in first
    assert "Model b:" not in first, "nothing is known of it, so nothing is said"
    assert "check=b, the others as chosen then: accuracy 0.75, 0.0001 USD a call" in first
    assert "Found now" not in first
    assert "Found now: draft=a, check=b: accuracy 0.00 on 4 examples, 0.5 USD, 1 s" in second
    assert np.flatnonzero(evidence.counts).tolist() == [SPACE.places["a", "b"], SPACE.places["b", "b"]]
    assert method.ranking(evidence).order[0] == SPACE.places["b", "b"]


def test_a_round_that_adds_nothing_is_the_last() -> None:
    problem = Problem(SPACE, 2, advisor=lambda prompt: '{"draft": "a", "check": "a"}')
    method, evidence = make_selector("lm-proposal", problem, {"rounds": 5}), problem.evidence()
    assert {run.combination for run in method.ask(evidence)} == {0}
    for example in range(2):
        evidence.add(Run(0, example), Outcome(1.0))
    assert method.ask(evidence) == []
