"""`optiq score`: answers judged when the gold arrives after the run, and PerfDB told about it."""

from __future__ import annotations

import json

import polars as pl
import pytest

from optiq.plans.plan import Plan
from optiq.questions.answer_file import answers_frame, write_answers
from optiq.questions.question import Question
from warehouse.home import Home
from warehouse.landing import land_traces
from warehouse.query import query
from warehouse.refresh import refresh

CHAIN = Plan.parse('{"models": ["gemma3:270m", "smollm2:135m"], "edges": [[0, 1]]}')
GOLD = {"1": "Oslo", "2": "B", "3": "1905", "4": "Bergen"}


def traces(outputs: dict[str, tuple[str, str]]) -> pl.DataFrame:
    """A chain of two per question, with the output of each node; nothing is judged."""
    from datetime import UTC, datetime

    from optiq.execution.trace import ANSWERED, Call, Execution, traces_frame

    begun = datetime(2026, 3, 1, tzinfo=UTC)
    executions = []
    for name, texts in outputs.items():
        options = ("Rome", "Oslo") if name == "2" else ()
        question = Question(name, f"Question {name}?", (("geography", 1.0),), options)
        calls = [
            Call(node, model, begun, CHAIN.subplan(node), 100, output=text, latency_s=1.0)
            for node, (model, text) in enumerate(zip(CHAIN.models, texts, strict=True))
        ]
        executions.append(
            Execution(question, CHAIN, "r1", begun, ANSWERED, texts[1], calls=calls, execution_id=f"e{name}")
        )
    return traces_frame(executions)


@pytest.fixture
def answers(home) -> str:
    """Four answers of a run whose executions have landed; the second is to a choice."""
    outputs = {"1": ("Bergen", "Oslo"), "2": ("A", "B"), "3": ("1905", "1904"), "4": ("no idea", "Trondheim")}
    land_traces(Home(home), traces(outputs))
    rows = [
        {
            "question_id": name,
            "status": "answered",
            "answer": texts[1],
            "run_id": "r1",
            "topics": [("geography", 1.0)],
        }
        for name, texts in outputs.items()
    ]
    write_answers(answers_frame([*rows, {"question_id": "5", "status": "infeasible"}]), "answers.csv")
    gold = pl.DataFrame({"question_id": list(GOLD), "reference": list(GOLD.values())})
    gold.with_columns(options=pl.lit(None, pl.String), kind=pl.lit(None, pl.String)).write_csv("gold.csv")
    return "answers.csv"


def test_scores_are_shown_written_and_learned(optiq, home, answers):
    refresh(Home(home), full_gate=False)
    done = optiq("score", answers, "gold.csv", "-o", "scored.csv", "--json")
    assert done.code == 0, done.err
    summary = json.loads(done.out)
    assert (summary["answers"], summary["judged"], summary["executions"]) == (5, 4, 4)
    assert summary["without_reference"] == 1
    scored = pl.read_csv("scored.csv")
    assert scored["observed_qoa"].to_list()[:3] == [1.0, 1.0, 0.0]
    assert 0 < scored["observed_qoa"][3] < 1
    assert scored["score_numeric"].to_list() == [None, None, 0.0, None, None]
    assert [(g["status"], g["questions"], g["judged"]) for g in summary["by"]["status"]] == [
        ("answered", 4, 4),
        ("infeasible", 1, 0),
    ]
    assert {g["topic"]: g["judged"] for g in summary["by"]["topic"]} == {"geography": 4, "*": 0}
    assert refresh(Home(home), full_gate=False).published
    statement = "select question_id, qoa, reference from executions order by question_id"
    learned = query(Home(home).perfdb, statement)
    assert learned["qoa"].to_list() == scored["observed_qoa"].to_list()[:4]
    # The first node was right about the year, and about that alone.
    parts = "select subplan_qoa from calls where node = 0 order by execution_id"
    assert query(Home(home).perfdb, parts).to_series().to_list()[2] == 1.0
    # The same again changes nothing.
    assert optiq("score", answers, "gold.csv").code == 0
    assert not refresh(Home(home), full_gate=False).published


