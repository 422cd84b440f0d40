"""The page of a selection: which models were chosen for which role, and what that stands on."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

import polars as pl

from optiq.report import charts
from optiq.report.page import Chart, Page, Section, Table, Tile
from optiq.report.text import clean, count, number, percent, usd

OTHER, FRONTIER, CHOSEN = "other", "on the frontier", "chosen"
_ROWS = 30
_BARS = 25
_WHY = {
    "not run": "the method needed no run of it to decide",
    "every run failed": "see the reasons below",
    "price unknown": "a model's price is not known, and unknown is not free",
    "latency unknown": "a call's latency is not known",
    "not comparable": "it was run on too few examples to rank it",
}
_WON = ("chosen", "ranked", "in the running")


def selection_page(record: Mapping[str, Any]) -> Page:
    """``record`` is what `optiq select` keeps of a selection: its summary with one row per combination."""
    rows, roles = record["results"], record["roles"]
    for row in rows:
        row["combination"] = clean(" → ".join(str(row[f"role_{role}"]) for role in roles), 160)
    found = [
        ranking_section(record, rows),
        frontier_section(rows),
        roles_section(record),
        effort_section(record, rows),
        left_out_section(record, rows),
        failures_section(record, rows),
        deploy_section(record),
    ]
    return Page(
        f"Models for {clean(record['subject'], 80)}",
        f"Selection {clean(record['run_id'], 60)}, {clean(record.get('started_at', 'at an unknown time'), 40)}",
        tiles(record, rows),
        [section for section in found if section is not None],
        notices=notices(record),
        about=facts(record),
    )


def tiles(record: Mapping[str, Any], rows: Sequence[Mapping[str, Any]]) -> list[Tile]:
    """Key figures."""
    best = rows[0] if record["best"] else None
    saved = 1 - record["runs_of_all"]
    every = record["combinations"] * record["examples"]
    spent = record["spent_usd"] if record["calls"] > record["unpriced_calls"] or not record["calls"] else None
    return [
        Tile(
            "Accuracy of the chosen",
            number(best["accuracy"], 3) if best else "–",
            f"95 %: {_interval(best)}" if best else "nothing was chosen",
        ),
        Tile("Evaluations saved", percent(saved), f"of {every:,}: {record['combinations']} combinations"),
        Tile(
            "Cost of the chosen",
            usd(best["cost_usd"]) if best else "–",
            "per example" if best and best["cost_usd"] is not None else "price not known",
        ),
        Tile("Its latency", f"{number(best['latency_s'])} s" if best else "–", "per example, mean"),
        Tile("Spent now", usd(spent), f"{count(record['calls'], 'call')} made"),
        Tile("Failed runs", f"{record['failed']:,}", "each counts as a wrong answer"),
    ]


def notices(record: Mapping[str, Any]) -> list[str]:
    """What a reader should know before reading on."""
    found = []
    if not record["best"]:
        found.append("No combination that was run meets what was asked; the table says why of each.")
    if not record["finished"]:
        reason = clean(record["stopped"] or "stopped", 200)
        found.append(f"The method had not had enough yet ({reason}): the same command goes on.")
    if record["unpriced_calls"]:
        calls = count(record["unpriced_calls"], "call")
        found.append(f"The cost of {calls} is unknown, not 0: their models have no known price.")
    if note := record.get("note"):
        found.append(clean(note, 300))
    if told := record.get("traces_note"):
        found.append(clean(told, 300))
    return found


def facts(record: Mapping[str, Any]) -> list[tuple[str, str]]:
    """The small print."""
    rows = [
        ("selection", record["run_id"]),
        ("examples", f"{record.get('data', '')} ({record['examples']})"),
        ("objective", record["objective"]),
        ("floor", None if record["floor"] is None else f"{record['floor']:.3f}"),
        ("metric", record["metric"]),
        ("method", record["method"]),
        ("seed", str(record["seed"])),
        ("traces", f"{record['traces']:,} landed"),
    ]
    return [(name, clean(value, 200)) for name, value in rows if value]


def ranking_section(record: Mapping[str, Any], rows: Sequence[Mapping[str, Any]]) -> Section:
    """All combinations, the best first."""
    roles = clean(" → ".join(record["roles"]), 160)
    columns = [roles, "standing", "rank", "accuracy", "95 %", "cost", "latency", "runs", "failed"]
    lines = [
        [
            row["combination"],
            clean(row["standing"], 40) + (", frontier" if row["on_frontier"] else ""),
            count(row["rank"]),
            number(row["accuracy"], 3),
            _interval(row),
            usd(row["cost_usd"]),
            f"{number(row['latency_s'])} s",
            count(row["runs"]),
            count(row["failed"]),
        ]
        for row in rows[:_ROWS]
    ]
    more = f" The table has the first {_ROWS} of {len(rows)}." if len(rows) > _ROWS else ""
    if record["best"]:
        chosen = ", ".join(f"{clean(r, 60)} = {clean(m, 60)}" for r, m in record["best"].items())
        told = (
            f"{'Leading so far' if not record['finished'] else 'Chosen'}: {chosen}. Accuracy "
            f"{number(rows[0]['accuracy'], 3)} on {count(rows[0]['runs'], 'example')}, so {_interval(rows[0])} (95 %) "
            "on new examples like these."
        )
    else:
        told = "Nothing meets what was asked."
    return Section(
        "ranking",
        "Which models for which role",
        told,
        tables=[Table("Combinations, the best first", columns, lines, left=2)],
        note="Intervals hold 95 % of the time for new examples. Who was run on fewer examples competes by a bound, not "
        "by its mean; a failed run is a wrong answer; an unknown price is unknown." + more,
    )


def frontier_section(rows: Sequence[Mapping[str, Any]]) -> Section | None:
    """Accuracy against cost and latency."""
    drawn = []
    for metric in ("cost_usd", "latency_s"):
        points = [_point(row, metric) for row in rows if row[metric] is not None and row["runs"]]
        series = [name for name in (OTHER, FRONTIER, CHOSEN) if any(p["series"] == name for p in points)]
        if points:
            name = charts.NAMES[metric].lower()
            said = f"Accuracy against {name} of {count(len(points), 'combination')}"
            spec = charts.accuracy_against(metric, pl.DataFrame(points, infer_schema_length=None), series)
            drawn.append(Chart(f"Accuracy against {name}", said, spec))
    if not drawn:
        return None
    on = sum(row["on_frontier"] for row in rows)
    return Section(
        "frontier",
        "The frontier",
        f"{count(on, 'combination')} {'is' if on == 1 else 'are'} beaten by no other in accuracy, cost and latency.",
        charts=drawn,
        note="Bars are 95 % intervals: they are wide where few examples were run.",
    )


def roles_section(record: Mapping[str, Any]) -> Section | None:
    """What each model was in each role."""
    rows = record.get("by_role") or []
    if not rows:
        return None
    lines = [
        [
            clean(row["topic"].rpartition("/")[2], 60),
            clean(", ".join(json.loads(row["plan"])["models"]), 80),
            number(row["qoa"], 3),
            count(row["n_observations"]),
            usd(row["cost_usd"]),
            f"{number(row['latency_s'])} s",
            number(row["output_tokens"]),
        ]
        for row in rows[: 3 * _ROWS]
    ]
    columns = ["role", "model", "accuracy", "runs", "cost", "latency", "tokens"]
    return Section(
        "roles",
        "Models in their roles",
        "What changing one model does: accuracy of the whole with it and the chosen ones elsewhere; cost, latency "
        "and output of one call in that role. After optiq refresh planning knows it by the role's topic.",
        tables=[Table("By role", columns, lines, left=2)],
    )


def effort_section(record: Mapping[str, Any], rows: Sequence[Mapping[str, Any]]) -> Section:
    """Where the runs went."""
    every = record["combinations"] * record["examples"]
    made = round(record["runs_of_all"] * every)
    most = sorted(rows, key=lambda row: -row["runs"])[:_BARS]
    frame = pl.DataFrame(
        [{name: row[name] for name in ("combination", "runs", "standing")} for row in most],
        infer_schema_length=None,
    )
    said = f"Runs of {count(len(most), 'combination')}"
    told = (
        f"{made:,} of {count(every, 'evaluation')} were needed: {percent(1 - record['runs_of_all'])} saved. "
        f"{record['runs']:,} were made in this session, {record['reused']:,} were known from earlier ones; "
        f"{record['cached_calls']:,} calls came from the cache."
    )
    chart = Chart(
        "Examples per combination", said, charts.runs_of_combinations(frame, record["examples"]), True
    )
    return Section("effort", "Evaluations", told, charts=[chart])


def left_out_section(record: Mapping[str, Any], rows: Sequence[Mapping[str, Any]]) -> Section | None:
    """What cannot win, and why."""
    out = [row for row in rows if row["standing"] not in _WON]
    if not out:
        return None
    lines = [
        [
            row["combination"],
            _why(row, record),
            number(row["accuracy"], 3),
            _interval(row),
            count(row["runs"]),
        ]
        for row in out[:_ROWS]
    ]
    counts: dict[str, int] = {}
    for row in out:
        counts[row["standing"]] = counts.get(row["standing"], 0) + 1
    told = ", ".join(f"{number} {clean(name, 60)}" for name, number in counts.items())
    more = f"The first {_ROWS} of {len(out)} are shown." if len(out) > _ROWS else ""
    return Section(
        "left-out",
        "What was left out, and why",
        f"{told}.",
        tables=[
            Table(
                "Combinations that cannot win",
                ["combination", "why", "accuracy", "95 %", "runs"],
                lines,
                left=2,
            )
        ],
        note=more,
    )


def failures_section(record: Mapping[str, Any], rows: Sequence[Mapping[str, Any]]) -> Section | None:
    """Runs that failed, by reason and by combination."""
    if not record["failed"]:
        return None
    reasons = sorted(record["errors"].items(), key=lambda item: (-item[1], item[0]))
    worst = sorted((row for row in rows if row["failed"]), key=lambda row: -row["failed"])
    tables = [
        Table("Reasons", ["reason", "runs"], [[clean(text, 300), count(n)] for text, n in reasons[:12]])
    ]
    lines = [[row["combination"], count(row["failed"]), count(row["runs"])] for row in worst[:12]]
    tables.append(Table("Combinations", ["combination", "failed", "of runs"], lines))
    where = count(len(worst), "combination")
    told = f"{count(record['failed'], 'run')} failed, on {where}; each counts as a wrong answer."
    return Section("failures", "Failures", told, tables=tables)


def deploy_section(record: Mapping[str, Any]) -> Section | None:
    """The file to deploy."""
    if not record.get("deployable"):
        return None
    return Section(
        "deploy",
        "To deploy",
        "The chosen model of each role with what it stands on. optiq select --deploy FILE writes the same.",
        code=[
            ("YAML", clean(record["deployable"], 6000)),
            *(
                [("Profiles of optiq serve", clean(profiles, 6000))]
                if (profiles := record.get("profiles"))
                else []
            ),
        ],
    )


def _point(row: Mapping[str, Any], metric: str) -> dict[str, Any]:
    series = CHOSEN if row["standing"] == "chosen" else FRONTIER if row["on_frontier"] else OTHER
    return {
        "combination": row["combination"],
        "value": row[metric],
        "accuracy": row["accuracy"],
        "low": row["accuracy_low"],
        "high": row["accuracy_high"],
        "series": series,
        "runs": row["runs"],
    }


def _why(row: Mapping[str, Any], record: Mapping[str, Any]) -> str:
    standing = row["standing"]
    if standing == "eliminated":
        return _behind(row)
    if standing == "below the floor" and record["floor"] is not None:
        return f"its accuracy is not surely above the floor of {record['floor']:.3f}"
    told = _WHY.get(standing)
    return clean(standing, 80) + (f": {told}" if told else "")


def _behind(row: Mapping[str, Any]) -> str:
    """How an eliminated one stands to the chosen: surely worse only where the paired interval says so."""
    behind, low = row.get("behind"), row.get("behind_low")
    if behind is None or behind <= 0:
        return "its method expects it to fall short of what is asked"
    sure = "surely worse" if low is not None and low > 0 else "worse"
    same = count(row["runs"], "example")
    return f"{sure}: {number(100 * behind, 2)} points behind the chosen on the same {same}"


def _interval(row: Mapping[str, Any]) -> str:
    low, high = row["accuracy_low"], row["accuracy_high"]
    return "–" if low is None or high is None else f"{low:.2f} to {high:.2f}"
