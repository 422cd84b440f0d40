"""Tasks around PerfDB: land files, publish snapshots, report what changed."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from optiq.configuration import Settings
from optiq.errors import InputError
from tasks.orchestration import inside_flow_run, step
from warehouse.drift import drift_line
from warehouse.find_home import find_home

_BUSY = "another refresh"
_DRIFT = ("verdict", "model", "topic", "metric", "change", "change_low", "change_high", "n_before", "n_after")


def _may_pass(task: Any, task_run: Any, state: Any) -> bool:
    """Whether trying again can help: another refresh holds the lock. Bad input stays bad."""
    return _BUSY in str(state.message or "")


@step
def land_files(kind: str, files: list[str], perfdb: str | None) -> dict[str, Any]:
    """Check files of one kind and land their good rows; bad rows are set aside with a reason."""
    from warehouse.ingest import ingest_priors, ingest_statistics, ingest_traces

    readers = {"priors": ingest_priors, "statistics": ingest_statistics, "traces": ingest_traces}
    if kind not in readers:
        raise InputError(f"unknown kind of file {kind!r}", f"Kinds are {', '.join(readers)}.")
    return asdict(readers[kind](find_home(perfdb), files))


@step(
    retries=3,
    retry_delay_seconds=[10, 30, 90],
    retry_jitter_factor=0.3,
    retry_condition_fn=_may_pass,
    timeout_seconds=3600,
)
def publish_snapshot(settings: Settings) -> dict[str, Any]:
    """Merge what has landed, recompute, check and publish. A broken gate fails and publishes nothing."""
    from warehouse.refresh import refresh

    report = refresh(
        find_home(settings.home),
        keep=settings.keep,
        half_life_days=settings.half_life_days or None,
        distrust_drifted=settings.distrust_drifted,
        topic_model=settings.topic_model,
    )
    return asdict(report)


@step
def report_refresh(report: dict[str, Any]) -> None:
    """What the refresh did and what the gate found, as Prefect artifacts; nothing outside a flow run."""
    if not inside_flow_run():
        return
    from prefect.artifacts import create_markdown_artifact, create_table_artifact

    create_markdown_artifact(
        key="perfdb-refresh",
        markdown=refresh_markdown(report),
        description=f"PerfDB snapshot {report['snapshot_id']}",
    )
    create_table_artifact(
        key="perfdb-gate",
        table=[
            {"check": check["name"], "tool": check["tool"], "bad rows": check["n_bad_rows"]}
            for check in report["checks"]
        ],
        description=f"Quality gate of PerfDB snapshot {report['snapshot_id']}",
    )
    if report["drift"]:
        create_table_artifact(
            key="perfdb-drift",
            table=[
                {name: row[name] for name in _DRIFT} | {"since": str(row["since"])}
                for row in sorted(report["drift"], key=lambda row: (row["verdict"], row["p_value"]))
            ],
            description=f"New calls of each model against earlier ones, PerfDB {report['snapshot_id']}",
        )


def refresh_markdown(report: dict[str, Any]) -> str:
    """What a refresh did, in a few lines of Markdown."""
    if not report["published"]:
        return f"Nothing new: snapshot `{report['snapshot_id']}` stays."
    lines = [
        f"## Snapshot `{report['snapshot_id']}`",
        "",
        f"Published after {report['seconds']:.1f} s; {len(report['checks'])} checks passed.",
        "",
        "| new | count |",
        "|---|---:|",
        *(
            f"| {name} | {report[field]:,} |"
            for name, field in (
                ("files", "n_files"),
                ("executions", "n_executions_new"),
                ("calls", "n_calls_new"),
                ("published figures", "n_priors_new"),
                ("rows set aside", "n_quarantined"),
                ("statistics", "n_statistics_new"),
                ("statistics that changed", "n_statistics_changed"),
            )
        ),
    ]
    if drifted := [drift_line(row) for row in report["drift"] if row["verdict"] == "drifted"]:
        lines += ["", "Drifted:", "", *(f"- {line}" for line in drifted)]
    if report["gate_report"]:
        lines += ["", f"What the gate found: [{report['gate_report']}](file://{report['gate_report']})"]
    if report["refused"]:
        lines += [
            "",
            "Files set aside in `landing/refused/`; the rest was merged:",
            "",
            *(f"- `{name}`: {' '.join(reason.split())}" for name, reason in report["refused"].items()),
        ]
    return "\n".join(lines)
