"""Traces from outside: in our format, and as performance histories."""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from optiq.errors import InputError
from optiq.files.tables import write_table
from optiq.plans.plan import Plan
from warehouse.home import Home
from warehouse.ingest import ingest_priors, ingest_traces
from warehouse.ingestion.judging import SCORED, UNFIT
from warehouse.query import query
from warehouse.refresh import refresh
from warehouse.statistics import load_statistics


def write_lines(path: Path, *rows: dict[str, Any] | str) -> Path:
    path.write_text(
        "\n".join(row if isinstance(row, str) else json.dumps(row) for row in rows), encoding="utf-8"
    )
    return path


@pytest.mark.parametrize("suffix", ["csv", "jsonl", "ndjson", "json"])
def test_traces_that_gzip_packed_are_read_as_what_is_inside(suffix: str, home: Home, tmp_path: Path) -> None:
    plan = json.dumps({"models": ["phi4:14b"], "edges": []})
    rows = [{"question": f"What is {n}?", "plan": plan, "answer": str(n), "qoa": 1.0} for n in range(3)]
    write_table(pl.DataFrame(rows), tmp_path / f"traces.{suffix}")
    packed = tmp_path / f"packed.{suffix}.gz"
    packed.write_bytes(gzip.compress((tmp_path / f"traces.{suffix}").read_bytes()))
    report = ingest_traces(home, [packed])
    assert (report.n_landed, report.n_quarantined) == (3, 0)
    packed.write_bytes(gzip.compress(b"question\n" * 1000)[:-9])
    with pytest.raises(InputError, match="cannot be unpacked"):
        ingest_traces(home, [packed])


def test_a_trace_of_the_documented_columns_is_enough(home: Home, tmp_path: Path) -> None:
    # A diamond's two branches, given in a numbering of their own: node 0 is the last one.
    plan = {"models": ["gemma3:27b", "phi4:14b", "mistral:7b"], "edges": [[1, 0], [2, 0]]}
    calls = [
        {
            "node": 0,
            "model": "gemma3:27b",
            "prompt_tokens": 50,
            "output_tokens": 5,
            "cost_usd": 4.0,
            "latency_s": 1.0,
        },
        {"node": 1, "model": "phi4:14b", "cost_usd": 1.0, "latency_s": 2.0, "output": "Oslo"},
        {"node": 2, "model": "mistral:7b", "cost_usd": 2.0, "latency_s": 5.0, "energy_j": 3.0},
    ]
    row = {
        "execution_id": "x1", "question_id": "q1", "question": "Capital of Norway?", "topic": "geography",
        "plan": plan, "answer": "Oslo", "qoa": 1.0, "started_at": "2026-03-01T12:00:00+02:00", "calls": calls,
    }  # fmt: skip
    report = ingest_traces(home, [write_lines(tmp_path / "traces.jsonl", row)])
    assert (report.n_landed, report.n_quarantined) == (1, 0)
    assert refresh(home, full_gate=False).n_executions_new == 1
    execution = query(home.perfdb, "from executions").row(0, named=True)
    assert execution["plan_key"] == "3:3:mistral:7b>phi4:14b>gemma3:27b"
    assert (execution["status"], execution["kind"], execution["level"]) == ("answered", "open", 1)
    # Cost adds over the calls, latency is the longest path; one energy is unknown, so the sum is.
    assert (execution["cost_usd"], execution["latency_s"], execution["energy_j"]) == (7.0, 6.0, None)
    assert str(execution["started_at"]) == "2026-03-01 10:00:00"
    found = query(
        home.perfdb,
        "select node, model, subplan_key, subplan_cost_usd, subplan_latency_s, subplan_energy_j "
        "from calls order by node",
    )
    assert found.rows() == [
        (0, "mistral:7b", "1:0:mistral:7b", 2.0, 5.0, 3.0),
        (1, "phi4:14b", "1:0:phi4:14b", 1.0, 2.0, None),
        (2, "gemma3:27b", "3:3:mistral:7b>phi4:14b>gemma3:27b", 7.0, 6.0, None),
    ]


