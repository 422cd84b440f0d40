"""Runs of `optiq answer`: what they did and what they cost."""

from __future__ import annotations

from typing import Annotated, Any

from flows.command_line.screen import counted, figure, for_no_answer, say, say_json, table, usd
from flows.declaration import Argument
from flows.flow_requests import Json, Place


def list_runs(place: Place, json: Json = False) -> None:
    """List runs of `optiq answer`, the latest first: what they did and what they cost.

    Example:  optiq runs list
    """
    from tasks.run_report import every_run

    runs = every_run(place.home())
    if json:
        say_json(runs)
        return
    if not runs:
        say("no run yet; `optiq answer FILE -o OUT` makes one")
        return
    table(
        ["run", "state", "file", "questions", "answered", "failed", "infeasible", "spend"],
        (
            [r["run_id"], r["status"], r["file"], r["questions"], *_counts(r), usd(r["cost_usd"])]
            for r in runs
        ),
        right=range(3, 8),
    )


def show(
    run_id: Annotated[str, Argument("A run, or how its name begins; `last`.", "RUN")],
    place: Place,
    json: Json = False,
) -> None:
    """One run: parameters, outcome, spend, plans and faults.

    Example:  optiq runs show last
    """
    from tasks.run_report import one_run

    run = one_run(place.home(), run_id)
    if json:
        say_json(run)
        return
    say(f"run {run['run_id']}: {run['status']}, begun {run['started_at']}")
    say(f"  {run['file']} → {run['output']}")
    answered, failed, infeasible = _counts(run)
    say(
        f"  {answered} answered, {failed} failed, {infeasible} infeasible, {run['invalid']} invalid "
        f"and {run['questions'] - run['done']} not asked{_asked_for(run)} of {counted(run['questions'], 'question')}"
    )
    say(
        f"  {counted(run['calls'], 'call')} made, {run['cached']} found in the cache; {usd(run['cost_usd'])}"
        f"{for_no_answer(run['unanswered_usd'])}, {figure(run['energy_j'])} J"
    )
    if run["judge_calls"]:
        say(f"  of these {counted(run['judge_calls'], 'call')} and {usd(run['judge_usd'])} of the judge")
    if limits := limits_of(run):
        say(f"  limits: {limits}")
    if run["at_once"]:
        said = ", ".join(f"{model} {number}" for model, number in run["at_once"].items())
        say(f"  calls at once: {said}")
    table(["plan", "questions"], run["plans"], right=[1])
    if run["faults"]:
        table(["outcome", "why", "questions"], run["faults"], right=[2])
    if run["done"]:
        say(f"its answers:  optiq show {run['run_id']}")


def limits_of(run: dict[str, Any]) -> str:
    """Limits of single questions and of the whole run, as they were given."""
    given = {**(run["budget"] or {}), **(run["options"] or {})}
    names = [name for name in given if name.startswith(("max_", "min_")) and given[name] is not None]
    return ", ".join(f"{name} {figure(given[name])}" for name in names)


def _asked_for(run: dict[str, Any]) -> str:
    limit = (run["options"] or {}).get("limit")
    return "" if limit is None else f" (--limit {limit})"


def _counts(run: dict[str, Any]) -> list[int]:
    return [run[name] for name in ("answered", "failed", "infeasible")]
