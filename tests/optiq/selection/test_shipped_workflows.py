"""The workflows of examples/select fit their examples; the metric of one judges queries by what they find."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import pytest

from optiq.selection.examples import read_examples
from optiq.selection.stages import read_workflow

FOLDER = Path(__file__).parents[3] / "examples" / "select"
WORKFLOWS = {
    "draft_and_answer.yaml": "../questions_calibrate.csv",
    "fact_check.yaml": "facts.jsonl",
    "impute_country.yaml": "places.jsonl",
    "text_to_sql.yaml": "shop.jsonl",
}


def test_every_workflow_that_ships_is_known_here():
    assert {path.name for path in FOLDER.glob("*.yaml")} == set(WORKFLOWS)


@pytest.mark.parametrize("name", WORKFLOWS)
def test_a_workflow_reads_columns_that_its_examples_have(name):
    subject = read_workflow(FOLDER / name)
    examples = read_examples(FOLDER / WORKFLOWS[name], as_questions=True)
    assert not examples.set_aside
    subject.check(examples.kept)
    assert all(example.expected for example in examples.kept)


@pytest.fixture(scope="module")
def shop():
    spec = importlib.util.spec_from_file_location("shop", FOLDER / "shop.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_every_reference_query_finds_what_it_finds(shop):
    for example in read_examples(FOLDER / "shop.jsonl", as_questions=True).kept:
        assert shop.same_rows(example.expected, example.expected) == 1.0
        assert shop.rows(example.expected)


JUDGED = {
    "other words for the same": ("SELECT COUNT(id) FROM customers", 1.0),
    "other rows": ("SELECT COUNT(*) FROM orders", 0.0),
    "no query": ("There are four customers.", 0.0),
    "nothing": ("", 0.0),
    "writes": ("DELETE FROM customers", 0.0),
    "two": ("SELECT 4; SELECT 4", 0.0),
    "reads a file": ("ATTACH 'elsewhere.db' AS other", 0.0),
    "never ends": (
        "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT COUNT(*) FROM n",
        0.0,
    ),
}


@pytest.mark.parametrize("case", JUDGED)
def test_a_query_is_judged_by_its_rows(shop, case):
    made, score = JUDGED[case]
    assert shop.same_rows("select count(*) from customers", made) == score
