"""Whole executions on real models: chain, blend, diamond, options; answers scored, every call recorded."""

import pytest

from optiq.execution import Executor, Work, score_executions, traces_frame
from optiq.plans.plan import Plan
from optiq.prompts.prompt_builder import build_prompt
from optiq.questions.question import Kind, Question
from optiq.questions.trace_schema import TRACE_SCHEMA
from optiq.servers import open_server
from optiq.statistics.snapshot import ModelFigures, Statistics

SMOLLM, GEMMA = "smollm2:135m", "gemma3:270m"
PLANS = {
    "single": Plan.of([SMOLLM]),
    "chain": Plan.of([SMOLLM, GEMMA], [(0, 1)]),
    "blend": Plan.of([SMOLLM, GEMMA, SMOLLM], [(0, 2), (1, 2)]),
    "diamond": Plan.of([GEMMA, SMOLLM, GEMMA, SMOLLM], [(0, 1), (0, 2), (1, 3), (2, 3)]),
}
CAPITAL = Question("q1", "What is the capital of Japan?", topics=(("geography", 1.0),), reference="Tokyo")
CHOICE = Question(
    "q2", "Which of these is a fruit?", options=("Stone", "Apple"), kind=Kind.CHOICE, reference="B"
)
PRICES = Statistics.build(
    "s1",
    [
        ModelFigures(
            model=model,
            topic="*",
            usd_per_prompt_token=1e-6,
            usd_per_output_token=2e-6,
            joules_per_prompt_token=0.01,
            joules_per_output_token=0.1,
        )
        for model in (SMOLLM, GEMMA)
    ],
    [],
)


@pytest.fixture(scope="module")
def executions():
    server = open_server("embedded")
    work = [Work(CAPITAL, plan) for plan in PLANS.values()] + [Work(CHOICE, PLANS["blend"])]
    done = Executor(server, "run1", PRICES, snapshot_id="s1").run(work)
    score_executions(done)
    yield dict(zip([(item.question.question_id, item.plan.key) for item in work], done, strict=True))
    server.close()


@pytest.mark.parametrize("shape", PLANS)
def test_every_shape_of_plan_answers(executions, shape):
    execution = executions["q1", PLANS[shape].key]
    assert execution.status == "answered"
    assert "Tokyo" in execution.answer
    assert execution.qoa > 0.5
    assert len(execution.calls) == PLANS[shape].k


def test_every_call_has_its_figures_and_its_sub_plan(executions):
    for execution in executions.values():
        for call in execution.calls:
            assert call.answered_model == call.model
            assert call.prompt_tokens > 0
            assert call.output_tokens > 0
            assert call.latency_s > 0
            assert call.cost_usd == pytest.approx(1e-6 * call.prompt_tokens + 2e-6 * call.output_tokens)
            assert call.subplan == execution.plan.subplan(call.node)
            assert 0 <= call.subplan_qoa <= 1
        assert execution.cost_usd == pytest.approx(sum(call.cost_usd for call in execution.calls))
        assert max(c.latency_s for c in execution.calls) <= execution.latency_s
        assert execution.latency_s <= sum(c.latency_s for c in execution.calls) + 1e-9


def test_prompts_were_what_the_plan_says(executions):
    execution = executions["q1", PLANS["blend"].key]
    outputs = {call.node: call.output for call in execution.calls}
    for call in execution.calls:
        assert call.prompt_chars == len(build_prompt(CAPITAL, execution.plan, call.node, outputs))


def test_options_give_a_letter_or_a_wrong_answer(executions):
    execution = executions["q2", PLANS["blend"].key]
    assert execution.qoa in (0.0, 1.0)
    assert (execution.qoa == 1.0) == (execution.answer == "B")


def test_the_same_call_gives_the_same_output(executions):
    outputs: dict[tuple[str, str], set[str]] = {}
    for execution in executions.values():
        for call in execution.calls:
            outputs.setdefault((execution.question.question_id, call.subplan.key), set()).add(call.output)
    assert all(len(found) == 1 for found in outputs.values())


def test_all_of_it_fits_a_trace(executions):
    frame = traces_frame(executions.values())
    assert dict(frame.schema) == TRACE_SCHEMA
    assert frame["calls"].list.len().to_list() == [1, 2, 3, 4, 3]
