"""Tasks around PerfDB: land files, publish snapshots step by step, report what changed."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict
from functools import partial
from typing import TYPE_CHECKING, Any

from optiq.configuration import Settings
from optiq.errors import InputError
from tasks.artifacts import markdown_artifact, shown, table_artifact
from tasks.orchestration import inside_flow_run, log, run, step, warn
from warehouse.drift import DRIFT_WORDS, changed, drift_line
from warehouse.find_home import find_home

if TYPE_CHECKING:
    from warehouse.night import Night, NightStep

DRIFT_EVENT, REFUSED_EVENT = "optiq.perfdb.drift", "optiq.perfdb.refused"
FOREIGN = ("format", "score", "maps", "model", "topic", "topic_from", "columns", "dry_run")
"""Parameters of files of other tools."""
_BUSY = "another refresh"


def _may_pass(task: Any, task_run: Any, state: Any) -> bool:
    """Whether trying again can help: another refresh holds the lock. Bad input stays bad."""
    return _BUSY in str(state.message or "")


@step
def land_files(kind: str, files: list[str], perfdb: str | None) -> dict[str, Any]:
    """Check files of one kind and land their good rows; bad rows are set aside with a reason."""
    from warehouse.ingest import ingest_priors, ingest_statistics

    readers = {"priors": ingest_priors, "statistics": ingest_statistics}
    if kind not in readers:
        raise InputError(f"unknown kind of file {kind!r}", f"Kinds are {', '.join(readers)}.")
    return asdict(readers[kind](find_home(perfdb), files))


@step
def land_traces(files: list[str], perfdb: str | None, said: Mapping[str, Any]) -> dict[str, Any]:
    """Check traces, also of other tools, and land their good rows; ``said`` holds the parameters ``FOREIGN``.

    What models are called here is remembered for later files.
    """
    from warehouse.ingest import ingest_traces
    from warehouse.ingestion.foreign import Foreign
    from warehouse.ingestion.model_names import names_given, remember_names, remembered_names

    home = find_home(perfdb)
    known = remembered_names(home)
    names = known | names_given(said.get("maps") or ())
    told: dict[str, Any] = {
        name: said.get(name) for name in ("format", "score", "model", "topic", "topic_from")
    }
    told["columns"] = said.get("columns") or ()
    dry_run = bool(said.get("dry_run"))
    corrected = any([*told.values(), said.get("maps")])
    report = ingest_traces(home, files, Foreign(names=names, **told), dry_run, corrected)
    if names != known and not dry_run:
        remember_names(home, names)
    return asdict(report)


@step
def land_prices(
    table: str, provider: str | None, models: list[str] | None, path: str | None, settings: Settings
) -> dict[str, Any]:
    """Land the prices of ``models`` (None: those that PerfDB knows) from a price table, with what became of each.

    Whose price a model has is told by the address of the server of ``settings`` that has it, if no provider is given.
    """
    from optiq.formats.price_tables import provider_at
    from warehouse.ingest import ingest_prices
    from warehouse.statistics import load_statistics

    def served_by(model: str) -> tuple[str, str | None]:
        for server in settings.servers:
            if model.startswith(f"{server.name}/") or model in server.models:
                return model.removeprefix(f"{server.name}/"), provider_at(server.url)
        return model, provider_at(settings.server_url)

    home = find_home(settings.home)
    names = models or list(load_statistics(home.perfdb).models)
    report, told = ingest_prices(home, table, names, provider, path, served_by)
    return {**asdict(report), "prices": told}


def publish_snapshot(
    settings: Settings, accept: Sequence[str] = (), full_gate: bool = False
) -> dict[str, Any]:
    """Merge what has landed, recompute, check and publish. A broken gate fails and publishes nothing.

    Inside a flow run every step of the night is a task run in this process; what the gate refused is reported.
    """
    from warehouse.night import GateRefusal
    from warehouse.refresh import refresh

    home = find_home(settings.home)
    try:
        report = refresh(
            home,
            keep=settings.keep,
            half_life_days=settings.half_life_days or None,
            distrust_drifted=settings.distrust_drifted,
            topic_model=settings.topic_model,
            accept=accept,
            full_gate=full_gate,
            on_step=log,
            run=_run_step,
        )
    except GateRefusal as refusal:
        run(report_refusal, home.address, str(refusal), [asdict(check) for check in refusal.checks])
        raise
    return {**asdict(report), "home": home.address}


def _run_step(night_step: NightStep, night: Night) -> None:
    again = {"retries": 3, "retry_delay_seconds": [10, 30, 90], "retry_jitter_factor": 0.3}
    options = {**again, "retry_condition_fn": _may_pass} if night_step.may_pass else {}
    about = inspect.getdoc(night_step.do)
    name = night_step.name
    run(step(_do, name=name, task_run_name=name, description=about, **options), partial(night_step.do, night))


def _do(one_step: Callable[[], str]) -> None:
    log(one_step())


# The server may be away for a moment; artifacts that it has already are only newer versions of themselves.
@step(name="report", task_run_name="report", retries=2, retry_delay_seconds=10)
def report_refresh(report: dict[str, Any]) -> None:
    """What the night did, learned, set aside and saw drift, as Prefect artifacts and events.

    Outside a flow run nothing is reported.
    """
    if not inside_flow_run():
        return
    snapshot = f"PerfDB snapshot {report['snapshot_id']}"
    markdown_artifact(key="perfdb-refresh", markdown=refresh_markdown(report), description=snapshot)
    tables = {
        "perfdb-gate": ("What the quality gate found", _gate_table(report["checks"])),
        "perfdb-learned": ("Plans whose statistics rest on more", list(report["learned"])),
        "perfdb-drift": ("New calls of each model against earlier ones", _drift_table(report["drift"])),
        "perfdb-refused": (
            "Files set aside in landing/refused/; optiq ingest --retry-refused tries them again",
            _refused_table(report["refused"]),
        ),
    }
    for key, (title, table) in tables.items():
        if table:
            table_artifact(key=key, table=table, description=f"{title}. {snapshot}")
    drifted = [row for row in report["drift"] if row["verdict"] == "drifted"]
    for row in drifted:
        warn(f"drifted: {drift_line(row)}")
    for row in _refused_table(report["refused"]):
        warn(f"set aside: {row['file']}: {row['reason']}")
    if drifted:
        models = sorted({row["model"] for row in drifted})
        says = [drift_line(row) for row in drifted]
        _tell(DRIFT_EVENT, report["home"], says, snapshot_id=report["snapshot_id"], models=models)
    if report["refused"]:
        files = list(report["refused"])
        says = [f"{row['file']}: {row['reason']}" for row in _refused_table(report["refused"])]
        _tell(REFUSED_EVENT, report["home"], says, snapshot_id=report["snapshot_id"], files=files)


@step(name="report", task_run_name="report")
def report_refusal(home: str, why: str, checks: list[dict[str, Any]]) -> None:
    """What the gate refused to publish, as an artifact and an event; outside a flow run nothing is reported."""
    if not inside_flow_run():
        return
    table_artifact(key="perfdb-gate", table=_gate_table(checks), description=why)
    _tell(REFUSED_EVENT, home, [why], snapshot_id="", files=[])


def _tell(event: str, home: str, says: list[str], **payload: Any) -> None:
    """Emit an event about the PerfDB at ``home`` that an automation can act on; ``says`` is for people."""
    from prefect.events import emit_event

    resource = {"prefect.resource.id": f"optiq.perfdb.{home}", "prefect.resource.name": f"PerfDB of {home}"}
    emit_event(event, resource, payload={**payload, "says": "\n".join(says)})


def _gate_table(checks: Iterable[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """The checks, those that failed first."""
    names = {"name": "check", "tool": "tool", "n_bad_rows": "bad rows", "example": "example"}
    rows = [{shown: check[name] for name, shown in names.items()} for check in checks]
    return sorted(rows, key=lambda row: -row["bad rows"])


def _drift_table(drift: Iterable[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """The comparisons, those that drifted first, as people read them."""
    return [
        {
            "verdict": row["verdict"],
            "model": row["model"],
            "topic": "all topics" if row["topic"] == "*" else row["topic"],
            "what": DRIFT_WORDS[row["metric"]],
            "change": changed(row["metric"], row["change"]),
            "95 % interval": " to ".join(
                changed(row["metric"], row[end]) for end in ("change_low", "change_high")
            ),
            "new calls": row["n_after"],
            "earlier calls": row["n_before"],
            "since": f"{row['since']:%Y-%m-%d %H:%M}" if row["since"] else None,
        }
        for row in sorted(drift, key=lambda row: (row["verdict"], row["p_value"]))
    ]


def _refused_table(refused: Mapping[str, str]) -> list[dict[str, str]]:
    return [{"file": name, "reason": " ".join(reason.split())} for name, reason in refused.items()]


def _gate_line(checks: Sequence[dict[str, Any]]) -> str:
    accepted = [check["name"] for check in checks if check["accepted"]]
    line = f"{len(checks) - len(accepted)} of {len(checks)} checks passed"
    return f"{line}; accepted: {shown(', '.join(accepted))}" if accepted else line


def refresh_markdown(report: dict[str, Any]) -> str:
    """What a refresh did, in a few lines of Markdown."""
    if not report["published"]:
        return f"Nothing new: snapshot `{report['snapshot_id']}` stays."
    lines = [
        f"## Snapshot `{report['snapshot_id']}`",
        "",
        f"Published after {report['seconds']:.1f} s; {_gate_line(report['checks'])}.",
        "",
        "| new | count |",
        "|---|---:|",
        *(
            f"| {name} | {report[field]:,} |"
            for name, field in (
                ("files read", "n_files"),
                ("executions", "n_executions_new"),
                ("calls", "n_calls_new"),
                ("published figures", "n_priors_new"),
                ("guessed figures", "n_guesses_new"),
                ("rows set aside", "n_quarantined"),
                ("statistics of plans that are new", "n_statistics_new"),
                ("statistics of plans that changed", "n_statistics_changed"),
            )
        ),
    ]
    if drifted := [drift_line(row) for row in report["drift"] if row["verdict"] == "drifted"]:
        lines += ["", "Drifted:", "", *(f"- {shown(line)}" for line in drifted)]
    if report["gate_report"]:
        lines += ["", f"What the gate found: {shown(report['gate_report'])}"]
    if report["refused"]:
        lines += [
            "",
            "Files set aside in `landing/refused/`; the rest was merged:",
            "",
            *(f"- {shown(row['file'])}: {shown(row['reason'])}" for row in _refused_table(report["refused"])),
        ]
    return "\n".join(lines)
