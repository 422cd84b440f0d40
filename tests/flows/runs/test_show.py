"""`optiq show`: what is seen of a run before and after a refresh, of one answer, and of runs without a folder."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from benchmarks.model_server import text_for
from flows.command_line.main import run
from optiq.prompts.prompt_set import ZERO_SHOT
from optiq.questions.metric import METRIC_NAMES
from optiq.questions.question import Question
from tests.flows.runs.conftest import ModelServer
from warehouse.home import Home
from warehouse.run_answers import known_runs

MODELS = ("mistral:7b", "phi4:14b")
HOSTILE = "Who is \x1b[31mred\u202egpj.exe?"


def right(model: str, text: str) -> str:
    """What a model of the scripted server answers when it is asked alone."""
    return text_for(model, ZERO_SHOT.ask(Question("q", text)), 3)


ROWS: list[dict[str, Any]] = [
    {"question_id": "right", "question": "Who is right?", "reference": right(MODELS[0], "Who is right?")},
    {"question_id": "wrong", "question": "Who is wrong?", "reference": right(MODELS[1], "Who is wrong?")},
    {"question_id": "hostile", "question": HOSTILE, "reference": "Oslo"},
    {"question_id": "never", "question": "Who is late?", "reference": "Oslo", "max_latency_s": 1e-9},
    {"question_id": "choice", "question": "Which one?", "options": ["yes", "no"], "reference": "A"},
]


@pytest.fixture(scope="module")
def seen(fresh_home: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """A home with a run of one model, the file of its questions, and the server."""
    folder = tmp_path_factory.mktemp("show")
    shutil.copytree(fresh_home, folder / "home")
    (folder / "questions.jsonl").write_text("".join(json.dumps(row) + "\n" for row in ROWS))
    server = ModelServer("--models", ",".join(MODELS))
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        patch.setenv("OPTIQ_HOME", str(folder / "home"))
        at = ("--server", "ollama", "--server-url", server.url)
        code = run(
            [
                "answer",
                "questions.jsonl",
                "-o",
                "a.jsonl",
                "--models",
                MODELS[0],
                "--max-operations",
                "1",
                *at,
            ]
        )
        assert code == 1, "one question has no plan"
        yield folder, at
    server.stop()


@pytest.fixture
def shown(seen: Any, capsys: pytest.CaptureFixture[str]) -> Callable[..., str]:
    """What a command says on the home of the run."""

    def show(*arguments: str, code: int = 0) -> str:
        capsys.readouterr()
        assert run(list(arguments)) == code
        streams = capsys.readouterr()
        return streams.err if code else streams.out

    return show


def rows(text: str) -> dict[str, dict[str, Any]]:
    return {row["question_id"]: row for row in json.loads(text)["rows"]}


def test_a_run_is_seen_at_once_and_after_a_refresh(seen: Any, shown: Callable[..., str]) -> None:
    before = json.loads(shown("show", "last", "--json"))
    assert [row["question_id"] for row in before["rows"]] == [row["question_id"] for row in ROWS]
    assert (before["questions"], before["judged"], before["wrong"]) == (5, 4, 4)
    assert before["kinds"][0][1] >= before["kinds"][-1][1]
    late = rows(json.dumps(before))["never"]
    assert (late["status"], late["question"], late["qoa"]) == ("infeasible", "Who is late?", None)
    at = seen[1]
    shown("calibrate", "questions.jsonl", "--plan", MODELS[1], "--plan", f"{MODELS[1]} → {MODELS[0]}", *at)
    shown("refresh")
    after = json.loads(shown("show", before["run_id"][:15], "--json"))
    for old, new in zip(before["rows"], after["rows"], strict=True):
        for name in ("status", "question", "answer", "qoa", "spent_usd", "cost_usd", "latency_s", "plan"):
            assert old[name] == new[name], name
    # Of two wrong answers that comes first which another plan got right.
    wrong = json.loads(shown("show", after["run_id"], "--wrong", "--json"))["rows"]
    assert (wrong[0]["question_id"], wrong[0]["best_from"], wrong[0]["loss"]) == ("wrong", "question", 1.0)
    assert wrong[0]["best_plan"] == MODELS[1]
    assert "right" not in {row["question_id"] for row in wrong}
    assert ["wrong, and another plan got it right", 1] in after["kinds"]


def test_one_answer_is_shown_with_the_words_that_were_sent(seen: Any, shown: Callable[..., str]) -> None:
    found = json.loads(shown("show", "last", "right", "--json"))
    (call,) = found["executions"][0]["calls"]
    assert call["prompt"] == ZERO_SHOT.ask(Question("q", "Who is right?"))
    assert call["prompt_as_sent"]
    assert call["output"] == ROWS[0]["reference"] == found["answer"]
    assert found["executions"][0]["scores"]["exact"] == 1
    assert [one["chosen"] for one in found["why"]["plans"]].count(True) == 1
    choice = json.loads(shown("show", "last", "choice", "--json"))
    assert choice["options"] == ["yes", "no"]
    assert choice["executions"][0]["calls"][0]["prompt_as_sent"]
    text = shown("show", "last", "who is RIGHT")
    assert "Question: Who is right?" in text
    assert "chosen" in text
    late = shown("show", "last", "never")
    assert "infeasible" in late
    assert "--max-latency" in late


def test_a_run_without_a_folder_is_shown_too(seen: Any, shown: Callable[..., str]) -> None:
    """A calibration, with a chain: the prompt of its second node has the output of the first in it."""
    home, at = seen[0] / "home", seen[1]
    shown("calibrate", "questions.jsonl", "--plan", f"{MODELS[1]} → {MODELS[0]}", "--plan", MODELS[1], *at)
    shown("refresh")
    calibrated = next(name for name in known_runs(Home(home)) if not (home / "runs" / name).exists())
    found = json.loads(shown("show", calibrated, "right", "--json"))
    chain = next(one for one in found["executions"] if len(one["calls"]) == 2)
    assert chain["calls"][1]["reads"] == [0]
    assert chain["calls"][0]["output"] in chain["calls"][1]["prompt"]
    assert chain["calls"][1]["prompt_as_sent"]
    assert shown("show", calibrated, "--dear", "--limit", "2")


def test_what_was_asked_cannot_drive_a_terminal(shown: Callable[..., str]) -> None:
    for said in (
        shown("show", "last"),
        shown("show", "last", "hostile"),
        shown("show", "last", "--wrong", "--json"),
    ):
        assert "\x1b" not in said
        assert "\u202e" not in said
        assert "gpj.exe" in said


MISUSE = {
    "two picks": (("show", "last", "--wrong", "--dear"), ["--wrong and --dear"]),
    "a pick and a question": (("show", "last", "right", "--slow"), ["--slow and a question"]),
    "no such run": (("show", "nobody"), ["nobody", "optiq runs list"]),
    "no such question": (("show", "last", "nobody"), ["nobody", "optiq show"]),
    "several questions": (("show", "last", "who is"), ["4 questions"]),
    "a limit of nothing": (("show", "last", "--limit", "0"), ["--limit"]),
}


@pytest.mark.parametrize("case", MISUSE)
def test_misuse_is_named_in_one_line(shown: Callable[..., str], case: str) -> None:
    arguments, words = MISUSE[case]
    said = shown(*arguments, code=2)
    assert len(said.splitlines()) == 1
    for word in words:
        assert word in said


def test_a_file_that_changed_is_not_taken_for_what_was_asked(seen: Any, shown: Callable[..., str]) -> None:
    file = seen[0] / "questions.jsonl"
    asked = file.read_text()
    try:
        file.write_text(asked.replace("Which one?", "Which?"))
        found = json.loads(shown("show", "last", "choice", "--json"))
        assert (found["question"], found["options"]) == ("Which one?", [])
        assert not found["executions"][0]["calls"][0]["prompt_as_sent"]
    finally:
        file.write_text(asked)


def test_a_model_that_nobody_described_is_shown_before_a_refresh_and_after(
    optiq: Callable[..., Any], model_server: Callable[..., ModelServer], tmp_path: Path
) -> None:
    server = model_server("--models", "stranger:3b")
    at = ("--server", "ollama", "--server-url", server.url)
    (tmp_path / "q.jsonl").write_text(json.dumps({"question": "Who is new?", "question_id": "new"}) + "\n")
    assert optiq("answer", "q.jsonl", "-o", "a.jsonl", "--models", "stranger:3b", *at).code == 0
    run_id = json.loads(optiq("show", "last", "--json").out)["run_id"]
    done = optiq("ask", "Who is newer?", "--models", "stranger:3b", *at)
    assert done.code == 0, done.err
    server.stop()  # nobody is asked any more what it serves
    asked = next(name for name in known_runs(Home(tmp_path / "home")) if name != run_id)
    for refreshed in (False, True):
        if refreshed:
            assert optiq("refresh").code == 0
        found = json.loads(optiq("show", run_id, "new", "--json").out)
        (execution,) = found["executions"]
        assert [(call["prompt"], call["prompt_as_sent"]) for call in execution["calls"]] == [
            (ZERO_SHOT.ask(Question("q", "Who is new?")), True)
        ]
        (chosen,) = [one for one in found["why"]["plans"] if one["chosen"]]
        for metric in METRIC_NAMES:  # what the planner saw, by the same guesses
            assert chosen[metric] == pytest.approx(execution[f"predicted_{metric}"], rel=1e-6), metric
        # `ask` keeps no folder: all that is known of the model is its name.
        alone = json.loads(optiq("show", asked, "who is newer", "--json").out)
        assert alone["executions"][0]["calls"][0]["prompt_as_sent"]
        assert "unknown" not in alone["why"]
