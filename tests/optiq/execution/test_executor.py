"""Plans are carried out along their DAG; faults, limits and figures are kept. Fakes: faults and order."""

import asyncio
import math
import threading

import pytest
from fake_server import FakeServer

from optiq.errors import ModelNotServed, ServerError, TransientServerError
from optiq.execution import Executor, Predicted, Retries, Work, score_executions, traces_frame
from optiq.execution.asking import PromptSetAsking
from optiq.plans.plan import Plan
from optiq.prompts.prompt_builder import build_prompt, prompt_shape
from optiq.prompts.prompt_set import ZERO_SHOT
from optiq.questions.question import Kind, Question
from optiq.questions.trace_schema import TRACE_SCHEMA
from optiq.statistics.snapshot import ModelFigures, Statistics

QUESTION = Question("q1", "What is the capital of Norway?", topics=(("geography", 0.7), ("travel", 0.3)))
CHAIN = Plan.of(["a", "b"], [(0, 1)])
BLEND = Plan.of(["a", "b", "c"], [(0, 2), (1, 2)])
DIAMOND = Plan.of(["a", "b", "d", "c"], [(0, 1), (0, 2), (1, 3), (2, 3)])
QUICK = Retries(first_s=0.001)


def prices(**figures):
    rates = {"usd_per_prompt_token": 0.01, "usd_per_output_token": 0.1, "joules_per_prompt_token": 1.0}
    rates |= {"joules_per_output_token": 2.0, "usd_per_call": math.nan}
    rows = [ModelFigures(model=m, topic="*", **(rates | figures)) for m in "abcd"]
    return Statistics.build("s1", rows, [])


def execute(server, plan, question=QUESTION, **options):
    executor = Executor(server, "run1", options.pop("prices", prices()), retries=QUICK, **options)
    return executor.run([Work(question, plan)])[0]


def echo(request):
    """A model that answers with its own name: the prompt of the next shows what flowed."""
    return f"by {request.model}"


def prompts(server):
    return {request.model: request.prompt for request in server.requests}


def test_a_single_model_is_asked_the_question_alone():
    server = FakeServer(lambda request: "Oslo.")
    execution = execute(server, Plan.of(["a"]))
    assert (execution.status, execution.answer, execution.error) == ("answered", "Oslo", None)
    [request] = server.requests
    assert "What is the capital of Norway?" in request.prompt
    assert (request.temperature, request.seed, request.max_output_tokens) == (0.0, 0, 32)
    assert server.disconnected == 1


def test_a_chain_hands_the_output_on_as_context():
    server = FakeServer(echo)
    execution = execute(server, CHAIN)
    assert "by a" not in prompts(server)["a"]
    context, _, rest = prompts(server)["b"].partition("\n")
    assert context.endswith("by a")
    assert rest == prompts(server)["a"], "then the question, as the first model was asked it"
    assert execution.answer == "by b"


def test_a_blend_reads_each_branch_behind_its_name():
    server = FakeServer(echo)
    execute(server, BLEND)
    assert prompts(server)["c"].partition("\n")[0].endswith("a: by a; b: by b")
    assert prompts(server)["a"] == prompts(server)["b"]


def test_a_diamond_flows_through_both_sides():
    server = FakeServer(echo)
    execution = execute(server, DIAMOND)
    assert [call.model for call in execution.calls] == list(DIAMOND.models)
    assert prompts(server)["b"].partition("\n")[0].endswith("by a")
    assert "b: by b" in prompts(server)["c"]
    assert "d: by d" in prompts(server)["c"]
    assert len(server.requests) == 4


def test_outputs_and_questions_are_data_in_a_prompt():
    odd = Question("q", "What is {outputs} in {question}? \\1 {0}")
    server = FakeServer(lambda request: "{question} {nope} \\g<1>")
    execute(server, CHAIN, odd)
    assert "What is {outputs} in {question}? \\1 {0}" in prompts(server)["a"]
    assert "{question} {nope} \\g<1>\n" in prompts(server)["b"]


def test_independent_nodes_run_at_once():
    server = FakeServer(echo, delay_s=0.05)
    execute(server, BLEND)
    assert server.most_in_flight["*"] == 2


def test_cost_and_energy_add_and_latency_is_the_longest_path():
    server = FakeServer(echo, latency_s=2.0, load_s=0.5)
    execution = execute(server, DIAMOND)
    assert execution.cost_usd == pytest.approx(4 * (10 * 0.01 + 2 * 0.1))
    assert execution.energy_j == pytest.approx(4 * (10 + 2 * 2))
    assert execution.energy_source == "predicted"
    assert execution.latency_s == pytest.approx(3 * 1.5), "three on the longest path, loading not counted"
    assert [call.load_s for call in execution.calls] == [0.5] * 4
    part = execution.calls[1]
    assert (part.subplan.key, part.subplan.level) == (DIAMOND.subplan(1).key, 1)
    assert part.subplan_cost_usd == pytest.approx(2 * 0.3)
    assert part.subplan_latency_s == pytest.approx(3.0)


