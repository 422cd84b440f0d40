"""Plans as text that people read: ``blend(mistral:7b → phi4:14b, qwen2.5:14b; gemma3:27b)``.

``a → b``: b reads a. ``blend(x, y; c)``: c reads x and y, which run in parallel. ``a → blend(b, c; d)``:
b and c both read a. Wirings that are not series-parallel get a listing of nodes with what they read:
``1=a; 2=b(1); 3=c(1, 2)``.

A name that could be read as something else (``a > b``, ``a, b``) stands in double quotes, as JSON has it.
"""

from __future__ import annotations

import json
import re

from optiq.errors import PlanError
from optiq.plans.wired import Wired

ARROW = " → "
HELP = "An expression reads blend(a → b, c; d), with → or -> between models."
_MARKS = ("→", "->", ",", ";", ")", "blend(")
# Marks, a quoted name, or a name: it may hold a "-", but no arrow, and end with something in brackets.
_TOKEN = re.compile(
    r'\s*(→|->|,|;|\)|blend\(|"(?:[^"\\]|\\.)*"|(?:(?!->)[^\s→,;()>"])(?:(?!->)[^\s→,;()>])*(?:\([^()]*\))?)'
)


def express(plan: Wired) -> str:
    """The expression of a series-parallel plan, else the listing."""
    return _series_parallel(plan, plan.sink, None) or listing(plan)


def listing(plan: Wired) -> str:
    """Every node with what it reads, numbered from 1: ``1=a; 2=b(1); 3=c(1, 2)``."""
    parts = []
    for v, model in enumerate(plan.models):
        reads = ", ".join(str(u + 1) for u in plan.predecessors(v))
        parts.append(f"{v + 1}={_written(model)}" + (f"({reads})" if reads else ""))
    return "; ".join(parts)


def _written(model: str) -> str:
    """The name as it stands, or quoted if that would not be read as this name."""
    found = _TOKEN.fullmatch(model)
    plain = found is not None and found[1] == model and model not in _MARKS
    other = model.startswith(("{", "[", '"')) or re.match(r"\d+:\d+:", model)
    return model if plain and not other else json.dumps(model, ensure_ascii=False)


def _series_parallel(plan: Wired, node: int, entry: int | None) -> str | None:
    """Text of what leads from ``entry`` (not included; None: the question) to ``node``, or None."""
    before = plan.predecessors(node)
    name = _written(plan.models[node])
    if not before or before == (entry,):
        return name if (not before) == (entry is None) else None
    if len(before) == 1:
        head = _series_parallel(plan, before[0], entry)
        return None if head is None else head + ARROW + name
    fork = _fork(plan, before, entry)
    if fork is False:
        return None
    branches = [_series_parallel(plan, u, fork) for u in before]
    if None in branches or not _disjoint(plan, before, fork):
        return None
    text = f"blend({', '.join(map(str, branches))}; {name})"
    if fork == entry:
        return text
    assert fork is not None  # the question never follows a node
    head = _series_parallel(plan, fork, entry)
    return None if head is None else head + ARROW + text


def _fork(plan: Wired, branches: tuple[int, ...], entry: int | None) -> int | bool | None:
    """The last node that all branches contain (``entry`` if there is none); False if they overlap."""
    common = set.intersection(*(set(plan.closure(u)) for u in branches))
    if common & set(branches):
        return False
    if not common:
        return entry if entry is None else False
    return max(common)


def _disjoint(plan: Wired, branches: tuple[int, ...], fork: int | None) -> bool:
    before = set(plan.closure(fork)) if fork is not None else set()
    inner = [set(plan.closure(u)) - before for u in branches]
    return sum(map(len, inner)) == len(set.union(*inner))


def parse_expression(text: str) -> tuple[list[str], list[tuple[int, int]]]:
    """Models and edges that an expression names; :class:`PlanError` says where it cannot be read."""
    reader = _Reader(text)
    reader.chain([])
    if reader.token:
        raise PlanError(f"unexpected {reader.token!r} in plan expression {text!r:.80}", HELP)
    return reader.models, reader.edges


class _Reader:
    """Recursive descent: chain := step (→ step)*; step := model | blend(chain, …; model)."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.tokens = self._split()
        self.models: list[str] = []
        self.edges: list[tuple[int, int]] = []

    def _split(self) -> list[str]:
        tokens, at = [], 0
        text = self.text.rstrip()
        while at < len(text):
            match = _TOKEN.match(text, at)
            if not match:
                raise PlanError(f"plan text {self.text!r:.80} cannot be read at character {at + 1}", HELP)
            tokens.append(match.group(1))
            at = match.end()
            if len(tokens) > 200:
                raise PlanError("a plan expression with more than 200 words", "Plans have at most 7 nodes.")
        return tokens[::-1]

    @property
    def token(self) -> str:
        return self.tokens[-1] if self.tokens else ""

    def take(self, wanted: str) -> None:
        if self.token != wanted:
            found = repr(self.token) if self.token else "the end"
            raise PlanError(f"expected {wanted!r}, not {found}, in plan expression {self.text!r:.80}", HELP)
        self.tokens.pop()

    def chain(self, entry: list[int]) -> int:
        """Read a chain whose first nodes read ``entry``; return its last node."""
        last = self.step(entry)
        while self.token in ("→", "->"):
            self.tokens.pop()
            last = self.step([last])
        return last

    def step(self, entry: list[int]) -> int:
        if self.token != "blend(":
            return self.node(entry)
        self.tokens.pop()
        branches = [self.chain(entry)]
        while self.token == ",":
            self.tokens.pop()
            branches.append(self.chain(entry))
        self.take(";")
        if len(branches) == 1:
            raise PlanError(
                f"a blend of one in plan expression {self.text!r:.80}", "Blend two or more, or use →."
            )
        sink = self.node(branches)
        self.take(")")
        return sink

    def node(self, reads: list[int]) -> int:
        if not self.token or self.token in _MARKS:
            found = repr(self.token) if self.token else "the end"
            raise PlanError(f"expected a model, not {found}, in plan expression {self.text!r:.80}", HELP)
        name = self.tokens.pop()
        if name.startswith('"'):
            try:
                name = json.loads(name)
            except ValueError:
                raise PlanError(f"{name:.80} is no name in quotes as JSON has them", HELP) from None
        self.models.append(name)
        node = len(self.models) - 1
        self.edges += [(u, node) for u in reads]
        return node
