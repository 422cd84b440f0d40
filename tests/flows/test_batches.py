"""Batch in and out: `optiq answer` stands in for `vllm run-batch`; plans go to batch services and come back."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import duckdb
import polars as pl
import pytest

from optiq.errors import InputError
from optiq.execution.asking import PromptSetAsking
from optiq.formats.batch_requests import RESPONSES, is_batch_input, read_requests, write_responses
from optiq.formats.batches import Batches
from optiq.formats.chat import choices_of, usage_of
from optiq.formats.protocol import Answer, Wanted
from optiq.formats.source import Source
from optiq.plans.plan import Plan
from optiq.prompts.prompt_set import PromptSet
from optiq.questions.question import Question, Wishes

Command = Callable[..., Any]
CHAT = "/v1/chat/completions"


def request(name: str, messages: Any, url: str = CHAT, **body: Any) -> dict[str, Any]:
    return {"custom_id": name, "method": "POST", "url": url, "body": {"messages": messages, **body}}


def user(text: str) -> list[dict[str, Any]]:
    return [{"role": "user", "content": text}]


def lines(path: Path, rows: list[Any]) -> Path:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return path


def test_requests_are_read_as_documented(tmp_path: Path) -> None:
    system = {"role": "system", "content": "Be short."}
    chat = [system, *user("Hi."), {"role": "assistant", "content": "Hello!"}, *user("Who are you?")]
    path = lines(
        tmp_path / "in.jsonl",
        [
            request("a", [system, *user("What is 2+2?")], model="m", max_tokens=8, temperature=0.5),
            request("b", [{"role": "user", "content": [{"type": "text", "text": "Hi."}]}], model="optiq"),
            request("c", chat, model="m", max_completion_tokens=9, max_tokens=5),
            {"custom_id": "d", "url": "/v1/completions", "body": {"model": "m", "prompt": "Once upon"}},
        ],
    )
    assert is_batch_input(path)
    assert read_requests(path) == [
        (
            "a",
            "Be short.\n\nWhat is 2+2?",
            Wishes("m", 8, 0.5, json.dumps([system, *user("What is 2+2?")])),
            None,
        ),
        ("b", "Hi.", Wishes(None, None, 0.0), None),
        (
            "c",
            "Be short.\n\nUser: Hi.\n\nAssistant: Hello!\n\nUser: Who are you?\n\nAssistant:",
            Wishes("m", 9, messages=json.dumps(chat)),
            None,
        ),
        ("d", "Once upon", Wishes("m", url="/v1/completions"), None),
    ]


def test_requests_for_responses_are_read_and_answered_as_such(tmp_path: Path) -> None:
    part = {"type": "input_text", "text": "And 3+3?"}
    bodies: list[dict[str, Any]] = [
        {"model": "m", "input": "What is 2+2?", "max_output_tokens": 8},
        {"model": "m", "instructions": "Be short.", "input": [{"role": "user", "content": [part]}]},
        {"model": "m", "input": [{"type": "function_call_output", "output": "x"}]},
        {"model": "m", "input": "x", "text": {"format": {"type": "json_object"}}},
        {"model": "m", "input": "x", "previous_response_id": "resp_1"},
    ]
    rows = [{"custom_id": f"r{n}", "url": RESPONSES, "body": body} for n, body in enumerate(bodies)]
    found = read_requests(lines(tmp_path / "in.jsonl", rows))
    assert found[0] == ("r0", "What is 2+2?", Wishes("m", 8, url=RESPONSES), None)
    assert found[1][1] == "Be short.\n\nAnd 3+3?"
    assert json.loads(found[1][2].messages) == [  # type: ignore[union-attr, arg-type]
        {"role": "system", "content": "Be short."},
        {"role": "user", "content": [{"type": "text", "text": "And 3+3?"}]},
    ]
    assert [fault is None for *_, fault in found] == [True, True, False, False, False]
    answers = [
        {"question_id": name, "status": "answered", "answer": "4", "prompt_tokens": 5, "output_tokens": 1}
        for name in ("r0", "t", "c")
    ]
    out = tmp_path / "out.jsonl"
    write_responses(answers, out, {"r0": RESPONSES, "t": "/v1/completions"})
    said = [json.loads(line)["response"]["body"] for line in out.read_text(encoding="utf-8").splitlines()]
    assert [body["object"] for body in said] == ["response", "text_completion", "chat.completion"]
    assert [choices_of(body)[0]["output"] for body in said] == ["4", "4", "4"]
    assert {usage_of(body["usage"])["output_tokens"] for body in said} == {1}


def test_a_chat_is_told_in_its_own_messages() -> None:
    chat = json.dumps([{"role": "system", "content": "Be short."}, *user("Hi.")])
    asked = Question("1", "Be short.\n\nHi.", wishes=Wishes(None, 8, messages=chat))
    asking = PromptSetAsking(PromptSet(), {}, None, constrain=True)
    plan = Plan.parse("a -> b")
    first, second = (asking.request(asked, plan, node, {0: "Hello"}) for node in (0, 1))
    assert first.conversation is not None
    assert [one["role"] for one in first.conversation.messages] == ["system", "user"]
    assert first.max_output_tokens == 8
    assert second.conversation is None  # it is shown what the first one said


@pytest.mark.parametrize(
    ("row", "says"),
    [
        (request("a", "bad"), "messages is no list of messages"),
        (request("a", []), "messages is no list"),
        (request("a", user(" ")), "there is nothing asked"),
        (request("a", user("x"), url="/v1/embeddings"), "url is '/v1/embeddings'"),
        (request("a", user("x"), n=2), "n is 2"),
        (request("a", user("x"), tools=[{"type": "function"}]), "tools is not answered here"),
        (request("a", user("x"), max_tokens=0), "max_tokens is '0'"),
        (request("a", user("x"), temperature=3), "temperature is 3"),
        (
            request("a", [{"role": "user", "content": [{"type": "image_url", "image_url": {}}]}]),
            "else than text",
        ),
        ({"custom_id": "a", "url": CHAT, "body": "x"}, "body is no JSON object"),
        ({"url": CHAT, "body": {}, "custom_id": 7}, "there is no custom_id"),
    ],
)
def test_a_request_that_cannot_be_answered_says_why(tmp_path: Path, row: dict[str, Any], says: str) -> None:
    path = lines(tmp_path / "in.jsonl", [request("good", user("x"), model="m"), row, "no object"])
    good, bad, odd = read_requests(path)
    assert good[3] is None
    assert says in str(bad[3])
    assert "not a JSON object" in str(odd[3])


def test_an_id_that_is_given_twice_is_answered_once(tmp_path: Path) -> None:
    path = lines(tmp_path / "in.jsonl", [request("a", user("x")), request("a", user("y"))])
    assert "is that of line 1 too" in str(read_requests(path)[1][3])


def test_a_batch_is_answered_as_a_server_would(home: Path, optiq: Command, tmp_path: Path) -> None:
    rows = [
        request("r2", user("What is 2+2?"), model="gemma3:270m", max_tokens=4),
        request("r1", user("What is the capital of France?"), model="smollm2:135m", max_tokens=12),
        request("r3", user("Hi."), model="nobody"),
        request("r4", "bad", model="smollm2:135m"),
    ]
    asked = lines(tmp_path / "in.jsonl", rows)
    done = optiq("answer", str(asked), "-o", "out.jsonl", "--server", "embedded", "--yes")
    assert "2 answered, 0 infeasible, 0 failed, 2 invalid" in done.out, done.err
    out = [json.loads(line) for line in (tmp_path / "out.jsonl").read_text(encoding="utf-8").splitlines()]
    assert [row["custom_id"] for row in out] == ["r2", "r1", "r3", "r4"]
    bodies = [row["response"]["body"] for row in out[:2]]
    assert [body["model"] for body in bodies] == ["gemma3:270m", "smollm2:135m"]
    assert bodies[0]["usage"]["completion_tokens"] <= 4
    assert bodies[0]["choices"][0]["finish_reason"] == "length"
    assert [row["response"] for row in out[2:]] == [None, None]
    assert "'nobody' is not served" in out[2]["error"]["message"]
    assert out[0]["optiq"]["plan_key"] == "1:0:gemma3:270m"
    # A reader of a batch's output takes it, and the same answers count once.
    found = list(Batches().read(Source(tmp_path / "out.jsonl", [asked]), Wanted()))
    assert [item.cells["question"] for item in found if isinstance(item, Answer)] == [
        "What is 2+2?",
        "What is the capital of France?",
    ]
    assert optiq("ingest", "traces", "out.jsonl", "in.jsonl").code == 0
    assert "2 executions" in optiq("refresh").out


def test_the_output_of_a_batch_is_json_lines(home: Path, optiq: Command, tmp_path: Path) -> None:
    asked = lines(tmp_path / "in.jsonl", [request("a", user("x"), model="smollm2:135m")])
    refused = optiq("answer", str(asked), "-o", "out.csv", "--server", "embedded", "--yes")
    assert refused.code == 2
    assert "ends in .jsonl" in refused.err


def test_plans_go_to_a_batch_service_and_come_back(home: Path, optiq: Command, tmp_path: Path) -> None:
    (tmp_path / "q.csv").write_text(
        "question_id,question,reference,topic\nq1,What is the capital of France?,Paris,\nq2,What is 2+2?,4,\n"
    )
    models = ("--models", "phi4:14b,mistral:7b", "--max-operations", "1")
    told = optiq("plan", "q.csv", "--emit-batch", "batches", *models, "--json")
    report = json.loads(told.out)
    assert sum(report["files"].values()) == 2
    (file,) = report["files"]
    requests = [json.loads(line) for line in (tmp_path / file).read_text(encoding="utf-8").splitlines()]
    assert {row["url"] for row in requests} == {CHAT}
    model = requests[0]["body"]["model"]
    rows = [{"question_id": row["custom_id"], "status": "answered", "answer": "Paris"} for row in requests]
    write_responses([{**rows[0], "plan": json.dumps({"models": [model]})}], tmp_path / "out.jsonl")
    first = optiq("collect", "batches", "out.jsonl", "-o", "answers.jsonl")
    assert "1 answered, 1 failed, of these 1 without an output" in first.out
    assert first.code == 1
    answers = [json.loads(line) for line in (tmp_path / "answers.jsonl").read_text().splitlines()]
    assert [(row["status"], row["answer"], row["observed_qoa"]) for row in answers] == [
        ("answered", "Paris", 1.0),
        ("failed", None, None),
    ]
    assert answers[0]["observed_cost_usd"] is None
    # Later, with all outputs: what landed already counts once.
    write_responses(
        [{**row, "plan": json.dumps({"models": [model]})} for row in rows], tmp_path / "all.jsonl"
    )
    assert "2 answered, 0 failed" in optiq("collect", "batches", "all.jsonl", "-o", "answers.jsonl").out
    assert optiq("collect", "batches", "all.jsonl", "-o", "answers.csv").code == 0
    shown = pl.read_csv(tmp_path / "answers.csv").select("question", "reference", "answer").rows()
    assert shown == [("What is the capital of France?", "Paris", "Paris"), ("What is 2+2?", "4", "Paris")]
    assert "2 executions" in optiq("refresh").out
    again = optiq("plan", "q.csv", "--emit-batch", "batches", *models)
    assert again.code == 2
    assert "is not empty" in again.err
    nothing = optiq("collect", "home", "all.jsonl", "-o", "answers.jsonl")
    assert "no folder of batches" in nothing.err


def test_a_file_that_is_no_batch_is_no_batch(tmp_path: Path) -> None:
    assert not is_batch_input(lines(tmp_path / "q.jsonl", [{"question": "x"}]))
    assert not is_batch_input(tmp_path / "none.jsonl")
    with pytest.raises(InputError, match="questions"):
        list(
            Batches().read(Source(lines(tmp_path / "o.jsonl", [{"custom_id": "a", "error": "x"}])), Wanted())
        )


def test_answers_of_a_run_come_back_as_traces_and_count_once(
    home: Path, optiq: Command, tmp_path: Path
) -> None:
    (tmp_path / "q.csv").write_text(
        'question_id,question,options,reference,note\nq1,What is 2+2?,"[""3"",""4""]",B,mine\nq2,,,,\n'
    )
    asked = ("answer", "q.csv", "--server", "embedded", "--yes", "-o")
    assert "1 answered, 0 infeasible, 0 failed, 1 invalid" in optiq(*asked, "a.csv").out
    header, first = (tmp_path / "a.csv").read_text(encoding="utf-8").split("\n", 1)
    names = header.split(",")
    assert names[:6] == ["question_id", "question", "options", "reference", "answer", "answer_text"]
    assert names[-3:] == ["note", "topics", "plan"]
    assert first.startswith('q1,What is 2+2?,"A) 3\nB) 4",B,')
    landed = optiq("ingest", "traces", "a.csv")
    assert "1 row landed" in landed.out
    assert "1 row: no traces: questions that no plan was run for" in landed.out
    assert "1 execution," in optiq("refresh").out
    assert "1 answered" in optiq(*asked, "b.csv", "--without-questions").out
    assert "answer_text" not in (tmp_path / "b.csv").read_text(encoding="utf-8")
    assert "1 answered" in optiq(*asked, "c.jsonl", "--with-questions").out
    row = json.loads((tmp_path / "c.jsonl").read_text(encoding="utf-8").splitlines()[0])
    assert (row["note"], row["answer_text"] in ("3", "4")) == ("mine", True)


@pytest.mark.parametrize("suffix", [".parquet", ".jsonl"])
def test_what_perfdb_observed_goes_to_another_one(
    home: Path, optiq: Command, tmp_path: Path, suffix: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = Path(__file__).parent.parent / "warehouse/real_files"
    assert (
        optiq(
            "ingest", "traces", str(real / "inspect/epochs.eval"), str(real / "promptfoo/results.json")
        ).code
        == 0
    )
    assert optiq("refresh").code == 0
    assert "15 executions written" in optiq("export", f"traces{suffix}").out
    assert optiq("ingest", "traces", f"traces{suffix}").code == 0
    assert "0 executions" in optiq("refresh").out
    what = "select * exclude (ingestion) from {} order by all"
    tables = ("executions", "calls")
    before = [optiq("sql", "--json", what.format(table)).out for table in tables]
    monkeypatch.setenv("OPTIQ_HOME", str(tmp_path / "other"))
    assert optiq("ingest", "traces", f"traces{suffix}").code == 0
    assert "15 executions" in optiq("refresh").out
    assert [optiq("sql", "--json", what.format(table)).out for table in tables] == before


def test_a_perfdb_of_an_older_schema_is_not_exported_by_half(home: Path, optiq: Command) -> None:
    file = str(home / "perfdb.duckdb")
    with duckdb.connect(file) as older:
        older.execute(
            "delete from schema_versions where version = (select max(version) from schema_versions)"
        )
    refused = optiq("export", "traces.parquet")
    assert refused.code == 1
    assert "made by an older optiq" in refused.err
    assert "optiq refresh" in refused.err