def test_a_model_may_be_named_with_an_arrow(home: Home, tmp_path: Path) -> None:
    plan = Plan.of(["a -> b", ">c", "d>"], [(0, 2), (1, 2)])
    calls = [{"node": node, "cost_usd": 1.0} for node in range(3)]
    row = {"plan": plan.to_dict(), "calls": calls, "topic": "x", "qoa": 0.5}
    priors = write_lines(tmp_path / "priors.jsonl", {"model": ">c", "qoa": 0.25})
    alone = {**row, "plan": '">c"', "calls": calls[:1]}
    traces = write_lines(tmp_path / "traces.jsonl", row, {**row, "plan": plan.key}, alone)
    assert (ingest_priors(home, [priors]).n_landed, ingest_traces(home, [traces]).n_landed) == (1, 3)
    refresh(home)
    parts = query(
        home.perfdb, "select node, model, subplan_key from calls order by execution_id, node"
    ).rows()
    assert parts == 2 * [
        (0, ">c", "1:0: >c"),
        (1, "a -> b", "1:0:a - > b"),
        (2, "d>", "3:3: >c>a - > b>d >"),
    ] + [(0, ">c", "1:0: >c")]
    statistics = load_statistics(home.perfdb)
    assert set(statistics.records("x")) == {plan.key, "1:0: >c", "1:0:a - > b"}
    assert statistics.figures(">c", "x", "open").qoa > 0.25


def test_the_longest_path_of_a_plan_that_is_no_tree(home: Home, tmp_path: Path) -> None:
    plan = Plan.of(["a", "b", "a", "b"], [(0, 1), (0, 2), (1, 3), (2, 3)])
    seconds = [1.0, 2.0, 4.0, 8.0]
    calls = [{"node": v, "latency_s": seconds[v], "cost_usd": 0.1} for v in range(4)]
    row = {"plan": plan.to_dict(), "calls": calls, "topic": "x"}
    ingest_traces(home, [write_lines(tmp_path / "traces.jsonl", row)])
    refresh(home, full_gate=False)
    latencies = query(
        home.perfdb, "select subplan_latency_s, subplan_cost_usd from calls order by node"
    ).rows()
    assert latencies == [(1.0, 0.1), (3.0, 0.2), (5.0, 0.2), (13.0, pytest.approx(0.4))]


