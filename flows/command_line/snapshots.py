"""`optiq snapshots`: the published snapshots of PerfDB, compared and restored."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from flows.command_line.options import Json, PerfDBHome

if TYPE_CHECKING:
    import polars as pl

    from warehouse.home import Home


def register(app: typer.Typer) -> None:
    """Add the verb with its parts to the command line."""
    verb = typer.Typer(
        help="List, compare and restore published snapshots of PerfDB.",
        invoke_without_command=True,
        rich_markup_mode=None,
    )
    verb.callback()(listing)
    verb.command("diff")(diff)
    verb.command("restore")(restore)
    app.add_typer(verb, name="snapshots")


def listing(context: typer.Context, perfdb: PerfDBHome = None, json: Json = False) -> None:
    """List snapshots, newest first.

    Example:  optiq snapshots
    """
    if context.invoked_subcommand is not None:
        return
    from flows.command_line.screen import say_json, table
    from warehouse.archive import list_snapshots

    frame = list_snapshots(_home(perfdb))
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


def diff(
    before: Annotated[
        str | None, typer.Argument(help="Snapshot id or number.  [default: the one before]")
    ] = None,
    after: Annotated[
        str | None, typer.Argument(help="Snapshot id or number.  [default: the published one]")
    ] = None,
    perfdb: PerfDBHome = None,
    json: Json = False,
) -> None:
    """Compare two snapshots: plans and figures that are new, gone or changed.

    Example:  optiq snapshots diff 1 2
    """
    from flows.command_line.screen import say, say_json, table
    from warehouse.archive import diff_snapshots

    found = diff_snapshots(_home(perfdb), before, after)
    if json:
        parts = {name: getattr(found, name).to_dicts() for name in ("counts", "plans", "figures")}
        say_json({"before": found.before, "after": found.after, **parts})
        return
    say(f"{found.before} → {found.after}")
    for name in ("counts", "plans", "figures"):
        frame = _joined(getattr(found, name))
        table(frame.columns, frame.head(40).iter_rows(), title=f"{name}: {frame.height} rows")
        if frame.height > 40:
            say(f"… and {frame.height - 40} more (--json shows all)")


def _joined(frame: pl.DataFrame) -> pl.DataFrame:
    """Pairs of columns ``x_before`` and ``x_after`` as one column ``x`` that reads ``before → after``."""
    import polars as pl

    from flows.command_line.screen import figure

    def text(value: object) -> str:
        return figure(value) if isinstance(value, float) else "–" if value is None else str(value)

    columns: dict[str, list[str]] = {}
    for name in frame.columns:
        stem = name.removesuffix("before").rstrip("_")
        after = name.removesuffix("before") + "after"
        if name.endswith("before") and after in frame.columns:
            pairs = zip(frame[name], frame[after], strict=True)
            columns[stem or "rows"] = [f"{text(old)} → {text(new)}" for old, new in pairs]
        elif not (name.endswith("after") and name.removesuffix("after") + "before" in frame.columns):
            columns[name] = [text(value) for value in frame[name]]
    return pl.DataFrame(columns)


def restore(
    snapshot: Annotated[str, typer.Argument(help="Snapshot id or number.")], perfdb: PerfDBHome = None
) -> None:
    """Publish a kept snapshot again; restoring the later one takes that back.

    Example:  optiq snapshots restore 2
    """
    from flows.command_line.screen import say
    from warehouse.archive import restore_snapshot

    say(f"published again: {restore_snapshot(_home(perfdb), snapshot)}")


def _home(perfdb: str | None) -> Home:
    from optiq.configuration import Settings
    from warehouse.find_home import find_home

    return find_home(Settings.load({"home": perfdb}).home)
