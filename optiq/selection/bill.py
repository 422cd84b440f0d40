"""The bill of agents' calls: what each may cost is held in the ledger before it goes out, and settled after it.

What an agent asks for is its own: where it sets no cap on the output, one is put into its request while a limit holds,
or nobody could say beforehand what the call may cost. The cap is roomy while there is money, and what the
money left allows where there is little; an answer that it cut is none of the agent's.
"""

from __future__ import annotations

import json
import math
import threading
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any

from optiq.execution.accounting import TEMPLATE_TOKENS, Tariff
from optiq.execution.ledger import Amount, Hold, Ledger, LimitReached
from optiq.questions.metric import COST
from optiq.selection.wire import Asked, answers_asked_for, output_cap, with_output_cap
from optiq.statistics.snapshot import ModelFigures

LEAST_ROOM = 1024
"""Output tokens that a call without a cap is given while there is money."""

_NEVER_SENT = frozenset(
    {"ConnectError", "ConnectTimeout", "PoolTimeout", "UnsupportedProtocol", "InvalidURL"}
)
_LOST_STATUS = frozenset({408, 502, 504})  # a gateway gave up on a server that may have gone on


@lru_cache(maxsize=256)
def unpriced(model: str) -> ModelFigures:
    """What is known of a model that nobody priced."""
    return ModelFigures(model=model)


@dataclass(slots=True)
class Charge:
    """One call's part of the bill. ``cap`` is what was put into its ``body``, None if nothing was."""

    body: Mapping[str, Any]
    hold: Hold | None = None
    cap: int | None = None


@dataclass
class Bill:
    """What all calls of a selection cost, by the rates of a model that ``figures`` gives.

    ``dearest`` has the rates that unknown ones are counted at; None: a call without a price is not made under a limit.
    ``longest`` is the longest output so far, in tokens.
    """

    ledger: Ledger = field(default_factory=Ledger)
    figures: Callable[[str], ModelFigures] = unpriced
    dearest: Tariff | None = None
    longest: int = 0
    _unheld_usd: float = 0.0
    _lock: threading.Lock = field(default_factory=threading.Lock)

    @property
    def spent_usd(self) -> float:
        """What is known to be spent."""
        return self.ledger.spent.cost_usd + self._unheld_usd

    def bound(self, model: str, prompt_tokens: float, embeds: bool = False) -> Tariff:
        """What a call of ``model`` costs from now on at the most, with a prompt that has up to so many tokens."""
        return self._tariff(self.figures(model).dearest(prompt_tokens, datetime.now(UTC)), embeds)

    def _tariff(self, figures: ModelFigures, embeds: bool) -> Tariff:
        """Unknown rates as ``dearest`` has them; vectors have no output."""
        found = Tariff.at(COST, figures)
        rates = (found.prompt, 0.0 if embeds else found.output)
        if self.dearest is not None:
            others = (self.dearest.prompt, self.dearest.output)
            rates = tuple(o if math.isnan(rate) else rate for rate, o in zip(rates, others, strict=True))  # type: ignore[assignment]
        return Tariff(found.fixed, *rates)

    def try_to_begin(self, asked: Asked, model: str, size: int) -> Charge | None:
        """Hold what a call of ``size`` bytes may cost; None if that has to wait for calls in flight.

        :class:`LimitReached` if nothing is in flight that could be waited for, or nobody can say what it may cost.
        """
        path, body = asked.path, asked.body
        if not (self.ledger.limited or self.ledger.kept):
            return Charge(body)  # nothing to hold; what it cost is added up
        tariff = self.bound(model, size + TEMPLATE_TOKENS, asked.embeds)
        many = answers_asked_for(body)
        given = 0 if asked.embeds else output_cap(path, body)
        roomy = max(LEAST_ROOM, 2 * self.longest)
        if (
            given is None and self.ledger.limited
        ):  # with a cap in it the request is written anew, and is longer
            size = max(size, len(json.dumps(with_output_cap(path, body, roomy)).encode()))
        prompt = tariff.fixed + (tariff.prompt * (size + TEMPLATE_TOKENS) if tariff.prompt else 0.0)
        if self.ledger.limited and not tariff.known:
            raise LimitReached(
                f"no price is known for {model}, so nobody can say what a call of it may cost "
                "(give one, or count it as the dearest: --unknown-prices dearest)"
            )
        if self.ledger.limited and given is None and asked.signed:
            raise LimitReached(
                f"a signed request to {model} sets no limit on its output, and none can be put into it"
            )

        def charge(tokens: int, cap: int | None) -> Charge:
            most = Amount(prompt + tariff.output * tokens * many if tariff.output else prompt)
            asked = body if cap is None else with_output_cap(path, body, cap)
            return Charge(asked, self.ledger.draw(None, most, None), cap)

        if not self.ledger.limited:
            return charge(max(given or 0, roomy), None)
        wanted = roomy if given is None else given
        with self._lock:
            with suppress(LimitReached):
                return charge(wanted, wanted if given is None else None)
            if self.ledger.committed != self.ledger.spent:
                return None  # calls in flight will give something back
            try:  # nothing is in flight now, but what was may have given something back between
                return charge(wanted, wanted if given is None else None)
            except LimitReached as fault:
                left = self.ledger.left().cost_usd - prompt
                affordable = int(left / (tariff.output * many) * (1 - 1e-9)) if tariff.output else wanted
                if given is not None or affordable < max(self.longest, 1):
                    raise LimitReached(str(fault)) from None
                return charge(affordable, affordable)

    def answered(
        self, charge: Charge, model: str, status: int, prompt: int | None, output: int | None
    ) -> None:
        """The call was answered, with these counts of tokens."""
        cost: float | None = 0.0
        if status < 400:
            rates = self.figures(model).priced(prompt, datetime.now(UTC))
            cost = self._tariff(rates, output == 0).charge(prompt, output)
            self.longest = max(self.longest, output or 0)
        elif status in _LOST_STATUS:
            cost = None
        if charge.hold is not None:
            self.ledger.settle(charge.hold, Amount(math.nan if cost is None else cost))
        elif cost is not None:
            with self._lock:
                self._unheld_usd += cost

    def failed(self, charge: Charge, fault: BaseException) -> None:
        """No answer came: it may be billed all the same if it was sent."""
        if charge.hold is not None:
            sent = type(fault).__name__ not in _NEVER_SENT
            self.ledger.settle(charge.hold, Amount(math.nan if sent else 0.0))

    def was_cut(self, charge: Charge, output: int | None) -> bool:
        """Whether the cap that was put in has ended the answer, as far as anybody can tell."""
        return charge.cap is not None and output is not None and output >= charge.cap