def test_every_bad_row_says_what_is_wrong(home: Home, tmp_path: Path) -> None:
    plan = {"models": ["phi4:14b"]}
    two = {"models": ["phi4:14b", "mistral:7b"], "edges": [[0, 1]]}
    good = {"execution_id": "good", "plan": plan, "topic": "x", "latency_s": "1.5", "qoa": 1}
    bad: list[tuple[dict[str, Any] | str, str]] = [
        ({"plan": {"models": ["a", "b"], "edges": [[0, 1], [1, 0]]}}, "plan: the plan has a cycle"),
        ({"plan": {"models": ["a"] * 10_000}}, "plan: a plan with 10000 nodes is larger"),
        ({"plan": "nonsense ("}, "plan: "),
        ({"plan": None}, "no plan is given"),
        ({"qoa": 1.2}, "qoa is 1.2, above 1"),
        ({"qoa": -0.1}, "qoa is -0.1, below 0"),
        ({"qoa": "high"}, "qoa is 'high', not a number"),
        ({"qoa": "NaN"}, "qoa is 'NaN', not a finite number"),
        ({"cost_usd": True}, "cost_usd is 'true', not a number"),
        ({"latency_s": 0}, "latency_s is 0"),
        ({"latency_s": 1e6}, "is it in milliseconds?"),
        ({"started_at": "2036-01-01"}, "in the future"),
        ({"started_at": "yesterday"}, "not a time such as"),
        ({"execution_id": ""}, "execution_id is missing"),
        ({"kind": "essay"}, "kind is 'essay'"),
        ({"status": "done"}, "status is 'done'"),
        ({"topics": [{"topic": "x", "weight": -1}]}, "has the weight -1"),
        ({"topics": "x, y"}, "topics is no JSON list"),
        ({"calls": "none"}, "calls is no JSON list"),
        ({"calls": [1]}, "calls is no list of records"),
        ({"calls": [{"node": 7}]}, "a call has the node 7; the plan has nodes 0 to 0"),
        ({"plan": two, "calls": [{"node": 1}, {"node": 1}]}, "two calls have the node 1"),
        ({"calls": [{"node": 0, "model": "gpt"}]}, "names gpt, the plan phi4:14b"),
        ({"calls": [{"node": 0, "prompt_tokens": "many"}]}, "call of node 0: prompt_tokens is 'many'"),
        ({"calls": [{"node": 0, "latency_s": 9e9}]}, "call of node 0: latency_s is"),
        ("{'execution_id': 1}", "the line is not valid JSON"),
        ("[1, 2]", "the line is not a JSON object"),
    ]  # fmt: skip
    lines = [good]
    for i, (change, _) in enumerate(bad):
        lines.append(change if isinstance(change, str) else {**good, "execution_id": f"bad{i}", **change})
    path = write_lines(tmp_path / "traces.jsonl", *lines)
    report = ingest_traces(home, [path])
    assert (report.n_landed, report.n_quarantined) == (1, len(bad))
    assert refresh(home, full_gate=False).n_executions_new == 1
    found = query(
        home.perfdb, "select row_number, reason, file, kind, content from quarantine order by row_number"
    )
    assert found["row_number"].to_list() == list(range(2, len(bad) + 2))
    assert set(found["file"]) == {"traces.jsonl"}
    assert set(found["kind"]) == {"traces"}
    for (_, says), reason in zip(bad, found["reason"], strict=True):
        assert says in reason
    assert all(found["content"].str.len_chars() <= 2_000)


def test_rows_refused_at_the_merge_keep_their_place_in_the_file(home: Home, tmp_path: Path) -> None:
    rows = [
        {"execution_id": name, "plan": "phi4:14b", "qoa": qoa} for name, qoa in (("a", 9), ("b", 1), ("b", 0))
    ]
    ingest_traces(home, [write_lines(tmp_path / "traces.jsonl", *rows)])
    refresh(home, full_gate=False)
    found = query(home.perfdb, "select file, row_number, reason from quarantine order by row_number")
    assert found.rows() == [
        ("traces.jsonl", 1, "qoa is 9.0, above 1: QoA runs from 0 to 1; divide percent by 100"),
        ("traces.jsonl", 3, "execution_id b is given twice"),
    ]


SAID: list[tuple[dict[str, Any] | str, str]] = [
    ({"plan": "a", "plan_key": "1:0:b"}, "plan is 1:0:a, but plan_key says 1:0:b: give one"),
    ({"plan": "a", "plan_key": "nonsense ("}, "plan_key: "),
    ({"plan": "a → b", "model": "b"}, "plan is 2:1:a>b, but model says 1:0:b: give one"),
    ({"plan": "a", "level": 1}, "level is 1, but the plan has level 0"),
    ({"topic": "x", "topics": [{"topic": "y", "weight": 2}, "x"]}, "topic is 'x', but topics puts 'y' first"),
    ({"topics": [{"topic": "y", "wieght": 2}]}, "topics has an entry with 'wieght'"),
    ({"topic": "open"}, "topic is 'open', which stands for a task"),
    (
        {"calls": [{"latncy_s": 1}]},
        "a call has an unknown key 'latncy_s'. Did you mean 'latency_s' (seconds)?",
    ),
    ({"calls": [{"latencyMs": 1}]}, "unknown key 'latencyMs'. Did you mean 'latency_s' (seconds)?"),
    ({"calls": [{"subplan_key": "1:0:b"}]}, "call of node 0: subplan_key is '1:0:b', the plan says 1:0:a"),
    ({"calls": [{"started_at": "soon"}]}, "call of node 0: started_at is 'soon', not a time"),
    ({"calls": [{"cached": "perhaps"}]}, "call of node 0: cached is 'perhaps', not true or false"),
    ({"calls": [{"output_tokens": 1.5}]}, "call of node 0: output_tokens is 1.5, not a whole number"),
    ({"qoa": "85%"}, "qoa is '85%', not a number: write 85 % as 0.85"),
    ({"qoa": True}, "qoa is 'true', not a number: write 1 or 0"),
    ({"cost_usd": "1,234"}, "not a number: write a decimal point, and nothing between thousands"),
    ({"qoa": "inf"}, "qoa is 'inf', not a finite number: leave it out if it is unknown"),
    ({"energy_source": "guessed"}, "energy_source is 'guessed', not measured or predicted"),
    ({"started_at": 2026}, "started_at is '2026', not a time"),
    ('{"model": "a", "model": "b"}', "the key 'model' is given twice"),
    ('{"model": "\\ud800"}', "half of a surrogate pair is no text"),
]


