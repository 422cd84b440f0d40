"""The pages that compare two runs or two snapshots."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import polars as pl

from optiq.questions.metric import ADDITIVE, COST
from optiq.report import charts, sections
from optiq.report.page import Chart, Miss, Page, Section, Table, Tile
from optiq.report.text import change, clean, count, number, percent, usd

Frames = Mapping[str, pl.DataFrame]
_MOST = 40


def runs_page(names: tuple[str, str], frames: tuple[Frames, Frames], changes: pl.DataFrame) -> Page:
    """Two runs of one PerfDB. ``frames`` are those of each run; ``changes`` questions that both answered."""
    keys = [part["run"].row(0, named=True) for part in frames]
    labels = ("before", "after") if names[0] != names[1] else ("one", "the same")
    points = pl.concat(
        [
            sections.known_points(frames[1]["frontier"]),
            *(
                sections.used_points(part["run_plans"], label)
                for part, label in zip(frames, labels, strict=True)
            ),
        ]
    )
    spend = pl.concat(
        [part["spend"].with_columns(run=pl.lit(label)) for part, label in zip(frames, labels, strict=True)]
    )
    found = [
        figures_section(keys, labels),
        Section(
            "frontier",
            "Chosen plans",
            "Where the planner expected the plans of each run, among those known.",
            charts=sections.frontier_charts(points, [*sections.FRONTIER_SERIES, *labels]),
        ),
        topics_section(frames, labels),
        spend_section(spend),
        changes_section(changes, labels),
    ]
    return Page(
        "Two runs compared",
        f"Before: {clean(names[0], 60)}. After: {clean(names[1], 60)}",
        tiles(keys),
        [section for section in found if section is not None],
        about=[("before", clean(names[0], 80)), ("after", clean(names[1], 80))],
    )


def tiles(keys: list[dict[str, Any]]) -> list[Tile]:
    """Key figures of the second run, with those of the first below."""
    old, new = keys
    each = [(k["cost_usd"] / k["n_questions"]) if k["cost_usd"] and k["n_questions"] else None for k in keys]
    return [
        Tile("Answered", f"{new['n_answered']:,}", f"before {old['n_answered']:,}"),
        Tile("Quality (QoA)", number(new["qoa"], 2), f"before {number(old['qoa'], 2)}"),
        Tile("Cost per question", usd(each[1]), f"before {usd(each[0])} ({change(*each)})"),
        Tile(
            "Latency, median",
            f"{number(new['latency_s'])} s",
            f"before {number(old['latency_s'])} s ({change(old['latency_s'], new['latency_s'])})",
        ),
        Tile("Plans used", f"{new['n_plans']:,}", f"before {old['n_plans']:,}"),
    ]


def figures_section(keys: list[dict[str, Any]], labels: tuple[str, str]) -> Section:
    """All key figures side by side."""
    names = {
        "n_questions": ("questions", count),
        "n_answered": ("answered", count),
        "n_failed": ("failed", count),
        "n_judged": ("judged", count),
        "qoa": ("QoA, observed", number),
        "predicted_qoa": ("QoA, predicted", number),
        "cost_usd": ("spend", usd),
        **{m.name: (f"{m.word}, {m.unit}", number) for m in ADDITIVE if m is not COST},
        "latency_s": ("latency, median, s", number),
        "latency_p95_s": ("latency, 95 %, s", number),
    }
    rows = [
        [title, *(show(k[name]) for k in keys), change(keys[0][name], keys[1][name])]  # type: ignore[operator]
        for name, (title, show) in names.items()
    ]
    old, new = keys
    told = "Neither run was judged."
    if old["qoa"] is not None and new["qoa"] is not None:
        off = new["qoa"] - old["qoa"]
        told = f"Quality {'rose' if off > 0 else 'fell' if off < 0 else 'stayed'}" + (
            f" by {abs(off):.2f}" if off else ""
        )
        told += f"; cost per question changed by {change(_each(old), _each(new))}."
    return Section(
        "figures", "Key figures", told, tables=[Table("Side by side", ["figure", *labels, "change"], rows)]
    )


def _each(key: Mapping[str, Any]) -> float | None:
    return key["cost_usd"] / key["n_questions"] if key["cost_usd"] and key["n_questions"] else None


def topics_section(frames: tuple[Frames, Frames], labels: tuple[str, str]) -> Section | None:
    """Quality, cost and latency by topic, before and after."""
    old, new = (part["topic_means"] for part in frames)
    together = old.join(new, on="topic", suffix="_after", how="inner").sort("topic")
    if together.is_empty():
        return None
    drawn = []
    for metric in ("qoa", "cost_usd", "latency_s"):
        pairs = together.select("topic", before=metric, after=f"{metric}_after").drop_nulls()
        if pairs.height:
            said = f"{charts.NAMES[metric]} by topic, {labels[0]} and {labels[1]}"
            drawn.append(Chart(charts.NAMES[metric], said, charts.two_dots(pairs, metric, labels)))
    better = int((together["qoa_after"] > together["qoa"]).sum())
    told = f"{count(together.height, 'topic')} in both; quality rose on {better:,} of them."
    return Section("topics", "By topic", told, charts=drawn)


def spend_section(spend: pl.DataFrame) -> Section | None:
    """Spend of both runs by model."""
    by_run = spend.with_columns(pl.col("cost_usd").fill_null(0.0) * 1e6)
    if by_run.is_empty():
        return None
    spec = charts.stacked_bars(by_run, "run", "model", "cost_usd", "spend, millionths of a USD")
    sums = dict(spend.group_by("run").agg(pl.col("cost_usd").sum()).iter_rows())
    told = ", ".join(f"{run} {usd(value)}" for run, value in sorted(sums.items(), reverse=True))
    return Section(
        "spend", "Spend", f"Spend: {told}.", charts=[Chart("By run and model", told, spec, wide=True)]
    )


def changes_section(changes: pl.DataFrame, labels: tuple[str, str]) -> Section | None:
    """Questions whose answers got better or worse."""
    if changes.is_empty():
        return None
    better = int((changes["qoa_after"] > changes["qoa_before"]).sum())
    shown = [
        Miss(
            clean(row["question"], 300),
            [
                (labels[0], clean(row["answer_before"] or "(empty)", 200)),
                (labels[1], clean(row["answer_after"] or "(empty)", 200)),
                ("reference", clean(row["reference"] or "", 200)),
            ],
            [f"QoA {number(row['qoa_before'], 2)} → {number(row['qoa_after'], 2)}"],
        )
        for row in changes.iter_rows(named=True)
    ]
    told = f"{count(len(shown), 'question')} changed most: {better} got better, {len(shown) - better} worse."
    return Section("changes", "Questions that changed most", told, misses=shown)


def snapshots_page(
    before: str, after: str, counts: pl.DataFrame, plans: pl.DataFrame, figures: pl.DataFrame, frames: Frames
) -> Page:
    """Two snapshots: what is new, gone and changed (warehouse.archive), and what is known after."""
    said = (
        {change: int(n) for change, n in plans.group_by("change").len().iter_rows()} if plans.height else {}
    )
    found = [
        Section(
            "counts",
            "What was added",
            f"{clean(before, 40)} → {clean(after, 40)}.",
            tables=[_table("Rows per table", counts)],
        ),
        Section(
            "changes",
            "Plans",
            ", ".join(f"{count(n, 'plan')} {name}" for name, n in sorted(said.items())) + "."
            if said
            else "No plan changed.",
            tables=[_table("Statistics of plans", plans.head(_MOST))] if plans.height else (),
            note=f"The first {_MOST} of {plans.height:,} rows." if plans.height > _MOST else "",
        ),
        Section(
            "figures",
            "Figures of models",
            f"{count(figures.height, 'figure')} differ." if figures.height else "No figure changed.",
            tables=[_table("Figures", figures.head(_MOST))] if figures.height else (),
            note=f"The first {_MOST} of {figures.height:,} rows." if figures.height > _MOST else "",
        ),
        sections.unknown_section(frames["coverage"], frames["uncertain"]),
    ]
    tiles = [
        Tile(f"Plans {name}", f"{n:,}", percent(n / max(plans.height, 1)) + " of those that differ")
        for name, n in sorted(said.items())
    ]
    tiles.append(Tile("Figures that differ", f"{figures.height:,}", "of single models"))
    return Page(
        "Two snapshots compared",
        f"{clean(before, 60)} → {clean(after, 60)}",
        tiles,
        [section for section in found if section is not None],
        about=[("before", clean(before, 60)), ("after", clean(after, 60))],
    )


def _table(caption: str, frame: pl.DataFrame) -> Table:
    """A frame as text; long provenances are left to SQL."""
    shown = frame.drop(
        [
            name
            for name in ("provenance", "plan_key", "plan")
            if name in frame.columns and "expression" in frame.columns
        ]
    )
    left = sum(dtype == pl.String for dtype in list(shown.schema.values())[:4]) or 1
    rows = [
        [number(v) if isinstance(v, float) else clean("–" if v is None else v, 120) for v in row]
        for row in shown.iter_rows()
    ]
    return Table(caption, [name.replace("_", " ") for name in shown.columns], rows, left=left)
