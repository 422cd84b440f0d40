"""The relative gate: is the night like what was known before it? (:mod:`warehouse.relative_rules` says how like.)"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass

import duckdb

import sql
from optiq.errors import InputError
from warehouse.check_result import CheckResult
from warehouse.relative_rules import RULES

SHOWN = 5
"""So many rows and subjects of a rule are shown in a report."""


@dataclass(frozen=True, slots=True)
class Change:
    """A row of ``night_compared``: what a rule is about, of one subject, before and in the night."""

    rule: str
    subject: str
    n_known: int
    n_new: int
    known: float | None
    new: float
    told: float | None

    @property
    def passes(self) -> bool:
        """Whether the rule allows it."""
        return RULES[self.rule].allows(self.told)

    def is_like(self, other: float) -> bool:
        """Whether the rule would allow it if ``other`` were what is known."""
        change = RULES[self.rule].change(other, self.new)
        return change is not None and RULES[self.rule].allows(change)

    def __str__(self) -> str:
        who = "all models together" if self.subject == "*" else self.subject
        known = "nothing" if self.known is None else f"{self.known:.4g} ({self.n_known:,} known)"
        return f"{who}: {known} → {self.new:.4g} ({self.n_new:,} new)"


def check_rules(names: Iterable[str]) -> frozenset[str]:
    """The names of rules that are to be accepted; :class:`InputError` names one that is none."""
    wanted = frozenset(names)
    if unknown := sorted(wanted - RULES.keys()):
        raise InputError(f"there is no rule {unknown[0]!r} to accept", f"Rules are {', '.join(RULES)}.")
    return wanted


def remember_known(connection: duckdb.DuckDBPyConnection) -> None:
    """Keep what is known before a merge, to compare the night with."""
    connection.execute(sql.read("relative/known"))


def compare_night(connection: duckdb.DuckDBPyConnection) -> list[Change]:
    """What was merged against what was known, as a list and as the temp table ``night_compared``."""
    connection.execute(sql.read("relative/compared"))
    return [Change(*row) for row in connection.execute("from night_compared").fetchall()]


def check_night(
    connection: duckdb.DuckDBPyConnection, accepted: Collection[str] = ()
) -> tuple[list[CheckResult], list[Change], list[Change]]:
    """One result per rule, the changes that are let through because their rule is among ``accepted``, and the others.

    A change that is like one that was accepted on an earlier night passes; it is in neither list.
    """
    changes = compare_night(connection)
    before = connection.execute("select rule, subject, new from accepted_changes").fetchall()
    changes = [
        change
        for change in changes
        if change.passes
        or not any(
            (rule, subject) == (change.rule, change.subject) and change.is_like(new)
            for rule, subject, new in before
        )
    ]
    beyond = [change for change in changes if not change.passes]
    results = []
    for rule in RULES:
        off = [change for change in beyond if change.rule == rule]
        if not off:
            results.append(CheckResult(rule, "sql", 0, relative=True))
            continue
        worst = max(off, key=lambda change: (change.subject != "*", change.n_new))
        file, lines = _rows(connection, worst)
        results.append(
            CheckResult(
                rule,
                "sql",
                len(off),
                json.dumps(
                    {"subject": worst.subject, "known": worst.known, "new": worst.new, "n_new": worst.n_new}
                ),
                relative=True,
                accepted=rule in accepted,
                told=_told(rule, off, lines),
                file=file,
            )
        )
    let_through = [change for change in beyond if change.rule in accepted]
    return results, let_through, [change for change in changes if change not in let_through]


def record_accepted(
    connection: duckdb.DuckDBPyConnection, snapshot_id: str, changes: Sequence[Change]
) -> None:
    """Keep with the snapshot what was let through: later nights may be like it."""
    for change in changes:
        connection.execute(
            "insert into accepted_changes values (?, ?, ?, ?, ?, ?, ?)",
            [
                snapshot_id,
                change.rule,
                change.subject,
                change.known,
                change.new,
                change.n_known,
                change.n_new,
            ],
        )


def _rows(connection: duckdb.DuckDBPyConnection, change: Change) -> tuple[str, list[str]]:
    """The file with most rows that are off, and lines of Markdown: files with their rows, and the rows most off."""
    rule = RULES[change.rule]
    upwards = change.known is None or change.new >= change.known
    statement = sql.read("relative/rows").replace("(figure)", f"({rule.figure})")
    rows = connection.sql(statement, params={"subject": change.subject, "upwards": upwards}).fetchall()
    off = [row for row in rows if change.known is None or _is_off(row[-1], change)] or rows
    if not off:
        return "", []
    files: dict[tuple[str, str | None], int] = {}
    for row in off:
        files[row[0], row[1]] = files.get((row[0], row[1]), 0) + 1
    ranked = sorted(files.items(), key=lambda item: (-item[1], item[0][0]))
    lines = [
        f"- {n:,} rows in `{file}`" + (f" (from {source})" if source else "") for (file, source), n in ranked
    ]
    lines += ["", "| execution | question | plan | file | figure |", "|---|---|---|---|---:|"]
    lines += [
        f"| {execution} | {question or ''} | {plan} | {source or file} | {figure:.6g} |"
        for file, source, execution, question, plan, figure in off[:SHOWN]
    ]
    return ranked[0][0][0], lines


def _is_off(figure: float, change: Change) -> bool:
    """Whether one row is nearer to what is new than to what was known."""
    known = change.known or 0.0
    return abs(figure - change.new) < abs(figure - known) or (figure - change.new) * (change.new - known) > 0


def _told(rule: str, off: Sequence[Change], rows: Sequence[str]) -> str:
    """What is off, where, and what can be done, as Markdown."""
    what = RULES[rule]
    allowed = f"by {what.most:g}" if what.is_change else f"by a factor of {what.most:g}"
    lines = [f"{what.what.capitalize()} may change {allowed}.", ""]
    lines += [f"- {change}" for change in off[:SHOWN]]
    lines += ["", "Where:", "", *rows] if rows else []
    lines += [
        "",
        f"If this is so, `optiq refresh --accept {rule}` publishes it. If it is not, mend or remove the file in "
        "`landing/`.",
    ]
    return "\n".join(lines)
