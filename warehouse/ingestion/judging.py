"""Traces that bring a reference but no quality: their answers are scored by the rules of :mod:`optiq.scoring`.

As in a run of our own, each node's output is scored too: it is the answer of the sub-plan that ends there.
"""

from __future__ import annotations

from collections.abc import Mapping

import polars as pl

from optiq.errors import InputError
from optiq.plans.plan import Plan
from optiq.questions.question import Kind, Question
from optiq.scoring.references import KnownQuestion, question_of
from warehouse.ingestion.notes import Notes
from warehouse.rules import ROW

SCORED = "qoa scored by the rules of docs/scoring.md, from the reference"
UNFIT = "a reference that names no option, or too many: not scored"
_UNDECIDED = "a reference, but no qoa: no rule decides without the package of the embedding model"


def score_unjudged(
    rows: pl.DataFrame, flat: pl.DataFrame, options: Mapping[int, tuple[str, ...]], notes: Notes
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """``rows`` (executions) and ``flat`` (their calls) with the scores of answers that have none.

    ``options`` are those of the questions by ``row_number``, as far as they are given. Where the answer is left out,
    it is read from the output of the last node.
    """
    waiting = rows.filter(
        (pl.col("status") == "answered") & pl.col("qoa").is_null() & pl.col("reference").is_not_null()
    )
    if waiting.is_empty():
        return rows, flat
    from optiq.scoring import SCORES, score_many
    from optiq.scoring.answers import node_answer, parse_answer

    outputs: dict[int, dict[int, str | None]] = {}
    told = flat.filter(pl.col("output").is_not_null() & pl.col("error").is_null())
    for number, node, output in told.select(ROW, "node", "output").iter_rows():
        outputs.setdefault(number, {})[node] = output
    items: list[tuple[Question, str]] = []
    places: list[tuple[int, int | None]] = []
    texts: dict[int, str] = {}
    for row in waiting.select(ROW, "question", "kind", "reference", "answer", "plan_key").iter_rows(
        named=True
    ):
        number, plan = row[ROW], Plan.from_key(row["plan_key"])
        said = outputs.get(number, {})
        asked = KnownQuestion(row["question"] or "", (), Kind(row["kind"]))
        try:
            cells = {"reference": row["reference"], "options": list(options.get(number, ()))}
            question = question_of(str(number), cells, asked)
        except InputError:
            notes.count(UNFIT, 1)
            continue
        nodes = {node: node_answer(question, plan, node, said) for node in said}
        answer = nodes.get(plan.sink) if row["answer"] is None else parse_answer(question, row["answer"])
        if answer is None:
            continue
        texts[number] = row["answer"] or answer
        places += [(number, None), *((number, node) for node in nodes)]
        items += [(question, text) for text in (answer, *nodes.values())]
    found = list(zip(places, score_many(items), strict=True))
    wholes = [
        {ROW: number, "answer": texts[number], "qoa": scores.qoa, **scores.columns()}
        for (number, node), scores in found
        if node is None
    ]
    parts = [(number, node, scores.qoa) for (number, node), scores in found if node is not None]
    judged = sum(row["qoa"] is not None for row in wholes)
    notes.count(SCORED, judged)
    notes.count(_UNDECIDED, len(wholes) - judged)
    scored = ("answer", "qoa", *(f"score_{name}" for name in SCORES))
    new = pl.DataFrame(
        wholes, schema={ROW: pl.Int64, **{name: rows.schema[name] for name in scored}}
    ).with_columns(qoa_source=pl.when(pl.col("qoa").is_not_null()).then(pl.lit("scored")))
    node_scores = pl.DataFrame(
        parts, schema={ROW: pl.Int64, "node": pl.Int64, "subplan_qoa": pl.Float64}, orient="row"
    )
    return _filled(rows, new, [ROW]), _filled(flat, node_scores, [ROW, "node"])


def with_quality_of_answers(rows: pl.DataFrame, flat: pl.DataFrame) -> pl.DataFrame:
    """``flat`` (calls of ``rows``) with the quality of the run at the call that gave the answer, where it has none of
    its own: it is the quality of what ends there. That of a failed run judges no answer.
    """
    judged = (pl.col("status") == "answered") & pl.col("qoa").is_not_null()
    last = pl.col("plan_key").str.extract(r"^(\d+):").cast(pl.Int64) - 1
    return _filled(
        flat, rows.filter(judged).select(ROW, last.alias("node"), subplan_qoa="qoa"), [ROW, "node"]
    )


def _filled(table: pl.DataFrame, new: pl.DataFrame, keys: list[str]) -> pl.DataFrame:
    """``table`` with the columns of ``new`` where it has nothing itself."""
    names = [name for name in new.columns if name not in keys]
    joined = table.join(new, on=keys, how="left", maintain_order="left", suffix="_new")
    return joined.with_columns(pl.coalesce(name, f"{name}_new").alias(name) for name in names).drop(
        f"{name}_new" for name in names
    )
