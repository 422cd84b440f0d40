"""What is left when a plan cannot be finished, and which models a run stops asking."""

import time

from fake_server import FakeServer

from optiq.errors import ModelNotServed, ServerError, TransientServerError
from optiq.execution import Executor, Retries, Shared, Work
from optiq.execution.health import ModelHealth
from optiq.plans.plan import Plan
from optiq.questions.question import Question
from optiq.statistics.snapshot import ModelFigures, Statistics

BLEND = Plan.of(["a", "b", "c"], [(0, 2), (1, 2)])
DEEP = Plan.of(["a", "b", "d", "c"], [(0, 1), (1, 3), (2, 3)])
QOA = Statistics.build(
    "s", [ModelFigures(model=m, qoa=q) for m, q in zip("abcd", (0.3, 0.6, 0.9, 0.5), strict=True)], []
)
QUICK = Retries(first_s=0.001)


def execute(plan, broken, prices=QOA):
    server = FakeServer(lambda r: ServerError("refused") if r.model in broken else f"by {r.model}")
    return Executor(server, "r", prices, retries=QUICK).run([Work(Question("q", "Where?"), plan)])[0]


def test_the_better_of_two_branches_is_kept():
    execution = execute(BLEND, "c")
    assert execution.status == "failed"
    assert (execution.partial.model, execution.partial.answer) == ("b", "by b")
    assert "refused" in execution.error


def test_the_node_that_has_read_most_comes_first():
    assert execute(DEEP, "c").partial.model == "b"


def test_what_is_not_known_to_be_good_comes_last_and_of_equals_the_first():
    assert execute(BLEND, "c", prices=None).partial.model == "a"
    known = Statistics.build("s", [ModelFigures(model="a"), ModelFigures(model="b", qoa=0.0)], [])
    assert execute(BLEND, "c", prices=known).partial.model == "b"


def test_nothing_is_left_of_nothing():
    assert execute(BLEND, "abc").partial is None
    assert execute(Plan.of(["a"]), "a").partial is None


def test_a_model_that_keeps_failing_is_not_asked_again():
    server = FakeServer(lambda r: TransientServerError("crashed"))
    shared = Shared()
    executor = Executor(server, "r", QOA, retries=QUICK, shared=shared)
    work = [Work(Question(str(i), "Where?"), Plan.of(["a"])) for i in range(10)]
    executions = executor.run(work, concurrency=1)
    assert shared.health.out == ("a",)
    assert len(server.requests) == 3 * QUICK.attempts
    assert "taken out" in executions[-1].error
    assert executions[-1].calls[0].attempts == 0


def test_a_model_that_is_not_there_is_out_at_once():
    server = FakeServer(lambda r: ModelNotServed("no model a", "ollama pull a"))
    shared = Shared()
    work = [Work(Question(str(i), "Where?"), Plan.of(["a"])) for i in range(3)]
    Executor(server, "r", QOA, shared=shared).run(work, concurrency=1)
    assert len(server.requests) == 1


def test_an_answer_in_between_starts_the_count_again():
    health = ModelHealth(patience=2)
    health.failed("a", "x")
    health.answered("a")
    health.failed("a", "y")
    assert health.out == ()
    health.failed("a", "z")
    assert health.why_out("a") == "z"


def test_calls_that_fail_while_others_are_answered_take_nothing_out():
    health = ModelHealth(patience=2)
    began_s = time.monotonic()
    health.answered("a")
    for _ in range(5):
        health.failed("a", "odd", began_s)
    assert health.why_out("a") is None
    health.failed("a", "dead", time.monotonic())
    health.failed("a", "dead", time.monotonic())
    assert health.why_out("a") == "dead"
