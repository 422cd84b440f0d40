"""The scalar estimator against section 4.2, by hand-calculated cases."""

import math
import random
from dataclasses import replace
from itertools import combinations_with_replacement

import pytest
from catalogs import NAN, SHAPE, build, figures, random_catalog, record
from hypothesis import given, settings
from hypothesis import strategies as st
from plan_strategies import plans

from optiq.errors import InputError, PlanError
from optiq.estimation import Estimate, PromptShape, estimate
from optiq.estimation.estimates import Step
from optiq.estimation.paper import blended, change
from optiq.estimation.similarity import THRESHOLD, similarity
from optiq.plans.plan import Plan
from optiq.statistics.snapshot import ModelFigures, Statistics

MODELS = [figures(name) for name in "abcz"]


def on_art(
    plan: str, statistics: Statistics, shape: PromptShape = SHAPE, blender: str | None = "z"
) -> Estimate:
    return estimate(Plan.parse(plan), statistics, ["Art"], "open", shape, blender)


def source(found: Estimate, node: int, metric: str) -> str:
    (text,) = [s.source for s in found.provenance if (s.node, s.metric) == (node, metric)]
    return text


class TestTheWorkedExamplesOfThePaper:
    def test_sequential(self) -> None:
        assert Step(0.60 / 0.50, 0.0, "").after(0.55) == pytest.approx(0.66)

    def test_blend(self) -> None:
        mean = (change(0.60, 0.50) + change(0.44, 0.40)) / 2
        assert blended(0.60, mean) == pytest.approx(0.69)

    def test_sequential_in_a_plan(self) -> None:
        # Lj alone 0.50, Li → Lj 0.60; here the running estimate 0.55 comes from the record of x → a
        statistics = build(
            *MODELS, figures("x"), record("a → b", qoa=0.60), record("b", qoa=0.50), record("x → a", qoa=0.55)
        )
        found = on_art("x → a → b", statistics)
        assert found.qoa == pytest.approx(0.66)
        assert source(found, 2, "qoa") == "pairwise n=1"

    def test_blend_in_a_plan(self) -> None:
        # branches x → a and x → b are recorded at 0.60 and 0.44, the blend of a and b alone at 0.60
        statistics = build(
            *MODELS,
            figures("x"),
            record("a", qoa=0.50),
            record("b", qoa=0.40),
            record("blend(a, b; z)", qoa=0.60),
            record("x → a", qoa=0.60),
            record("x → b", qoa=0.44),
        )
        found = on_art("blend(x → a, x → b; z)", statistics)
        assert found.qoa == pytest.approx(0.69)
        assert source(found, 4, "qoa") == "reference n=1"

    def test_both_ends_are_clipped(self) -> None:
        statistics = build(
            *MODELS,
            record("a", qoa=0.9),
            record("b", qoa=0.1),
            record("a → b", qoa=0.9),
            record("b → b", qoa=0.0),
        )
        assert on_art("a → a → b", statistics).qoa == 1.0
        assert on_art("a → b → b", statistics).qoa == 0.0


