"""An evaluation in Markdown, for the artifacts of a flow run."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from optiq.report.text import clean, number, percent, usd


def as_markdown(summary: Mapping[str, Any]) -> str:
    """What was replayed, one table per kind of question, and what was left out."""
    lines = [
        "# Would planning have paid?",
        "",
        f"{summary['told']} From {summary['source']} {_cell(summary['window'])}; prompt set "
        f"{_cell(summary['prompt'])}; {summary['limits']}; {summary['folds']} folds by question.",
        "",
    ]
    for kind in dict.fromkeys(line["kind"] for line in summary["lines"]):
        lines += [
            f"## {kind.capitalize()} questions",
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
                f"| {_cell(line['policy'])}{marks} | {line['questions']} | {_interval(line, 'qoa')} | "
                f"{_interval(line, 'qoa_above_best_single', '+')} | {usd(line['cost_usd'])} | "
                f"{percent(line['adherence'])} |"
            )
        lines.append("")
    if summary["left_out"]:
        lines += ["Left out:", ""]
        lines += [f"- {_cell(one['what'])}: {_cell(one['why'])}" for one in summary["left_out"]]
    return "\n".join(lines)


def _interval(line: Mapping[str, Any], name: str, sign: str = "") -> str:
    mean, low, high = (line[f"{name}{end}"] for end in ("", "_low", "_high"))
    return number(None) if mean is None else f"{mean:{sign}.3f} ({low:{sign}.3f} to {high:{sign}.3f})"


def _cell(text: str) -> str:
    """Text of a file inside a table: no markup, no pipe, one line."""
    shown = " ".join(clean(text, 120).split())
    for character in "\\`*_[]<>|":
        shown = shown.replace(character, f"\\{character}")
    return shown
