"""`optiq ingest`: check files of priors, statistics or traces and bring them to the landing area."""

from __future__ import annotations

from enum import StrEnum
from json import dumps
from typing import Annotated

from flows.command_line.screen import counted, say, say_json
from flows.declaration import Argument, Option, Request
from flows.flow_requests import Json, OtherTools, Place, PriceTable
from optiq.errors import InputError


class What(StrEnum):
    """The kinds of file that can be landed."""

    PRIORS = "priors"
    STATISTICS = "statistics"
    TRACES = "traces"
    PRICES = "prices"


def ingest(
    place: Place,
    other_tools: OtherTools,
    prices: PriceTable,
    what: Annotated[What | None, Argument("Kind of file.")] = None,
    files: Annotated[list[str] | None, Argument("Files; of traces also folders.", "FILE...")] = None,
    retry_refused: Annotated[
        bool, Option("Put files that a refresh set aside back into landing, to try them again.")
    ] = False,
    json: Json = False,
) -> int:
    """Check files and land them; `optiq refresh` publishes. The same file twice changes nothing.

    Traces may be logs and evaluations of other tools (lm-eval, inspect_ai, promptfoo, OpenAI Batch, llm,
    OpenTelemetry), which are known by their content. Exit code 1 if not one row was good, or one that is published
    already is read in another way now. What waits for a refresh is landed anew with such a correction.

    Example:  optiq ingest priors examples/priors.csv
    """
    from flows import ingest as flows
    from tasks.orchestration import start
    from warehouse.refused import retry_refused as put_back

    if retry_refused:
        names = put_back(place.home())
        if json:
            say_json({"put_back": names})
        else:
            say(f"{counted(len(names), 'file')} back in landing. Publish with: optiq refresh")
        return 0
    if what is None:
        raise InputError(
            "no kind of file is given",
            f"Say which: {', '.join(What)}; such as `optiq ingest traces FILE` for answers that were given.",
        )
    if not files and what is not What.PRICES:
        raise InputError("no file is given", f"Name one or more {what.value} files.")
    said = other_tools.given()
    _refuse_flags_of(What.TRACES, other_tools, what)
    _refuse_flags_of(What.PRICES, prices, what)
    if what is What.PRICES:
        if len(files or ()) > 1:
            raise InputError(f"{len(files or ())} price tables are given", "Give one.")
        parameters = {"price_file": files[0] if files else None, **prices.given()}
    else:
        parameters = {"files": files, **(said if what is What.TRACES else {})}
    report = start(getattr(flows, f"ingest_{what.value}"), **parameters, **place.given())
    landed, refused = sum(report["landed"].values()), sum(report["quarantined"].values())
    if json:
        say_json(report)
    else:
        unit = "figure" if what in (What.PRIORS, What.PRICES) else "row"
        for model, price in report.get("prices", {}).items():
            say(f"  {model}: {price}")
        would = "would land" if said["dry_run"] else "landed"
        say(
            f"{counted(landed, unit)} {would}, {counted(refused, 'row')} set aside, "
            f"{counted(len(report['unchanged']), 'file')} already known."
        )
        for row in report["shown"]:
            say(f"  {dumps(row, ensure_ascii=False)}")
        for how, files_told in (
            ("not read", report["passed"]),
            ("set aside whole", report["unusable"]),
            ("nothing changed", report["published"]),
        ):
            for file, reason in files_told.items():
                say(f"  {file}: {how}: {reason}")
        for file, reasons in report["reasons"].items():
            for one in reasons:
                say(
                    f"  {file}: {counted(one['rows'], 'row')}, first row {one['row_number']}: {one['reason']}"
                )
                say(f"    {one['content']:.160}")
        for file, notes in report["notes"].items():
            for one in notes:
                rows = "" if one["rows"] is None else f"{counted(one['rows'], 'row')}: "
                say(f"  {file}: {rows}{one['what']}")
        if (landed or refused) and not said["dry_run"]:
            say("Publish with: optiq refresh (what has landed is checked, and waits for it)")
        if refused:
            say(
                "Rows set aside are left out and kept with their reason: the table quarantine after the refresh."
            )
    return int(bool(report["published"]) or (bool(refused or report["unusable"]) and not landed))


def _refuse_flags_of(kind: What, request: Request, what: What) -> None:
    """:class:`InputError` for a flag of another kind of file than ``what``."""
    for one in type(request).parameters():
        if what is not kind and getattr(request, one.name) != one.default:
            raise InputError(f"{one.flag} is for {kind}, not for {what}", "Leave it out.")
