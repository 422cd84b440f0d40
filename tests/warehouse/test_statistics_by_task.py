"""Open questions and questions with options have statistics of their own; repeats are not independent."""

from __future__ import annotations

from typing import Any

import duckdb
import pytest

import sql
from optiq.estimation.catalog import Catalog
from optiq.plans.plan import Plan
from optiq.prompts.output_lengths import TYPICAL_OUTPUT_TOKENS, Longest
from optiq.prompts.shape import PromptShape
from optiq.questions.question import Kind
from warehouse.home import Home
from warehouse.ingest import ingest_statistics
from warehouse.landing import land_traces
from warehouse.migrate import migrations
from warehouse.query import query
from warehouse.refresh import refresh
from warehouse.statistics import load_statistics

A = Plan.of(["smollm2:135m"])
CHAIN = Plan.of(["smollm2:135m", "gemma3:270m"], [(0, 1)])


def learn(home: Home, traces: Any, rows: list[dict[str, Any]]) -> None:
    land_traces(home, traces(*rows))
    refresh(home, full_gate=False, half_life_days=None)


def test_choice_results_do_not_pull_open_figures_down(home: Home, traces: Any) -> None:
    right = [traces.execution(CHAIN, i, qoa=1.0) for i in range(20)]
    wrong = [traces.execution(CHAIN, 100 + i, qoa=0.0, kind="choice") for i in range(20)]
    wrong += [traces.execution(CHAIN, 200 + i, qoa=0.0, kind="multi") for i in range(20)]
    learn(home, traces, [*right, *wrong])
    rows = query(home.perfdb, f"from plan_statistics where topic = 'geography' and plan_key = '{CHAIN.key}'")
    assert dict(rows.select("task", "observed_qoa").rows()) == {"open": 1.0, "choice": 0.0}
    statistics = load_statistics(home.perfdb)
    assert statistics.records("geography", Kind.OPEN)[CHAIN.key].n_observations == 20
    assert statistics.records("geography", Kind.MULTI)[CHAIN.key].n_observations == 40
    assert statistics.records("geography")[CHAIN.key].n_observations == 60
    for name in ("smollm2:135m", "gemma3:270m"):
        good, bad = (statistics.figures(name, "geography", kind).qoa for kind in ("open", "choice"))
        # gemma3 alone was never seen, only its answers behind smollm2.
        assert good > bad if name == "smollm2:135m" else good == pytest.approx(0.7)
    best = query(home.perfdb, "select task, model from best_model_per_topic where topic = 'geography'")
    assert best["task"].to_list() == ["choice", "open"]


def test_what_is_published_without_a_task_is_the_start_of_each(
    home: Home, traces: Any, tmp_path: Any
) -> None:
    file = tmp_path / "s.csv"
    file.write_text(
        "topic,task,plan_key,n_observations,latency_s,qoa,source\n"
        f"geography,,{CHAIN.key},1000,4.0,0.9,bench\n"
        f"law,choice,{CHAIN.key},1000,4.0,0.3,bench\n"
        f"law,,{CHAIN.key},1000,4.0,0.5,bench\n"
        f"law,sung,{CHAIN.key},1000,4.0,0.5,bench\n"
    )
    assert ingest_statistics(home, [file]).n_quarantined == 1
    refresh(home, full_gate=False)
    before = load_statistics(home.perfdb)
    assert [before.records("geography", kind)[CHAIN.key].qoa for kind in ("open", "choice")] == [0.9, 0.9]
    assert [before.records("law", kind)[CHAIN.key].qoa for kind in ("open", "choice")] == [0.5, 0.3]
    learn(home, traces, [traces.execution(CHAIN, 1, qoa=0.0, kind="choice")])
    after = load_statistics(home.perfdb)
    # 5 of the published observations count against one answer; open questions keep what is published.
    assert after.records("geography", "choice")[CHAIN.key].qoa == pytest.approx(5 * 0.9 / 6)
    assert after.records("geography", "choice")[CHAIN.key].latency_s == pytest.approx((5 * 4 + 2) / 6)
    assert after.records("geography", "open")[CHAIN.key].qoa == 0.9


