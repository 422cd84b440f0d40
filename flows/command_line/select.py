"""`optiq select`: the best models for the roles of an agent, plan or workflow."""

from __future__ import annotations

import signal
from typing import Any

from flows.command_line.screen import counted, figure, note, say, say_json, table, usd
from flows.flow_requests import Json, SelectModels


def select(request: SelectModels, json: Json = False) -> int:
    """Find the best models for the roles of an agent, plan or workflow by running combinations on examples.

    What was run is kept: the same command goes on after Ctrl-C, and `optiq refresh` learns from its traces.

    Exit code 0: chosen; 1: nothing meets what was asked; 2: misuse; 130: interrupted.

    Example:  optiq select examples/questions_calibrate.csv --workflow examples/select/draft_and_answer.yaml
    """
    from flows.select_models import select_models
    from tasks.orchestration import start

    signal.signal(signal.SIGTERM, signal.default_int_handler)  # ends as cleanly as Ctrl-C
    summary = start(select_models, **request.given())
    if json:
        say_json(summary)
    else:
        _show(summary)
    if summary["stopped"] == "interrupted":
        note(_how_to_go_on(summary, request.cache))
        return 130
    return 0 if summary["best"] else 1


def _show(summary: dict[str, Any]) -> None:
    rows = []
    for row in summary["results"][:20]:
        models = [row[f"role_{role}"] for role in summary["roles"]]
        interval = (
            "–" if row["accuracy_low"] is None else f"{row['accuracy_low']:.2f} to {row['accuracy_high']:.2f}"
        )
        figures = (figure(row["accuracy"]), interval, usd(row["cost_usd"]), figure(row["latency_s"]))
        standing = row["standing"] + (", frontier" if row["on_frontier"] else "")
        rows.append([row["rank"], *models, *figures, row["runs"], row["failed"], standing])
    columns = [
        "",
        *summary["roles"],
        "accuracy",
        "95 %",
        "cost",
        "latency s",
        "runs",
        "failed",
        "standing",
    ]
    title = (
        f"{summary['objective']}; {summary['method']}, {summary['metric']}, {summary['examples']} examples"
    )
    table(columns, rows, title, right=range(len(summary["roles"]) + 1, len(columns) - 1))
    unknown = summary["unpriced_calls"] and not summary["spent_usd"]
    spent = "cost unknown" if unknown else usd(summary["spent_usd"])
    if left := len(summary["results"]) - len(rows):
        say(f"and {left} more: --table FILE has all")
    say(
        f"{counted(summary['runs'], 'run')} made, {summary['reused']} known already, {summary['failed']} failed; "
        f"{summary['runs_of_all']:.0%} of {summary['combinations']} combinations × {summary['examples']} examples; "
        f"{counted(summary['calls'], 'call')} made, {summary['cached_calls']} found in the cache, "
        f"{spent}, {summary['seconds']:.1f} s"
    )
    for fault, count in sorted(summary["errors"].items(), key=lambda item: -item[1])[:3]:
        note(f"{counted(count, 'run')} failed: {fault}")
    for reason, count in summary["made_again"].items():
        note(f"{counted(count, 'run')} made again, as it was Optiq that failed: {reason}")
    for whose, count in summary["lost"].items():
        name = {"ours": "Optiq", "provider": "the provider"}[whose]
        note(f"{counted(count, 'run')} not scored: {name} failed, not the agent")
    if summary["unpriced_calls"]:
        note(
            f"{counted(summary['unpriced_calls'], 'call')} without a known price: the cost is unknown, not 0 "
            "(give prices with `optiq ingest priors FILE`, then `optiq refresh`)"
        )
    if summary["note"]:
        note(summary["note"])
    if aside := summary["set_aside"]:
        note(f"{counted(len(aside), 'row')} set aside: {aside[0]}{' …' if len(aside) > 1 else ''}")
    if summary["uncounted_calls"]:
        note(
            f"{counted(summary['uncounted_calls'], 'call')} came without counts: tokens are at most as many as bytes"
        )
    if summary["unattributed_calls"]:
        note(
            f"{counted(summary['unattributed_calls'], 'call')} may be of more than one role with one model: "
            "`with optiq.selection.roles.role(NAME):` around them tells"
        )
    for place, count in sorted(summary["unseen"].items(), key=lambda item: -item[1])[:3]:
        note(f"{counted(count, 'run')} went to {place}: unseen calls possible, which no cost here has in it")
    for model, count in sorted(summary["strangers"].items(), key=lambda item: -item[1])[:3]:
        note(
            f"{counted(count, 'run')} asked {model}, which is not of the combination (a client kept from another run?)"
        )
    if summary["without_calls"]:
        note(f"{counted(summary['without_calls'], 'run')} called no model that could be seen")
    for told in (summary["traces_note"], summary["roles_note"]):
        if told:
            note(told)
    interrupted = summary["stopped"] == "interrupted"
    if not summary["finished"] and not interrupted:
        note(f"stopped before the method had enough: {summary['stopped']}")
    if summary["best"]:
        chosen = ", ".join(f"{role}={model}" for role, model in summary["best"].items())
        say(f"{'leading so far' if interrupted else 'chosen'}: {chosen}")
    else:
        say("no combination that was run meets what was asked: the column `standing` says why")
    say(f"selection {summary['run_id']}: `optiq report --selection last -o page.html` shows it all")


def _how_to_go_on(summary: dict[str, Any], cached: bool) -> str:
    if not cached:
        return "interrupted: with --no-cache nothing is kept but the traces; the same command begins anew"
    kept = summary["runs"] + summary["reused"] - summary["failed"]
    runs = counted(kept, "run is", "runs are")
    return f"interrupted: {runs} kept; the same command goes on from there"