def test_scores_reach_traces_that_wait_in_landing(optiq, home, answers):
    done = optiq("score", answers, "gold.csv")
    assert done.code == 0, done.err
    assert "4 of 5 answers judged" in done.out
    assert "4 executions scored" in done.out
    refresh(Home(home), full_gate=False)
    counted = query(Home(home).perfdb, "select count(qoa) from executions").item()
    assert counted == 4


def test_answers_that_no_run_knows_are_scored_all_the_same(optiq, home):
    pl.DataFrame({"question_id": [1, 2], "status": "answered", "answer": ["Oslo", "7"]}).write_csv("a.csv")
    pl.DataFrame({"question_id": [1, 2, 9], "reference": ["Oslo", "8", "9"]}).write_csv("g.csv")
    done = optiq("score", "a.csv", "g.csv")
    assert done.code == 0, done.err
    assert "mean QoA 0.5" in done.out
    assert "nothing is learned" in done.err
    assert "without an answer: 1 reference (9)" in done.err


MISUSE = {
    "answers as references": (("a.csv", "a.csv"), ["itself"]),
    "wrong file": (("g.csv", "a.csv"), ["g.csv", "answer", "no answers file"]),
    "no references": (("a.csv", "a2.csv"), ["a2.csv", "reference"]),
    "nothing in common": (("a.csv", "other.csv"), ["no question_id", "x"]),
    "two references": (("a.csv", "twice.csv"), ["rows 1 and 2", "'1'"]),
    "empty references": (("a.csv", "empty.csv"), ["no reference in any row"]),
    "references without ids": (("a.csv", "bare.csv"), ["question_id"]),
    "two answers": (("double.csv", "g.csv"), ["rows 1 and 2", "'1'"]),
    "output over the answers": (("a.csv", "g.csv", "-o", "./a.csv"), ["that this command reads"]),
    "output over the references": (("a.csv", "g.csv", "-o", "g.csv"), ["that this command reads"]),
    "missing file": (("nowhere.csv", "g.csv"), ["nowhere.csv"]),
}


@pytest.mark.parametrize("case", MISUSE)
def test_bad_input_is_named_in_one_line(optiq, home, case):
    answered = {"status": "answered", "answer": "x"}
    pl.DataFrame([{"question_id": "1", **answered}]).write_csv("a.csv")
    pl.DataFrame([{"question_id": "1", **answered}, {"question_id": "2", **answered}]).write_csv("a2.csv")
    pl.DataFrame([{"question_id": "1", **answered, "answer": text} for text in "xy"]).write_csv("double.csv")
    pl.DataFrame([{"question_id": "1", "reference": "x"}]).write_csv("g.csv")
    pl.DataFrame([{"question_id": "x", "reference": "x"}]).write_csv("other.csv")
    pl.DataFrame([{"question_id": "1", "reference": text} for text in "xy"]).write_csv("twice.csv")
    pl.DataFrame([{"question_id": "1", "reference": " "}]).write_csv("empty.csv")
    pl.DataFrame([{"reference": "x"}]).write_csv("bare.csv")
    arguments, words = MISUSE[case]
    done = optiq("score", *arguments)
    assert done.code == 2
    assert len(done.err.splitlines()) == 1
    for word in words:
        assert word in done.err


def test_references_of_others_are_read_as_question_files_are(answers, optiq) -> None:
    rows = {"id": ["1", "2"], "choices": ["", "Rome|Oslo"], "cop": ["Oslo", "1"]}
    pl.DataFrame(rows).write_csv("theirs.csv")
    columns = ["--column", "question_id=id", "--column", "options=choices", "--column", "reference=cop"]
    told = optiq("score", "answers.csv", "theirs.csv", *columns, "--reference-index", "0", "--json")
    assert told.code == 0, told.err
    found = json.loads(told.out)
    assert (found["judged"], found["qoa"]) == (2, 1.0)
    unnamed = optiq("score", "answers.csv", "theirs.csv")
    assert unnamed.code == 2
    assert "has no column 'reference'" in unnamed.err
    assert "--column reference=THEIRS" in unnamed.err