@pytest.mark.parametrize(("change", "says"), SAID)
def test_what_cannot_be_meant_is_said(change: dict[str, Any] | str, says: str, tmp_path: Path) -> None:
    row = change if isinstance(change, str) else {"model": "a", **change}
    (reason,) = ingest_traces(Home(tmp_path), [write_lines(tmp_path / "t.jsonl", row)]).reasons.values()
    assert says in reason[0].reason


def test_what_was_read_differently_or_not_at_all_is_noted(home: Home, tmp_path: Path) -> None:
    seconds = 1_764_361_000
    rows = [
        {"model": "a", "plan": "a", "question_id": 7, "started_at": seconds, "extra": 1, "status": "failed", "qoa": 0},
        {"model": "a", "question_id": 7.5, "started_at": seconds * 1000, "calls": [{"foo": 1, "cached": "true"}]},
        {"model": "a", "question_id": "x", "topic": "x", "topics": ["x", "y"], "qoa": 1, "cost_usd": ""},
        {"model": "a", "topics": "", "cost_usd": 1, "calls": [{"cost_usd": 0.5, "started_at": str(seconds)}]},
    ]  # fmt: skip
    path = write_lines(tmp_path / "t.jsonl", *rows)
    (notes,) = ingest_traces(home, [path]).notes.values()
    assert [(note.rows, note.what.split(":")[0]) for note in notes] == [
        (None, "columns that are not read"),
        (None, "keys of calls that are not read"),
        (2, "no started_at"),
        (1, "qoa of a failed run"),
        (1, "qoa without calls"),
        (1, "cost_usd is not the sum of its calls"),
        (2, "started_at is a number"),
    ]
    refresh(home, full_gate=False)
    time = "2025-11-28 20:16:40"
    found = query(
        home.perfdb, "select question_id, started_at::varchar from executions order by execution_id"
    ).rows()
    assert [name for name, _ in found] == ["7", "7.5", "x", None]
    assert [started for _, started in found[:2]] == [time, time]
    calls = query(home.perfdb, "select cached, started_at::varchar from calls order by execution_id").rows()
    assert calls == [(True, None), (False, time)]