class TestTokens:
    # 300 characters of question and template are 75 tokens; an answer is 50 tokens
    ALONE = 75 * 1e-6 + 50 * 2e-6

    def test_a_single_call(self) -> None:
        found = on_art("a", build(*MODELS))
        assert found.cost_usd == pytest.approx(self.ALONE)
        assert found.latency_s == pytest.approx(75 * 0.001 + 50 * 0.002)
        assert found.energy_j == pytest.approx(75 * 0.1 + 50 * 0.2)
        assert found.qoa == 0.5

    def test_a_step_reads_the_context_prompt_and_the_immediate_predecessor_only(self) -> None:
        step = self.ALONE + (10 + 50) * 1e-6
        assert on_art("a → b", build(*MODELS)).cost_usd == pytest.approx(self.ALONE + step)
        assert on_art("a → b → c", build(*MODELS)).cost_usd == pytest.approx(self.ALONE + 2 * step)

    def test_a_blend_reads_the_blend_prompt_and_all_branches(self) -> None:
        blend = self.ALONE + (20 + 3 * 50) * 1e-6
        assert on_art("blend(a, b, c; z)", build(*MODELS)).cost_usd == pytest.approx(3 * self.ALONE + blend)

    def test_the_fixed_part_is_paid_per_call_and_only_in_money(self) -> None:
        dear = [figures("a", usd_per_call=0.01), figures("b", usd_per_call=0.02)]
        plain, fixed = on_art("a → b", build(*MODELS)), on_art("a → b", build(*dear))
        assert fixed.cost_usd == pytest.approx(plain.cost_usd + 0.03)
        assert (fixed.latency_s, fixed.energy_j) == (plain.latency_s, plain.energy_j)

    def test_counts_of_the_server_replace_the_length_of_the_question_only(self) -> None:
        shape = SHAPE.with_tokens({"a": 70})
        more = on_art("a", build(*MODELS), shape).cost_usd - self.ALONE
        assert more == pytest.approx((70 - 50) * 1e-6)

    def test_without_calibration_a_token_has_four_characters(self) -> None:
        assert on_art("a", build(figures("a", chars_per_token=NAN))).cost_usd == pytest.approx(self.ALONE)
        short = on_art("a", build(figures("a", chars_per_token=2.0)))
        assert short.cost_usd == pytest.approx(150 * 1e-6 + 50 * 2e-6)

    def test_a_missing_output_length_is_derived_from_the_recorded_cost(self) -> None:
        # 200 + 100 characters at 1e-6 are 7.5e-5; the rest of the recorded cost buys 80 output tokens
        statistics = build(
            figures("a", output_tokens=NAN),
            figures("b"),
            record("a", cost_usd=7.5e-5 + 80 * 2e-6, mean_question_chars=200),
        )
        step = self.ALONE + (10 + 80) * 1e-6
        assert on_art("a → b", statistics).cost_usd == pytest.approx(7.5e-5 + 80 * 2e-6 + step)


class TestStructure:
    def test_latency_is_the_longest_path(self) -> None:
        slow = build(figures("a"), figures("b", seconds_per_output_token=1.0), figures("z"))
        by_slow = on_art("blend(a, b; z)", slow)
        assert by_slow.latency_s == pytest.approx((0.075 + 50) + (0.075 + 0.1) + (20 + 100) * 0.001)

    def test_a_shared_ancestor_counts_once(self) -> None:
        statistics = build(*MODELS)
        diamond = on_art("a → blend(b, c; z)", statistics)
        tree = on_art("blend(a → b, a → c; z)", statistics)
        assert tree.cost_usd - diamond.cost_usd == pytest.approx(TestTokens.ALONE)
        assert tree.energy_j - diamond.energy_j == pytest.approx(17.5)
        assert tree.latency_s == pytest.approx(diamond.latency_s)

    def test_a_shared_recorded_ancestor_counts_once(self) -> None:
        statistics = build(*MODELS, record("x → a", cost_usd=1.0), figures("x"))
        diamond = on_art("x → a → blend(b, c; z)", statistics)
        assert 1.0 < diamond.cost_usd < 1.001

    def test_a_nested_blend_keeps_its_other_readers(self) -> None:
        # nodes: a, b → blend z1 → c, and z1, c → blend z2: z1 feeds a chain step and a blend
        plan = Plan.of(["a", "b", "z", "c", "z"], [(0, 2), (1, 2), (2, 3), (2, 4), (3, 4)])
        statistics = build(*MODELS, record("blend(a, b, c; z)", qoa=0.8), record("blend(a, b; z)", qoa=0.6))
        found = estimate(plan, statistics, ["Art"], "open", SHAPE, "z")
        # c after z1 keeps 0.6 (neutral), 20 % above c alone; the flattened fan-in is a, b, c
        assert found.qoa == pytest.approx(0.8 * (1 + (2 * 0.0 + 0.2) / 3))
        single, blend = 75 * 1e-6 + 100e-6, 75 * 1e-6 + 100e-6 + (20 + 100) * 1e-6
        assert found.cost_usd == pytest.approx(2 * single + blend + (single + 60e-6) + blend)

    def test_nested_blends_are_flattened_for_the_reference(self) -> None:
        statistics = build(*MODELS, record("blend(a, b, c; z)", qoa=0.8))
        assert on_art("blend(blend(a, b; z), c; z)", statistics).qoa == pytest.approx(0.8)

    def test_a_measured_nested_blend_counts_with_what_was_measured(self) -> None:
        statistics = build(
            *MODELS,
            figures("x"),
            record("blend(a, b, c; z)", qoa=0.6),
            record("blend(a, b; z)", qoa=0.5),
            record("blend(x → a, b; z)", qoa=0.6),
        )
        found = on_art("blend(blend(x → a, b; z), c; z)", statistics)
        assert found.qoa == pytest.approx(0.6 * (1 + (2 * 0.2 + 0.0) / 3))