def test_repeats_of_a_question_count_as_one_observation(home: Home, traces: Any) -> None:
    def asked(topic: str, n_questions: int) -> list[dict[str, Any]]:
        offset = 100 * n_questions
        return [
            traces.execution(A, offset + i, qoa=0.0, topic=topic, question=f"{topic} {i % n_questions}")
            for i in range(40)
        ]

    learn(home, traces, [*asked("art", 2), *asked("law", 40)])
    where = f"where plan_key = '{A.key}' and task = 'open' and topic in ('art', 'law') order by topic"
    rows = query(home.perfdb, f"from plan_statistics {where}")
    assert rows.select("topic", "n_qoa", "n_questions", "weight_qoa").rows() == [
        ("art", 40, 2, pytest.approx(2)),
        ("law", 40, 40, pytest.approx(40)),
    ]
    assert rows["qoa"][0] == pytest.approx(5 * rows["prior_qoa"][0] / (5 + 2))
    assert rows["provenance"][0].startswith("observed n=40 on 2 questions, prior worth ")
    # The same questions in a later refresh are no new ones.
    again = [{**row, "execution_id": f"again {row['execution_id']}"} for row in asked("art", 2)]
    learn(home, traces, again)
    rows = query(home.perfdb, f"from plan_statistics {where}")
    assert rows.select("n_qoa", "n_questions").row(0) == (80, 2)
    doubtful = query(home.perfdb, "select topic, n_questions from too_few_observations where n_qoa > 0")
    assert doubtful.rows() == [("art", 2)]


def test_a_question_asked_often_weighs_as_one_asked_once(home: Home, traces: Any) -> None:
    """Fifty wrong answers to one question and right ones to four others: four of five are right, night after night."""
    wrong = [traces.execution(A, i, qoa=0.0, topic="art", question="asked by everybody") for i in range(50)]
    right = [traces.execution(A, 50 + i, qoa=1.0, topic="art", question=f"asked once {i}") for i in range(4)]
    right[0]["started_at"] = None  # nobody knows when
    unlabelled = [
        {**row, "execution_id": f"* {row['execution_id']}", "topic": None} for row in [*wrong, *right]
    ]
    where = f"where plan_key = '{A.key}' and task = 'open'"

    def qualities() -> dict[str, float]:
        return dict(query(home.perfdb, f"select topic, observed_qoa from plan_statistics {where}").rows())

    learn(home, traces, [*wrong[:25], *right, *unlabelled])
    assert qualities() == {"art": pytest.approx(0.8), "*": pytest.approx(0.8)}
    learn(home, traces, wrong[25:])
    assert qualities() == {"art": pytest.approx(0.8), "*": pytest.approx(0.8)}
    figures = query(
        home.perfdb,
        "select observed_value, n_questions from model_figures where metric = 'qoa' and topic = 'art'",
    )
    assert figures.rows() == [(pytest.approx(0.8), 5)]


def test_calls_that_do_not_tell_the_weights_leave_what_is_known(home: Home, traces: Any) -> None:
    """Selections and many servers only repeat the name of the model; earlier topics must not vanish for that."""
    told = {"digest": "weights of january"}
    learn(home, traces, [traces.execution(A, i, topic="art", call=told) for i in range(6)])
    learn(home, traces, [traces.execution(A, 100 + i, topic="workflow/draft") for i in range(3)])
    rows = query(home.perfdb, f"select topic, n_observations from plan_statistics where plan_key = '{A.key}'")
    assert {("art", 6), ("workflow/draft", 3), ("*", 9)} <= set(rows.rows())


