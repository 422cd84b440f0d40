"""`optiq calibrate`: try plans on labelled questions where knowing more would change plans most."""

from __future__ import annotations

import signal
from collections import defaultdict
from collections.abc import Mapping
from typing import Any

from flows.command_line.consent import Consent, predicted
from flows.command_line.screen import counted, duration, note, say, say_json, table, usd
from flows.flow_requests import CalibrateModels, Json

_WIDE = 7  # so many topics still fit side by side


def calibrate(request: CalibrateModels, consent: Consent, json: Json = False) -> int:
    """Try plans on labelled questions, those first that would change the choice of plans most.

    Tried are single models, chains of two and blends of two, in rounds: choose, run, learn, choose again.
    Limits and weights are those that plans will be chosen with. Without a spending limit everything is run in
    that order. What PerfDB holds already is not run again; after Ctrl-C the same command goes on.
    `optiq refresh` publishes what was learned. Where no question has a reference, single models answer all and their
    agreement says how good they are.

    Exit code 0: done; 1: all that ran failed and nothing was known before; 2: misuse; 130: interrupted.

    Example:  optiq calibrate examples/questions_calibrate.csv --max-executions 60 --dry-run
    """
    from flows.calibrate_models import calibrate_models
    from flows.command_line.progress import progress
    from tasks.calibrating import forecast_calibration
    from tasks.orchestration import start

    if consent.dry_run:
        _show_forecast(forecast_calibration(request.wanted), json)
        return 0
    if not consent.given_for(
        lambda: forecast_calibration(request.wanted), _bill_line, request.max_total_cost
    ):
        return 1
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # ends as cleanly as Ctrl-C
    with progress():
        summary = start(calibrate_models, **request.given())
    if json:
        say_json(summary)
    else:
        _show_summary(summary)
    if summary["stopped"] == "interrupted":
        return 130
    all_failed = summary["executions"] and summary["failed"] == summary["executions"]
    return 1 if all_failed and not summary["skipped"] else 0  # what is known already went well


def _show_forecast(found: Mapping[str, Any], json: bool) -> None:
    """Plans × topics × questions that would be run, and the bill."""
    if json:
        say_json(found)
        return
    say(f"server     {found['server']}")
    _work_table(found["work"], "Would be run: questions per plan and topic")
    say(_bill_line(found))
    say("Outcomes decide what follows the first round; this is the choice if they are as expected.")


def _bill_line(found: Mapping[str, Any]) -> str:
    time = duration(found["latency_s"]) if found["latency_s"] is not None else "–"
    return (
        f"{counted(found['executions'], 'plan')} to run on {found['questions']} of "
        f"{counted(found['labelled'], 'labelled question')}, {found['skipped']} known already; "
        f"{predicted(found)}, {time} of model time"
    )


def _work_table(work: list[dict[str, Any]], title: str) -> None:
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


def _show_summary(summary: Mapping[str, Any]) -> None:
    """What was run, what was learned, and what to do next."""
    if summary["executions"]:
        _work_table(summary["work"], "Run: questions per plan and topic")
        if "consensus" not in summary:
            _learned_table(summary["topics"])
    if "consensus" in summary:
        _consensus_table(summary)
    say(
        f"{counted(summary['executions'], 'plan')} run on {counted(summary['questions'], 'question')} "
        f"in {counted(summary['rounds'], 'round')}, {summary['failed']} failed, {summary['skipped']} known already "
        f"({counted(summary['calls'], 'call')} made, {summary['cached']} found in the cache); "
        f"{usd(summary['cost_usd'])}, {summary['seconds']:.1f} s; server {summary['server']}"
    )
    if summary["stopped"]:
        kept = "is kept; the same command goes on" if summary["executions"] else "was run"
        what = (
            f"what was executed ({counted(summary['executions'], 'plan')})"
            if summary["executions"]
            else "nothing"
        )
        note(f"stopped: {summary['stopped']}; {what} {kept}")
    if summary["executions"]:
        say("Publish what was learned with: optiq refresh")


def _consensus_table(summary: Mapping[str, Any]) -> None:
    """What models are worth by their agreement, and where labels would help most."""
    rows = []
    for row in summary["consensus"]:
        qoa = f"{row['qoa']:.2f} ({row['low']:.2f} to {row['high']:.2f})"
        rows.append([row["model"], row["topic"], row["task"], row["questions"], qoa])
    if rows:
        title = "No references: quality by agreement (consensus)"
        table(["model", "topic", "task", "questions", "QoA (95 %)"], rows, title=title, right=[3])
    else:
        note(
            "no references, and too few questions that two models or more answered: nothing is said of quality"
        )
    if summary["label"]:
        say(
            f"{counted(summary['to_label'], 'question')} to label in {summary['label']}: fill the column "
            f"`reference`, then `optiq calibrate {summary['label']}`"
        )


def _learned_table(topics: list[dict[str, Any]]) -> None:
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
