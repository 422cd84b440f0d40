"""Misuse ends with exit code 2 and one line that names what is wrong and what to do."""

from __future__ import annotations

import json
import warnings
from pathlib import Path

import duckdb
import polars as pl
import pytest

from flows.command_line.main import one_line_warnings
from optiq.errors import OptiqNote, OptiqWarning

LOCAL = ("--server", "embedded")
ASK = ("plan", "What is the capital of Norway?", *LOCAL)

# case: (arguments, words that the one line must have)
MISUSE = {
    "a verb misspelt": (("anser", "good.csv"), ["No such command 'anser'", "'answer'"]),
    "a part misspelt": (("runs", "lst"), ["'lst'", "Did you mean 'list'"]),
    "a flag misspelt": (("answer", "good.csv", "--max-costs", "3"), ["'--max-costs'", "'--max-cost'"]),
    "a model misspelt": (("plan", "Who?", "--models", "phi4:14"), ["phi4:14", "Did you mean 'phi4:14b'"]),
    "answers of a run before there is any": (("show",), ["there is no run yet", "`optiq answer FILE"]),
    "a model that is shown misspelt": (("models", "show", "phi"), ["phi", "`optiq models`"]),
    "a server misspelt": (("ask", "Who?", "--server", "olama"), ["olama", "Did you mean 'ollama'"]),
    "a port in words": (("up", "--port", "abc"), ["--port", "'abc'", "a whole number"]),
    "two values for one": (("estimate", "Who?", "--plans", "A", "--plans=B"), ["--plans takes one value, and 2"]),
    "two files to write": (("sql", "SELECT 1", "-o", "a.csv", "--output", "b.csv"), ["--output takes one value"]),
    "a file without its kind": (("ingest", "foo.json"), ["'foo.json'", "traces", "optiq ingest priors examples/"]),
    "no kind of file": (("ingest",), ["priors, statistics, traces", "`optiq ingest traces FILE`"]),
    "nothing to ask": (("plan",), ["QUESTION", "For example: optiq plan "]),
    "JSON that is no table": (("ingest", "traces", "chat.json"), ["chat.json", "one object a row"]),
    "traces of nobody": (("ingest", "traces", "good.csv"), ["no column 'model'", "--column model=THEIRS"]),
    "a column misspelt": (("answer", "no_question.csv", "-o", "a.csv"), ["question"]),
    "missing file": (("answer", "nowhere.csv", "-o", "a.csv"), ["nowhere.csv"]),
    "a header and no row": (("answer", "header.csv", "-o", "a.csv"), ["header.csv", "no question"]),
    "a folder of questions": (("answer", ".", "-o", "a.csv"), [". is a folder", "Give a file"]),
    "unknown suffix": (("answer", "questions.ods", "-o", "a.csv"), ["questions.ods", ".csv", ".parquet"]),
    "no question column": (("answer", "no_question.csv", "-o", "a.csv"), ["no_question.csv", "question"]),
    "unknown suffix of answers": (("answer", "good.csv", "-o", "a.doc"), ["a.doc", ".csv"]),
    "answers over the questions": (("answer", "good.csv", "-o", "./good.csv"), ["good.csv", "reads"]),
    "answers to a missing folder": (("answer", "good.csv", "-o", "no/such/folder/a.csv"), ["no/such/folder"]),
    "empty question": (("plan", "  ", *LOCAL), ["empty"]),
    "negative budget": ((*ASK, "--max-cost", "-1"), ["--max-cost", "-1"]),
    "budget NaN": ((*ASK, "--max-latency", "nan"), ["--max-latency", "nan"]),
    "budget in words": ((*ASK, "--max-energy", "little"), ["--max-energy", "little"]),
    "floor above 1": ((*ASK, "--min-qoa", "70"), ["min_qoa", "0 to 1"]),
    "weights that do not sum": ((*ASK, "--weights", "qoa=0.5"), ["0.5", "sum to 1"]),
    "certainty": ((*ASK, "--confidence", "1"), ["--confidence is 1", "between 0 and 1"]),
    "impossibility": (("answer", "good.csv", "-o", "a.csv", "--confidence", "0"), ["--confidence is 0"]),
    "more than certain": (("calibrate", "good.csv", "--confidence", "1.5"), ["--confidence is 1.5"]),
    "confidence NaN": (("explain", "Who?", *LOCAL, "--confidence", "nan"), ["--confidence is nan"]),
    "unknown weight": ((*ASK, "--weights", "speed=1"), ["speed", "latency"]),
    "unknown model": ((*ASK, "--models", "gpt-99"), ["gpt-99", "Known models"]),
    "unknown blender": ((*ASK, "--blender", "gpt-99"), ["gpt-99", "Known models"]),
    "unknown planner": ((*ASK, "--planner", "oracle"), ["oracle", "exact"]),
    "unknown server": (("plan", "Who?", "--server", "cloud"), ["cloud", "ollama"]),
    "no operations": ((*ASK, "--max-operations", "0"), ["--max-operations", "0"]),
    "unknown option": (("plan", "Who?", "--budget", "3"), ["--budget"]),
    "one choice": ((*ASK, "--option", "Oslo"), ["--option", "twice"]),
    "SQL that writes": (("sql", "drop table executions"), ["read-only"]),
    "SQL that reads files": (("sql", "select * from read_text('/etc/hosts')"), ["no file"]),
    "SQL that lacks a value": (("sql", "select $a, $b", "--param", "a=1"), ["$b", "--param b=VALUE"]),
    "a value that SQL has not": (("sql", "select $a", "--param", "a=1", "--param", "b=1"), ["has no $b"]),
    "a value for SQL without any": (("sql", "select 1", "--param", "a=1"), ["has no parameters", "--param"]),
    "a value without a name": (("sql", "select $a", "--param", "1"), ["--param 1", "NAME=VALUE"]),
    "a value with two": (("sql", "select $a", "--param", "a=1", "--param", "a=2"), ["a twice", "NAME=VALUE"]),
    "wrong SQL": (("sql", "select * from nowhere"), ["nowhere"]),
    "a prior file that is none": (("ingest", "priors", "good.csv"), ["good.csv"]),
}  # fmt: skip