@pytest.mark.parametrize(
    ("server", "figures", "cost"),
    [
        ({}, {"usd_per_call": 1.0}, 1.3),
        ({"output_tokens": None}, {}, None),
        ({}, {"usd_per_prompt_token": math.nan}, None),
        ({"prompt_tokens": None}, {"usd_per_prompt_token": 0.0}, 0.2),
    ],
    ids=["fixed part", "unknown count", "unknown price", "free tokens need no count"],
)
def test_an_unknown_figure_is_null_and_not_free(server, figures, cost):
    execution = execute(FakeServer(echo, **server), Plan.of(["a"]), prices=prices(**figures))
    assert execution.cost_usd == (None if cost is None else pytest.approx(cost))


def test_without_prices_nothing_is_priced():
    execution = execute(FakeServer(echo), CHAIN, prices=None)
    assert (execution.cost_usd, execution.energy_j, execution.energy_source) == (None, None, None)
    assert execution.latency_s == 2.0


def test_what_may_pass_is_tried_again():
    faults = [TransientServerError("busy"), TransientServerError("busy", retry_after_s=0.01)]
    server = FakeServer(lambda request: faults.pop() if faults else "Oslo")
    execution = execute(server, Plan.of(["a"]))
    assert (execution.status, execution.calls[0].attempts) == ("answered", 3)


def test_retries_are_bounded():
    server = FakeServer(lambda request: TransientServerError("always busy"))
    execution = execute(server, Plan.of(["a"]))
    assert len(server.requests) == QUICK.attempts
    assert execution.status == "failed"
    assert "always busy" in execution.error


def test_a_server_that_asks_for_too_much_patience_is_given_up():
    server = FakeServer(lambda request: TransientServerError("tomorrow", retry_after_s=86400))
    assert execute(server, Plan.of(["a"])).calls[0].attempts == 1


def test_waits_grow_are_bounded_and_repeat():
    retries = Retries(attempts=9, first_s=1, longest_s=8)
    waits = [retries.wait_s(attempt, None, "q") for attempt in range(1, 9)]
    assert waits == [retries.wait_s(attempt, None, "q") for attempt in range(1, 9)]
    assert all(
        0.5 * limit <= wait <= limit for wait, limit in zip(waits, [1, 2, 4, 8, 8, 8, 8, 8], strict=True)
    )
    assert retries.wait_s(1, 5.0, "q") == 5.0
    assert retries.wait_s(9, None, "q") is None


def test_a_failed_node_fails_the_execution_and_says_why():
    def answer(request):
        return ModelNotServed("no model b", "ollama pull b") if request.model == "b" else "Oslo"

    server = FakeServer(answer)
    execution = execute(server, DIAMOND, Question("q", "Where?", reference="Oslo"))
    score_executions([execution])
    assert (execution.status, execution.answer, execution.qoa) == ("failed", None, None)
    assert "b (node" in execution.error
    assert "ollama pull b" in execution.error
    assert [call.model for call in execution.calls if call.error is None] == ["a", "d"], "the blend never ran"
    assert execution.cost_usd == pytest.approx(2 * 0.3), "what was called was paid for"
    assert execution.latency_s is None
    assert execution.calls[0].subplan_qoa == 1.0, "what answered still teaches"


def test_an_empty_answer_is_no_answer():
    execution = execute(
        FakeServer(lambda request: " \n"), Plan.of(["a"]), Question("q", "Who?", reference="I")
    )
    score_executions([execution])
    assert (execution.status, execution.answer, execution.qoa) == ("failed", "", 0.0)
    assert "empty" in execution.error


def test_a_node_that_says_nothing_is_said_to_have_said_nothing():
    server = FakeServer(lambda request: "" if request.model == "a" else "Oslo")
    assert execute(server, CHAIN).status == "answered"
    assert "(no answer)" in prompts(server)["b"]


def test_a_bug_fails_its_own_execution_and_says_where_it_is():
    def say(request):
        return ZeroDivisionError("a bug") if "BAD" in request.prompt else "Oslo"

    server = FakeServer(say)
    work = [Work(Question(name, f"{name}?"), Plan.of(["a"])) for name in ("good", "BAD", "better")]
    done = Executor(server, "run1").run(work)
    assert [e.status for e in done] == ["answered", "failed", "answered"]
    assert "fault of Optiq itself, please report it: ZeroDivisionError: a bug (" in done[1].error
    assert server.in_flight["*"] == 0
    assert server.disconnected == 1


def test_a_bug_in_what_is_made_of_outputs_keeps_the_paid_calls():
    class Buggy(PromptSetAsking):
        def answer(self, *given):
            raise RecursionError("too deep")

    asking = Buggy(ZERO_SHOT, {}, None, False)
    (done,) = Executor(FakeServer(lambda r: "Oslo"), "r").run([Work(QUESTION, BLEND, asking=asking)])
    assert (done.status, len(done.calls)) == ("failed", 3)
    assert "RecursionError: too deep" in done.error


