"""The first table: picks, adherence and errors on the executions that were published with the paper."""

from __future__ import annotations

from dataclasses import replace

from benchmarks.evaluation.accuracy import PREDICTORS, accuracies
from optiq.evaluation import Outcomes, replay, summarise
from optiq.evaluation.policies import make_policies
from optiq.evaluation.replay import Setting
from optiq.evaluation.summary import Line
from optiq.question import Budget

Row = tuple[str, ...]

UNIT = (1.22e-5, 19.47)
"""One budget: USD and seconds (section 6.5)."""

SURE = 0.95
"""The probability with which limits are to hold where adherence is measured."""

ABLATIONS = (
    "opti-q",
    "opti-q:parts=off",
    "opti-q:neighbours=off",
    "opti-q:topics=off",
    "opti-q:priors=off",
    "opti-q:caution=0",
    "opti-q:tradeoff=0",
    "opti-q:tradeoff=0.05",
    "opti-q:singles=on",
    "opti-q-shrunk",
    "opti-q-paper",
)

KINDS = {"open": "SimpleQA", "choice": "MMLU-Pro"}


def budget(b: int) -> Budget:
    """``b`` units of money and time."""
    return Budget(max_cost_usd=b * UNIT[0], max_latency_s=b * UNIT[1])


def picks(outcomes: Outcomes, setting: Setting, repeats: int) -> list[Row]:
    """Quality and cost of picks within b = 3, adherence at b = 1, 2, 3: published, to reach, ours."""
    names = ["best-single", "opti-q", "opti-q-shrunk", "opti-q-paper"]
    three = _lines(outcomes, names, replace(setting, budget=budget(3)), repeats)
    rows: list[Row] = []
    published = {
        "open": ("0.371; best single 0.508 at 4e-06 USD", "best single − 0.005 at ≤ its cost"),
        "choice": ("0.580; best single 0.585 at 2.1e-05 USD", "≥ 0.62 at ≤ 2.1e-05 USD"),
    }
    for kind, (reference, goal) in published.items():
        for name in names:
            rows.append(
                (f"{KINDS[kind]} QoA of picks, b=3: {name}", reference, goal, _pick(three[name, kind]))
            )
            reference = goal = ""
    rows += _adherence(outcomes, setting, repeats)
    return rows


def _adherence(outcomes: Outcomes, setting: Setting, repeats: int) -> list[Row]:
    rows = []
    for b, reference in ((1, "49.5 %"), (2, "82.7 %"), (3, "92.8 %")):
        given = replace(setting, budget=budget(b), confidence=SURE)
        frame = replay(outcomes, make_policies(["best-single", "opti-q"]), given, 5, repeats)
        picked = frame.filter(frame["policy"] == "opti-q")
        run = picked.filter(picked["status"] == "answered")
        share, answered = run["within_budget"].mean(), run.height / picked.height
        text = f"{share:.1%} of those run; {answered:.0%} run"
        rows.append((f"adherence, b={b}, held with 95 %: opti-q", reference, "≥ 95 %", text))
    return rows


def errors(outcomes: Outcomes, setting: Setting, repeats: int) -> list[Row]:
    """Errors per (topic, plan) and rank correlations within topics, per estimator."""
    rows: list[Row] = []
    published = {
        "open": ("0.139 / −0.07 / 1.0e-05 / 15.9", "≤ 0.10 / ≥ 0.5 / ≤ 2.0e-06 / ≤ 1.6"),
        "choice": ("0.399 / 0.54 / – / –", "≤ 0.16 / ≥ 0.6 / – / –"),
    }
    for line in accuracies(outcomes, list(PREDICTORS), setting, repeats):
        reference, goal = published[line.kind]
        pooled = (line.qoa_error, line.rank, line.cost_error_usd, line.latency_error_s)
        halves = (
            line.qoa_error_halves,
            line.rank_halves,
            line.cost_error_halves_usd,
            line.latency_error_halves_s,
        )
        rows.append((f"{KINDS[line.kind]}: {line.estimator}", reference, goal, _four(pooled), _four(halves)))
    return sorted(rows, key=lambda row: row[0].split(":")[0])


def baselines(outcomes: Outcomes, names: list[str], setting: Setting, repeats: int, b: int) -> list[Row]:
    """Every policy within one budget: answered, quality, difference to the best single model, cost."""
    given = replace(setting, budget=budget(b))
    return [
        (
            KINDS[kind],
            name + (" (hindsight, a bound)" if line.hindsight else ""),
            f"{line.answered:.0%}",
            _interval(line.qoa),
            _interval(line.versus, "+"),
            f"{line.cost_usd:.2e}",
            f"{line.latency_s:.1f}",
            f"{line.adherence:.1%}",
        )
        for (name, kind), line in sorted(
            _lines(outcomes, ["best-single", *names], given, repeats).items(), key=lambda item: item[0][1]
        )
    ]


def _lines(
    outcomes: Outcomes, names: list[str], setting: Setting, repeats: int
) -> dict[tuple[str, str], Line]:
    frame = replay(outcomes, make_policies(list(dict.fromkeys(names))), setting, 5, repeats)
    return {(line.policy, line.kind): line for line in summarise(frame)}


def _pick(line: Line) -> str:
    return (
        f"{_interval(line.qoa)} at {line.cost_usd:.1e} USD; {_interval(line.versus, '+')} above best single; "
        f"{line.answered:.0%} answered"
    )


def _interval(value: tuple[float, float, float], sign: str = "") -> str:
    mean, low, high = value
    return f"{mean:{sign}.3f} [{low:{sign}.3f}, {high:{sign}.3f}]"


def _four(values: tuple[float, float, float, float]) -> str:
    qoa, rank, cost, latency = values
    return f"{qoa:.3f} / {rank:.2f} / {cost:.1e} / {latency:.1f}"
