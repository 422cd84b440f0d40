"""`optiq ask` as a person and as a program see it."""

import json
import shutil

import pytest

from flows.command_line.present import provenance_rows
from optiq.estimation.estimates import Estimate, Source
from optiq.plans.plan import Plan
from optiq.questions.answer_file import answer_text
from optiq.questions.question import Kind, Question

CITIES = Question("1", "Where?", options=("Oslo", "Bergen", "Oslo, Bergen"), kind=Kind.MULTI)


@pytest.mark.parametrize(
    ("answer", "text"),
    [("B", "Bergen"), ("A, B", "Oslo, Bergen"), ("neither", "neither"), (None, None), ("Z", "Z")],
)
def test_letters_are_read_as_the_texts_of_the_options(answer: str | None, text: str | None) -> None:
    assert answer_text(answer, CITIES) == text


def test_figures_of_a_node_with_one_source_share_a_row() -> None:
    sources = (
        Source(0, "cost_usd", "exact n=5"),
        Source(0, "latency_s", "exact n=5"),
        Source(0, "qoa", "prior: a"),
        Source(1, "qoa", "prior: a"),
    )
    estimate = Estimate(Plan.of(["m", "n"], [(0, 1)]), 1.0, 1.0, 1.0, 1.0, provenance=sources)
    assert provenance_rows(estimate) == [
        ["0", "m", "cost_usd, latency_s", "exact n=5"],
        ["0", "m", "qoa", "prior: a"],
        ["1", "n", "qoa", "prior: a"],
    ]


def test_json_holds_plan_and_topics_as_objects(optiq) -> None:
    result = optiq(
        "ask", "Which is a city?", "--option", "Oslo", "--option", "Iron", "--server", "embedded",
        "--topic", "geography", "--json",
    )  # fmt: skip
    row = json.loads(result.out)
    assert set(row["plan"]) == {"models", "edges"}
    assert row["topics"] == [{"topic": "geography", "weight": 1.0}]
    assert row["answer_text"] == {"A": "Oslo", "B": "Iron"}.get(row["answer"], row["answer"])


def test_a_home_that_cannot_be_written_still_answers(optiq, home) -> None:
    for name in ("cache", "landing"):  # a file where a folder must be: nobody can write there, not even root
        shutil.rmtree(home / name, ignore_errors=True)
        (home / name).write_text("")
    result = optiq("ask", "What is the capital of Norway?", "--server", "embedded", "--topic", "geography")
    assert result.code == 0
    assert result.out.strip()
    assert "not recorded" in result.err
    assert "not kept" in result.err


def test_the_version_is_told(optiq) -> None:
    assert optiq("--version").out.startswith("optiq ")
