"""Questions without references: what models make of them alone, and how good that says they are."""

from __future__ import annotations

import math
from collections.abc import Hashable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

import numpy as np
import polars as pl

from optiq.calibration.agreement import Agreement, agreement
from optiq.files.tables import write_table
from optiq.questions.question import Question
from optiq.scoring import containment, exact_match, numeric_equality
from optiq.statistics.snapshot import ANY_TOPIC
from warehouse.home import Home

FEWEST = 10
"""Questions that a model must have answered with others before agreement says what it is worth."""

LABELLED = 20
"""Questions that a person is asked about at most."""

Answers = Mapping[str, Mapping[str, str]]
"""By question_id what each model said."""


def meanings(question: Question, answers: Mapping[str, str]) -> dict[str, Hashable]:
    """What each model said, alike where it means the same."""
    if question.kind.has_options:
        return {model: frozenset(part.strip() for part in said.split(",")) for model, said in answers.items()}
    found: dict[str, Hashable] = {}
    kinds: list[str] = []
    for model, said in sorted(answers.items(), key=lambda item: (len(item[1]), item)):
        like = next((i for i, other in enumerate(kinds) if _same(said, other)), None)
        if like is None:
            kinds.append(said)
            like = len(kinds) - 1
        found[model] = like
    return found


def _same(answer: str, other: str) -> bool:
    if exact_match(answer, other) == 1 or containment(answer, other) == 1:
        return True
    return numeric_equality(answer, other) == 1


def agreed(
    questions: Sequence[Question], answers: Answers, seed: int = 0
) -> dict[tuple[str, str], tuple[Agreement, list[Question]]]:
    """Per topic (any among them) and task what agreement says, with the questions that it stands on."""
    groups: dict[tuple[str, str], list[Question]] = {}
    for question in questions:
        topics = [] if question.topics_inferred else list(question.topic_names)
        for topic in dict.fromkeys([ANY_TOPIC, *topics]):
            groups.setdefault((topic, question.kind.task), []).append(question)
    found = {}
    for scope, asked in sorted(groups.items()):
        rows = [meanings(question, answers.get(question.question_id, {})) for question in asked]
        options = [len(question.options) if question.kind.has_options else 0 for question in asked]
        found[scope] = agreement(rows, options, seed), asked
    return found


def land_consensus(
    home: Home, found: Mapping[tuple[str, str], tuple[Agreement, list[Question]]]
) -> list[dict[str, Any]]:
    """Land what agreement says as published quality with the provenance ``consensus``; returns it as rows.

    Only of tasks that PerfDB takes figures of, and models that answered enough questions with others.
    """
    from warehouse.ingestion.priors import PRIOR_COLUMNS, TASKS
    from warehouse.landing import land

    today = datetime.now(UTC).date()
    shown: list[dict[str, Any]] = []
    rows: list[tuple[Any, ...]] = []
    for (topic, task), (said, _) in found.items():
        for place, model in enumerate(said.models):
            n = int(said.answered[place])
            qoa = float(said.accuracy[place])
            if n < FEWEST or math.isnan(qoa):
                continue
            low, high = float(said.low[place]), float(said.high[place])
            shown.append(
                {
                    "model": model,
                    "topic": topic,
                    "task": task,
                    "questions": n,
                    "qoa": qoa,
                    "low": low,
                    "high": high,
                }
            )
            if topic == ANY_TOPIC and task in TASKS:
                source = (
                    f"consensus: agreement of {len(said.models)} models on {n} questions without references "
                    f"({low:.2f} to {high:.2f})"
                )
                rows.append((model, task, "qoa", qoa, source, today, len(rows) + 1))
            elif topic != ANY_TOPIC:
                source = (
                    f"consensus: agreement of {len(said.models)} models on {n} questions without references"
                )
                rows.append((model, topic, "qoa", qoa, source, today, len(rows) + 1))
    if rows:
        land(home, "priors", pl.DataFrame(rows, schema=PRIOR_COLUMNS, orient="row"), "consensus")
    return shown


def write_labels(
    path: str,
    found: Mapping[tuple[str, str], tuple[Agreement, list[Question]]],
    answers: Answers,
    most: int = LABELLED,
) -> int:
    """Write the questions where a label would tell models apart most, for a person to fill the references in.

    Those on which the models that look best disagree, and of which it is least sure what is right. Returns how many.
    """
    asked: list[tuple[float, Question]] = []
    for (topic, _), (said, questions) in found.items():
        if topic != ANY_TOPIC:
            continue
        order = [said.models[i] for i in np.argsort(-np.nan_to_num(said.accuracy, nan=-1.0), kind="stable")]
        for question, (_, sure) in zip(questions, said.right, strict=True):
            told = meanings(question, answers.get(question.question_id, {}))
            best = [told[model] for model in order if model in told][:2]
            if len(best) == 2 and best[0] != best[1]:
                asked.append((abs(sure - 0.5), question))
    asked.sort(key=lambda one: (one[0], one[1].question_id))
    models = sorted({model for said in answers.values() for model in said})
    columns = ["question_id", "question", *models, "reference"]
    rows = [
        {
            "question_id": question.question_id,
            "question": question.text,
            **{model: answers.get(question.question_id, {}).get(model) for model in models},
            "reference": None,
        }
        for _, question in asked[:most]
    ]
    schema = dict.fromkeys(columns, pl.String)
    write_table(pl.DataFrame(rows, schema=schema), path)
    return len(rows)
