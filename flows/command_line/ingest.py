"""`optiq ingest`: check files of priors, statistics or traces and bring them to the landing area."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

from flows.command_line.screen import counted, say, say_json
from flows.declaration import Argument
from flows.flow_requests import IngestFiles, Json


class What(StrEnum):
    """The kinds of file that can be landed."""

    PRIORS = "priors"
    STATISTICS = "statistics"
    TRACES = "traces"


def ingest(
    what: Annotated[What, Argument("Kind of file.")], request: IngestFiles, json: Json = False
) -> None:
    """Check files and land them; `optiq refresh` publishes. The same file twice changes nothing.

    Example:  optiq ingest priors examples/priors.csv
    """
    from flows import ingest as flows
    from tasks.orchestration import start

    report = start(getattr(flows, f"ingest_{what.value}"), **request.given())
    if json:
        say_json(report)
        return
    landed, refused = sum(report["landed"].values()), sum(report["quarantined"].values())
    unit = "figure" if what is What.PRIORS else "row"
    say(
        f"{counted(landed, unit)} landed, {counted(refused, 'row')} set aside, "
        f"{counted(len(report['unchanged']), 'file')} already known."
    )
    if refused:
        say('Reasons, after the next refresh: optiq sql "SELECT file, row_number, reason FROM quarantine"')
    if landed or refused:
        say("Publish with: optiq refresh")