def test_answers_with_a_reference_but_no_quality_are_scored(home: Home, tmp_path: Path) -> None:
    asked = {"question": "Capital of Norway?", "topic": "x"}
    chain = {"plan": "a → b", "calls": [{"output": "Rome"}, {"output": "The answer is Oslo."}]}
    rows = [
        {**asked, "model": "a", "answer": "It is Oslo.", "reference": "Oslo"},
        {**asked, "model": "a", "answer": "Oslo", "reference": "Oslo", "qoa": 0.25},
        {**asked, **chain, "reference": "Oslo"},
        {**asked, "model": "a", "answer": "(B)", "reference": "Oslo", "options": ["Rome", "Oslo"]},
        {**asked, "model": "a", "answer": "A", "reference": "B", "kind": "choice"},
        {**asked, "model": "a", "answer": "A", "reference": "Oslo", "kind": "choice"},
        {**asked, "model": "a", "answer": "Oslo", "reference": "Oslo", "status": "failed"},
    ]
    report = ingest_traces(home, [write_lines(tmp_path / "t.jsonl", *rows)])
    (notes,) = report.notes.values()
    said = {note.what: note.rows for note in notes}
    assert said[SCORED] == 4
    assert said[UNFIT] == 1
    refresh(home, full_gate=False)
    columns = "kind, answer, qoa, qoa_source, score_exact"
    found = query(home.perfdb, f"select {columns} from executions order by execution_id").rows()
    assert found == [
        ("open", "It is Oslo.", 1.0, "scored", 0.0),
        ("open", "Oslo", 0.25, "given", None),
        ("open", "Oslo", 1.0, "scored", 1.0),
        ("choice", "(B)", 1.0, "scored", 1.0),
        ("choice", "A", 0.0, "scored", 0.0),
        ("choice", "A", None, None, None),
        ("open", "Oslo", None, None, None),
    ]
    parts = query(home.perfdb, "select subplan_key, subplan_qoa from calls order by node").rows()
    assert parts[0][0] == "1:0:a"
    assert parts[0][1] < 0.9
    assert parts[1] == ("2:1:a>b", 1.0)


@pytest.mark.parametrize("suffix", [".csv", ".parquet"])
def test_csv_and_parquet_hold_the_same(home: Home, tmp_path: Path, suffix: str) -> None:
    calls = [{"node": 0, "prompt_tokens": 100, "output_tokens": 10, "latency_s": 2.5}]
    rows = [
        {"execution_id": f"e{i}", "plan": '{"models":["phi4:14b"]}', "topics": ["art", "music"], "qoa": 0.5,
         "started_at": "2026-03-01 12:00:00", "calls": calls}
        for i in range(3)
    ]  # fmt: skip
    path = tmp_path / f"my 'traces'{suffix}"
    if suffix == ".parquet":
        pl.DataFrame(rows).with_columns(pl.col("started_at").str.to_datetime()).write_parquet(path)
    else:
        flat = [
            {**row, "topics": json.dumps(row["topics"]), "calls": json.dumps(row["calls"])} for row in rows
        ]
        pl.DataFrame(flat).write_csv(path)
    report = ingest_traces(home, [path])
    assert (report.n_landed, report.n_quarantined) == (3, 0)
    refresh(home, full_gate=False)
    assert query(
        home.perfdb, "select distinct topic, latency_s, started_at::varchar from executions"
    ).rows() == [("art", 2.5, "2026-03-01 12:00:00")]
    topics = query(home.perfdb, "select topics from executions")["topics"][0].to_list()
    assert topics == [{"topic": "art", "weight": 0.5}, {"topic": "music", "weight": 0.5}]
    assert ingest_traces(home, [path]).unchanged == [str(path)]


def test_a_unit_that_is_1000_times_off_is_noticed(home: Home, tmp_path: Path) -> None:
    # phi4:14b is known to take 0.133 s per token: about 14.6 s for 110 tokens.
    def rows(factor: float, name: str) -> list[dict[str, Any]]:
        return [
            {"execution_id": f"{name}{i}", "plan": "phi4:14b",
             "calls": [{"prompt_tokens": 100, "output_tokens": 10, "latency_s": (12 + i) * factor}]}
            for i in range(6)
        ]  # fmt: skip

    milliseconds = ingest_traces(home, [write_lines(tmp_path / "ms.jsonl", *rows(0.001, "k"))])
    assert (milliseconds.n_landed, milliseconds.n_quarantined) == (0, 6)
    seconds = ingest_traces(home, [write_lines(tmp_path / "s.jsonl", *rows(1, "s"))])
    # A machine that is ten times as fast is believed.
    faster = ingest_traces(home, [write_lines(tmp_path / "fast.jsonl", *rows(0.1, "f"))])
    assert (seconds.n_landed, faster.n_landed) == (6, 6)
    refresh(home, full_gate=False)
    reason = query(home.perfdb, "select distinct reason from quarantine")["reason"].to_list()
    assert reason == [
        "latency_s of phi4:14b is about 1000 times below what PerfDB expects: is it in milliseconds?"
    ]