@pytest.fixture
def files(tmp_path: Path) -> None:
    """The files that the cases name."""
    (tmp_path / "questions.ods").write_text("no table")
    (tmp_path / "no_question.csv").write_text("id,text\n1,Who wrote Hamlet?\n")
    (tmp_path / "good.csv").write_text("question\nWho wrote Hamlet?\n")
    (tmp_path / "chat.json").write_text('{"question": "Who wrote Hamlet?"}')
    (tmp_path / "header.csv").write_text("question_id,question\n")


@pytest.mark.parametrize("case", MISUSE)
def test_misuse_is_one_line_and_exit_code_2(case: str, optiq, files) -> None:
    arguments, words = MISUSE[case]
    result = optiq(*arguments)
    lines = [line for line in result.err.splitlines() if line.startswith("error:")]
    assert result.code == 2, result.err
    assert len(lines) == 1
    assert [word for word in words if word not in lines[0]] == []
    assert result.out == ""


def test_a_perfdb_that_is_none(optiq, home: Path) -> None:
    for content in (b"", b"no database at all" * 1000):
        (home / "perfdb.duckdb").write_bytes(content)
        result = optiq("sql", "select 1")
        assert result.code == 1
        assert result.err.count("\n") == 1
        assert "perfdb.duckdb" in result.err


def test_somebody_elses_duckdb_file(optiq, home: Path) -> None:
    (home / "perfdb.duckdb").unlink()
    with duckdb.connect(str(home / "perfdb.duckdb")) as foreign:
        foreign.execute("create table sales (day date)")
    result = optiq(*ASK)
    assert result.code == 1
    assert result.err.count("\n") == 1
    assert "perfdb.duckdb" in result.err


def test_a_perfdb_made_by_a_newer_version(optiq, home: Path) -> None:
    with duckdb.connect(str(home / "perfdb.duckdb")) as newer:
        newer.execute("update schema_versions set version = version + 1000")
    result = optiq("sql", "select 1")
    assert result.code == 1
    assert "newer" in result.err


def test_no_perfdb_at_all(optiq) -> None:
    result = optiq("plan", "Who wrote Hamlet?", "--perfdb", "elsewhere")
    assert result.code == 1
    assert "optiq init" in result.err


def test_a_server_that_does_not_answer(optiq) -> None:
    result = optiq("ask", "Who wrote Hamlet?", "--server", "ollama", "--server-url", "http://127.0.0.1:9")
    assert result.code == 1
    assert "127.0.0.1:9" in result.err
    assert "Traceback" not in result.err


def test_a_named_address_is_never_replaced_by_another_server(optiq) -> None:
    result = optiq("plan", "Who wrote Hamlet?", "--server-url", "http://127.0.0.1:9")
    assert result.code == 1
    assert "127.0.0.1:9" in result.err


