"""Plans and workflows run on the executor: its cache, its prices, its retries and its limits are theirs."""

from __future__ import annotations

import asyncio
from pathlib import Path

import polars as pl
import pytest
from fake_server import FakeServer

from optiq.errors import InputError, TransientServerError
from optiq.execution import Executor, Shared, Work
from optiq.execution.responses import ResponseStore
from optiq.execution.trace import traces_frame
from optiq.plans.plan import Plan
from optiq.questions.question import Question
from optiq.selection.api import ModelSelector
from optiq.selection.examples import read_examples
from optiq.selection.runtime import Limits
from optiq.selection.stages import StagedSubject, plan_subject, read_workflow
from optiq.selection.traces import executions_of

DATA = [{"question": f"Say word{i}", "reference": f"word{i}"} for i in range(3)]
PRICES = {"good": (1e6, 1e6), "bad": (1e6, 1e6)}  # 1 USD a token


def said(request) -> str:
    """The word asked for, if the model is good."""
    word = request.prompt.rpartition("Say ")[2].split()[0]
    return word if request.model == "good" else "nonsense"


def workflow(folder: Path, text: str) -> StagedSubject:
    path = folder / "workflow.yaml"
    path.write_text("name: test\nstages:\n" + text, encoding="utf-8")
    return read_workflow(path)


TWO = '  - name: draft\n    prompt: "Draft. {question}"\n  - name: final\n    prompt: "{draft}. {question}"\n'


def selector(subject, server, models=("good", "bad"), **more) -> ModelSelector:
    more = {"method": "brute-force", "prices": PRICES, **more}
    return ModelSelector(subject, {"*": list(models)}, DATA, server=server, **more)


def test_a_plan_is_run_as_answers_are_and_shares_their_cache(tmp_path: Path) -> None:
    store = ResponseStore(tmp_path / "responses.sqlite")
    server = FakeServer(said)
    question = read_examples(DATA).kept[0].question
    plan = Plan.of(["good", "bad"], [(0, 1)])
    Executor(server, "answering", shared=Shared(store)).run([Work(question, plan)])
    assert len(server.requests) == 2
    runs: list = []
    subject = plan_subject('{"models": ["first", "second"], "edges": [[0, 1]]}')
    made = selector(subject, server, responses=store, run_id="selecting", on_run=runs.append)
    result = made.select()
    assert result.about["run"]["cached_calls"] >= 2
    assert len(server.requests) == len({(r.model, r.prompt) for r in server.requests})  # nothing twice
    frame = traces_frame(executions_of(runs, made.subject, made.space, "selecting"))
    assert set(frame["run_id"]) == {"selecting"}
    assert frame["execution_id"].n_unique() == 4 * len(DATA)
    same = frame.filter((pl.col("plan_key") == plan.key) & (pl.col("question") == question.text))
    assert same["calls"].explode().struct.field("cached").to_list() == [True, True]
    store.close()


def test_a_workflow_costs_its_calls_and_takes_its_longest_path(tmp_path: Path) -> None:
    text = (
        '  - name: one\n    prompt: "One. {question}"\n  - name: two\n    prompt: "Two. {question}"\n'
        '  - name: both\n    prompt: "{one} {two} {question}"\n'
    )
    runs: list = []
    made = selector(workflow(tmp_path, text), FakeServer(said), ["good"], on_run=runs.append)
    result = made.select()
    assert result.evidence.cost_usd.tolist() == [[36.0] * 3]
    assert result.evidence.role_cost_usd.tolist() == [[[12.0] * 3] * 3]
    assert result.evidence.latency_s.tolist() == [[2.0] * 3]  # one and two at once
    frame = traces_frame(executions_of(runs, made.subject, made.space, "r"))
    assert set(frame["topic"]) == {"workflow/test"}
    assert set(frame["qoa"]) == {1.0}


