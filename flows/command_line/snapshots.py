"""`optiq snapshots`: the published snapshots of PerfDB, compared and restored."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

from flows.command_line.screen import counted, figure, say, say_json, table
from flows.declaration import Argument, Option
from flows.flow_requests import Json, Place

if TYPE_CHECKING:
    import polars as pl


def listing(place: Place, json: Json = False) -> None:
    """List published snapshots of PerfDB, newest first; the commands compare and restore them.

    Example:  optiq snapshots
    """
    from warehouse.archive import list_snapshots

    frame = list_snapshots(place.home())
    if json:
        say_json(frame.to_dicts())
        return
    rows = (
        [
            row["snapshot_id"],
            f"{row['created_at']:%Y-%m-%d %H:%M}",
            "published" if row["published"] else "kept" if row["kept"] else "on record",
            row["executions"],
            row["calls"],
            row["plan_statistics"],
            row["gate"],
        ]
        for row in frame.iter_rows(named=True)
    )
    table(
        ["snapshot", "made (UTC)", "", "executions", "calls", "statistics", "gate"], rows, right=range(3, 6)
    )


def show(
    place: Place,
    snapshot: Annotated[
        str, Argument("Snapshot id or number, or `current`.", "SNAPSHOT", otherwise="the published one")
    ] = "current",
    json: Json = False,
) -> None:
    """Show one snapshot: what it holds, what went in and what its quality gate said.

    Example:  optiq snapshots show 1
    """
    from warehouse.archive import describe_snapshot

    told = describe_snapshot(place.home(), snapshot)
    if json:
        say_json(told)
        return
    for name, value in told.items():
        if name == "counts":
            for part, number in value.items():
                say(f"{part.replace('_', ' '):>18}  {number}")
        else:
            say(f"{name.replace('_', ' '):>18}  {value}")


def diff(
    place: Place,
    before: Annotated[
        str | None, Argument("Snapshot id or number.", "BEFORE", otherwise="the one before")
    ] = None,
    after: Annotated[
        str | None, Argument("Snapshot id or number.", "AFTER", otherwise="the published one")
    ] = None,
    json: Json = False,
) -> None:
    """Compare two snapshots: plans and figures that are new, gone or changed.

    Example:  optiq snapshots diff 1 2
    """
    from warehouse.archive import diff_snapshots

    found = diff_snapshots(place.home(), before, after)
    if json:
        parts = {name: getattr(found, name).to_dicts() for name in ("counts", "plans", "figures")}
        say_json({"before": found.before, "after": found.after, **parts})
        return
    say(f"{found.before} → {found.after}")
    for name in ("counts", "plans", "figures"):
        frame = _joined(getattr(found, name), "value" if name == "figures" else "rows")
        table(frame.columns, frame.head(40).iter_rows(), title=f"{name}: {counted(frame.height, 'row')}")
        if frame.height > 40:
            say(f"… and {frame.height - 40} more (--json shows all)")


def _joined(frame: pl.DataFrame, plain: str) -> pl.DataFrame:
    """Pairs of columns ``x_before`` and ``x_after`` as one, ``x``, that reads ``before → after``; ``plain`` is the name
    where they are called just ``before`` and ``after``.
    """
    import polars as pl

    def text(value: object) -> str:
        return figure(value) if isinstance(value, float) else "–" if value is None else str(value)

    columns: dict[str, list[str]] = {}
    for name in frame.columns:
        stem = name.removesuffix("before").rstrip("_")
        after = name.removesuffix("before") + "after"
        if name.endswith("before") and after in frame.columns:
            pairs = zip(frame[name], frame[after], strict=True)
            columns[stem or plain] = [f"{text(old)} → {text(new)}" for old, new in pairs]
        elif not (name.endswith("after") and name.removesuffix("after") + "before" in frame.columns):
            columns[name] = [text(value) for value in frame[name]]
    return pl.DataFrame(columns)


def restore(
    snapshot: Annotated[str, Argument("Snapshot id or number.", "SNAPSHOT")],
    place: Place,
    keep_later: Annotated[bool, Option("Land what was merged after it again, for the next refresh.")] = False,
) -> None:
    """Publish a kept snapshot again; restoring the later one takes that back.

    Example:  optiq snapshots restore 2 --keep-later
    """
    from warehouse.archive import restore_snapshot

    done = restore_snapshot(place.home(), snapshot, keep_later=keep_later)
    say(f"published again: {done.snapshot_id}")
    if done.missing is not None and done.missing.n_files:
        lacks = done.missing
        what = (
            f"{counted(lacks.n_executions, 'execution')} and {counted(lacks.n_figures, 'published figure')}"
        )
        say(f"it lacks what was merged since {lacks.since:%Y-%m-%d %H:%M} (UTC): {what}")
        if keep_later:
            say(f"{counted(len(done.landed), 'file')} landed again: `optiq refresh` merges them")
        else:
            say("--keep-later lands that again; the snapshot that has it is kept: `optiq snapshots`")
