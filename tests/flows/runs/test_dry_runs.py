"""What a dry run promises is what the run then does: every count, on odd files."""

from __future__ import annotations

import json
import warnings
from collections.abc import Callable

import polars as pl
import pytest

from optiq.errors import OptiqWarning
from warehouse.home import Home
from warehouse.ingest import ingest_traces
from warehouse.refresh import refresh

FINE = {"question": "What is the capital of Norway?"}
MANY = [{"question": f"What is {n} plus {n + 1}?", "question_id": f"q{n}"} for n in range(30)]
FILES = {
    "plain": ([FINE, {"question": "Who wrote Hamlet?"}], []),
    "empty questions": ([{"question": " "}, FINE, {"question": ""}], []),
    "ids twice": ([{**FINE, "question_id": "a"}, {**FINE, "question_id": "a"}], []),
    "bad options": ([{**FINE, "options": "one"}, {**FINE, "options": '["a", "b"]'}], []),
    "bad limits": ([{**FINE, "max_cost_usd": "-1"}, {**FINE, "max_latency_s": "soon"}, FINE], []),
    "tight limits": ([{**FINE, "max_latency_s": "1e-9"}, {**FINE, "max_cost_usd": "1e-15"}, FINE], []),
    "a floor that nobody reaches": ([FINE, {**FINE, "min_qoa": "1"}], []),
    "topics that nobody knows": ([{**FINE, "topic": "law"}, {**FINE, "topic": "sprot"}, FINE], []),
    "a total for nothing": (MANY, ["--max-total-cost", "1e-12"]),
    "a total for all": (MANY, ["--max-total-cost", "1", "--max-total-energy", "1e6"]),
}


