"""`optiq collect`: what batch services returned for `optiq plan --emit-batch`, as answers and traces."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

from flows.command_line.screen import counted, say, say_json
from flows.declaration import Argument, Option
from flows.flow_requests import Json, Place


def collect(
    place: Place,
    folder: Annotated[str, Argument("What `optiq plan --emit-batch` wrote.", "DIR")],
    outputs: Annotated[list[str], Argument("Output and error files of the service.", "OUTPUT...")],
    output: Annotated[str, Option("Answers: .csv, .jsonl or .parquet.", "FILE", short="-o")],
    json: Json = False,
) -> int:
    """Read the outputs of batches, write the answers and land the traces; `optiq refresh` learns from them.

    What an output has not yet is a failed row, and the exit code is 1 while there is one; collecting again with all
    outputs counts each answer once.

    Example:  optiq collect batches batch_output.jsonl -o answers.csv
    """
    from optiq.files.output_place import tell_replaced
    from optiq.files.tables import check_writable
    from tasks.batches import collect_batches

    check_writable(output, *outputs)
    tell_replaced(output)
    report = collect_batches(place.home(), Path(folder), [Path(one) for one in outputs], Path(output))
    if json:
        say_json(report)
        return _status(report)
    say(
        f"{report['answered']} answered, {report['failed']} failed, of these {report['waiting']} without an output; "
        f"answers in {report['output']}"
    )
    if report["landed"]:
        say(f"{counted(report['landed'], 'trace')} landed. Publish with: optiq refresh")
    return _status(report)


def _status(report: Mapping[str, Any]) -> int:
    return 1 if report["failed"] else 0  # as `optiq answer`
