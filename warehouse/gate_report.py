"""What the gate found, in a file that a person reads: ``$OPTIQ_HOME/gate/<snapshot>.md`` or ``refused-<hash>.md``."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable, Mapping
from types import MappingProxyType

from warehouse.check_result import CheckResult
from warehouse.home import Home, usable
from warehouse.landing import LandedFile


def write_gate_report(
    home: Home,
    results: list[CheckResult],
    files: Iterable[LandedFile],
    snapshot_id: str = "",
    refused: Mapping[LandedFile, str] = MappingProxyType({}),
    quarantined: Mapping[str, int] = MappingProxyType({}),
) -> str:
    """Write every check's result and the landed files that were (to be) merged or refused; returns the full path.

    ``quarantined`` counts the rows that were set aside by reason.

    Of a refused refresh the name depends on the content alone, so trying the same again does not pile up reports.

    Raises
    ------
    PerfDBError
        if it cannot be written.
    """
    reasons = {file.name: f"{file.n_rows() or 'unknown'} rows; {reason}" for file, reason in refused.items()}
    merged = [file.name for file in files if file not in refused]
    text = gate_markdown(results, merged, snapshot_id, reasons, quarantined)
    name = snapshot_id or f"refused-{hashlib.sha256(text.encode()).hexdigest()[:10]}"
    target = home.gate / f"{name}.md"
    temporary = target.with_name(f".{target.name}.{os.getpid()}")
    with usable(home):
        home.gate.mkdir(parents=True, exist_ok=True)
        try:
            temporary.write_text(text, encoding="utf-8")
            temporary.replace(target)
        finally:
            temporary.unlink(missing_ok=True)
    return str(target.resolve())


def gate_markdown(
    results: list[CheckResult],
    files: list[str],
    snapshot_id: str = "",
    refused: Mapping[str, str] = MappingProxyType({}),
    quarantined: Mapping[str, int] = MappingProxyType({}),
) -> str:
    """The report: failed checks with their rows, what was accepted, rows and files that were set aside, merged files,
    checks that passed."""
    failed = [result for result in results if result.refuses]
    accepted = [result for result in results if result.accepted]
    title = f"The quality gate passed {snapshot_id}" if snapshot_id else "The quality gate refused to publish"
    lines = [f"# {title}", "", f"{len(failed)} of {len(results)} checks failed."]
    for result in (*failed, *accepted):
        title = f"Accepted: {result.name}" if result.accepted else result.name
        if result.told:
            lines += ["", f"## {title}", "", result.told]
            continue
        lines += ["", f"## {title}", "", f"{result.tool}: {result.n_bad_rows} bad rows."]
        if result.example:
            # Four spaces, and no line break inside, make a code block whatever the row holds.
            lines += ["The first:", "", "    " + " ".join(result.example.split())]
    if quarantined:
        lines += [
            "",
            "## Rows set aside",
            "",
            f"{sum(quarantined.values()):,} rows (table `quarantine`).",
            "",
        ]
        lines += [f"- {n:,}: {' '.join(reason.split())}" for reason, n in quarantined.items()]
    if refused:
        lines += ["", "## Files set aside", "", "They are in `landing/refused/`; the rest was merged.", ""]
        lines += [f"- `{name}`: {' '.join(reason.split())}" for name, reason in refused.items()]
    lines += ["", "## Landed files", ""]
    lines += [f"- `{name}`" for name in files] or ["None."]
    lines += ["", "## Checks that passed", ""]
    lines += [f"- {result.name} ({result.tool})" for result in results if result.passed] or ["None."]
    return "\n".join(lines) + "\n"
