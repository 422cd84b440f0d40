"""`optiq refresh`: land, check, recompute, publish."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

from flows.command_line.screen import counted, note, say, say_json
from flows.declaration import Option
from flows.flow_requests import Json, RefreshPerfDB


def refresh(
    request: RefreshPerfDB,
    fail_on_drift: Annotated[bool, Option("End with exit code 1 if a model has drifted.")] = False,
    json: Json = False,
) -> int:
    """Merge what has landed and publish a new snapshot of the statistics. A file that cannot be merged is set aside.

    Example:  optiq refresh --fail-on-drift
    """
    from flows.refresh_perfdb import refresh_perfdb
    from tasks.orchestration import start

    report = start(refresh_perfdb, **request.given())
    if json:
        say_json(report)
    else:
        _say_report(report)
        _say_old_prices(request)
    drifted = fail_on_drift and any(row["verdict"] == "drifted" for row in report["drift"])
    if drifted:
        note(f"snapshot {report['snapshot_id']} is published, but models have drifted (--fail-on-drift)")
    return int(bool(report["refused"]) or drifted)  # what was good is published all the same


def _say_report(report: Mapping[str, Any]) -> None:
    from warehouse.drift import drift_line

    say(_refresh_line(report))
    for check in report["checks"]:
        if check["accepted"]:
            say(f"accepted: {check['name']}: {check['example']}")
    if report["n_quarantined"]:
        say('Rows set aside are left out and kept with their reason: optiq sql "FROM quarantine"')
    for name, reason in report["refused"].items():
        say(f"set aside: {name}: {reason}")
    if report["refused"]:
        say("They are in landing/refused/; `optiq ingest --retry-refused` tries them again.")
    for row in report["drift"]:
        if row["verdict"] == "drifted":
            say(f"drifted: {drift_line(row)}")


def _say_old_prices(request: RefreshPerfDB) -> None:
    """A warning where prices that are used are older than 90 days."""
    import sql
    from warehouse.connection import reading

    with reading(request.home().perfdb) as connection:
        old = connection.execute(sql.read("queries/old_prices")).fetchall()
    if old:
        named = ", ".join(f"{model} {as_of}" for model, as_of, *_ in old[:5])
        more = f" and {len(old) - 5} more" if len(old) > 5 else ""
        note(
            f"warning: prices older than 90 days: {named}{more}. Newer ones: optiq ingest prices --provider NAME"
        )


def _refresh_line(report: Mapping[str, Any]) -> str:
    """What a refresh did, in one line."""
    if not report["published"]:
        return f"nothing new; snapshot {report['snapshot_id']} stays ({report['seconds']:.1f} s)"
    guessed = f"{counted(n, 'figure')} guessed, " if (n := report["n_guesses_new"]) else ""
    return (
        f"snapshot {report['snapshot_id']}: {counted(report['n_executions_new'], 'execution')}, "
        f"{counted(report['n_calls_new'], 'call')} and "
        f"{counted(report['n_priors_new'], 'published figure')} merged, {guessed}"
        f"{counted(report['n_quarantined'], 'row')} set aside, "
        f"{counted(report['n_statistics_new'], 'statistic')} new and "
        f"{report['n_statistics_changed']} changed ({report['seconds']:.1f} s)"
    )