def test_a_budget_that_no_plan_meets_is_infeasible_and_says_what_would_do(optiq) -> None:
    result = optiq("plan", "Who wrote Hamlet?", *LOCAL, "--max-latency", "0.000001", "--json")
    planned = json.loads(result.out)[0]
    assert planned["status"] == "infeasible"
    assert planned["chosen"] is None
    assert "max_latency_s" in planned["reason"]
    assert planned["nearest"]["predicted_latency_s"] > 0.000001


def test_bad_rows_become_invalid_rows_and_good_ones_are_answered(optiq, tmp_path: Path) -> None:
    rows = [
        {"question_id": "good", "question": "What is the capital of France?"},
        {"question_id": "empty", "question": "  "},
        {"question_id": "good", "question": "Who wrote Hamlet?"},
        {"question_id": "plain", "question": "Which is a bird?", "options": "eagle or shark"},
        {"question_id": "negative", "question": "Who wrote Hamlet?", "max_cost_usd": -1},
        {"question_id": "text", "question": "Who wrote Hamlet?", "max_latency_s": "soon"},
        {"question_id": "poor", "question": "Who wrote Hamlet?", "max_latency_s": 1e-9},
    ]
    source = tmp_path / "mixed.jsonl"
    source.write_text("".join(json.dumps(row) + "\n" for row in rows))
    result = optiq("answer", str(source), "-o", "answers.csv", *LOCAL)
    answers = pl.read_csv("answers.csv")
    assert answers["question_id"].to_list() == [row["question_id"] for row in rows]
    assert answers["status"].to_list() == ["answered", *["invalid"] * 5, "infeasible"]
    assert "Paris" in answers["answer"][0]
    for place, words in {1: "empty", 2: "row 1 too", 3: '["', 4: "max_cost_usd", 5: "max_latency_s"}.items():
        assert words in answers["error"][place]
        assert str(place + 1) in answers["error"][place]
    assert "cheapest plan that would do" in answers["error"][6]
    assert "1 answered, 1 infeasible, 0 failed, 5 invalid" in result.out
    assert result.code == 1


def test_a_warning_is_one_line_without_a_place_in_the_code(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.warnoptions", [])
    before = warnings.formatwarning  # Python's own, unless `optiq.open()` was called in this process
    with one_line_warnings():
        said = [warnings.formatwarning("why\nso", kind, "file.py", 3) for kind in (OptiqWarning, UserWarning)]
        monkeypatch.setattr("sys.warnoptions", ["default"])
        assert "file.py:3" in warnings.formatwarning("why", UserWarning, "file.py", 3)
    assert said == ["warning: why\nso\n", "warning: why so (UserWarning)\n"]
    assert warnings.formatwarning is before


def test_the_same_warning_is_said_once_in_a_command_and_again_in_the_next() -> None:
    for _ in range(2):
        with one_line_warnings():
            said = [
                warnings.formatwarning(text, kind, "file.py", line)
                for line, (text, kind) in enumerate(
                    [
                        ("odd", OptiqWarning),
                        ("odd", OptiqWarning),
                        ("odder", OptiqWarning),
                        ("go", OptiqNote),
                        ("go", OptiqNote),
                    ]
                )
            ]
        assert said == ["warning: odd\n", "", "warning: odder\n", "go\n", "go\n"]


def test_addresses_given_apart_are_both_asked(optiq):
    shown = optiq("models", "--server", "ollama", "--server-url", "127.0.0.1:1", "--server-url=127.0.0.1:2")
    assert "127.0.0.1:1 is ollama" in shown.err
    assert "127.0.0.1:2 is ollama" in shown.err


def test_help_is_a_word_too(optiq) -> None:
    assert optiq("help").out == optiq("--help").out
    assert optiq("help", "sql").out == optiq("sql", "--help").out


@pytest.mark.parametrize(
    "address", ["http://me:{}@127.0.0.1:9/a.csv", "https://127.0.0.1:9/a.csv?api_key={}"]
)
@pytest.mark.parametrize(
    "verb", ["ingest traces {}", "ingest prices {}", "calibrate {} --yes", "export {}", "answer {} -o a.csv"]
)
def test_an_address_where_a_file_belongs_is_told_without_what_opens_it(
    verb: str, address: str, optiq, tmp_path: Path
) -> None:
    result = optiq(*verb.format(address.format("hunter2")).split())
    assert result.code == 2
    assert "127.0.0.1:9" in result.err
    assert "hunter2" not in result.err + result.out
    assert not [path for path in tmp_path.rglob("*") if path.is_file() and b"hunter2" in path.read_bytes()]
