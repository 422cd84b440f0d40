"""`optiq evaluate`: would planning have paid? Policies replayed on recorded executions."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from flows.command_line.screen import counted, figure, say, say_json, table
from flows.flow_requests import EvaluatePolicies, Json


def evaluate(request: EvaluatePolicies, json: Json = False) -> int:
    """Replay ways of choosing plans on recorded executions: would planning have paid?

    Each policy learns from the questions of other folds, and decides before it sees anything of its own. Only plans
    that were run on a question can be chosen for it, so only questions with several are compared. The
    oracle saw the outcomes: it is a bound, not a result. `opti-q` plans as the options for planning say; those of the
    search change nothing, since every recorded plan is estimated.

    Example:  optiq evaluate --since 30d --policy opti-q --policy best-single --report evaluation.html
    """
    from flows.evaluate_policies import evaluate_policies
    from optiq.evaluation.policies import make_policies
    from optiq.files.output_place import tell_replaced
    from optiq.files.tables import check_writable
    from tasks.orchestration import start
    from tasks.reporting import check_page

    make_policies(request.policies or [])  # misuse is said before anything is started
    if request.output is not None:
        check_writable(request.output)
        tell_replaced(request.output)
    if request.report is not None:
        check_page(request.report)
        tell_replaced(request.report)
    summary = start(evaluate_policies, **request.given())
    if json:
        say_json(summary)
    else:
        _show(summary)
    return 0


def _show(summary: Mapping[str, Any]) -> None:
    """What was replayed, a table per kind of question, and what was left out."""
    sure = "" if summary["confidence"] is None else f", held with probability {summary['confidence']:g}"
    window = f" {summary['window']}" if summary["window"] else ""
    say(
        f"{summary['executions']:,} judged outcomes of {counted(summary['plans'], 'plan')} "
        f"from {summary['source']}{window}"
    )
    say(summary["told"])
    from optiq.evaluation.coverage import FEW

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
    columns += ["QoA [95 %]", "above best single [95 %]", "USD", "s", "plans run", "within"]
    table(columns, rows, title=title, right=range(1, len(columns)))


def _interval(line: Mapping[str, Any], name: str, sign: str = "") -> str:
    if line[name] is None:
        return "–"
    mean, low, high = line[name], line[f"{name}_low"], line[f"{name}_high"]
    return f"{mean:{sign}.3f} [{low:{sign}.3f}, {high:{sign}.3f}]"
