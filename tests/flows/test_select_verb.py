"""`optiq select` with the real embedded models: a workflow, a plan, and an agent on an OpenAI-compatible port."""

from __future__ import annotations

import asyncio
import json
import re
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import polars as pl
import pytest

from optiq.configuration import Settings
from optiq.errors import OptiqNote
from optiq.servers import GenerateRequest
from tasks.session import shared_server
from warehouse.home import Home
from warehouse.landing import landed

EXAMPLES = Path(__file__).parents[2] / "examples"
QUESTIONS = (
    "question,reference\n"
    "What is the capital of France?,Paris\n"
    "What is the capital of Italy?,Rome\n"
    "What is the opposite of hot?,cold\n"
)


@pytest.fixture
def questions(home: Path) -> Path:
    path = home.parent / "labelled.csv"
    path.write_text(QUESTIONS, encoding="utf-8")
    return path


@pytest.fixture
def openai_port() -> Iterator[str]:
    """The embedded models behind an OpenAI-compatible loopback port."""
    server = shared_server(Settings(server="embedded"))

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["content-length"])))
            request = GenerateRequest(body["model"], body["messages"][-1]["content"], body.get("max_tokens"))
            made = asyncio.run(server.generate(request))
            usage = {
                "prompt_tokens": made.prompt_tokens,
                "completion_tokens": made.output_tokens,
                "total_tokens": 0,
            }
            choice = {
                "index": 0,
                "message": {"role": "assistant", "content": made.text},
                "finish_reason": "stop",
            }
            answer = {"id": "x", "object": "chat.completion", "created": 1, "model": body["model"]}
            data = json.dumps({**answer, "choices": [choice], "usage": usage}).encode()
            self.send_response(200)
            self.send_header("content-type", "application/json")
            self.send_header("content-length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        def log_message(self, *args: object) -> None:
            """Tests print nothing."""

    http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=http.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{http.server_address[1]}/v1"
    http.shutdown()
    http.server_close()


def test_a_workflow_is_selected_resumed_and_learned_from(optiq, home: Path, questions: Path) -> None:
    command = [
        "select", questions, "--workflow", EXAMPLES / "select" / "draft_and_answer.yaml", "--server", "embedded",
        "--metric", "containment", "--method", "brute-force", "--json", "--timeout", "900",
        "--table", "table.parquet", "--deploy", "deploy.yaml", "--plot", "plot.svg",
    ]  # fmt: skip
    first = optiq(*command)
    assert first.code == 0, first.err
    summary = json.loads(first.out)
    assert summary["runs"] == 12
    assert summary["failed"] == summary["unpriced_calls"] == 0
    assert set(summary["best"]) == {"draft", "answer"}
    assert pl.read_parquet("table.parquet")["cost_usd"].null_count() == 0
    assert Path("plot.svg").is_file()
    # Drafts are shared by two combinations each: nothing is called twice.
    assert summary["calls"] <= 6 + 12

    again = json.loads(optiq(*command).out)
    assert (again["runs"], again["reused"], again["calls"]) == (0, 12, 0)
    assert again["best"] == summary["best"]

    traces = pl.concat([pl.read_parquet(file.path) for file in landed(Home(home)) if file.kind == "traces"])
    assert traces.height == 12
    assert optiq("refresh").code == 0
    stored = optiq("sql", "select count(*) n, min(topic) topic from executions", "--json")
    assert "workflow/draft-and-answer" in stored.out


def test_an_agent_on_the_openai_sdk(
    optiq, questions: Path, openai_port: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENAI_BASE_URL", openai_port)
    monkeypatch.setenv("OPENAI_API_KEY", "none")
    done = optiq(
        "select", questions, "--agent", f"{EXAMPLES / 'select' / 'agent.py'}:Agent", "--metric", "containment",
        "--role", "planner=smollm2:135m,gemma3:270m", "--role", "solver=gemma3:270m", "--json",
    )  # fmt: skip
    assert done.code == 0, done.err
    summary = json.loads(done.out)
    assert summary["best"]["solver"] == "gemma3:270m"
    assert summary["failed"] == summary["without_calls"] == 0
    assert all(row["cost_usd"] > 0 for row in summary["results"])


def test_an_empty_folder_gets_a_perfdb_and_so_prices(
    optiq, questions: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("OPTIQ_HOME")
    with pytest.warns(OptiqNote, match="PerfDB made"):
        done = optiq(
            "select", questions, "--plan", "smollm2:135m", "--models", "smollm2:135m", "--server", "embedded",
            "--metric", "containment", "--method", "brute-force", "--json", "--timeout", "900",
        )  # fmt: skip
    summary = json.loads(done.out)
    assert (summary["runs"], summary["unpriced_calls"]) == (3, 0)
    assert summary["results"][0]["cost_usd"] > 0
    assert Path(".optiq/perfdb.duckdb").is_file()


def test_the_nodes_of_a_plan_are_roles(optiq, questions: Path) -> None:
    plan = '{"models": ["first", "second"], "edges": [[0, 1]]}'
    done = optiq(
        "select", questions, "--plan", plan, "--server", "embedded", "--models", "gemma3:270m", "--json",
        "--timeout", "900",
    )  # fmt: skip
    summary = json.loads(done.out)
    assert summary["errors"] == {}
    assert summary["best"] == {"first": "gemma3:270m", "second": "gemma3:270m"}
    assert done.code == 0


TROUBLED = '''
class Agent:
    """Its model says what goes wrong."""

    def __init__(self, models):
        self.how = models["solver"].partition("#")[0]

    def run(self, example):
        if self.how == "raises":
            raise ValueError("no\\nidea")
        print("an agent that prints")
        return None if self.how == "none" else "Paris"


def two(expected, actual):
    return 2
'''


def test_agents_that_only_fail_are_not_chosen(optiq, questions: Path) -> None:
    Path("agent.py").write_text(TROUBLED)
    done = optiq("select", questions, "--agent", "agent.py:Agent", "--role", "solver=raises,none")
    assert done.code == 1
    assert "every run failed" in done.out
    assert "frontier" not in done.out.partition("selection ")[0]
    assert "3 runs failed: ValueError: no idea (agent.py:10)" in done.err.splitlines()
    assert "3 runs failed: returned None" in done.err.splitlines()
    assert "6 runs called no model that could be seen" in done.err.splitlines()
    alone = optiq("select", questions, "--agent", "agent.py:Agent", "--role", "solver=prints", "--json")
    assert json.loads(alone.out)["best"] == {"solver": "prints"}  # what it prints is not between the results
    told = optiq(
        "select", questions, "--agent", "agent.py:Agent", "--role", "solver=fine", "--metric", "agent.py:two"
    )
    assert told.code == 2
    assert re.fullmatch(
        r"error: the metric gave 2 on question \d. A metric gives a number from 0 to 1.",
        told.err.splitlines()[-1],
    )
    empty = Path("empty.csv")
    empty.write_text("question,reference\n")
    none = optiq("select", empty, "--agent", "agent.py:Agent", "--role", "solver=fine")
    assert none.code == 2
    assert "no example with a reference answer" in none.err


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ([], "exactly one of"),
        (["--agent", "nowhere:Agent", "--role", "a=b"], "cannot be loaded"),
        (["--agent", "nowhere:Agent"], "roles are not known"),
        (["--workflow", "nowhere.yaml"], "cannot be read"),
        (["--plan", '{"models": ["a"]}', "--models", "nobody", "--server", "embedded"], "does not offer"),
        (["--plan", '{"models": ["a"]}', "--server", "embedded", "--method", "guess"], "unknown method"),
        (["--plan", '{"models": ["a"]}', "--server", "embedded", "--metric", "taste"], "unknown metric"),
        (["--plan", '{"models": ["a"]}', "--objective", "fame"], "unknown objective"),
        (["--plan", '{"models": ["a"]}', "--floor", "3"], "floor is 3"),
    ],
)
def test_misuse_is_said_in_one_line(optiq, questions: Path, arguments: list[str], said: str) -> None:
    done = optiq("select", questions, *arguments)
    assert done.code == 2
    assert said in done.err
    assert done.err.count("\n") == 1


EIGHT_ROLES = '''
import json
import httpx


def answer(request):
    content = json.loads(request.content)["messages"][0]["content"]
    usage = {"prompt_tokens": 7, "completion_tokens": 3}
    return httpx.Response(200, json={"choices": [{"message": {"content": content}}], "usage": usage})


CLIENT = httpx.Client(transport=httpx.MockTransport(answer))


class Agent:
    """Says its question through eight models."""

    def __init__(self, models):
        self.models = models

    def run(self, example):
        for role, model in self.models.items():
            body = {"model": model, "messages": [{"role": "user", "content": f"{role}: {example['question']}"}]}
            said = CLIENT.post("http://nowhere.test/v1/chat/completions", json=body).json()
        return said["choices"][0]["message"]["content"].partition(": ")[2]
'''


def test_more_roles_than_a_plan_has_nodes_land_call_by_call(optiq, home: Path) -> None:
    Path("eight.py").write_text(EIGHT_ROLES)
    Path("same.csv").write_text("question,reference\none,one\ntwo,two\n")
    roles = [flag for number in range(8) for flag in ("--role", f"step{number}=gemma3:270m")]
    done = optiq("select", "same.csv", "--agent", "eight.py:Agent", *roles)
    assert done.code == 0, done.err
    assert "its calls landed one by one" in done.err
    assert optiq("refresh").code == 0
    query = (
        "select topic, count(*) n, count(qoa) judged, min(cost_usd) > 0 priced from executions group by topic"
    )
    stored = json.loads(optiq("sql", query, "--json").out)
    assert len(stored) == 8
    assert all(row["topic"].startswith("agent/eight.py:Agent/step") for row in stored)
    assert all((row["n"], row["judged"], row["priced"]) == (2, 0, True) for row in stored)


KNOWING = '''
import json
import time
import httpx


def answer(request):
    """One model plans well, the other solves well. They take as long as models may: latencies are checked."""
    time.sleep(0.1)
    body = json.loads(request.content)
    role, _, rest = body["messages"][0]["content"].partition(": ")
    knows = (role, body["model"]) in [("plan", "gemma3:270m"), ("solve", "smollm2:135m")]
    said = rest if knows else "nonsense"
    usage = {"prompt_tokens": 7, "completion_tokens": 3}
    return httpx.Response(200, json={"choices": [{"message": {"content": said}}], "usage": usage})


CLIENT = httpx.Client(transport=httpx.MockTransport(answer))


class Agent:
    def __init__(self, models):
        self.models = models

    def run(self, example):
        said = self.ask("plan", self.models["planner"], example["question"])
        return self.ask("solve", self.models["solver"], said)

    def ask(self, role, model, prompt):
        body = {"model": model, "messages": [{"role": "user", "content": f"{role}: {prompt}"}]}
        said = CLIENT.post("http://nowhere.test/v1/chat/completions", json=body).json()
        return said["choices"][0]["message"]["content"]
'''


def test_what_was_learned_of_roles_is_planned_with_and_served(optiq, home: Path) -> None:
    Path("knowing.py").write_text(KNOWING)
    words = [f"word{number}" for number in range(12)]
    pl.DataFrame({"question": words, "reference": words}).write_csv("same.csv")
    Path("optiq.toml").write_text("seed = 3  # stays\n\n[profiles.mine]\nmax_cost = 0.002\n")
    both = "gemma3:270m,smollm2:135m"
    command = (
        "select", "same.csv", "--agent", "knowing.py:Agent", "--role", f"planner={both}", "--role", f"solver={both}",
        "--method", "brute-force", "--profiles", "optiq.toml", "--json",
    )  # fmt: skip
    done = optiq(*command)
    assert done.code == 0, done.err
    best = json.loads(done.out)["best"]
    assert best == {"planner": "gemma3:270m", "solver": "smollm2:135m"}
    assert optiq("refresh").code == 0

    for role, model in best.items():
        topic = f"agent/knowing.py:Agent/{role}"
        asked = ("plan", "word", "--topic", topic, "--max-operations", "1", "--server", "embedded")
        [planned] = json.loads(optiq(*asked, "--weights", "qoa=1", "--models", both, "--json").out)
        assert planned["chosen"]["plan"]["models"] == [model], "the same question, planned by role"
        query = f"select plan_key, qoa, n_published from plan_statistics where topic = '{topic}' order by qoa desc"
        rows = json.loads(optiq("sql", query, "--json").out)
        assert rows[0]["plan_key"] == f"1:0:{model}"
        assert rows[0]["qoa"] > 0.8 > 0.3 > rows[1]["qoa"]

    profiles = {one.name: one for one in Settings.load({}).profiles}
    assert set(profiles) == {"mine", "knowing.planner", "knowing.solver"}
    assert profiles["knowing.solver"].models == ("smollm2:135m",)
    assert profiles["knowing.solver"].topic == "agent/knowing.py:Agent/solver"
    text = Path("optiq.toml").read_text()
    assert text.startswith("seed = 3  # stays\n")
    assert optiq(*command).code == 0
    assert Path("optiq.toml").read_text() == text, "written anew in its place"
    Path("taken.toml").write_text('[profiles."knowing.solver"]\nmax_cost = 1\n')
    refused = optiq(*command[:-2], "taken.toml")
    assert refused.code == 2
    assert "would be no TOML" in refused.err
    assert refused.err.count("\n") == 1