class TestRecords:
    def test_an_exact_record_replaces_what_was_accumulated(self) -> None:
        statistics = build(
            *MODELS, record("a → b", cost_usd=0.5, latency_s=9.0, energy_j=7.0, qoa=0.9, n_observations=12)
        )
        found = on_art("a → b", statistics)
        assert found.metrics == (0.5, 9.0, 7.0, 0.9)
        assert source(found, 1, "cost_usd") == "exact n=12"
        longer = on_art("a → b → c", statistics)
        assert longer.cost_usd == pytest.approx(0.5 + TestTokens.ALONE + 60e-6)
        assert longer.latency_s == pytest.approx(9.0 + 0.175 + 0.06)

    def test_a_record_replaces_only_the_metrics_it_has(self) -> None:
        plain = on_art("a → b", build(*MODELS))
        found = on_art("a → b", build(*MODELS, record("a → b", qoa=0.9)))
        assert found.metrics == (*plain.metrics[:3], 0.9)
        assert source(found, 1, "cost_usd") == "prior: test"

    def test_a_similar_plan_stands_in_from_three_nodes_on(self) -> None:
        statistics = build(*MODELS, record("blend(a, b; z)", qoa=0.9, n_observations=3))
        found = on_art("blend(a, c; z)", statistics)
        assert found.qoa == 0.9
        assert source(found, 2, "qoa") == "fuzzy 0.80 n=3"

    def test_a_chain_of_two_other_models_never_stands_in(self) -> None:
        statistics = build(*MODELS, record("a → b", cost_usd=5.0))
        assert on_art("c → b", statistics).cost_usd < 1
        assert on_art("a → c", statistics).cost_usd < 1

    def test_a_plan_with_another_final_model_never_stands_in(self) -> None:
        statistics = build(*MODELS, record("a → b → c", qoa=0.987))
        assert on_art("a → b → a", statistics).qoa != 0.987
        assert on_art("b → b → c", statistics).qoa == 0.987

    def test_a_similar_plan_says_nothing_of_cost_latency_and_energy(self) -> None:
        """A plan with a cheap model in the place of a dear one is similar: it must not pass a hard limit."""
        cheap = record("blend(a, b; z)", qoa=0.9, cost_usd=1e-9, latency_s=1e-9, energy_j=1e-9)
        found = on_art("blend(a, c; z)", build(*MODELS, cheap))
        plain = on_art("blend(a, c; z)", build(*MODELS))
        assert found.metrics[:3] == plain.metrics[:3]
        assert found.qoa == 0.9

    def test_equally_similar_records_tie_to_more_observations_then_plan_order(self) -> None:
        rows = [
            record("a → b → c", qoa=0.1, n_observations=2),
            record("b → a → c", qoa=0.2, n_observations=5),
        ]
        assert on_art("b → b → c", build(*MODELS, *rows)).qoa == 0.2
        even = [replace(row, n_observations=2) for row in rows]
        assert on_art("b → b → c", build(*MODELS, *even)).qoa == 0.1

    def test_a_record_without_a_metric_does_not_hide_a_similar_one_that_has_it(self) -> None:
        statistics = build(*MODELS, record("a → b → c", cost_usd=1.0), record("b → b → c", qoa=0.9))
        found = on_art("a → b → c", statistics)
        assert (found.cost_usd, found.qoa) == (1.0, 0.9)