def test_results_come_in_the_order_of_the_items():
    server = FakeServer(lambda request: request.prompt.rsplit(" ", 1)[-1], delay_s=0.001)
    work = [Work(Question(str(i), f"Say {i}"), Plan.of(["a"])) for i in range(50)]
    seen = []
    executor = Executor(server, "run1")
    executions = executor.run(
        iter(work), on_result=lambda place, execution: seen.append(place), concurrency=7
    )
    assert [execution.answer for execution in executions] == [str(i) for i in range(50)]
    assert sorted(seen) == list(range(50))
    assert server.most_in_flight["*"] <= 7


def test_limits_hold_per_model_and_per_server_over_threads():
    server = FakeServer(echo, delay_s=0.005, model_slots=2, slots=3)
    work = [Work(Question(str(i), "Where?"), BLEND) for i in range(8)]
    threads = [threading.Thread(target=Executor(server, "run1").run, args=(work,)) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(server.requests) == 3 * 8 * 3
    assert max(server.most_in_flight[model] for model in "abc") == 2
    assert server.most_in_flight["*"] == 3


def test_a_cancelled_run_gives_its_slots_back():
    server = FakeServer(echo, delay_s=0.05, model_slots=1, slots=1)
    work = [Work(Question(str(i), "Where?"), BLEND) for i in range(4)]

    async def interrupted():
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.02):
                await Executor(server, "run1").execute_all(work)

    asyncio.run(interrupted())
    assert server.in_flight["*"] == 0
    server.delay_s = 0.0
    assert execute(server, BLEND).status == "answered"


def test_options_are_lettered_and_the_letter_is_scored():
    choice = Question("q", "Which?", options=("Rome", "Oslo"), kind=Kind.CHOICE, reference="B")
    server = FakeServer(lambda request: "The answer is (B).")
    execution = execute(server, CHAIN, choice)
    score_executions([execution])
    assert "Which?\nA. Rome\nB. Oslo" in prompts(server)["a"]
    assert server.requests[0].max_output_tokens == 16
    assert (execution.answer, execution.qoa, execution.calls[0].subplan_qoa) == ("B", 1.0, 1.0)


def test_a_cap_on_outputs_is_passed_on_and_recorded():
    server = FakeServer(echo)
    execution = execute(server, CHAIN, max_output_tokens=5)
    assert {request.max_output_tokens for request in server.requests} == {5}
    assert {call.max_output_tokens for call in execution.calls} == {5}


def test_a_trace_has_every_column_and_type():
    answered = Executor(FakeServer(echo), "run1", prices(), snapshot_id="s1").run(
        [Work(QUESTION, DIAMOND, Predicted(cost_usd=0.5))]
    )[0]
    failed = execute(FakeServer(lambda request: ServerError("no")), CHAIN)
    frame = traces_frame([answered, failed])
    assert dict(frame.schema) == TRACE_SCHEMA
    row = frame.row(0, named=True)
    assert (row["run_id"], row["snapshot_id"], row["topic"], row["kind"]) == (
        "run1",
        "s1",
        "geography",
        "open",
    )
    assert row["topics"] == [{"topic": "geography", "weight": 0.7}, {"topic": "travel", "weight": 0.3}]
    assert (row["predicted_cost_usd"], row["predicted_qoa"]) == (0.5, None)
    assert (row["plan_key"], row["level"]) == (DIAMOND.key, DIAMOND.level)
    call = row["calls"][0]
    assert (call["model"], call["answered_model"], call["server"]) == ("a", "a-2026", "fake")
    assert call["prompt_chars"] == len(answered_prompt(answered))
    assert Plan.parse(call["subplan"]).key == call["subplan_key"]
    assert frame["started_at"].is_not_null().all()
    assert frame.row(1, named=True)["calls"][0]["cost_usd"] is None
    assert dict(traces_frame([]).schema) == TRACE_SCHEMA


def answered_prompt(execution):
    server = FakeServer(echo)
    execute(server, execution.plan, execution.question)
    return server.requests[0].prompt


@pytest.mark.parametrize("plan", [CHAIN, BLEND, Plan.of(["a"])], ids=["chain", "blend", "single"])
def test_the_shape_that_estimates_use_is_that_of_the_prompts(plan):
    question = Question("q", "Which?", options=("Rome", "Oslo"), kind=Kind.CHOICE)
    shape = prompt_shape(question)
    said = dict.fromkeys(plan.predecessors(plan.sink), "x" * 10)
    names = sum(len(f"{plan.models[v]}: ") for v in said) + 2 if len(said) > 1 else 0  # and "; " between two
    expected = shape.question_chars + shape.base_chars + shape.template_chars(len(said)) + 10 * len(said)
    assert len(build_prompt(question, plan, plan.sink, said)) == expected + names
