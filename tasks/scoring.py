"""Task that scores answers when the references come after the run, and lands what it finds for the traces."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import polars as pl

from optiq.errors import InputError, OptiqWarning
from optiq.questions.question import Kind, Question
from optiq.questions.question_cells import topics_in
from optiq.questions.reading import AS_IT_IS, Reading
from optiq.scoring import SCORES, Scores, score_many
from optiq.scoring.metrics import JUDGE, USUAL, Metrics
from optiq.scoring.references import KnownQuestion, joined, question_of, read_answers, read_references
from tasks.orchestration import step
from warehouse.find_home import find_home
from warehouse.home import Home

NO_TOPIC = "*"
_JUDGED = ("kind", "reference", "observed_qoa", "scores", "qoa_metric")


@step
def score_file(
    answers: str,
    references: str,
    output: str | None,
    perfdb: str | None,
    metrics: Metrics = USUAL,
    reading: Reading = AS_IT_IS,
) -> dict[str, Any]:
    """Score ``answers`` by ``references``, write them to ``output`` and land the scores of their executions."""
    from optiq.files.output_place import tell_replaced
    from optiq.files.tables import check_writable, write_table
    from optiq.scoring.answers import parse_answer
    from warehouse.scores import executions_of

    if Path(references).resolve() == Path(answers).resolve():
        raise InputError(f"{references} is the answers file itself", "Give another file for the references.")
    metrics.check()
    if any(name == JUDGE for _, name in metrics.named):
        raise InputError(
            "a judge grades answers while they are made",
            "Name another metric, or answer with --metric judge.",
        )
    if output is not None:
        check_writable(output, answers, references)
        tell_replaced(output)
    frame, twice_answered = read_answers(answers, reading)
    given, unsure = read_references(references, reading)
    home = find_home(perfdb)
    runs = _column(frame, "run_id")
    wanted = frame.select(runs, "question_id").drop_nulls().unique()
    executions = executions_of(home, wanted)
    asked = _recorded(executions) | _from_runs(frame, home)
    labelled, unfit = joined(given, _texts(frame, asked))
    known = set(frame["question_id"])
    unknown = [name for name in labelled if name not in known]
    if len(unknown) == len(labelled):
        raise InputError(
            f"no question_id of {references} is in {answers} "
            f"({unfit[0] if unfit else f'{references} has {unknown[0]!r}'})",
            "Give the references of the questions that were answered.",
        )
    questions, faults = _questions(frame, labelled, reading, asked)
    faults = twice_answered + unsure + unfit + faults
    own = [(questions.get(n), a if s == "answered" else None) for n, s, a in _answers(frame)]
    if "run_id" not in frame.columns:  # of another tool: the answers may be whole outputs
        own = [(q, parse_answer(q, a) if q is not None and a is not None else a) for q, a in own]
    outputs = [
        (row["execution_id"], call["node"], questions[row["question_id"]], call["output"])
        for row in executions.iter_rows(named=True)
        if row["question_id"] in questions
        for call in row["calls"] or ()
    ]
    # One run of the embedding model over everything: most outputs repeat an answer.
    items = [(question, answer) for question, answer in own if question is not None]
    items += [(question, parse_answer(question, text)) for _, _, question, text in outputs]
    scores = iter(score_many(items, metrics))
    judged = [next(scores) if question is not None else Scores() for question, _ in own]
    by_node = {(name, node): found for (name, node, _, _), found in zip(outputs, scores, strict=True)}
    scored = _scored(frame, [question for question, _ in own], judged)
    if output is not None:
        write_table(_keeping(frame, scored, [question is not None for question, _ in own]), output)
    landed = _land(home, executions, questions, by_node, answers)
    return {
        "answers": frame.height,
        "judged": sum(found.qoa is not None for found in judged),
        "without_reference": sum(name not in labelled for name in frame["question_id"]),
        "references_without_answer": len(unknown),
        "references_unusable": len(faults),
        "executions": landed,
        "qoa": _mean([found.qoa for found in judged]),
        "scores": {name: _mean([getattr(found, name) for found in judged]) for name in SCORES},
        "by": {name: _by(scored, name) for name in ("status", "kind", "topic")},
        "faults": faults[:5],
        "unknown": unknown[:5],
        "output": output,
    }


def _answers(frame: pl.DataFrame) -> list[tuple[str, str, str | None]]:
    return list(frame.select("question_id", "status", "answer").iter_rows())


def _questions(
    frame: pl.DataFrame,
    labelled: dict[str, dict[str, Any]],
    reading: Reading,
    asked: dict[str, KnownQuestion],
) -> tuple[dict[str, Question], list[str]]:
    """The questions that can be judged by id, and why others cannot."""
    questions, faults = {}, []
    for name in dict.fromkeys(frame["question_id"]):
        if name in labelled:
            try:
                questions[name] = question_of(name, labelled[name], asked.get(name, KnownQuestion()), reading)
            except InputError as fault:
                faults.append(f"question_id {name}: {fault}")
    return questions, faults


def _texts(frame: pl.DataFrame, asked: dict[str, KnownQuestion]) -> dict[str, str]:
    """What was asked, by id: as the answers file says it, else as the run recorded it."""
    found = {name: known.text for name, known in asked.items() if known.text}
    if "question" in frame.columns and frame.schema["question"] == pl.String:
        found |= {name: text for name, text in frame.select("question_id", "question").iter_rows() if text}
    return found


def _recorded(executions: pl.DataFrame) -> dict[str, KnownQuestion]:
    """Text and kind of questions as their executions have them; options are not recorded there."""
    rows = executions.select("question_id", "question", "kind").iter_rows()
    return {name: KnownQuestion(text or "", (), Kind(kind) if kind else None) for name, text, kind in rows}


def _from_runs(frame: pl.DataFrame, home: Home) -> dict[str, KnownQuestion]:
    """The questions of the runs that the answers are from, where their question file is still what it was."""
    from tasks.run_answers import questions_of
    from tasks.run_folder import RunFolder

    found: dict[str, KnownQuestion] = {}
    for run_id in sorted(set(_column(frame, "run_id").drop_nulls())):
        with warnings.catch_warnings():  # of a file that this command was not given
            warnings.simplefilter("ignore", OptiqWarning)
            asked = questions_of(RunFolder(home, str(run_id)).about() or {})
        for question in asked.questions if asked is not None else ():
            found[question.question_id] = KnownQuestion(question.text, question.options, question.kind)
    return found


def _scored(
    frame: pl.DataFrame, questions: Sequence[Question | None], judged: Sequence[Scores]
) -> pl.DataFrame:
    """The answers with what they were judged by, and how."""
    columns: dict[str, list[Any]] = {
        "kind": [question.kind.value if question else None for question in questions],
        "reference": [question.reference if question else None for question in questions],
        "observed_qoa": [found.qoa for found in judged],
        **{f"score_{name}": [getattr(found, name) for found in judged] for name in SCORES},
        "scores": [found.written for found in judged],
        "qoa_metric": [found.metric for found in judged],
    }
    texts = ("kind", "reference", "scores", "qoa_metric")
    types = {name: pl.String() if name in texts else pl.Float64() for name in columns}
    return frame.with_columns(pl.Series(name, values, dtype=types[name]) for name, values in columns.items())


def _keeping(frame: pl.DataFrame, scored: pl.DataFrame, judged: Sequence[bool]) -> pl.DataFrame:
    """``scored`` with what ``frame`` already said of answers that nothing new judges."""
    new = pl.Series(judged, dtype=pl.Boolean)
    kept = [
        pl.when(new)
        .then(scored[name])
        .otherwise(frame[name].cast(scored.schema[name], strict=False))
        .alias(name)
        for name in scored.columns
        if name in frame.columns and (name in _JUDGED or name.startswith("score_"))
    ]
    return scored.with_columns(kept)


def _land(
    home: Home,
    executions: pl.DataFrame,
    questions: dict[str, Question],
    by_node: dict[tuple[str, int], Scores],
    label: str,
) -> int:
    """Land the scores of the executions; returns how many."""
    from optiq.plans.plan import Plan
    from warehouse.scores import SCORE_COLUMNS, land_scores

    rows = []
    for row in executions.iter_rows(named=True):
        name, question = row["execution_id"], questions.get(row["question_id"])
        nodes = [(call["node"], by_node[name, call["node"]]) for call in row["calls"] or () if question]
        nodes = [(node, found) for node, found in nodes if found.qoa is not None]
        if question is None or not nodes:
            continue
        last = dict(nodes).get(Plan.from_key(row["plan_key"]).sink, Scores())
        rows.append(
            {
                "execution_id": name,
                "reference": question.reference,
                "qoa": last.qoa,
                **last.columns(),
                "scores": last.written,
                "qoa_metric": last.metric,
                "nodes": [{"node": node, "qoa": found.qoa} for node, found in nodes],
            }
        )
    if rows:
        land_scores(home, pl.DataFrame(rows, schema=SCORE_COLUMNS), Path(label).stem)
    return len(rows)


def _by(scored: pl.DataFrame, what: str) -> list[dict[str, Any]]:
    """Questions, how many were judged, and their mean QoA, per status, kind or main topic."""
    values = _topics(scored) if what == "topic" else _column(scored, what)
    groups = (
        scored.select(values.alias(what), qoa=pl.col("observed_qoa"))
        .group_by(what)
        .agg(questions=pl.len(), judged=pl.col("qoa").count(), qoa=pl.col("qoa").mean())
        .sort("questions", what, descending=[True, False], nulls_last=True)
    )
    return groups.to_dicts()


def _topics(frame: pl.DataFrame) -> pl.Series:
    """The topic with the highest weight of each answer."""
    cells = _column(frame, "topics").to_list()
    tops = []
    for cell in cells:
        weighted = topics_in(cell) if cell is not None else ()
        tops.append(min(weighted, key=lambda item: (-item[1], item[0]))[0] if weighted else NO_TOPIC)
    return pl.Series("topic", tops, dtype=pl.String)


def _column(frame: pl.DataFrame, name: str) -> pl.Series:
    return frame[name] if name in frame.columns else pl.Series(name, [None] * frame.height, dtype=pl.String)


def _mean(values: Sequence[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return sum(known) / len(known) if known else None
