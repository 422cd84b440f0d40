"""The page of one run."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import polars as pl

from optiq.questions.metric import ADDITIVE, BY_LIMIT, COST, RESOURCE_NAMES
from optiq.questions.question import Weights
from optiq.report import sections
from optiq.report.calibration_section import calibration_of
from optiq.report.page import Miss, Page, Section, Table, Tile
from optiq.report.text import clean, count, number, percent, usd

USED = "used in this run"


def run_page(run_id: str, frames: Mapping[str, pl.DataFrame], about: Mapping[str, Any], points: int) -> Page:
    """``frames`` are those of sql/queries/report_*.sql by name; ``about`` is the run's own record, if it is here."""
    key = frames["run"].row(0, named=True)
    again = key["n_executions"] > key["n_questions"]
    found = [
        plans_section(frames["frontier"], frames["run_plans"], key),
        sections.prediction_section(frames["points"], frames["errors"], points),
        calibration_of(frames, "the run"),
        forms_section(frames["forms"]),
        limits_section(frames["adherence"], totals_of(key, about)),
        sections.spend_section(frames["spend"], "The run"),
        misses_section(frames["misses"], key),
        sections.drawings_section(
            frames["plans"].with_columns(
                said=pl.format("{} of {} questions", "n_questions", pl.lit(key["n_questions"]))
            ),
            "Plans used",
            f"How the calls were wired, the most used plan first ({count(key['n_plans'], 'plan')} in all). "
            "Rounded boxes blend what comes in; the double box gives the answer."
            + (" A question that was planned again counts with each of its plans." if again else ""),
            "said",
        ),
        sections.topics_section(frames["topics"]),
        sections.unknown_section(frames["coverage"], frames["uncertain"]),
    ]
    file = about.get("file")
    when = (
        f"{key['started_at']:%d %B %Y, %H:%M} UTC".lstrip("0") if key["started_at"] else "at an unknown time"
    )
    title = f"Answers to {clean(str(file).rsplit('/', 1)[-1], 80)}" if file else f"Run {clean(run_id, 80)}"
    return Page(
        title,
        f"Run {clean(run_id, 80)}, begun {when}, planned on snapshot {clean(key['snapshot_id'] or 'unknown', 40)}",
        tiles(key, about),
        [section for section in found if section is not None],
        notices=notices(key, about),
        about=facts(run_id, about),
    )


def tiles(key: Mapping[str, Any], about: Mapping[str, Any]) -> list[Tile]:
    """Key figures of a run."""
    asked = about.get("questions") or key["n_executions"]
    failed = {"failed": key["n_failed"]} if "failed" not in about else about
    answered = about.get("answered", key["n_answered"])
    others = [f"{n:,} {name}" for name in ("infeasible", "failed", "invalid") if (n := failed.get(name))]
    return [
        Tile("Answered", f"{answered:,} of {asked:,}", ", ".join(others) or "none failed"),
        Tile(
            "Quality (QoA)",
            number(key["qoa"], 2),
            f"expected {number(key['predicted_qoa'], 2)}; {key['n_judged']:,} judged",
        ),
        Tile("Spend", usd(key["cost_usd"]), _spent_on(key)),
        Tile(
            "Latency, median",
            f"{number(key['latency_s'])} s",
            f"95 % within {number(key['latency_p95_s'])} s",
        ),
        *(
            Tile(
                metric.word.capitalize(),
                f"{number(key[metric.name])} {metric.unit}",
                f"{number(_each(key[metric.name], key))} {metric.unit} per question",
            )
            for metric in ADDITIVE
            if metric is not COST
        ),
        Tile("Plans used", f"{key['n_plans']:,}", f"over {key['n_executions']:,} executions"),
    ]


def _spent_on(key: Mapping[str, Any]) -> str:
    """What a question cost, and what cached calls would have cost besides."""
    cached = key["cached_cost_usd"]
    each = f"{usd(_each(key['cost_usd'], key))} per question"
    return f"{each}; {usd(cached)} more from the cache" if cached else each


def _each(total: float | None, key: Mapping[str, Any]) -> float | None:
    return total / key["n_questions"] if total is not None and key["n_questions"] else None


