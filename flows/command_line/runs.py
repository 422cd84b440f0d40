"""`optiq runs`: what ran, with spend and failures."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from flows.command_line.options import Json, PerfDBHome


def register(app: typer.Typer) -> None:
    """Add the verb to the command line."""
    group = typer.Typer(
        help="Runs of `optiq answer`: what they did and what they cost.", no_args_is_help=True
    )
    group.command("list")(list_runs)
    group.command("show")(show)
    app.add_typer(group, name="runs")


def list_runs(perfdb: PerfDBHome = None, json: Json = False) -> None:
    """All runs, the latest first.

    Example:  optiq runs list
    """
    from flows.command_line.screen import figure, say, say_json, table
    from optiq.configuration import Settings
    from tasks.run_report import every_run
    from warehouse.find_home import find_home

    runs = every_run(find_home(Settings.load({"home": perfdb}).home))
    if json:
        say_json(runs)
        return
    if not runs:
        say("no run yet; `optiq answer FILE -o OUT` makes one")
        return
    table(
        ["run", "state", "file", "questions", "answered", "failed", "infeasible", "USD"],
        (
            [r["run_id"], r["status"], r["file"], r["questions"], *_counts(r), figure(r["cost_usd"])]
            for r in runs
        ),
        right=range(3, 8),
    )


def show(
    run_id: Annotated[str, typer.Argument(metavar="RUN", help="A run, or how its name begins; `last`.")],
    perfdb: PerfDBHome = None,
    json: Json = False,
) -> None:
    """One run: parameters, outcome, spend, plans and faults.

    Example:  optiq runs show last
    """
    from flows.command_line.screen import figure, say, say_json, table
    from optiq.configuration import Settings
    from tasks.run_report import one_run
    from warehouse.find_home import find_home

    run = one_run(find_home(Settings.load({"home": perfdb}).home), run_id)
    if json:
        say_json(run)
        return
    say(f"run {run['run_id']}: {run['status']}, begun {run['started_at']}")
    say(f"  {run['file']} → {run['output']}")
    answered, failed, infeasible = _counts(run)
    say(
        f"  {answered} answered, {failed} failed, {infeasible} infeasible, {run['invalid']} invalid "
        f"and {run['questions'] - run['done']} not asked of {run['questions']} questions"
    )
    say(
        f"  {run['calls']} calls made, {run['cached']} found in the cache; {figure(run['cost_usd'])} USD, "
        f"{figure(run['energy_j'])} J"
    )
    table(["plan", "questions"], run["plans"], right=[1])
    if run["faults"]:
        table(["fault", "questions"], run["faults"], right=[1])


def _counts(run: dict[str, Any]) -> list[int]:
    return [run[name] for name in ("answered", "failed", "infeasible")]
