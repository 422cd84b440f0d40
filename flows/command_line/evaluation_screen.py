"""What a person sees of an evaluation."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from flows.command_line.screen import figure, say, table
from optiq.evaluation.coverage import FEW


def show(summary: Mapping[str, Any]) -> None:
    """What was replayed, a table per kind of question, and what was left out."""
    sure = "" if summary["confidence"] is None else f", held with probability {summary['confidence']:g}"
    window = f" {summary['window']}" if summary["window"] else ""
    say(
        f"{summary['executions']:,} judged outcomes of {summary['plans']} plans from {summary['source']}{window}"
    )
    say(summary["told"])
    if summary["compared"] < FEW:
        say(f"With fewer than {FEW} questions the intervals promise more than they hold.")
    say(f"Prompt set {summary['prompt']}; {summary['limits']}{sure}; {summary['folds']} folds by question")
    for kind in dict.fromkeys(line["kind"] for line in summary["lines"]):
        of_kind = [line for line in summary["lines"] if line["kind"] == kind]
        together = [line for line in of_kind if line["same_questions"]]
        apart = [line for line in of_kind if not line["same_questions"]]
        if together:
            n = together[0]["questions"]
            _table(f"{kind} questions: all on the same {n:,}", together, False)
        if apart:
            _table(f"{kind} questions: each on the questions that it and best-single answered", apart, True)
    for one in summary["left_out"]:
        say(f"left out: {one['what']}: {one['why']}")
    if "output" in summary:
        say(f"One row per policy and question: {summary['output']}")
    if "report" in summary:
        say(f"Page: {summary['report']}")


def _table(title: str, lines: list[Mapping[str, Any]], apart: bool) -> None:
    rows = []
    for line in lines:
        rows.append(
            [
                line["policy"] + (" (hindsight, a bound)" if line["hindsight"] else ""),
                f"{line['answered']:.0%}",
                *([str(line["questions"]), figure(line["best_single_qoa"])] if apart else []),
                _interval(line, "qoa"),
                _interval(line, "qoa_above_best_single", "+"),
                figure(line["cost_usd"]),
                figure(line["latency_s"]),
                figure(line["calls"], 2),
                "–" if line["adherence"] is None else f"{line['adherence']:.1%}",
            ]
        )
    columns = ["policy", "answered", *(["questions", "best single there"] if apart else [])]
    columns += ["QoA [95 %]", "above best single [95 %]", "USD", "s", "calls", "within"]
    table(columns, rows, title=title, right=range(1, len(columns)))


def _interval(line: Mapping[str, Any], name: str, sign: str = "") -> str:
    if line[name] is None:
        return "–"
    mean, low, high = line[name], line[f"{name}_low"], line[f"{name}_high"]
    return f"{mean:{sign}.3f} [{low:{sign}.3f}, {high:{sign}.3f}]"
