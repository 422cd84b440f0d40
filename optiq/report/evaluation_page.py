"""The page of an evaluation: what policies would have cost and yielded, how that was found, and what it leaves open."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import polars as pl

from optiq.evaluation.comparison import Compared
from optiq.evaluation.coverage import FEW, Coverage
from optiq.evaluation.intervals import RESAMPLES, Interval
from optiq.questions.metric import COST, RESOURCES
from optiq.questions.question import Budget
from optiq.report import evaluation_charts as charts
from optiq.report.page import Chart, Page, Section, Table, Tile
from optiq.report.text import clean, count, number, percent, usd

REFERENCE = "best-single"
_MOST_PLANS = 40
KEPT = 0.9
"""Share of answers within the limits that a policy must reach to be called better: what breaks them is no rival."""


def evaluation_page(
    lines: Sequence[Compared],
    frame: pl.DataFrame,
    coverage: Coverage,
    summary: Mapping[str, Any],
    budget: Budget,
) -> Page:
    """``lines`` and ``frame`` are those of a replay, ``summary`` says where it is from and how it was done."""
    kinds = list(dict.fromkeys(one.line.kind for one in lines))
    sections = [kind_section(kind, [one for one in lines if one.line.kind == kind]) for kind in kinds]
    window = f", {clean(summary['window'], 200)}" if summary["window"] else ""
    return Page(
        "Would planning have paid?",
        f"Policies replayed on {count(coverage.executions, 'judged outcome')} from {summary['source']}{window}",
        tiles(lines, coverage),
        [
            *sections,
            limits_section(frame, budget, summary),
            method_section(frame, summary),
            coverage_section(coverage, summary),
        ],
        notices=notices(lines, coverage, summary),
        about=[
            ("from", summary["source"]),
            ("prompt set", clean(summary["prompt"], 80)),
            ("limits", summary["limits"]),
            ("folds", f"{summary['folds']} by question, drawn {count(summary['repeats'], 'time')}"),
            ("seed", str(summary["seed"])),
        ],
    )


def tiles(lines: Sequence[Compared], coverage: Coverage) -> list[Tile]:
    """Key figures."""
    found = [
        Tile("Questions compared", count(coverage.compared), f"of {count(coverage.questions, 'question')}"),
        Tile("Plans", count(len(coverage.plans)), f"{coverage.fewest} to {coverage.most} per question"),
    ]
    for one in lines:
        if one.line.policy == REFERENCE and one.together:
            found.append(
                Tile(f"Best single, {one.line.kind}", number(one.line.qoa.mean), usd(one.line.cost_usd))
            )
    for kind in dict.fromkeys(one.line.kind for one in lines):
        best = _best([one for one in lines if one.line.kind == kind])
        if best is not None:
            above = f"{best.line.versus.mean:+.3f}".replace("-", "−")
            more = f"{clean(best.line.policy, 40)}, {usd(best.line.cost_usd)}"
            found.append(Tile(f"Most above it, {kind}", above, more))
    return found


def _best(lines: Sequence[Compared]) -> Compared | None:
    """The policy with the highest quality on common questions, within the limits; a bound is none."""
    able = [one for one in lines if one.together and _rivals(one)]
    return max(able, key=lambda one: one.line.qoa.mean, default=None)


def _rivals(one: Compared) -> bool:
    """Whether a policy may be called better than the reference."""
    return one.line.policy != REFERENCE and not one.line.hindsight and one.line.adherence >= KEPT


def notices(lines: Sequence[Compared], coverage: Coverage, summary: Mapping[str, Any]) -> list[str]:
    """What a reader should know before reading on."""
    found = []
    if coverage.compared < FEW:
        found.append(f"With fewer than {FEW} questions the intervals promise more than they hold.")
    if not coverage.complete:
        found.append(
            "Not every plan was run on every question. A policy can be replayed only where the outcome is recorded, so "
            "each chose among the plans that were run on the question: this says less than a choice among all."
        )
    sets = [one for one in summary["left_out"] if "prompt set" in one["what"]]
    if sets:
        others = ", ".join(clean(one["what"], 80) for one in sets)
        found.append(f"Only prompt set {clean(summary['prompt'], 80)} is compared, not {others}.")
    if any(not one.together for one in lines):
        found.append("Some policies answered other questions than the rest: they have tables of their own.")
    return found


def kind_section(kind: str, lines: Sequence[Compared]) -> Section:
    """Quality against cost and the differences of one kind of question."""
    together = [one for one in lines if one.together]
    apart = [one for one in lines if not one.together]
    drawn = []
    n = together[0].line.questions if together else 0
    if [one for one in together if one.line.cost_usd == one.line.cost_usd]:
        priced = [one for one in together if one.line.cost_usd == one.line.cost_usd]
        said = (
            f"Quality against cost of {len(priced)} policies on the same {n} questions, with 95 % intervals"
        )
        spec = charts.quality_against_cost(priced, REFERENCE)
        drawn.append(Chart("Quality against cost", said, spec, wide=True))
    if [one for one in together if one.line.policy != REFERENCE]:
        said = (
            f"Difference in quality to the best single model of {len(together)} policies, with 95 % intervals"
        )
        drawn.append(
            Chart("Above the best single model", said, charts.differences(together, REFERENCE), wide=True)
        )
    tables = []
    if together:
        tables.append(_table(f"All on the same {count(n, 'question')}", together, False))
    if apart:
        tables.append(_table("Each on the questions that it and the best single model answered", apart, True))
    return Section(
        f"kind-{kind}",
        f"{kind.capitalize()} questions",
        verdict(together),
        charts=drawn,
        tables=tables,
        note="Bars and brackets are 95 % intervals from a bootstrap over questions; differences are paired by "
        "question. An interval of one policy among many is narrower than it would be for the luckiest of them. "
        "The oracle saw the outcomes of the very questions: it is a bound on what these plans could do, no result.",
    )


def verdict(together: Sequence[Compared]) -> str:
    """Whether any policy beat the best single model."""
    reference = next((one.line for one in together if one.line.policy == REFERENCE), None)
    rivals = [one.line for one in together if _rivals(one)]
    broke = sum(not one.line.hindsight and one.line.adherence < KEPT for one in together)
    if reference is None or not rivals:
        return "No policy but the best single model could be replayed within the limits."
    better = sorted((line for line in rivals if line.versus.low > 0), key=lambda line: -line.versus.mean)
    told = (
        f"On {count(reference.questions, 'question')} the best single model reached {number(reference.qoa.mean)} "
        f"at {usd(reference.cost_usd)} a question. "
    )
    names = count(len(rivals), "policy", "policies") + (
        f" that kept the limits ({broke} did not)" if broke else ""
    )
    if not better:
        return told + f"Of {names} none was better for sure."
    best = better[0]
    price = best.cost_usd / reference.cost_usd if reference.cost_usd else float("nan")
    times = f", at {number(price, 2)} times its cost" if price == price else ""
    told += f"{clean(best.policy, 60)} was better by {_bracket(best.versus, '+')}{times}; "
    return (
        told
        + f"of {names} {len(better)} had an interval wholly above 0, where chance alone puts one in forty."
    )


def _table(caption: str, lines: Sequence[Compared], apart: bool) -> Table:
    columns = ["policy", "answered", "QoA (95 %)", "above best single (95 %)"]
    columns += [metric.word for metric in RESOURCES]
    columns += ["plans run", "within limits", "QoA error"]  # a plan of several calls counts once
    if apart:
        columns[2:2] = ["questions", "never run", "best single there"]
    rows = []
    for one in lines:
        line = one.line
        name = clean(line.policy, 80) + (" (hindsight: a bound)" if line.hindsight else "")
        row = [name, percent(line.answered)]
        if apart:
            row += [count(line.questions), percent(one.unrecorded), number(one.reference_qoa)]
        row += [
            _bracket(line.qoa),
            "–" if line.policy == REFERENCE else _bracket(line.versus, "+"),
            *(
                usd(line.cost_usd) if metric is COST else _unit(getattr(line, metric.name), metric.unit)
                for metric in RESOURCES
            ),
            number(line.calls, 2),
            percent(line.adherence),
            number(line.error, 2),
        ]
        rows.append(row)
    return Table(caption, columns, rows)


def limits_section(frame: pl.DataFrame, budget: Budget, summary: Mapping[str, Any]) -> Section:
    """Which limits each policy kept."""
    limits = [
        (metric.word, metric.name, bound)
        for metric in RESOURCES
        if (bound := getattr(budget, metric.limit)) is not None
    ]
    if not limits:
        told = f"The replay had no limits; {', '.join(metric.flag for metric in RESOURCES)} set them."
        return Section("limits", "Limits kept", told)
    figures = frame.group_by("policy", "hindsight", maintain_order=True).agg(
        pl.len().alias("asked"),
        (pl.col("status") == "answered").sum().alias("answered"),
        *[(pl.col(f"observed_{metric}") <= bound).mean().alias(name) for name, metric, bound in limits],
        pl.col("within_budget").mean().alias("all"),
    )
    rows = [
        [
            clean(row["policy"], 80) + (" (hindsight: a bound)" if row["hindsight"] else ""),
            percent(row["answered"] / row["asked"]),
            *[percent(row[name]) for name, _, _ in limits],
            percent(row["all"]),
        ]
        for row in figures.iter_rows(named=True)
    ]
    sure = summary["confidence"]
    told = f"Limits: {summary['limits']}; " + (
        f"policies were to hold them with probability {sure:g}."
        if sure
        else "policies held expected figures to them."
    )
    columns = ["policy", "answered", *[f"{name} kept" for name, _, _ in limits], "all kept"]
    return Section(
        "limits",
        "Limits kept",
        told,
        tables=[
            Table("Share of answered questions whose observed figures were within the limits", columns, rows)
        ],
        note="A question that no recorded plan was expected to answer within the limits is not answered.",
    )


def method_section(frame: pl.DataFrame, summary: Mapping[str, Any]) -> Section:
    """How folds were made and what policies could see."""
    sizes = (
        frame.filter(pl.col("repeat") == 0)
        .group_by("fold")
        .agg(pl.col("question_id").n_unique())
        .sort("fold")
    )
    n = sizes["question_id"].to_list()
    spread = str(min(n)) if min(n) == max(n) else f"{min(n)} to {max(n)}"
    rows = [
        ["Folds", f"{summary['folds']} by question, {spread} questions each, topics spread evenly over them"],
        ["Drawn", f"{count(summary['repeats'], 'time')}, from seed {summary['seed']}"],
        ["Learned from", "the questions of the other folds: executions, answers, scores"],
        ["Seen of a question", "its text, its topic where one was recorded, and which plans were run on it"],
        ["Repeats", "executions of one plan on one question are one outcome, their mean"],
        ["Intervals", f"95 %, from {RESAMPLES:,} resamples of questions; differences paired by question"],
        ["Best single", "the model alone that did best in the other folds, within the limits: what to beat"],
        ["Oracle", "saw the outcomes of the very questions: a bound, never a result"],
    ]
    told = "No policy saw anything of a question that it decided on: each learned from the questions of other folds."
    return Section(
        "method", "How it was done", told, tables=[Table("The replay", ["what", "how"], rows, left=2)]
    )


def coverage_section(coverage: Coverage, summary: Mapping[str, Any]) -> Section:
    """What could be replayed and what could not."""
    shown = coverage.plans[:_MOST_PLANS]
    rows = [
        [clean(plan, 120), count(k), count(n), percent(n / max(coverage.compared, 1))] for plan, k, n in shown
    ]
    more = f", the {_MOST_PLANS} most of {len(coverage.plans)}" if len(coverage.plans) > _MOST_PLANS else ""
    tables = [Table(f"Plans by compared questions{more}", ["plan", "calls", "questions", "share"], rows)]
    if summary["left_out"]:
        left = [[clean(one["what"], 120), clean(one["why"], 200)] for one in summary["left_out"]]
        tables.append(Table("Left out", ["what", "why"], left, left=2))
    return Section(
        "coverage",
        "What could be replayed",
        coverage.told(),
        tables=tables,
        note="Outcomes are not weighted by how likely their plan was to be chosen: that likelihood is not recorded. "
        "The command optiq calibrate runs several plans on the same questions.",
    )


def _bracket(value: Interval, sign: str = "") -> str:
    if value.mean != value.mean:
        return "–"
    return f"{value.mean:{sign}.3f} ({value.low:{sign}.3f} to {value.high:{sign}.3f})".replace("-", "−")


def _unit(value: float, unit: str) -> str:
    return number(value) + (f" {unit}" if value == value else "")