def notices(key: Mapping[str, Any], about: Mapping[str, Any]) -> list[str]:
    """What a reader should know before reading on."""
    found = []
    if missing := about.get("waiting"):
        found.append(
            f"{count(missing, 'execution')} of this run wait for a refresh and are not on this page."
        )
    if not key["n_judged"]:
        found.append(
            "No answer was judged: there were no references, or the metric gave no figure. optiq score judges them "
            "when references are there, or by another metric."
        )
    if about.get("status") in ("interrupted", "unfinished", "running"):
        found.append(f"The run is {about['status']}: the same command goes on with it.")
    return found


def facts(run_id: str, about: Mapping[str, Any]) -> list[tuple[str, str]]:
    """The small print: where everything came from."""
    budget = {name: value for name, value in (about.get("budget") or {}).items() if value is not None}
    options = about.get("options") or {}
    totals = {name: v for name, v in options.items() if name.startswith("max_total_") and v is not None}
    settings = about.get("settings") or {}
    weights = settings.get("weights") or {}
    rows = [
        ("run", run_id),
        ("questions", about.get("file")),
        ("answers", about.get("output")),
        (
            "limits",
            ", ".join(f"{name} {value:g}" for name, value in (budget | totals).items())
            or "none for all questions",
        ),
        ("weights", Weights(**weights).describe() if weights else None),
        ("planner", settings.get("planner")),
        ("state", about.get("status")),
    ]
    return [(name, clean(value, 200)) for name, value in rows if value]


def plans_section(frontier: pl.DataFrame, plans: pl.DataFrame, key: Mapping[str, Any]) -> Section:
    """The frontier with the plans that were chosen."""
    together = pl.concat([sections.known_points(frontier), sections.used_points(plans, USED)])
    drawn = sections.frontier_charts(together, [*sections.FRONTIER_SERIES, USED])
    wide = _wide(plans)
    rows = [
        [
            clean(row["plan"], 160),
            count(row["n_questions"]),
            f"{number(row['predicted_qoa'], 2)} → {number(row['qoa'], 2)}",
            *(_pair(row, metric) for metric in RESOURCE_NAMES),
        ]
        for row in wide.head(15).iter_rows(named=True)
    ]
    first = wide.row(0, named=True)
    # a question that was planned again counts with each of its plans
    asked = "executions" if key["n_executions"] > key["n_questions"] else "questions"
    share = percent(first["n_questions"] / max(key["n_executions"], 1))
    more = f" The table shows the 15 most used of {wide.height}." if wide.height > 15 else ""
    columns = ["plan", "questions", "QoA", *map(sections.word, RESOURCE_NAMES)]
    return Section(
        "frontier",
        "The frontier and the chosen plans",
        f"{count(wide.height, 'plan')} answered; the most used one, {clean(first['plan'], 120)}, "
        f"took {share} of the {asked}.",
        charts=drawn,
        tables=[Table("Plans, predicted → observed mean per question", columns, rows)],
        note="Measured plans stand where PerfDB's statistics over all topics put them, chosen ones where "
        "the planner expected them for this run's questions: what is chosen differs by topic, limits and weights."
        + more,
    )


def _wide(plans: pl.DataFrame) -> pl.DataFrame:
    """One row per plan, metrics side by side."""
    wide = plans.select("plan_key", "plan", "n_questions", "predicted_qoa", "qoa").unique(
        "plan_key", maintain_order=True
    )
    for metric in RESOURCE_NAMES:
        part = plans.filter(pl.col("metric") == metric)
        names = {"predicted": f"predicted_{metric}", "observed": f"observed_{metric}"}
        wide = wide.join(
            part.select("plan_key", *names).rename(names), on="plan_key", how="left", maintain_order="left"
        )
    return wide


def _pair(row: Mapping[str, Any], metric: str) -> str:
    predicted, observed = row[f"predicted_{metric}"], row[f"observed_{metric}"]
    return f"{sections.figure(metric, predicted)} → {sections.figure(metric, observed)}"


