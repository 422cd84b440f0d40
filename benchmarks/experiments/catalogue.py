"""The experiments as data: which settings, which policies, what is shown."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations

from benchmarks.experiments.setting import LEVELS, MOST_OPERATIONS, Experiment, Setting, Unit

BUDGETS = range(1, 6)
SURE = 0.95
"""The probability with which limits are to hold, where that is asked for."""

BASELINES = (
    "best-single",
    "best-single-per-topic",
    "random",
    "frugalgpt",
    "thriftllm",
    "llm-ensemble",
    "llm-blender",
)
OPTI_Q = ("opti-q", "opti-q-paper")
FEW = ("best-single", "random", *OPTI_Q, "oracle")


def _budgets(unit: Unit, models: Sequence[str]) -> list[Setting]:
    # money alone, as in section 6.1
    return [Setting(f"b={b}", b, unit.budget(b, latency=False)) for b in BUDGETS]


def _operations(unit: Unit, models: Sequence[str]) -> list[Setting]:
    return [Setting(f"k≤{k}", k, operations=k) for k in range(1, MOST_OPERATIONS + 1)]


def _coverage(unit: Unit, models: Sequence[str]) -> list[Setting]:
    return [Setting(f"level {level}", level, level=level) for level in LEVELS]


def _diversity(unit: Unit, models: Sequence[str]) -> list[Setting]:
    """At most d models in a plan; then pools of n models (the mean over all of them), and pools without one."""
    sizes = range(1, min(len(models), MOST_OPERATIONS) + 1)
    found = [Setting(f"d≤{d}", d, distinct=d) for d in sizes]
    for n in sizes:
        found += [Setting(f"pool of {n}", 10 + n, pool=pool) for pool in combinations(models, n)]
    if len(models) > 2:
        for place, name in enumerate(models):
            rest = tuple(model for model in models if model != name)
            found.append(Setting(f"without {name}", 20 + place, pool=rest))
    return found


def _adherence(unit: Unit, models: Sequence[str]) -> list[Setting]:
    """Money and time, held for the expected figures and with a probability."""
    found = []
    for b in BUDGETS:
        limits = unit.budget(b, latency=True)
        found.append(Setting(f"b={b}", b, limits))
        found.append(
            Setting(
                f"b={b}",
                b,
                limits,
                SURE,
                policies=("best-single", "opti-q"),
                suffix=f", {SURE:.0%} sure",
            )
        )
    return found


EXPERIMENTS = {
    made.name: made
    for made in (
        Experiment(
            "qoa-against-budget",
            "QoA against budget (section 6.1, figure 3)",
            _budgets,
            (*BASELINES, *OPTI_Q, "oracle"),
            ("answered", "qoa", "above", "cost_usd", "latency_s", "within", "source"),
            (("qoa", "QoA"),),
            "budget b",
            replayed_live=(*BASELINES[1:], "oracle"),
        ),
        Experiment(
            "operations",
            "Operations per plan (section 6.2, figure 4, table 1)",
            _operations,
            FEW,
            (
                "qoa",
                "above",
                "low",
                "middle",
                "high",
                "operations",
                "cost_usd",
                "latency_s",
                "energy_j",
                "source",
            ),
            (("qoa", "QoA"), ("high", "share with QoA ≥ 0.8"), ("cost_usd", "USD per 1,000 questions")),
            "operations k, at most",
        ),
        Experiment(
            "coverage",
            "Coverage of PerfDB (section 6.3, figure 5, table 1)",
            _coverage,
            FEW,
            (
                "runs_seen",
                "predicted_qoa",
                "qoa",
                "above",
                "low",
                "middle",
                "high",
                "predicted_cost_usd",
                "cost_usd",
                "predicted_latency_s",
                "latency_s",
                "source",
            ),
            (("qoa", "QoA"), ("predicted_qoa", "predicted QoA"), ("high", "share with QoA ≥ 0.8")),
            "coverage level",
        ),
        Experiment(
            "diversity",
            "Model diversity (section 6.4, figure 6, table 2)",
            _diversity,
            ("best-single", "opti-q", "oracle"),
            (
                "qoa",
                "above",
                "models",
                "cost_usd",
                "latency_s",
                "energy_j",
                "qoa_step",
                "latency_s_step",
                "energy_j_step",
                "source",
            ),
            (("qoa", "QoA"), ("cost_usd", "USD per 1,000 questions")),
            "distinct models in a plan, at most",
            together=True,
        ),
        Experiment(
            "adherence",
            "Limits on cost and latency kept (section 6.5, figure 7, table 3)",
            _adherence,
            ("best-single", *OPTI_Q),
            (
                "answered",
                "within",
                "cost_over",
                "latency_over",
                "both_over",
                "kept_qoa",
                "cost_used",
                "latency_used",
                "source",
            ),
            (("within", "share within limits"), ("kept_qoa", "QoA of those within")),
            "budget b",
            together=True,
        ),
    )
}
