"""What can be a plan: names of models and edges of a single-sink DAG, or an error that says what is wrong."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from optiq.errors import PlanError
from optiq.plans.topology import MAX_OPERATIONS, Edge

EXAMPLE = 'Give it as {"models": ["a", "b", "c"], "edges": [[0, 2], [1, 2]]}.'


def check_models(models: Any) -> tuple[str, ...]:
    """``models`` as a tuple of usable names (:func:`can_name_a_model`), at most 7."""
    if isinstance(models, (str, bytes)) or not isinstance(models, Sequence):
        raise PlanError(f"models is {models!r:.60}, not a list of names", EXAMPLE)
    if not models:
        raise PlanError("a plan without models", "Give at least one model. " + EXAMPLE)
    if len(models) > MAX_OPERATIONS:
        raise PlanError(
            f"a plan with {len(models)} nodes is larger than supported",
            f"Plans have at most {MAX_OPERATIONS} nodes.",
        )
    for v, name in enumerate(models):
        if not isinstance(name, str) or not name:
            raise PlanError(f"the model of node {v} is {name!r:.60}, not a name", EXAMPLE)
        if not can_name_a_model(name):
            raise PlanError(
                f"{name!r:.80} cannot name a model", "Names have no control characters and no blanks around."
            )
    return tuple(models)


def can_name_a_model(name: str) -> bool:
    """Whether it is not empty, is printable, and has no blanks around."""
    return bool(name) and name == name.strip() and name.isprintable()


def check_edges(k: int, edges: Any) -> tuple[Edge, ...]:
    """``edges`` of a single-sink DAG on ``k`` nodes, sorted; :class:`PlanError` says what is wrong."""
    if isinstance(edges, (str, bytes)) or not isinstance(edges, Iterable):
        raise PlanError(f"edges is {edges!r:.60}, not a list of pairs", EXAMPLE)
    seen: set[Edge] = set()
    for edge in edges:
        if isinstance(edge, (str, bytes)) or not isinstance(edge, Sequence) or len(edge) != 2:
            raise PlanError(f"edge {edge!r:.60} is not a pair of node numbers", EXAMPLE)
        if any(isinstance(end, bool) or not isinstance(end, int) for end in edge):
            raise PlanError(f"edge {list(edge)!r:.60} has an end that is not a whole number", EXAMPLE)
        i, j = int(edge[0]), int(edge[1])
        for end in (i, j):
            if not 0 <= end < k:
                known = f"nodes are numbered 0 to {k - 1}" if k > 1 else "the only node is 0"
                raise PlanError(
                    f"edge [{i}, {j}] names node {end}, which the plan does not have",
                    f"In this plan {known}.",
                )
        if i == j:
            raise PlanError(
                f"edge [{i}, {j}] leads from a node to itself", "A model cannot read its own output."
            )
        if (i, j) in seen:
            raise PlanError(f"edge [{i}, {j}] is given twice", "Give each edge once.")
        seen.add((i, j))
    found = tuple(sorted(seen))
    _check_acyclic(k, found)
    readers = {i for i, _ in found}
    sinks = [v for v in range(k) if v not in readers]
    if len(sinks) > 1:
        raise PlanError(
            f"the plan has several sinks, nodes {', '.join(map(str, sinks))}",
            "Exactly one node gives the answer: let every other feed some node.",
        )
    return found


def _check_acyclic(k: int, edges: tuple[Edge, ...]) -> None:
    left = set(range(k))
    while left:
        ready = {v for v in left if not any(j == v and i in left for i, j in edges)}
        if not ready:
            # strip what only hangs behind the cycle, so that the message names the cycle
            while ends := {v for v in left if not any(i == v and j in left for i, j in edges)}:
                left -= ends
            raise PlanError(
                f"the plan has a cycle through nodes {', '.join(map(str, sorted(left)))}",
                "Outputs can only flow forward: remove an edge.",
            )
        left -= ready