def forms_section(forms: pl.DataFrame) -> Section:
    """What forms of answers were given, and what their quality is."""
    rows = [
        [
            row["form"] or "unknown",
            count(row["n_questions"]),
            count(row["n_answered"]),
            count(row["n_judged"]),
            number(row["qoa"], 2),
            clean(row["metric"] or "", 60),
            number(row["output_tokens"], 0),
        ]
        for row in forms.iter_rows(named=True)
    ]
    columns = ["form", "questions", "answered", "judged", "QoA", "by the metric", "output tokens"]
    return Section(
        "forms",
        "Forms of answers",
        "How long answers are and how they are judged goes by their form.",
        tables=[Table("Means per form", columns, rows)],
    )


def totals_of(key: Mapping[str, Any], about: Mapping[str, Any]) -> list[tuple[str, float, float | None]]:
    """Limits on the whole run: the metric, the limit, and what the run came to."""
    options = about.get("options") or {}
    spent = {
        "cost_usd": about.get("cost_usd", key["cost_usd"]),
        "energy_j": about.get("energy_j", key["energy_j"]),
    }
    given = [(name, options.get(f"max_total_{name}"), value) for name, value in spent.items()]
    return [(name, limit, value) for name, limit, value in given if limit is not None]


def limits_section(
    adherence: pl.DataFrame, totals: Sequence[tuple[str, float, float | None]] = ()
) -> Section:
    """Whether limits were kept, those on single questions and those on the whole run."""
    rows: list[list[str]] = []
    broken = []
    for row in adherence.iter_rows(named=True):
        metric = BY_LIMIT[row["limit_name"]].name
        low, high = (sections.figure(metric, row[name]) for name in ("smallest_limit", "largest_limit"))
        rows.append(
            [
                sections.word(metric),
                low if low == high else f"{low} to {high}",
                count(row["n_limited"]),
                count(row["n_known"]),
                percent(row["kept"]),
                sections.figure(metric, row["worst"]),
            ]
        )
        if row["n_known"] and row["n_kept"] < row["n_known"]:
            broken.append(f"{sections.word(metric)} by {count(row['n_known'] - row['n_kept'], 'answer')}")
    for metric, limit, spent in totals:
        within = spent is not None and spent <= limit * (1 + 1e-9)
        cells = (f"{sections.word(metric)} of the run", sections.figure(metric, limit), "all")
        rows.append(
            [*cells, "–" if spent is None else "all", percent(1.0 if within else 0.0) if spent is not None
             else "–", sections.figure(metric, spent)]
        )  # fmt: skip
        if spent is not None and not within:
            broken.append(f"{sections.word(metric)} of the run")
    if not rows:
        return Section("limits", "Limits", "Neither the questions nor the run had limits.")
    told = (
        f"Broken: {', '.join(broken)}." if broken else "Every limit was kept, wherever the figure is known."
    )
    columns = ["limit on", "at", "questions", "figure known", "kept", "worst"]
    return Section(
        "limits", "Limits", told, tables=[Table("Limits of single questions and of the run", columns, rows)]
    )


def misses_section(misses: pl.DataFrame, key: Mapping[str, Any]) -> Section | None:
    """The answers that disappointed most."""
    if not key["n_judged"]:
        return None
    shown = [
        Miss(
            clean(row["question"] or row["question_id"] or "", 300),
            [
                ("answer", clean(row["answer"] or "", 300) or "(empty)"),
                ("reference", clean(row["reference"] or "", 300)),
            ],
            [
                f"QoA {number(row['qoa'], 2)}, expected {number(row['predicted_qoa'], 2)}",
                *_lost(row),
                clean(row["topic"], 60),
                clean(row["plan"], 120),
            ],
        )
        for row in misses.iter_rows(named=True)
    ]
    told = (
        "The answers that lost most against the best plan that is known for them, then those farthest below what was "
        f"expected, of {count(key['n_judged'], 'judged answer')}."
    )
    return Section(
        "misses", "Worst misses", told if shown else "No answer stayed below what was expected.", misses=shown
    )


def _lost(row: Mapping[str, Any]) -> list[str]:
    """What the best known plan would have gained."""
    if not row["loss"]:
        return []
    where = "this very question" if row["best_from"] == "question" else "the topic"
    return [f"{number(row['loss'], 2)} below {clean(row['best_plan'], 120)} on {where}"]
