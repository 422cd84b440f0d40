"""An evaluation in Markdown, for the artifacts of a flow run."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from optiq.report.text import number, percent, usd
from tasks.artifacts import shown


def as_markdown(summary: Mapping[str, Any]) -> str:
    """What was replayed, one table per kind of question, and what was left out."""
    lines = [
        "# Would planning have paid?",
        "",
        f"{shown(summary['told'])} From {shown(summary['source'])} {shown(summary['window'])}; prompt set "
        f"{shown(summary['prompt'])}; {shown(summary['limits'])}; {summary['folds']} folds by question.",
        "",
    ]
    for kind in dict.fromkeys(line["kind"] for line in summary["lines"]):
        lines += [
            f"## {shown(kind.capitalize())} questions",
            "",
            "| policy | questions | QoA | above best single | USD | within limits |",
            "|---|---|---|---|---|---|",
        ]
        for line in summary["lines"]:
            if line["kind"] != kind:
                continue
            marks = " *(hindsight: a bound, no result)*" if line["hindsight"] else ""
            marks += "" if line["same_questions"] else " *(other questions)*"
            lines.append(
                f"| {shown(line['policy'])}{marks} | {line['questions']} | {_interval(line, 'qoa')} | "
                f"{_interval(line, 'qoa_above_best_single', '+')} | {usd(line['cost_usd'])} | "
                f"{percent(line['adherence'])} |"
            )
        lines.append("")
    if summary["left_out"]:
        lines += ["Left out:", ""]
        lines += [f"- {shown(one['what'])}: {shown(one['why'])}" for one in summary["left_out"]]
    return "\n".join(lines)


def _interval(line: Mapping[str, Any], name: str, sign: str = "") -> str:
    mean, low, high = (line[f"{name}{end}"] for end in ("", "_low", "_high"))
    return number(None) if mean is None else f"{mean:{sign}.3f} ({low:{sign}.3f} to {high:{sign}.3f})"
