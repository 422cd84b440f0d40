"""A variant in a plan: the served model is asked, with the variant's prompt and cap; records carry its name."""

from __future__ import annotations

import pytest
from catalogs import assert_equal_to_the_oracle, figures, random_catalog
from fake_server import FakeServer
from hypothesis import given, settings
from hypothesis import strategies as st

from optiq.errors import ModelNotServed
from optiq.estimation import PromptShape
from optiq.estimation.pool import Pool
from optiq.estimation.variant_figures import with_variants
from optiq.execution import Executor, Shared, Work
from optiq.execution.responses import ResponseStore
from optiq.planning import Planning
from optiq.planning.bounds import bound_operations
from optiq.plans.plan import Plan
from optiq.prompts.prompt_builder import prompt_shape
from optiq.prompts.prompt_set import ZERO_SHOT, PromptSet
from optiq.prompts.variants import Operator, Variant
from optiq.questions.question import Budget, Kind, Question, Weights
from optiq.statistics.snapshot import Statistics

COT = PromptSet("cot")
OPERATORS = {"a+short": Operator("a", ZERO_SHOT, 7), "a+cot": Operator("a", COT), "same": Operator("a")}
QUESTION = Question("q", "What is the capital of Norway?", topics=(("Art", 1.0),))
CHOICE = Question("c", "Which is a fruit?", options=("Stone", "Apple"), kind=Kind.CHOICE)
VARIANTS = (Variant("a+short", "a", max_output_tokens=7), Variant("a+cot", "a", "cot"), Variant("same", "a"))
RATES = with_variants(Statistics.build("s", [figures("a"), figures("b")], []), VARIANTS)


def run(plan: str, question: Question = QUESTION, **options):
    server = FakeServer(lambda request: f"by {request.model}")
    options = {"operators": OPERATORS, "constrain": True} | options
    [found] = Executor(server, "r", RATES, **options).run([Work(question, Plan.parse(plan))])
    return found, server.requests


def test_the_served_model_is_asked_and_the_record_names_the_variant() -> None:
    found, [request] = run("a+short")
    assert (request.model, request.max_output_tokens) == ("a", 7)
    assert request.prompt == ZERO_SHOT.ask(QUESTION)
    row = found.to_row()
    assert row["plan_key"] == "1:0:a+short"
    [call] = row["calls"]
    assert (call["model"], call["answered_model"], call["max_output_tokens"]) == ("a+short", "a-2026", 7)
    assert call["cost_usd"] == pytest.approx(10 * 1e-6 + 2 * 2e-6), "the rates of the served model"


def test_each_node_has_the_prompt_of_its_variant() -> None:
    found, requests = run("blend(a, a+cot; a+short)", CHOICE)
    plain, reasoned, blended = requests
    assert reasoned.reasons
    assert not plain.reasons
    assert plain.letters == blended.letters == ("A", "B")
    assert reasoned.letters == (), "reasoning is not held to letters"
    assert reasoned.prompt == COT.ask(CHOICE)
    assert reasoned.max_output_tokens == plain.max_output_tokens + COT.reasoning_tokens
    assert blended.prompt.endswith(ZERO_SHOT.ask(CHOICE))
    assert "a+cot: by a" in blended.prompt
    assert found.prompt == f"{COT.label} + {ZERO_SHOT.label}"
    assert run("a")[0].prompt == ZERO_SHOT.label


def test_a_cap_on_all_outputs_holds_for_variants_too() -> None:
    assert run("a+short", max_output_tokens=3)[1][0].max_output_tokens == 3
    assert run("a+short", max_output_tokens=30)[1][0].max_output_tokens == 7


def test_calls_are_shared_where_the_request_is_the_same_and_only_there(tmp_path) -> None:
    store = ResponseStore(tmp_path / "responses.sqlite")
    server = FakeServer(lambda request: "Oslo")
    executor = Executor(server, "r", RATES, operators=OPERATORS, shared=Shared(responses=store))
    work = [Work(QUESTION, Plan.of([name])) for name in ("a", "same", "a+short", "a+cot")]
    cached = [item.calls[0].cached for item in executor.run(work, concurrency=1)]
    store.close()
    assert cached == [False, True, False, False]


