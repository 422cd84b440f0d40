"""What an advisor is told: what the roles do, what the models cost, and what came of them before."""

from __future__ import annotations

import math

from optiq.execution.accounting import Prices, Tariff
from optiq.plans.plan import Plan
from optiq.questions.metric import COST
from optiq.selection.performing import figures_of
from optiq.selection.protocol import Known
from optiq.selection.space import Space
from optiq.selection.stages import StagedSubject
from optiq.selection.subjects import Subject, role_topic
from optiq.statistics.snapshot import ANY_TOPIC, Statistics

_LONGEST = 400
"""Characters of a description."""


def known_of(subject: Subject, space: Space, prices: Prices | None) -> Known:
    """What can be told of the roles and models of a selection, from its subject and PerfDB."""
    roles: dict[str, str] = {}
    if isinstance(subject, StagedSubject):
        prompts = {stage.name: " ".join(stage.prompt.split()) for stage in subject.stages if stage.prompt}
        roles = {name: f"is asked: {prompt[:_LONGEST]}" for name, prompt in prompts.items()}
    models = {}
    for model in dict.fromkeys(model for candidates in space.candidates for model in candidates):
        tariff = Tariff.at(COST, figures_of(prices, model))
        said = []
        if tariff.known:
            said.append(
                f"{tariff.prompt * 1e6:g} / {tariff.output * 1e6:g} USD per million prompt / output tokens"
            )
        if isinstance(prices, Statistics):
            record = prices.records(ANY_TOPIC).get(Plan.of([model]).key)
            if record is not None and not math.isnan(record.qoa):
                said.append(f"quality {record.qoa:.2f} over all topics")
        if said:
            models[model] = "; ".join(said)
    return Known(roles, models, _past(subject, space, prices) if isinstance(prices, Statistics) else ())


def _past(subject: Subject, space: Space, statistics: Statistics) -> tuple[str, ...]:
    """What earlier selections for this subject have found of models in roles."""
    lines = []
    for role, candidates in zip(space.roles, space.candidates, strict=True):
        if (topic := role_topic(subject, role)) is None:
            continue
        records = statistics.records(topic)
        for model in candidates:
            record = records.get(Plan.of([model]).key)
            if record is None or math.isnan(record.qoa):
                continue
            cost = "" if math.isnan(record.cost_usd) else f", {record.cost_usd:.3g} USD a call"
            lines.append(f"{role}={model}, the others as chosen then: accuracy {record.qoa:.2f}{cost}")
    return tuple(lines)