class TestOneScale:
    def test_a_record_is_brought_to_the_length_of_the_question(self) -> None:
        # 100 characters, 25 tokens more than the recorded mean, read by both models
        statistics = build(*MODELS, record("a → b", cost_usd=0.01, latency_s=9.0, mean_question_chars=100))
        found = on_art("a → b", statistics)
        assert found.cost_usd == pytest.approx(0.01 + 2 * 25e-6)
        assert found.latency_s == pytest.approx(9.0 + 2 * 0.025)

    def test_latency_moves_along_the_critical_path_only(self) -> None:
        slow = figures("b", seconds_per_prompt_token=0.1)
        statistics = build(
            figures("a"),
            slow,
            figures("z"),
            record("blend(a, b; z)", latency_s=90.0, mean_question_chars=100),
        )
        assert on_art("blend(a, b; z)", statistics).latency_s == pytest.approx(90.0 + 25 * (0.1 + 0.001))

    def test_no_length_gives_a_negative_figure(self) -> None:
        statistics = build(figures("a"), record("a", cost_usd=1e-6, mean_question_chars=4000))
        assert on_art("a", statistics, PromptShape(0)).cost_usd == 0.0
        assert on_art("a", statistics, PromptShape(4000)).cost_usd == pytest.approx(1e-6)

    def test_unknown_rates_or_lengths_leave_a_record_as_it_is(self) -> None:
        unknown = figures("a", usd_per_prompt_token=NAN)
        assert on_art("a", build(unknown, record("a", cost_usd=0.01, mean_question_chars=9))).cost_usd == 0.01
        assert on_art("a", build(figures("a"), record("a", cost_usd=0.01))).cost_usd == 0.01

    def test_a_later_call_is_anchored_at_the_recorded_single_call(self) -> None:
        # rates alone would say 1.75e-4 for b; it really costs 0.01
        statistics = build(*MODELS, record("b", cost_usd=0.01, n_observations=4))
        found = on_art("a → b", statistics)
        assert found.cost_usd == pytest.approx(TestTokens.ALONE + 0.01 + 60e-6)
        assert source(found, 1, "cost_usd") == "single n=4 + rates"

    def test_without_rates_a_recorded_single_call_stands_for_every_call(self) -> None:
        statistics = build(record("a", cost_usd=0.01), record("b", cost_usd=0.02))
        assert on_art("a → b", statistics).cost_usd == pytest.approx(0.03)


class TestFallbacks:
    def test_an_unknown_pair_has_the_mean_effect_of_known_predecessors(self) -> None:
        statistics = build(*MODELS, record("a → b", qoa=0.6), record("b → b", qoa=0.7))
        found = on_art("c → b", statistics)
        assert found.qoa == pytest.approx(0.5 * (0.6 + 0.7) / 2 / 0.5)
        assert source(found, 1, "qoa") == "fallback: mean of 2 predecessors"

    def test_without_any_pair_a_step_is_neutral(self) -> None:
        found = on_art("a → b", build(figures("a", qoa=0.3), figures("b", qoa=0.9)))
        assert found.qoa == 0.3
        assert source(found, 1, "qoa") == "fallback: neutral"

    def test_blend_references_fall_back_in_order(self) -> None:
        pairs = [record("blend(a, a; z)", qoa=0.2), record("blend(b, b; z)", qoa=0.4)]
        triple = record("blend(a, a, a; z)", qoa=0.9)
        far = "blend(c, y → c; z)"  # no record of these leaves, and none similar
        extra = figures("y")
        assert on_art(far, build(*MODELS, extra, *pairs, triple)).qoa == pytest.approx(0.3)
        assert on_art(far, build(*MODELS, extra, triple)).qoa == pytest.approx(0.9)
        alone = build(*[figures(name, qoa=0.4) for name in "acy"], figures("z", qoa=0.7))
        assert on_art(far, alone).qoa == pytest.approx(0.7)
        nothing = build(figures("c", qoa=0.4), figures("y", qoa=0.6), figures("z", qoa=NAN))
        assert on_art("blend(c, y; z)", nothing).qoa == pytest.approx(0.5)

    def test_blends_by_another_model_are_no_reference(self) -> None:
        statistics = build(*MODELS, record("blend(a, b; c)", qoa=0.9))
        assert on_art("blend(a, b; z)", statistics).qoa == 0.5


class TestUnknownFigures:
    def test_an_unpriced_model_is_not_free(self) -> None:
        statistics = build(figures("a"), figures("b", usd_per_output_token=NAN))
        found = on_art("a → b", statistics)
        assert math.isnan(found.cost_usd)
        assert source(found, 1, "cost_usd") == "unknown"
        assert found.latency_s > 0

    def test_a_price_of_zero_needs_no_length(self) -> None:
        free = figures("a", usd_per_prompt_token=0.0, usd_per_output_token=0.0, output_tokens=NAN)
        assert on_art("a", build(free)).cost_usd == 0.0

    def test_a_record_makes_what_is_below_it_known(self) -> None:
        statistics = build(figures("a", usd_per_prompt_token=NAN), *MODELS[1:], record("a → b", cost_usd=0.5))
        assert on_art("a → b → c", statistics).cost_usd == pytest.approx(0.5 + TestTokens.ALONE + 60e-6)

    def test_a_model_nobody_knows_has_no_figures(self) -> None:
        assert all(math.isnan(value) for value in on_art("nobody", build(*MODELS)).metrics)


