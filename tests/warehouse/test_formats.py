"""The page on files is true: its columns are those of the code, and its examples are read, landed and published."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

import warehouse.ingestion.history as histories
import warehouse.ingestion.priors as priors
import warehouse.ingestion.statistics as statistics
import warehouse.ingestion.traces as traces
from optiq.files.tables import read_table
from optiq.plans.plan_file import read_plans
from optiq.questions.answer_file import ANSWER_SCHEMA
from optiq.questions.question_file import COLUMNS, read_questions
from optiq.scoring import SCORES
from optiq.scoring.references import LABELLED, read_answers, read_references
from tasks.scoring import score_file
from warehouse.home import Home
from warehouse.ingest import ingest_priors, ingest_statistics, ingest_traces
from warehouse.ingestion.calls import KEYS
from warehouse.query import query
from warehouse.refresh import refresh

PAGE = (Path(__file__).parents[2] / "docs" / "formats.md").read_text(encoding="utf-8")
EXAMPLES = {
    (kind, size): (suffix, text)
    for suffix, kind, size, text in re.findall(r"^```(\w+) (\w+) (\w+)\n(.*?)^```$", PAGE, re.M | re.S)
}
INGEST = {
    "priors": ingest_priors,
    "statistics": ingest_statistics,
    "traces": ingest_traces,
    "histories": ingest_traces,
}
KNOWN = {
    "Questions": COLUMNS,
    "Answers": tuple(ANSWER_SCHEMA),
    "References": LABELLED,
    "Scored answers": ("kind", "reference", "scores", "qoa_metric", *(f"score_{name}" for name in SCORES)),
    "Priors": priors.COLUMNS,
    "Statistics": statistics.COLUMNS,
    "Traces": traces.COLUMNS,
    "Calls": KEYS,
    "Histories": histories.COLUMNS,
    "Plans": ("plan", "models", "edges"),
}


def example(folder: Path, kind: str, size: str) -> Path:
    suffix, text = EXAMPLES[kind, size]
    path = folder / f"{kind}_{size}.{suffix}"
    path.write_text(text, encoding="utf-8")
    return path


@pytest.mark.parametrize("section", KNOWN)
def test_every_column_is_on_the_page(section: str) -> None:
    (body,) = re.findall(rf"^##+ {section}$(.*?)(?=^##|\Z)", PAGE, re.M | re.S)
    table = body.split("| meaning |", 1)[1].split("\n\n", 1)[0]
    cells = [line.split("|")[1] for line in table.splitlines() if line.startswith("| `")]
    assert sorted(re.findall(r"`(\w+)`", " ".join(cells))) == sorted(KNOWN[section])


def test_every_file_has_a_minimal_and_a_full_example() -> None:
    kinds = {kind for kind, _ in EXAMPLES}
    assert kinds == {
        "questions",
        "answers",
        "references",
        "priors",
        "statistics",
        "traces",
        "histories",
        "plans",
    }
    assert {(kind, size) for kind in kinds for size in ("minimal", "full")} <= EXAMPLES.keys()


@pytest.mark.parametrize(
    ("kind", "left_out"),
    [
        ("questions", ()),
        ("answers", ()),
        ("references", ()),
        ("priors", ()),
        ("statistics", ("plan_key", "model")),
        ("traces", ("plan_key", "options")),
        ("histories", ("generation_accuracy",)),
    ],
)
def test_a_full_example_has_every_column(tmp_path: Path, kind: str, left_out: tuple[str, ...]) -> None:
    found = read_table(example(tmp_path, kind, "full"))
    assert sorted((*found.columns, *left_out)) == sorted(KNOWN[kind.capitalize()])
    if kind == "traces":
        assert sorted(found["calls"].explode().struct.fields) == sorted(KEYS)


def test_questions_answers_references_and_plans_are_read(tmp_path: Path) -> None:
    for size in ("minimal", "full"):
        questions = read_questions(example(tmp_path, "questions", size))
        assert questions.questions
        assert not questions.invalid
        assert read_plans(example(tmp_path, "plans", size))
        answers, references = (example(tmp_path, kind, size) for kind in ("answers", "references"))
        assert read_answers(answers)[0].height
        assert read_references(references)[0]
        scored = tmp_path / "scored.csv"
        report = score_file.fn(str(answers), str(references), str(scored), str(tmp_path / "home"))
        assert (report["judged"], report["qoa"]) == (1, 1.0)
        assert set(KNOWN["Scored answers"]) <= set(read_table(scored).columns)


def test_what_is_to_be_ingested_is_published_whole(home: Home, tmp_path: Path) -> None:
    for kind, size in EXAMPLES:
        if kind in INGEST:
            report = INGEST[kind](home, [example(tmp_path, kind, size)])
            assert report.n_landed
            assert not report.reasons
            assert not [note for notes in report.notes.values() for note in notes if note.rows is None]
    assert refresh(home).published
    assert query(home.perfdb, "select count(*) from quarantine").row(0) == (0,)
    found = query(home.perfdb, "select qoa_source, count(*) from executions group by all order by all").rows()
    assert found == [("given", 4), ("scored", 1)]
