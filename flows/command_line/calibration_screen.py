"""What a person sees of a calibration: the plan of it with its bill, and what was learned."""

from __future__ import annotations

import sys
from collections import defaultdict
from typing import Any

from flows.command_line.bill import ASK_ABOVE_USD
from flows.command_line.progress import duration
from flows.command_line.screen import figure, note, say, say_json, table
from optiq.errors import InputError
from tasks.calibrating import forecast_calibration
from tasks.calibration import Wanted

_WIDE = 7  # so many topics still fit side by side


def show_forecast(wanted: Wanted, json: bool) -> None:
    """Plans × topics × questions that would be run, and the bill."""
    found = forecast_calibration(wanted)
    if json:
        say_json(found)
        return
    say(f"server     {found['server']}")
    work_table(found["work"], "Would be run: questions per plan and topic")
    say(bill_line(found))
    say("Outcomes decide what follows the first round; this is the choice if they are as expected.")


def work_table(work: list[dict[str, Any]], title: str) -> None:
    """Numbers of questions, plans down and topics across, or one row for each where there are many topics."""
    topics = sorted({row["topic"] for row in work})
    if not work:
        return
    if len(topics) > _WIDE:
        rows = [[row["plan"], row["topic"], str(row["questions"])] for row in work]
        table(["plan", "topic", "questions"], rows, title=title, right=[2])
        return
    cells: dict[str, dict[str, int]] = defaultdict(dict)
    for row in work:
        cells[row["plan"]][row["topic"]] = row["questions"]
    wide = [[plan, *(str(row.get(topic, "")) for topic in topics)] for plan, row in cells.items()]
    table(["plan", *topics], wide, title=title, right=range(1, len(topics) + 1))


def bill_line(found: dict[str, Any]) -> str:
    """The forecast in one line."""
    return (
        f"{found['executions']} plans to run on {found['questions']} of {found['labelled']} labelled questions, "
        f"{found['skipped']} known already; predicted {figure(found['cost_usd'])} USD "
        f"({figure(found['low_usd'])} to {figure(found['high_usd'])} in 95 of 100 runs, at most "
        f"{figure(found['most_usd'])} by output caps), {figure(found['energy_j'])} J, "
        f"{duration(found['latency_s']) if found['latency_s'] is not None else '–'} of model time"
    )


def confirmed(wanted: Wanted, above_usd: float | None) -> bool:
    """Whether the predicted bill may be spent: as `optiq answer` asks (:mod:`flows.command_line.bill`)."""
    terminal = sys.stdin.isatty() and sys.stderr.isatty()
    if above_usd is None and not terminal:
        return True
    threshold = ASK_ABOVE_USD if above_usd is None else above_usd
    if wanted.max_total_cost_usd is not None and wanted.max_total_cost_usd <= threshold:
        return True
    found = forecast_calibration(wanted)
    if found["cost_usd"] is None and above_usd is None:
        return True  # unpriced models, such as those on this machine
    if found["cost_usd"] is not None and found["cost_usd"] <= threshold:
        return True
    note(bill_line(found))
    if not terminal:
        raise InputError(
            f"the predicted bill of {figure(found['cost_usd'])} USD is above {figure(threshold)}",
            "Give --yes to spend it, or a higher --confirm-above.",
        )
    note("Go on? [y/N]")
    return sys.stdin.readline().strip().lower() in ("y", "yes")


def show_summary(summary: dict[str, Any]) -> None:
    """What was run, what was learned, and what to do next."""
    if summary["executions"]:
        work_table(summary["work"], "Run: questions per plan and topic")
        learned_table(summary["topics"])
    say(
        f"{summary['executions']} plans run on {summary['questions']} questions in {summary['rounds']} rounds "
        f"({summary['calls']} calls made, {summary['cached']} found in the cache, "
        f"{summary['failed']} failed), {summary['skipped']} known already; "
        f"{figure(summary['cost_usd'])} USD, {summary['seconds']:.1f} s; server {summary['server']}"
    )
    if summary["stopped"]:
        kept = "is kept; the same command goes on" if summary["executions"] else "was run"
        what = f"what was executed ({summary['executions']} plans)" if summary["executions"] else "nothing"
        note(f"stopped: {summary['stopped']}; {what} {kept}")
    if summary["executions"]:
        say("Publish what was learned with: optiq refresh")


def learned_table(topics: list[dict[str, Any]]) -> None:
    """Per topic: the plan chosen before and now, its QoA, the frontier and how far intervals shrank."""
    rows = []
    for row in topics:
        before, after = row["before"], row["after"]
        rows.append(
            [
                row["topic"],
                before["plan"] or "none within limits",
                (after["plan"] or "none within limits") if row["changed"] else "the same",
                f"{after['qoa']:.2f} ({after['qoa_low']:.2f} to {after['qoa_high']:.2f})",
                f"{len(before['frontier'])} → {len(after['frontier'])} (+{len(row['entered'])} −{len(row['left'])})",
                f"{before['interval']:.2f} → {after['interval']:.2f}",
            ]
        )
    table(
        ["topic", "best plan before", "best plan now", "its QoA (95 %)", "frontier plans", "QoA interval"],
        rows,
        title="Learned",
        right=[4, 5],
    )