class TestTopics:
    STATISTICS = build(*MODELS, record("a", "Art", qoa=0.2), record("a", "Law", qoa=0.8, n_observations=7))

    def test_estimates_are_averaged_by_weight(self) -> None:
        found = estimate(Plan.of(["a"]), self.STATISTICS, [("Law", 3.0), ("Art", 1.0)], "open", SHAPE)
        assert found.qoa == pytest.approx(0.65)
        assert source(found, 0, "cost_usd") == "prior: test"
        assert source(found, 0, "qoa") == "Art: exact n=1 | Law: exact n=7"

    def test_bare_names_weigh_the_same_and_their_order_does_not_matter(self) -> None:
        one = estimate(Plan.of(["a"]), self.STATISTICS, ["Art", "Law"], "open", SHAPE)
        other = estimate(Plan.of(["a"]), self.STATISTICS, ["Law", "Art"], "open", SHAPE)
        assert one.qoa == other.qoa == pytest.approx(0.5)

    def test_without_topics_the_figures_for_any_topic_count(self) -> None:
        assert estimate(Plan.of(["a"]), self.STATISTICS, [], "open", SHAPE).qoa == 0.5

    @pytest.mark.parametrize("topics", [[("Art", -1.0)], [("Art", 0.0)], [("Art", math.nan)]])
    def test_weights_that_cannot_be_used_are_refused(self, topics: list) -> None:
        with pytest.raises(InputError):
            estimate(Plan.of(["a"]), self.STATISTICS, topics, "open", SHAPE)


def test_the_blender_of_a_plan_is_checked() -> None:
    with pytest.raises(PlanError, match="the blender is 'a'"):
        on_art("blend(a, b; z)", build(*MODELS), blender="a")


@settings(deadline=None, max_examples=40)
@given(plans(max_k=5), st.integers(0, 10_000), st.randoms())
def test_isomorphic_plans_have_one_estimate(plan: Plan, seed: int, draw: random.Random) -> None:
    order = list(range(plan.k))
    draw.shuffle(order)
    models = [""] * plan.k
    for v, model in enumerate(plan.models):
        models[order[v]] = model
    twin = Plan.of(models, [(order[i], order[j]) for i, j in plan.edges])
    statistics = random_catalog(seed)
    one, other = (estimate(p, statistics, ["Art"], "open", SHAPE, "z") for p in (plan, twin))
    assert str(one) == str(other)


@settings(deadline=None, max_examples=40)
@given(plans(max_k=4), plans(max_k=5), st.integers(0, 10_000))
def test_a_new_record_changes_only_plans_with_a_part_that_looks_it_up(
    measured: Plan, plan: Plan, seed: int
) -> None:
    """With all pairs and blends of singles on record no fallback is left that a new record could shift."""
    base = _all_pairs_and_blends()
    rows: list = [figures(name, qoa=0.1 + 0.2 * i) for i, name in enumerate("abcz")]
    draw = random.Random(seed)
    rows += [record(key, qoa=draw.random(), cost_usd=draw.random()) for key in base]
    if measured.key in base or measured.k < 3:
        return
    before = estimate(plan, build(*rows), ["Art"], "open", SHAPE, "z")
    after = estimate(
        plan, build(*rows, record(measured.key, qoa=0.123, cost_usd=9.0)), ["Art"], "open", SHAPE, "z"
    )
    parts = [plan.subplan(v) for v in range(plan.k)]
    if not any(similarity(part, measured) >= THRESHOLD for part in parts):
        assert after.metrics == pytest.approx(before.metrics, nan_ok=True)
    if plan == measured:
        assert (after.cost_usd, after.qoa) == (9.0, 0.123)


def _all_pairs_and_blends() -> list[str]:
    pairs = [f"{one} → {other}" for one in "abcz" for other in "abcz"]
    leaves = [names for n in (2, 3, 4) for names in combinations_with_replacement("abc", n)]
    return [Plan.parse(text).key for text in pairs + [f"blend({', '.join(names)}; z)" for names in leaves]]


def test_estimates_are_written_as_plan_objects() -> None:
    written = on_art("a", build(ModelFigures(model="a", qoa=0.5, provenance="prior: test"))).to_dict()
    assert written["plan_key"] == "1:0:a"
    assert written["predicted_cost_usd"] is None
    assert written["predicted_qoa"] == 0.5
    assert {"node": 0, "metric": "qoa", "source": "prior: test"} in written["provenance"]
