"""A plan as an SVG document: columns from the question to the answer, a box per call, a line per flow.

A line that skips columns gets a place of its own in each of them, so that it passes between boxes and never under one.
"""

from __future__ import annotations

from html import escape
from typing import NamedTuple

from optiq.plans.expression import express
from optiq.plans.wired import Wired

BOX_HEIGHT, ROW, GAP, MARGIN = 36, 56, 64, 20
CHARACTER = 8.0
"""Width of a character at font size 14, generously."""


class Place(NamedTuple):
    """A node in its column, or an edge on its way through a column."""

    column: int
    node: int
    edge: tuple[int, int] | None = None


def columns_of(plan: Wired) -> list[list[Place]]:
    """The places of each column from top to bottom: every call as late as its readers allow."""
    height = [0] * plan.k
    for v in reversed(range(plan.k)):
        height[v] = max((1 + height[reader] for reader in plan.successors(v)), default=0)
    last = max(height)
    columns: list[list[Place]] = [[] for _ in range(last + 1)]
    for v in range(plan.k):
        columns[last - height[v]].append(Place(last - height[v], v))
    for i, j in plan.edges:
        for column in range(last - height[i] + 1, last - height[j]):
            columns[column].append(Place(column, i, (i, j)))
    # from the answer backwards: each place at the mean height of what follows it
    for column in reversed(range(last)):
        after = columns[column + 1]

        def rank(place: Place, after: list[Place] = after) -> tuple[float, int]:
            following = [row for row, other in enumerate(after) if _leads(plan, place, other)]
            return (sum(following) / len(following) - len(after) / 2, place.node)

        columns[column].sort(key=rank)
    return columns


def _leads(plan: Wired, place: Place, other: Place) -> bool:
    """Whether a line goes from ``place`` to ``other`` in the next column."""
    edges = [place.edge] if place.edge else [(place.node, reader) for reader in plan.successors(place.node)]
    return any(edge == other.edge or (other.edge is None and edge[1] == other.node) for edge in edges)


def draw_svg(plan: Wired) -> str:
    """The document. It has a title and a description for screen readers, and takes its ink from ``currentColor``."""
    columns = columns_of(plan)
    width = int(24 + CHARACTER * max(map(len, plan.models)))
    tallest = max(map(len, columns))
    middle = {
        place: (
            MARGIN + place.column * (width + GAP),
            int(MARGIN + BOX_HEIGHT / 2 + (row + (tallest - len(column)) / 2) * ROW),
        )
        for column in columns
        for row, place in enumerate(column)
    }
    total_width = 2 * MARGIN + len(columns) * (width + GAP) - GAP
    total_height = 2 * MARGIN + (tallest - 1) * ROW + BOX_HEIGHT
    calls = "1 call" if plan.k == 1 else f"{plan.k} calls"
    answer = escape(plan.models[plan.sink])
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" role="img" viewBox="0 0 {total_width} {total_height}" '
        f'width="{total_width}" height="{total_height}" font-family="system-ui, sans-serif" font-size="14" '
        'fill="none" stroke="currentColor">',
        f"<title>{escape(express(plan))}</title>",
        f"<desc>Plan with {calls}; the answer comes from {answer}.</desc>",
    ]
    nodes = {place.node: place for column in columns for place in column if place.edge is None}
    for edge in plan.edges:
        way = [place for column in columns for place in column if place.edge == edge]
        parts.append(
            _line([middle[nodes[edge[0]]], *(middle[p] for p in way), middle[nodes[edge[1]]]], width)
        )
    parts += [_box(plan, v, middle[nodes[v]], width) for v in range(plan.k)]
    return "".join(parts) + "</svg>"


def _line(points: list[tuple[int, int]], width: int) -> str:
    """A line from the right side of the first place to the left side of the last, with an arrow head."""
    x, y = points[0]
    path = f"M{x + width} {y}"
    for x2, y2 in points[1:]:
        half = x + width + GAP // 2
        path += f"C{half} {y} {half} {y2} {x2} {y2}"
        if (x2, y2) != points[-1]:
            path += f"H{x2 + width}"
        x, y = x2, y2
    head = f'<path d="M{x - 7} {y - 4}L{x} {y}L{x - 7} {y + 4}z" fill="currentColor" stroke="none"/>'
    return f'<path d="{path}"/>{head}'


def _box(plan: Wired, v: int, middle: tuple[int, int], width: int) -> str:
    """A call: rounded where it blends, with a second outline where it gives the answer."""
    x, y = middle[0], middle[1] - BOX_HEIGHT // 2
    radius = BOX_HEIGHT // 2 if plan.is_blend(v) else 4
    box = f'<rect x="{x}" y="{y}" width="{width}" height="{BOX_HEIGHT}" rx="{radius}"/>'
    if v == plan.sink:
        box += (
            f'<rect x="{x - 4}" y="{y - 4}" width="{width + 8}" height="{BOX_HEIGHT + 8}" rx="{radius + 4}"/>'
        )
    return box + (
        f'<text x="{x + width // 2}" y="{middle[1] + 5}" text-anchor="middle" fill="currentColor" '
        f'stroke="none">{escape(plan.models[v])}</text>'
    )
