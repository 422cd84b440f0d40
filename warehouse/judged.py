"""What an evaluation reads from PerfDB: judged outcomes, one row per question and plan."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import sql
from optiq.errors import InputError, PerfDBError
from warehouse.connection import explained, reading
from warehouse.evidence import FAILED, UNJUDGED, Evidence, LeftOut, Part, beyond, choose_prompt
from warehouse.home import Home


def read_judged(home: Home, part: Part) -> Evidence:
    """The judged executions of ``part`` in the published PerfDB, repeats averaged.

    The database does the averaging, so that memory depends on the number of questions asked for, not on that of
    executions. Raises :class:`~optiq.errors.InputError` that says what is missing where nothing was judged.
    """
    if not home.perfdb.exists():
        raise PerfDBError(
            f"there is no PerfDB at {home.perfdb}",
            "Make one with `optiq init`, or give recordings with --traces.",
        )
    window: dict[str, Any] = {"since": _naive(part.since), "until": _naive(part.until), "run": part.run}
    with reading(home.perfdb) as connection, explained(home.perfdb):
        sets = connection.sql(sql.read("queries/evaluation_prompts"), params=window).pl()
        if not sets["n_executions"].sum():
            raise InputError(
                f"PerfDB has no answered execution {part.told()}".rstrip(),
                "`optiq refresh` merges what has run; `optiq runs list` shows when; `optiq calibrate FILE` runs more.",
            )
        prompt, left = choose_prompt(sets, part.prompt)
        chosen = next(row for row in sets.iter_rows(named=True) if row["prompt"] == prompt)
        if not chosen["n_judged"]:
            raise InputError(
                f"none of the {chosen['n_executions']:,} executions {part.told()}".rstrip() + " has a score",
                "`optiq score ANSWERS REFERENCES` judges them when the references are there; then `optiq refresh`.",
            )
        table = connection.sql(
            sql.read("queries/evaluation_outcomes"),
            params={**window, "prompt": prompt, "questions": part.questions},
        ).pl()
    if n := chosen["n_failed"]:
        left.append(LeftOut.of(n, "execution", "that failed", FAILED))
    if n := chosen["n_executions"] - chosen["n_judged"]:
        left.append(LeftOut.of(n, "execution", "without a score", UNJUDGED))
    if (n := chosen["n_questions"] - table["question_id"].n_unique()) > 0:
        left.append(LeftOut.of(n, "question", "", beyond(part.questions)))
    return Evidence(table, "PerfDB", prompt, tuple(left))


def _naive(time: datetime | None) -> datetime | None:
    """As PerfDB keeps times: UTC, unsaid."""
    return time.astimezone(UTC).replace(tzinfo=None) if time is not None else None