@pytest.fixture
def knowing(home) -> None:
    """PerfDB knows two topics."""
    rows = [
        {
            "execution_id": f"{topic}-{n}",
            "question_id": f"{topic}-{n}",
            "question": f"What of {topic} is number {n}?",
            "topic": topic,
            "plan": {"models": ["mistral:7b"], "edges": []},
            "qoa": 0.5,
            "cost_usd": 1e-5,
            "latency_s": 1.0,
            "started_at": "2026-11-01T00:00:00+00:00",
            "calls": [
                {"node": 0, "model": "mistral:7b", "output_tokens": 9, "cost_usd": 1e-5, "latency_s": 1.0}
            ],
        }
        for topic in ("law", "sport")
        for n in range(3)
    ]
    (home / "traces.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    ingest_traces(Home(home), [home / "traces.jsonl"])
    refresh(Home(home), full_gate=False)


@pytest.mark.usefixtures("knowing")
def test_a_dry_run_counts_what_the_run_refuses(model_server, optiq: Callable) -> None:
    server = model_server("--models", "mistral:7b")
    for name, (rows, flags) in FILES.items():
        pl.DataFrame(rows).write_ndjson("odd.jsonl")
        command = ["answer", "odd.jsonl", "-o", "out.jsonl", "--fresh", "--json", "--server", "ollama"]
        command += ["--server-url", server.url, *flags]
        with warnings.catch_warnings(record=True) as told:
            warnings.simplefilter("always", OptiqWarning)
            promised = json.loads(optiq(*command, "--dry-run").out)
            dry = [str(one.message) for one in told]
            done = optiq(*command)
        summary = json.loads(done.out)
        refused = promised["infeasible"] + promised["over_total"]
        assert (promised["questions"], promised["invalid"], refused) == (
            summary["questions"],
            summary["invalid"],
            summary["infeasible"],
        ), name
        assert summary["answered"] == summary["questions"] - summary["invalid"] - refused, name
        assert done.code == (0 if summary["answered"] == summary["questions"] else 1), name
        if name == "topics that nobody knows":
            assert any("sprot" in one and "is it sport?" in one for one in dry)
        if promised["cost_usd"]:
            assert promised["low_usd"] <= promised["cost_usd"] <= promised["high_usd"], name


@pytest.mark.parametrize(
    ("rows", "said"),
    [(["", " "], "2 invalid; odd.csv row 1: the question is empty"), ([], "odd.csv has no question")],
)
def test_a_dry_run_of_no_question_says_why_and_ends_as_the_run_does(rows, said, model_server, optiq) -> None:
    pl.DataFrame({"question": rows, "note": rows}, {"question": pl.String, "note": pl.String}).write_csv(
        "odd.csv", quote_style="always"
    )
    command = ["answer", "odd.csv", "-o", "out.csv", "--server", "ollama"]
    command += ["--server-url", model_server("--models", "mistral:7b").url]
    dry = optiq(*command, "--dry-run")
    assert said in dry.out + dry.err
    assert dry.code == optiq(*command).code != 0


@pytest.mark.parametrize(("model", "guessed"), [("our-helper", ["our-helper"]), ("mistral:7b", [])])
def test_at_most_says_where_it_rests_on_guessed_prices(model, guessed, model_server, optiq) -> None:
    server = model_server("--models", model)
    pl.DataFrame({"question": ["What is 2 plus 3?"], "reference": ["5"]}).write_csv("one.csv")
    where = ("--server", "ollama", "--server-url", server.url, "--dry-run")
    for verb in (("answer", "one.csv", "-o", "out.csv"), ("calibrate", "one.csv", "--topic", "sums")):
        assert json.loads(optiq(*verb, *where, "--json").out)["guessed_prices"] == guessed, verb
        said = optiq(*verb, *where).out
        assert ("by output caps and guessed prices of our-helper" in said) == bool(guessed), said


@pytest.mark.parametrize(
    ("model", "guessed"),
    [
        ("gemma3:270m", ["code", "long"]),  # facts were measured
        ("mistral:7b", ["short"]),  # what is published are whole sentences
        ("our-helper", ["code", "long", "short"]),
    ],
)
def test_a_dry_run_says_of_which_forms_lengths_are_guessed(model, guessed, model_server, optiq) -> None:
    server = model_server("--models", model)
    asked = ["Who wrote Hamlet?", "Explain in three paragraphs how plants grow.", "Write a Python function."]
    pl.DataFrame({"question": asked, "form": ["short", "long", "code"]}).write_csv("forms.csv")
    where = ("--server", "ollama", "--server-url", server.url)
    found = json.loads(optiq("answer", "forms.csv", *where, "--dry-run", "--json").out)
    assert found["guessed_lengths"] == guessed
    said = optiq("answer", "forms.csv", *where, "--dry-run").out
    assert f"lengths of {' and '.join(guessed)} answers are guessed)" in " ".join(said.split())
    told = [
        "guess: usual length" in optiq("explain", question, *where, "--json").out for question in asked[:2]
    ]
    assert told == ["short" in guessed, "long" in guessed]


@pytest.mark.usefixtures("knowing")
@pytest.mark.parametrize("limit", ["cost", "energy"])
def test_what_a_total_buys_is_what_a_dry_run_with_it_counts(limit, model_server, optiq) -> None:
    server = model_server("--models", "mistral:7b")
    pl.DataFrame(MANY).write_ndjson("many.jsonl")
    command = ["answer", "many.jsonl", "-o", "out.jsonl", "--dry-run", "--server", "ollama"]
    command += ["--server-url", server.url, "--models", "mistral:7b"]

    def dry(total: float) -> dict:
        return json.loads(optiq(*command, "--json", f"--max-total-{limit}", repr(total)).out)

    name, unit = ("cost_usd", "USD") if limit == "cost" else ("energy_j", "J")
    total = dry(1e6)[name] / 2  # of what all of them take
    bought = dry(total)["bought"]
    for one in bought:
        alone = dry(one["total"])
        assert one["answered"] == 30 - alone["over_total"] - alone["infeasible"]
        assert one["qoa"] == pytest.approx(alone["qoa"])
    answered = [one["answered"] for one in bought]
    assert answered[1] < answered[0] < 30
    said = optiq(*command, f"--max-total-{limit}", repr(total)).out
    assert f"{unit} answers {answered[0]} of 30 at a mean QoA of" in said
    assert f"{unit}) answers {answered[1]} of 30" in said


@pytest.mark.usefixtures("knowing")
def test_a_dry_run_of_what_no_plan_is_feasible_for_says_which_limit_excludes_them(
    model_server, optiq
) -> None:
    server = model_server("--models", "mistral:7b")
    pl.DataFrame(MANY).write_ndjson("many.jsonl")
    command = ["answer", "many.jsonl", "-o", "out.jsonl", "--dry-run", "--server", "ollama"]
    command += ["--server-url", server.url, "--models", "mistral:7b"]
    none = optiq(*command, "--max-latency", "1e-9")
    assert none.code == 1  # as a run that answers nothing
    assert "nothing would be asked: 30 questions, 30 infeasible" in none.out
    assert "max_latency_s = 1e-09 s excludes" in none.out
    assert "USD" not in none.out  # nobody is told that nothing costs nothing

    pl.DataFrame([*MANY, {**MANY[0], "question_id": "x", "max_latency_s": "1e-9"}]).write_ndjson("many.jsonl")
    some = optiq(*command)
    assert some.code == 0
    assert "31 questions, 1 infeasible; predicted" in some.out
    assert "infeasible, the first one: max_latency_s = 1e-09 s excludes" in some.out
    pl.DataFrame(MANY).write_ndjson("many.jsonl")
    assert "the first one" not in optiq(*command).out


def test_a_dry_run_needs_no_file_for_answers_and_says_why_a_row_is_invalid(model_server, optiq) -> None:
    rows = {
        "question": ["Which is a mammal?", ""],
        "A": ["whale", "x"],
        "B": ["shark", "y"],
        "answer": ["A", "B"],
    }
    pl.DataFrame(rows).write_csv("set.csv")
    server = model_server("--models", "mistral:7b")
    command = ["answer", "set.csv", "--column", "options=A,B", "--column", "reference=answer"]
    command += ["--server", "ollama", "--server-url", server.url]
    dry = optiq(*command, "--dry-run")
    assert dry.code == 0, dry.err
    assert "choice 1" in dry.out
    assert "2 questions, 0 infeasible, 1 invalid row;" in dry.out
    assert "invalid, the first one: set.csv row 2: the question is empty" in dry.out
    refused = optiq(*command)
    assert (refused.code, refused.out) == (2, "")
    assert "nobody said where the answers go. Give a file, such as -o answers.csv." in refused.err
    done = optiq(*command, "-o", "answers.csv")
    assert done.code == 1  # a row is invalid
    assert "invalid, the first one: set.csv row 2: the question is empty" in done.out
    assert pl.read_csv("answers.csv")["status"].to_list() == ["answered", "invalid"]
    shown = optiq("show", "last", "2").out
    assert "is invalid" in shown
    assert "set.csv row 2: the question is empty" in shown
    assert "None" not in shown
    assert "its file has changed" not in shown
