"""How long an output may get, so that a verbose model does not break the budget of the question.

Every node may write what it is expected to write, plus its share of what the budget leaves above the
expected bill. A longer output costs twice: where it is written, and where the next nodes read it.
"""

from __future__ import annotations

import datetime
import math
from collections.abc import Callable, Mapping, Sequence

from optiq.execution.accounting import Tariff, longest_paths
from optiq.execution.trace import Call
from optiq.plans.plan import Plan
from optiq.questions.metric import ADDITIVE, LATENCY, RESOURCES
from optiq.questions.question import Budget
from optiq.statistics.snapshot import ModelFigures

# Characters per token where nobody has counted: English text has four, so this errs on the dear side.
_CHARS_PER_TOKEN = 3.0
_SAFETY = 1.05
_TEMPLATE_TOKENS = 4


def limits_outputs(budget: Budget) -> bool:
    """Whether there is a limit that outputs could break."""
    return any(limit is not None for limit in budget.limits[: len(RESOURCES)])


class OutputCaps:
    """The caps of one execution of ``plan`` under ``budget``; ``longest`` tokens at most, whatever is left.

    ``longest`` and ``prompt_chars`` are by node; the latter is its prompt without what its predecessors said. Prices
    are those from ``when`` on.
    """

    def __init__(
        self,
        plan: Plan,
        budget: Budget,
        figures: Callable[[str], ModelFigures],
        prompt_chars: Sequence[int],
        longest: Sequence[int],
        when: datetime.datetime,
    ) -> None:
        self._plan = plan
        self._longest = longest
        self._figures = [figures(model) for model in plan.models]
        self._outputs = [
            _known(f.output_tokens, most, most) for f, most in zip(self._figures, self._longest, strict=True)
        ]
        self._caps: dict[int, int] = {}
        self._prompts = [
            self.prompt_tokens(v, prompt_chars[v])
            + sum(self._outputs[u] * _SAFETY + _TEMPLATE_TOKENS for u in plan.predecessors(v))
            for v in range(plan.k)
        ]
        dear = [f.dearest(tokens, when) for f, tokens in zip(self._figures, self._prompts, strict=True)]
        self._sums = [
            (limit, [Tariff.at(metric, f) for f in dear], metric.name)
            for metric in ADDITIVE
            if (limit := getattr(budget, metric.limit)) is not None
        ]
        self._seconds = budget.max_latency_s
        self._paces = [Tariff.at(LATENCY, f) for f in self._figures]

    def prompt_tokens(self, node: int, chars: int) -> float:
        """An estimate on the high side for a prompt of that many characters."""
        known = self._figures[node].chars_per_token
        return chars / (known if known > 0 else _CHARS_PER_TOKEN) * _SAFETY + _TEMPLATE_TOKENS

    def cap(self, node: int, prompt_tokens: float, done: Mapping[int, Call], room: int = 0) -> int:
        """Most output tokens of ``node``, whose prompt has ``prompt_tokens``; 0: not even one fits.

        ``room``: so many more than its longest output.
        """
        self._prompts[node] = prompt_tokens
        longest = self._longest[node] + room
        most = float(longest)
        for limit, tariffs, name in self._sums:
            most = min(most, self._within_sum(node, limit, tariffs, name, done, longest))
        if self._seconds is not None:
            # A late answer is better than none: latency alone never forbids the call.
            most = min(most, max(self._within_path(node, self._seconds, done, longest), 1.0))
        self._caps[node] = max(math.floor(most + 1e-9), 0)
        return self._caps[node]

    def _within_sum(
        self,
        node: int,
        limit: float,
        tariffs: list[Tariff],
        name: str,
        done: Mapping[int, Call],
        longest: int,
    ) -> float:
        committed, to_begin = 0.0, 1
        for v in range(self._plan.k):
            paid = getattr(done[v], name) if v in done else None
            if paid is not None:
                committed += paid
            elif v in self._caps and v != node:  # in flight, or nobody counted
                committed += tariffs[v].of(self._prompts[v], self._caps[v])
            elif v != node:
                committed += tariffs[v].of(self._prompts[v], self._outputs[v])
                to_begin += 1
        expected = self._outputs[node]
        slack = limit - committed - tariffs[node].of(self._prompts[node], expected)
        readers = [v for v in range(self._plan.k) if node in self._plan.predecessors(v)]
        marginal = tariffs[node].output + sum(tariffs[v].prompt for v in readers)
        return _stretched(expected, slack / to_begin if slack > 0 else slack, marginal, longest)

    def _within_path(self, node: int, limit: float, done: Mapping[int, Call], longest: int) -> float:
        before = longest_paths(
            self._plan, {v: done[v].latency_s for v in self._plan.closure(node) if v in done and v != node}
        )
        reached = max((before.get(v) or 0.0 for v in self._plan.predecessors(node)), default=0.0)
        after, steps = self._path_after(node)
        expected = self._outputs[node]
        slack = limit - reached - after - self._paces[node].of(self._prompts[node], expected)
        share = slack / (steps + 1) if slack > 0 else slack
        return _stretched(expected, share, self._paces[node].output, longest)

    def _path_after(self, node: int) -> tuple[float, int]:
        """Expected seconds and number of nodes on the longest path behind ``node``."""
        longest: dict[int, tuple[float, int]] = {self._plan.sink: (0.0, 0)}
        for v in range(self._plan.sink - 1, node - 1, -1):
            readers = [u for u in range(v + 1, self._plan.k) if v in self._plan.predecessors(u)]
            longest[v] = max(
                (
                    longest[u][0] + _number(self._paces[u].of(self._prompts[u], self._outputs[u])),
                    longest[u][1] + 1,
                )
                for u in readers
            )
        return longest[node]


def _stretched(expected: float, slack: float, marginal: float, longest: int) -> float:
    """``expected`` tokens and what ``slack`` pays for beyond; unknown figures set no cap."""
    if math.isnan(slack) or math.isnan(marginal):
        return longest
    if marginal <= 0:
        return longest if slack >= 0 else 0.0
    return expected + slack / marginal


def _known(value: float, default: float, most: float) -> float:
    return min(value if value > 0 else default, most)


def _number(value: float) -> float:
    return 0.0 if math.isnan(value) else value
