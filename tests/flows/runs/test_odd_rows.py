"""300 questions, every fifth of which gets something odd: every row has a status, and no other row fails."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from tests.optiq.scripted_http import OLLAMA_ANSWER, OPENAI_ANSWER, Reply, scripted_server

MODEL = "phi4:14b"
EVERY = 5
ODD = json.loads((Path(__file__).parents[2] / "optiq/servers/odd_replies.json").read_text(encoding="utf-8"))
NO_ANSWERS = [b"<html>It works!</html>", b"", b"[]", b"[" * 100_000, b'{"choices": "none"}', b"\xff\xfe"]
REFUSALS = [(400, "7900 tokens do not fit in the context of 4096"), (413, "payload"), (422, "no such field"),
            (400, "filtered: content management policy"), (500, "input length exceeds the context length")]  # fmt: skip


def replies(dialect: str) -> list[Reply]:
    """Whatever is odd, in a dialect."""
    found = []
    for case in ODD:
        found.append(Reply(body(dialect, case["message"], case.get("counts"), case.get("reason", "stop"))))
    thought = {"content": "", "thinking" if dialect == "ollama" else "reasoning_content": "It is Oslo, but"}
    found.append(Reply(body(dialect, thought, (20, 32), "length")))  # all of it went to thinking
    found.append(Reply(body(dialect, {"content": "Oslo"}, (300, 3), "stop")))  # of a prompt that was cut
    found += [Reply(raw) for raw in NO_ANSWERS]
    found += [Reply({"error": {"message": said}}, status) for status, said in REFUSALS]
    found.append(Reply(cut=20))
    return found


def body(dialect: str, message: dict[str, Any], counts: Any, reason: Any) -> dict[str, Any]:
    """An answer in a dialect; ``counts`` of tokens."""
    prompt, output = counts or (12, 3)
    if dialect == "ollama":
        return {**OLLAMA_ANSWER, "message": message, "model": MODEL, "done_reason": reason,
                "prompt_eval_count": prompt, "eval_count": output}  # fmt: skip
    usage = {"prompt_tokens": prompt, "completion_tokens": output}
    choice = {"index": 0, "finish_reason": reason, "message": message}
    return {**OPENAI_ANSWER, "choices": [choice], "model": MODEL, "usage": usage}


@pytest.mark.parametrize("dialect", ["ollama", "openai"])
def test_only_odd_rows_may_fail(dialect, optiq, tmp_path, monkeypatch) -> None:
    monkeypatch.setattr(
        "optiq.execution.calling.Retries.__init__.__defaults__", (3, 0.002, 2.0, 0.05, 60.0, 2)
    )
    odd, numbers = replies(dialect), range(300)
    words = {EVERY * (len(ODD) + 1): "long " * 2000}  # the one whose prompt the server cuts
    lines = [f'q{i},"What is the capital of {words.get(i, "")}place {i}?"\n' for i in numbers]
    (tmp_path / "questions.csv").write_text("question_id,question\n" + "".join(lines))

    def reply(asked: dict[str, Any]) -> Reply | None:
        number = int(re.search(r"place (\d+)", asked["messages"][-1]["content"])[1])
        return odd[number // EVERY % len(odd)] if number % EVERY == 0 else None

    with scripted_server() as fake:
        fake.reply = reply
        fake.lists = json.loads(
            json.dumps(fake.lists).replace("tiny:1b", MODEL).replace('"tiny"', f'"{MODEL}"')
        )
        fake.lists["/v1/models"]["data"][0].pop("max_model_len")
        url = fake.url if dialect == "ollama" else f"{fake.url}/v1"
        command = ("answer", "questions.csv", "-o", "answers.csv", "--json", "--server", dialect,
                   "--server-url", url, "--models", MODEL, "--max-operations", "1")  # fmt: skip
        first = json.loads(optiq(*command).out)
        asked = len(fake.requests)
        again = json.loads(optiq(*command).out)
        asked_again = len(fake.requests) - asked
    rows = pl.read_csv("answers.csv")
    assert rows["question_id"].to_list() == [f"q{i}" for i in numbers]
    assert set(rows["status"]) == {"answered", "failed"}
    failed = rows.filter(pl.col("status") == "failed")
    assert all(int(name[1:]) % EVERY == 0 for name in failed["question_id"]), failed["question_id", "error"]
    assert failed["error"].is_not_null().all()
    assert first["models_taken_out"] == []
    wordless = [i for i, one in enumerate(ODD) if one["text"] == ""]
    hopeless = {i for i in range(len(odd)) if i >= len(ODD)} | set(wordless)
    assert failed.height == sum(i // EVERY % len(odd) in hopeless for i in numbers[::EVERY])
    assert again["answered"] == first["answered"]
    assert asked_again <= 3 * failed.height, "what was answered is not asked again"
    assert optiq("refresh").code == 0


def test_a_run_of_a_file_with_other_columns_is_scored_without_a_word_about_it(
    home, optiq, model_server
) -> None:
    pl.DataFrame({"prompt": ["Capital of Norway?"], "answers": ["Oslo"]}).write_csv("set.csv")
    server = model_server("--models", "mistral:7b")
    where = ("--server", "ollama", "--server-url", server.url)
    columns = ("--column", "question=prompt", "--column", "reference=answers")
    done = optiq("answer", "set.csv", "-o", "a.csv", *columns, *where)
    assert done.code == 0, done.err
    told = optiq("score", "a.csv", "set.csv", *columns)
    assert (told.code, told.err) == (0, "")


@pytest.mark.parametrize("form", ["short", "number", "multi", "long", "code", "json"])
def test_the_answers_file_tells_of_an_answer_that_was_cut(form, optiq, tmp_path) -> None:
    cut = {"json": '{"name": "Ad', "multi": "A, B"}.get(form, "7 because the old bridge was")
    options = ["red", "blue", "green"] if form == "multi" else None
    question = {"question_id": "a", "question": "Which is it?", "form": form, "options": options}
    (tmp_path / "questions.jsonl").write_text(json.dumps(question) + "\n")
    with scripted_server() as fake:
        fake.lists = json.loads(json.dumps(fake.lists).replace("tiny:1b", MODEL))
        fake.reply = lambda asked: Reply(body("ollama", {"content": cut}, (20, 32), "length"))
        optiq("answer", "questions.jsonl", "-o", "answers.csv", "--server", "ollama", "--server-url", fake.url,
              "--models", MODEL, "--max-operations", "1")  # fmt: skip
    (row,) = pl.read_csv("answers.csv").iter_rows(named=True)
    assert row["status"] == "answered"
    assert row["error"].startswith("the answer was cut at the cap of ")