HISTORY = (
    "trial,model,task,latency,temperature,id,result,quality,gen_accuracy,variance,review_accuracy,accuracy,elapsed,created\n"
    "Trial_1,o3-mini,classify,31.0,1.0,Item_1,half-true,7.1,1.0,0.1,0.9,0.97,7m 19s,2025-07-11 09:43:21\n"
    "Trial_1,gpt-4o,classify,0.0,0.6,Item_2,true,0.4,0.0,0.1,0.9,0.25,7m 19s,2025-07-11 09:43:21\n"
    "Trial_1,gpt-4o,classify,0.0,0.6,Item_2,true,0.4,0.0,0.1,0.9,0.25,7m 19s,2025-07-11 09:43:21\n"
    "Trial_2,gpt-4o,classify,shifted,3.0,0.6,Item_2,true,0.4,0.0,0.1,0.9,0.25,2025-07-11 09:43:21\n"
    "Trial_2,gpt-4o,classify,3.0,0.6,Item_2,true,0.4,0.0,0.1,0.9,1.25,7m 19s,2025-07-11 09:43:21\n"
    "Trial_2,,classify,3.0,0.6,Item_2,true,0.4,0.0,0.1,0.9,0.25,7m 19s,2025-07-11 09:43:21\n"
)


def test_performance_histories_of_llm_chemistry(home: Home, tmp_path: Path) -> None:
    path = tmp_path / "runs.csv"
    path.write_text(HISTORY)
    report = ingest_traces(home, [path])
    assert (report.n_landed, report.n_quarantined) == (3, 3)
    refresh(home, full_gate=False)
    found = query(
        home.perfdb,
        "select run_id, topic, plan_key, answer, latency_s, qoa from executions order by plan_key",
    )
    assert found.rows() == [
        ("Trial_1", "classify", "1:0:gpt-4o", "true", None, 0.25),
        ("Trial_1", "classify", "1:0:o3-mini", "half-true", 31.0, 0.97),
    ]
    reasons = query(home.perfdb, "select row_number, reason from quarantine order by row_number").rows()
    assert [row for row, _ in reasons] == [3, 4, 5, 6]
    assert "given twice" in reasons[0][1]
    # A longer history with the same rows at its beginning adds only what is new.
    path.write_text(HISTORY + "Trial_3,o3-mini,classify,2,1,Item_1,true,7,1,0,1,1.0,1s,2025-07-12 09:43:21\n")
    ingest_traces(home, [path])
    assert refresh(home, full_gate=False).n_executions_new == 1


def test_a_file_without_plans_is_refused(home: Home, tmp_path: Path) -> None:
    path = tmp_path / "x.csv"
    path.write_text("question,answer\na,b\n")
    with pytest.raises(InputError, match=r"no column 'model' .*Add a column 'model'.*--column model=THEIRS"):
        ingest_traces(home, [path])
    assert list(home.landing.iterdir()) == []


def test_a_corrected_or_grown_file_does_not_count_twice(home: Home, tmp_path: Path) -> None:
    path = write_lines(tmp_path / "mine.jsonl", {"model": "a", "qoa": 1}, {"model": "a", "qoa": 0})
    ingest_traces(home, [path])
    for publish in (False, True):
        if publish:
            refresh(home, full_gate=False)
        write_lines(path, {"model": "a", "qoa": 1}, {"model": "a", "qoa": 1})
        with pytest.raises(InputError, match=r"mine\.jsonl with another content was ingested before") as told:
            ingest_traces(home, [path])
        assert "execution_id" in str(told.value)
    named = write_lines(tmp_path / "mine.jsonl", {"model": "a", "qoa": 1, "execution_id": "x"})
    assert ingest_traces(home, [named]).n_landed == 1
    assert ingest_traces(home, [write_lines(tmp_path / "more.jsonl", {"model": "a", "qoa": 0})]).n_landed == 1