def test_the_answering_stage_need_not_be_the_last(tmp_path: Path) -> None:
    subject = workflow(tmp_path, TWO + "answer: draft\n")
    result = selector(subject, FakeServer(lambda request: said(request) + " " + request.prompt[:5])).select()
    assert subject.answering == "draft"
    assert result.problem.n_examples == 3
    made: list = []
    selector(subject, FakeServer(said), ["good"], on_run=made.append).select()
    assert [ran.made.answer for ran in made] == [ran.question.reference for ran in made]


def test_faults_that_pass_are_tried_again_and_others_fail_their_runs(tmp_path: Path) -> None:
    seen: set[str] = set()

    def sometimes(request):
        if request.prompt in seen or request.model == "bad":
            return said(request)
        seen.add(request.prompt)
        return TransientServerError("busy", "Wait.")

    result = selector(workflow(tmp_path, TWO), FakeServer(sometimes), ["good"]).select()
    assert result.about["run"]["failed"] == 0
    assert result.evidence.accuracy.tolist() == [1.0]
    broken = FakeServer(lambda request: ValueError("a bug") if request.model == "bad" else said(request))
    result = selector(workflow(tmp_path, TWO), broken).select()
    assert result.about["run"]["failed"] > 0
    assert all("a bug" in reason for reason in result.about["run"]["errors"])


def test_a_run_that_takes_too_long_has_failed_and_is_not_scored(tmp_path: Path) -> None:
    """Its server took the time, or the queue of other runs: it was scored wrong on a busy machine."""
    server = FakeServer(said, delay_s=3600.0)
    limits = Limits(timeout_s=0.3)
    result = selector(workflow(tmp_path, TWO), server, ["good"], limits=limits).select()
    assert result.evidence.failed.all()
    assert result.evidence.lost.all()
    assert result.about["run"]["errors"] == {"no answer within 0.3 s": 3}
    assert result.about["run"]["without_calls"] == 0


@pytest.mark.parametrize("limit", [500.0, 2000.0, 3000.0])
def test_no_bill_is_above_the_limit(tmp_path: Path, limit: float) -> None:
    server = FakeServer(said)
    limits = Limits(max_total_cost_usd=limit)
    result = selector(workflow(tmp_path, TWO), server, limits=limits).select()
    spent = result.about["run"]["spent_usd"]
    assert spent == 12.0 * len(server.requests) <= limit
    assert result.finished is (result.about["run"]["stopped"] is None)
    if limit == 500.0:  # less than one run may take at the most
        assert not server.requests
        assert "spending limit" in result.about["run"]["stopped"]


def test_calls_at_once_hold_over_all_runs(tmp_path: Path) -> None:
    server = FakeServer(said, delay_s=0.01)
    selector(workflow(tmp_path, TWO), server, limits=Limits(calls=2)).select()
    assert server.most_in_flight["*"] == 2


def test_more_stages_than_a_plan_has_nodes_are_executed_call_by_call(tmp_path: Path) -> None:
    text = '  - name: s0\n    prompt: "{question}"\n' + "".join(
        f'  - name: s{i}\n    prompt: "{{s{i - 1}}}. {{question}}"\n' for i in range(1, 9)
    )
    runs: list = []
    server = FakeServer(said)
    made = selector(workflow(tmp_path, text), server, ["good"], on_run=runs.append)
    result = made.select()
    assert result.evidence.accuracy.tolist() == [1.0]
    assert result.evidence.latency_s.tolist() == [[9.0] * 3]
    assert result.evidence.cost_usd.tolist() == [[108.0] * 3]
    frame = traces_frame(executions_of(runs, made.subject, made.space, "r"))
    assert frame.height == 9 * len(DATA)
    assert set(frame["topic"]) == {f"workflow/test/s{i}" for i in range(9)}
    assert frame["qoa"].null_count() == frame.height


def test_repeated_runs_ask_again(tmp_path: Path) -> None:
    server = FakeServer(said)
    more = {"method": "mixllm", "options": {"repeats": 2}}
    selector(workflow(tmp_path, TWO), server, store=tmp_path / "kept.sqlite", **more).select()
    assert {(request.seed, request.temperature) for request in server.requests} == {
        (0, 0.0),
        (1, 0.7),
        (2, 0.7),
    }