def test_an_older_perfdb_is_migrated_without_losing_anything(home: Home, traces: Any) -> None:
    rows = [traces.execution(CHAIN, i, kind=("open", "choice")[i % 2], qoa=(i % 3) / 2) for i in range(30)]
    rows += [traces.execution(A, 100 + i, qoa=None if i % 4 else 0.5) for i in range(10)]
    learn(home, traces, [*rows, traces.execution(A, 200, call={"digest": "new"})])
    older = home.work / "older.duckdb"
    with duckdb.connect(str(older)) as connection:
        connection.execute(f"attach '{home.perfdb}' as now (type duckdb, read_only)")
        for version, name in migrations():
            if version <= 5:
                connection.execute(sql.read(name))
        connection.execute("create table schema_versions as from now.schema_versions where version <= 5")
        for (table,) in connection.execute(
            "select table_name from duckdb_tables() where database_name = 'older' "
            "and table_name not in ('schema_versions', 'plan_statistics', 'model_figures')"
        ).fetchall():
            columns = connection.execute(
                "select column_name from duckdb_columns() where table_name = ? group by all having count(*) = 2",
                [table],
            ).fetchall()
            names = ", ".join(f'"{column}"' for (column,) in columns)
            connection.execute(f"insert into {table} ({names}) select {names} from now.{table}")
    kept = ("executions", "calls", "plan_days", "plan_questions", "plan_statistics", "model_figures")
    before = {table: query(home.perfdb, f"from {table} order by all") for table in kept}
    older.replace(home.perfdb)
    assert refresh(home, full_gate=False, half_life_days=None).published
    for table in kept:
        assert query(home.perfdb, f"from {table} order by all").equals(before[table]), table


def test_figures_have_statistics_of_their_own_and_those_of_facts_until_then(home: Home, traces: Any) -> None:
    learn(home, traces, [traces.execution(A, i, qoa=1.0) for i in range(20)])
    facts = load_statistics(home.perfdb)
    assert facts.records("geography", Kind.NUMBER) == facts.records("geography", Kind.OPEN)
    learn(home, traces, [traces.execution(A, 100 + i, qoa=0.0, kind="number") for i in range(30)])
    both = load_statistics(home.perfdb)
    assert both.records("geography", Kind.NUMBER)[A.key].n_observations == 30
    assert both.records("geography", Kind.OPEN)[A.key].n_observations == 20
    name = A.models[0]
    number, fact = (both.figures(name, "geography", kind).qoa for kind in (Kind.NUMBER, Kind.OPEN))
    assert number < 0.3 < 0.7 < fact


def test_the_length_of_a_form_starts_from_no_other_form(home: Home, traces: Any) -> None:
    def said(i: int, tokens: int, kind: str) -> dict[str, Any]:
        one = traces.execution(A, i, kind=kind)
        return {**one, "calls": [{**call, "output_tokens": tokens} for call in one["calls"]]}

    learn(home, traces, [said(i, 10, "open") for i in range(20)] + [said(100, 240, "long")])
    known = load_statistics(home.perfdb)
    shape = PromptShape(40, longest=Longest(1024, 0))
    long, code = (
        Catalog(known, "*", kind, shape, None).output_tokens(A.models[0]) for kind in (Kind.LONG, Kind.CODE)
    )
    assert long == 240
    assert code == TYPICAL_OUTPUT_TOKENS["code"]


def test_what_was_executed_before_figures_were_told_apart_stays_among_facts() -> None:
    connection = duckdb.connect()
    for _, name in migrations():
        if name.endswith("task_of_executions"):
            kinds = "('a', 'number'), ('b', 'multi'), ('c', null), ('d', 'long')"
            connection.execute(
                "insert into executions by name "
                "select *, '*' as topic, '1:0:a' as plan_key, 'answered' as status, 1 as ingestion "
                f"from (values {kinds}) as t(execution_id, kind)"
            )
        connection.execute(sql.read(name))
    tasks = connection.execute("select task from executions order by execution_id").fetchall()
    assert tasks == [("open",), ("choice",), ("open",), ("long",)]