def test_references_without_ids_go_to_the_questions_of_their_text(home, optiq) -> None:
    asked = ["Capital of Norway?", "Legs of a spider?", "Nearest planet to the sun?"]
    rows = [{"question_id": str(n), "question": text, "status": "answered", "answer": answer}
            for n, (text, answer) in enumerate(zip(asked, ["Oslo", "8", "Venus"], strict=True), start=1)]  # fmt: skip
    pl.DataFrame(rows).write_csv("a.csv")
    gold = {
        "question": ["nearest planet to the sun? ", "Capital of Norway?", "Who?"],
        "reference": ["Mercury", "Oslo", "x"],
    }
    pl.DataFrame(gold).write_csv("gold.csv")
    told = optiq("score", "a.csv", "gold.csv", "-o", "s.csv", "--json")
    assert told.code == 0, told.err
    assert pl.read_csv("s.csv")["observed_qoa"].to_list() == [1.0, None, 0.0]
    assert json.loads(told.out)["faults"] == ["row 3: no answer is to its question 'Who?'"]
    # an id beside another text is of another question
    pl.DataFrame({"question_id": ["1", "2"], "question": ["Capital of Peru?", "Legs of a spider?"],
                  "reference": ["Oslo", "8"]}).write_csv("ids.csv")  # fmt: skip
    told = optiq("score", "a.csv", "ids.csv", "-o", "s.csv", "--json")
    assert pl.read_csv("s.csv")["observed_qoa"].to_list() == [None, 1.0, None]
    assert json.loads(told.out)["faults"] == [
        "question_id 1: no answer is to its question 'Capital of Peru?'"
    ]
    pl.DataFrame({"question": ["Who?"], "reference": ["x"]}).write_csv("other.csv")
    told = optiq("score", "a.csv", "other.csv")
    assert (told.code, told.err.count("\n")) == (2, 1)
    assert "row 1: no answer is to its question 'Who?'" in told.err


def test_one_odd_row_does_not_end_the_scoring(home, optiq) -> None:
    """Rows that say the same are one; the id that is there twice otherwise is named, and the rest is scored."""
    pl.DataFrame(
        {"question_id": ["1", "1", "2", "3", "3"], "answer": ["Oslo", "Oslo", "8", "a", "b"]}
    ).write_csv("a.csv")
    pl.DataFrame({"question_id": ["1", "2", "2", "2"], "reference": ["Oslo", "8", "8", "9"]}).write_csv(
        "g.csv"
    )
    told = optiq("score", "a.csv", "g.csv", "--json")
    assert told.code == 0, told.err
    found = json.loads(told.out)
    assert (found["answers"], found["judged"], found["qoa"]) == (2, 1, 1.0)
    assert found["faults"] == [
        "question_id '3': rows 4 and 5 of a.csv answer otherwise",
        "question_id '2': rows 2 and 4 of g.csv say different things of it",
    ]


def test_answers_of_another_tool_are_scored_as_outputs(home, optiq) -> None:
    theirs = ["Oslo", "B) Oslo", "The answer is B.", "The capital is Oslo.", ""]
    pl.DataFrame({"id": [1, 2, 3, 4, 5], "prediction": theirs}).write_csv("theirs.csv")
    gold = {"question_id": [1, 2, 3, 4, 5], "options": ["", *["Rome|Oslo"] * 4], "label": ["Oslo", *"BBBB"]}
    pl.DataFrame(gold).write_csv("g.csv")
    columns = ("question_id=id", "answer=prediction", "reference=label")
    told = optiq(
        "score", "theirs.csv", "g.csv", *(part for one in columns for part in ("--column", one)), "--json"
    )
    assert told.code == 0, told.err
    found = json.loads(told.out)
    assert (found["judged"], found["qoa"]) == (4, 1.0)
    assert {group["status"]: group["judged"] for group in found["by"]["status"]} == {
        "answered": 4,
        "failed": 0,
    }
