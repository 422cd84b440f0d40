"""The page at ``/``: the last requests, spend against limits, the frontier; made of a report's parts."""

from __future__ import annotations

import math
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import polars as pl

from optiq.endpoint.asked import OURS
from optiq.endpoint.keys import Keys
from optiq.endpoint.spending import Spending
from optiq.execution.trace import ANSWERED
from optiq.questions.metric import RESOURCE_NAMES
from optiq.questions.question import Question
from optiq.report import sections
from optiq.report.page import Page, Section, Table, Tile, render
from optiq.report.text import clean, count, number, usd
from optiq.statistics.snapshot import ANY_TOPIC

if TYPE_CHECKING:
    from tasks.serving.desk import ServingDesk

_POINTS = {
    "metric": pl.String(),
    "plan": pl.String(),
    "value": pl.Float64(),
    "qoa": pl.Float64(),
    "series": pl.String(),
    "n": pl.Int64(),
}


def serving_page(desk: ServingDesk, spending: Spending, keys: Keys) -> str:
    """The document, complete in itself."""
    latest = list(desk.latest)[::-1]
    spent = spending.today(keys.every())
    answered = [one for one in latest if one.status == ANSWERED]
    waits = sorted(one.wall_s for one in answered if one.wall_s is not None)
    session = desk.session()
    snapshot = session.statistics.snapshot_id if session else "none"
    tiles = [
        Tile("Requests", count(len(latest)), "the last ones"),
        Tile("Answered", count(len(answered)), "of these"),
        Tile("Seconds", number(waits[len(waits) // 2], 3) if waits else "–", "median of these"),
        Tile("Spend today", usd(math.fsum(usd_ for usd_, _ in spent.values())), "all clients, UTC"),
    ]
    found = [_requests(desk), _spend(spent, keys), _frontier(desk)]
    page = Page(
        "Opti-Q serves",
        f"Snapshot {clean(snapshot, 80)}, {datetime.now(UTC):%d %B %Y, %H:%M:%S} UTC; reload for what is new",
        tiles,
        [section for section in found if section is not None],
        about=[("snapshot", clean(snapshot, 80)), ("run", desk.run_id)],
    )
    return render(page)


def _requests(desk: ServingDesk) -> Section:
    rows = [
        [
            f"{one.at:%H:%M:%S}",
            clean(one.name, 80),
            clean(one.plan, 200),
            one.status,
            usd(one.cost_usd),
            number(one.wall_s, 3),
            number(desk.scores.get(one.execution_id), 2),
        ]
        for one in list(desk.latest)[::-1]
    ]
    columns = ["time", "asked for", "plan", "outcome", "cost", "seconds", "score"]
    told = f"{count(len(rows), 'request')}, the latest first." if rows else "Nobody has asked yet."
    return Section("requests", "Last requests", told, tables=[Table("Requests", columns, rows, left=4)])


def _spend(spent: dict[str, tuple[float, float]], keys: Keys) -> Section:
    limits = {key.name: key for key in keys.every()}
    rows = []
    for name in sorted({*limits, *spent}):
        key = limits.get(name)
        used, held = spent.get(name, (0.0, 0.0))
        most = None if key is None else key.max_cost_per_day
        per_minute = None if key is None else key.requests_per_minute
        rows.append(
            [
                clean(name, 80) if key or name != "-" else "without a key",
                usd(used),
                usd(held),
                "no limit" if most is None else usd(most),
                "–" if most is None else usd(max(most - used - held, 0.0)),
                "no limit" if per_minute is None else str(per_minute),
            ]
        )
    told = "What each client has spent today, and what is held for requests in flight."
    columns = ["client", "spent", "held", "limit per day", "left", "requests per minute"]
    return Section("spend", "Spend against limits", told, tables=[Table("Today", columns, rows)])


def _frontier(desk: ServingDesk) -> Section | None:
    """The plans for a short question on any topic."""
    session = desk.session()
    if session is None:
        return None
    planned = session.planning.plan(Question("page", "x" * 80, (("*", 1.0),)))
    if not planned.frontier:
        return None
    records = session.statistics.records(ANY_TOPIC)
    answers = {
        plan.key: record.n_observations if (record := records.get(plan.key)) else 0
        for plan in (one.plan for one in planned.frontier)
    }
    points = pl.DataFrame(
        [
            {
                "metric": name,
                "plan": clean(one.plan.expression, 200),
                "value": _known(getattr(one, name)),
                "qoa": _known(one.qoa),
                "series": sections.BEST if answers[one.plan.key] else sections.UNMEASURED,
                "n": answers[one.plan.key],
            }
            for one in planned.frontier
            for name in RESOURCE_NAMES
        ],
        schema=_POINTS,
    ).drop_nulls(["value", "qoa"])
    rows = [
        [
            clean(one.plan.expression, 200),
            usd(_known(one.cost_usd)),
            number(_known(one.latency_s), 3),
            number(_known(one.qoa), 3),
            count(answers[one.plan.key]),
        ]
        for one in planned.frontier
    ]
    measured = sum(map(bool, answers.values()))
    told = (
        f"{count(len(rows), 'plan')} that no other beats, for a short question on any topic ({OURS}). "
        f"{count(measured) if measured else 'None'} of them {'were' if measured > 1 else 'was'} measured here; "
        "the figures of others are published or estimated from those of their models."
    )
    return Section(
        "frontier",
        "The frontier",
        told,
        charts=sections.frontier_charts(points, [*sections.FRONTIER_SERIES]),
        tables=[Table("Plans", ["plan", "cost", "seconds", "QoA", "answers measured"], rows)],
    )


def _known(value: float) -> float | None:
    return None if math.isnan(value) else value