def test_a_model_that_is_gone_takes_its_variants_with_it() -> None:
    server = FakeServer(lambda request: ModelNotServed("a is gone", "Pull it."))
    executor = Executor(server, "r", RATES, operators=OPERATORS)
    executor.run([Work(QUESTION, Plan.of(["a+short"]))])
    assert set(executor.shared.health.out) == {"a"}
    executor.run([Work(QUESTION, Plan.of(["a+cot"]))])
    assert len(server.requests) == 1


@settings(deadline=None, max_examples=30)
@given(
    limit=st.floats(1e-5, 1e-3),
    plan=st.sampled_from(["a+short → a+cot", "blend(a+cot, b; a+short)", "a+cot"]),
)
def test_no_call_may_cost_more_than_is_set_aside(limit: float, plan: str) -> None:
    """The bound of a plan covers the longest prompt and output of each of its variants; caps keep budgets."""

    class Verbose(FakeServer):
        async def generate(self, request):
            self.output_tokens = request.max_output_tokens
            self.prompt_tokens = len(request.prompt) // 4
            return await super().generate(request)

    question = Question("q", QUESTION.text, QUESTION.topics, budget=Budget(max_cost_usd=limit))
    work = Work(question, Plan.parse(plan))
    executor = Executor(Verbose(lambda r: "word" * r.max_output_tokens), "r", RATES, operators=OPERATORS)
    most = executor.most(work).cost_usd
    [found] = executor.run([work])
    if found.cost_usd is not None:
        assert found.cost_usd <= min(limit, most) * (1 + 1e-9)


def test_lengths_of_prompts_are_those_of_the_variant() -> None:
    shape = prompt_shape(QUESTION, ZERO_SHOT, OPERATORS)
    assert (
        shape.base_of("a") == shape.base_of("a+short") == shape.base_of("b") == ZERO_SHOT.base_chars(QUESTION)
    )
    assert shape.base_of("a+cot") == COT.base_chars(QUESTION) > shape.base_chars
    assert shape.base_chars_of == (("a+cot", COT.base_chars(QUESTION)),)
    assert shape.with_tokens({"a": 9}).base_chars_of == shape.base_chars_of


@settings(deadline=None, max_examples=10)
@given(
    seed=st.integers(0, 10_000),
    missing=st.sampled_from([0.0, 0.3]),
    blender=st.sampled_from(["c", "z", None]),
    chars=st.integers(0, 2000),
    bases=st.dictionaries(st.sampled_from("abcz"), st.integers(0, 900), max_size=4),
)
def test_arrays_agree_with_the_oracle_where_prompts_differ(
    seed: int, missing: float, blender: str | None, chars: int, bases: dict[str, int]
) -> None:
    statistics = random_catalog(seed, "abc", blender or "z", n_records=10, missing=missing)
    shape = PromptShape(chars, 120, 60, 90, base_chars_of=tuple(sorted(bases.items())))
    pool = Pool(("a", "b", "c"), blender)
    assert_equal_to_the_oracle(statistics, pool, 3, shape, every=3)


def test_the_planner_takes_the_short_variant_where_cost_matters() -> None:
    planning = Planning(
        RATES, ("a", "a+short", "a+cot"), "a+short", operators=OPERATORS, weights=Weights(1, 0, 0, 0)
    )
    assert planning.plan(QUESTION).choice.chosen.plan == Plan.of(["a+short"])
    [together] = planning.plan_all([QUESTION])
    assert together.choice.chosen.plan == Plan.of(["a+short"])


def test_a_longer_prompt_allows_fewer_calls_within_a_budget() -> None:
    statistics = with_variants(
        Statistics.build("s", [figures("a", output_tokens=0.0)], []), [Variant("long", "a")]
    )

    def calls(base: int) -> int:
        shape = PromptShape(400, 100, base_chars_of=(("long", base),))
        found = bound_operations(statistics, ("Art",), "open", shape, ("long",), Budget(max_cost_usd=5e-4), 7)
        return found.max_operations

    assert calls(100) > calls(1000)