def test_ctrl_c_calls_off_what_is_in_flight(tmp_path: Path) -> None:
    import _thread

    pressed: list[str] = []

    class Hanging(FakeServer):
        async def generate(self, request):
            if "word2" in request.prompt:
                if not pressed:
                    _thread.interrupt_main()
                pressed.append(request.prompt)
                await asyncio.Event().wait()
            return await super().generate(request)

    server = Hanging(said)
    subject = workflow(tmp_path, TWO)
    with pytest.raises(KeyboardInterrupt):
        selector(subject, server, store=tmp_path / "kept.sqlite", limits=Limits(1, 2)).select()
    assert server.disconnected == 1
    again = selector(subject, FakeServer(said), store=tmp_path / "kept.sqlite").select()
    assert again.evidence.done.all()


def test_questions_keep_their_own_topic_in_traces_of_plans() -> None:
    data = [Question("q", "Say word", topics=(("geography", 1.0),), reference="word")]
    runs: list = []
    made = ModelSelector(
        plan_subject('{"models": ["only"]}'), {"only": ["good"]}, data, server=FakeServer(said),
        on_run=runs.append,
    )  # fmt: skip
    made.select()
    assert traces_frame(executions_of(runs, made.subject, made.space, "r"))["topic"].to_list() == [
        "geography"
    ]


def test_an_empty_answer_is_wrong_and_has_not_failed(tmp_path: Path) -> None:
    result = selector(workflow(tmp_path, TWO), FakeServer(lambda request: " "), ["good"]).select()
    assert result.about["run"]["failed"] == 0
    assert result.evidence.accuracy.tolist() == [0.0]


def test_prompts_read_columns_and_repeats_have_a_temperature(tmp_path: Path) -> None:
    server = FakeServer(lambda request: "Oslo" if request.model == "good" else request.prompt)
    rows = [{"context": ["a", {"b": 1}], "town": "Oslo?", "reference": "Oslo"} for _ in range(3)]
    text = (
        '  - name: read\n    prompt: "{context} {town}"\n'
        '  - name: warm\n    prompt: "{read} {town}"\n    temperature: 0.3\n'
    )
    subject = workflow(tmp_path, text)
    more = {"server": server, "prices": PRICES, "method": "mixllm", "repeat_temperature": 0.9}
    result = ModelSelector(subject, {"*": ["good", "bad"]}, rows, "containment", **more).select()
    assert result.best == {"read": "good", "warm": "good"}
    assert "at temperature 0.9" in result.ranking.note
    asked = {(request.prompt, request.temperature, request.seed > 0) for request in server.requests}
    assert {(t, again) for prompt, t, again in asked if prompt == '["a", {"b": 1}] Oslo?'} == {
        (0.0, False),
        (0.9, True),
    }
    assert {(t, again) for prompt, t, again in asked if prompt.startswith("Oslo")} == {
        (0.3, False),
        (0.3, True),
    }


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('  - name: a\n    prompt: "{b}"\n  - name: b\n    prompt: "{a}"\n', "no stage before it"),
        ('  - name: a\n    prompt: "{nothing}"\n', "nor a column of the examples"),
        ('  - name: town\n    prompt: "x"\n  - name: b\n    prompt: "{town}"\n', "a stage and a column"),
        ('  - name: a\n    prompt: "{question}"\n', "no column 'question'"),
        ('  - name: a\n    prompt: "{town}"\n    temperature: -1\n', "temperature is -1"),
        ('  - name: a\n    prompt: "{town}"\n    temperature: warm\n', "temperature is 'warm'"),
    ],
)
def test_prompts_that_read_what_is_not_there(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(InputError, match=message):
        ModelSelector(
            workflow(tmp_path, text),
            {"*": ["good"]},
            [{"town": "Oslo", "reference": "Oslo"}],
            server=FakeServer(said),
        )
