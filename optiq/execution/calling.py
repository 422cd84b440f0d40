"""One call of a model: found again, waited for, or made, with its retries; then recorded and priced."""

from __future__ import annotations

import asyncio
import math
import random
import time
import traceback
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

from optiq.errors import (
    AnswerBrokeOff,
    AnswerLate,
    AnswerLost,
    ModelNotServed,
    OptiqError,
    RateLimited,
    RequestRefused,
    ServerBusy,
    ServerError,
    TransientServerError,
)
from optiq.execution.accounting import MEASURED, call_bound, charged, price_call
from optiq.execution.flights import GivenUp
from optiq.execution.health import TakenOut
from optiq.execution.identity import call_key
from optiq.execution.ledger import Amount, Hold, LimitReached, Reservation
from optiq.execution.limits import CallLimits, limits_of
from optiq.execution.rates import MOST_REFUSALS
from optiq.execution.shared import Shared
from optiq.execution.thinking_room import cut_in_thought
from optiq.execution.trace import Call
from optiq.questions.metric import RESOURCES
from optiq.servers.context import why_cut
from optiq.servers.pool import Place, at_prices, generate_at, places_of
from optiq.servers.protocol import GenerateRequest, Generation, ModelServer
from optiq.statistics.snapshot import ModelFigures

Figures = Callable[[str], ModelFigures]
_CHARS_PER_TOKEN = 4  # for limits on tokens a minute, which servers keep by such a rule themselves


@dataclass(frozen=True, slots=True)
class Retries:
    """Trying again what may pass: ``attempts`` in all; waits of ``first_s`` × ``factor``ⁿ s, at most ``longest_s``.

    Waits are shortened at random by up to half, so that many callers do not come back at once. A server that
    asks for more than ``patience_s`` is not waited for. A rate limit is no failure: it is waited for by all calls
    together (:mod:`optiq.execution.rates`). A call that got no answer in time is made ``in_time`` times in all: each
    try takes the whole of that time, and most of what was too slow once is too slow again.
    """

    attempts: int = 4
    first_s: float = 0.5
    factor: float = 2.0
    longest_s: float = 30.0
    patience_s: float = 60.0
    in_time: int = 2

    def wait_s(self, attempt: int, retry_after_s: float | None, key: str) -> float | None:
        """Seconds to wait after the failed ``attempt`` (from 1); None to give up.

        ``key`` names the call: the same call waits the same time in every run.
        """
        if attempt >= self.attempts or (retry_after_s is not None and retry_after_s > self.patience_s):
            return None
        wait = min(self.first_s * self.factor ** (attempt - 1), self.longest_s)
        wait *= random.Random(f"{key}:{attempt}").uniform(0.5, 1.0)
        return max(wait, retry_after_s or 0.0)


class Caller:
    """Makes the calls of an executor. A fault ends in ``Call.error``, one of ours too.

    Raised is only what no other call would escape: the journal cannot be written.

    Where calls wait for a slot, those of a lower ``rank`` go first.
    """

    def __init__(self, server: ModelServer, shared: Shared, retries: Retries, rank: int = 0) -> None:
        self._server = server
        self._rank = rank
        self._shared = shared
        self._retries = retries
        self._identities: dict[str, str] = {}

    def sharing(self, shared: Shared) -> Caller:
        """The same caller with something else in common with others."""
        return Caller(self._server, shared, self._retries, self._rank)

    async def make(
        self,
        call: Call,
        request: GenerateRequest,
        figures: Figures | None,
        allowance: Reservation,
        maker: str,
        name: str,
    ) -> None:
        """Fill ``call`` with what came of ``request``, which names the served model where the call's is a variant.

        ``maker`` is whose call it is (:class:`~optiq.execution.responses.ResponseStore`); ``name`` tells it
        from others where waits are drawn at random.
        """
        request = self._shared.thinkers.request(request)
        call.max_output_tokens = request.max_output_tokens
        try:
            generation = await self._answer(call, request, figures, allowance, maker, name)
            generation = await self._with_room(call, generation, request, figures, allowance, maker, name)
        except (ServerError, LimitReached) as fault:
            call.error, call.fault = str(fault), _without_frames(fault)
        except OptiqError:
            raise
        except Exception as fault:
            call.error = of_our_own(fault)
        else:
            _record(call, generation)
            if figures is not None:
                price_call(call, at_prices(self._server, call.server, figures(call.model)))
        if call.drawn is not None and call.error is None:
            figures_now = (call.cost_usd, call.energy_j)
            actual = Amount(*(math.nan if figure is None else figure for figure in figures_now))
            allowance.settle(call.drawn, actual)
            # Nobody counted: who reads the record must know that this may have been spent.
            call.lost += actual.missing(call.drawn.amount)
        if call.error is None and (cut := why_cut(request.prompt, call.prompt_tokens)) is not None:
            _void(call, cut)
        self._shared.observer.called(call)

    async def _with_room(
        self,
        call: Call,
        cut: Generation,
        request: GenerateRequest,
        figures: Figures | None,
        allowance: Reservation,
        maker: str,
        name: str,
    ) -> Generation:
        """``cut``, or what comes of the same request with room for thinking if that used up its cap.

        The model has that room from then on. What the first try cost is lost on the way.
        """
        self._shared.thinkers.saw(cut, call.model)
        with_room = self._shared.thinkers.request(request)
        if with_room == request or not cut_in_thought(cut):
            return cut
        if not call.cached:
            paid = Amount(math.nan, math.nan)
            if figures is not None:
                rates = at_prices(self._server, cut.server, figures(call.model))
                paid = charged(rates, cut.prompt_tokens, cut.output_tokens, cut.started_at)
            most = Amount()
            if call.drawn is not None:
                allowance.settle(call.drawn, paid)
                most = call.drawn.amount
            call.lost += paid.or_else(most)
        call.drawn, call.cached = None, False
        call.attempts += 1
        call.max_output_tokens = with_room.max_output_tokens
        return await self._answer(call, with_room, figures, allowance, maker, name)

    async def _answer(
        self,
        call: Call,
        request: GenerateRequest,
        figures: Figures | None,
        allowance: Reservation,
        maker: str,
        name: str,
    ) -> Generation:
        """The generation, from wherever it comes."""
        store, flights = self._shared.responses, self._shared.flights
        key = call_key(self._identity(request.model), request) if store is not None else None
        if store is None or key is None:
            return await self._attempts(call, request, figures, allowance, maker, name, None)
        while True:
            flight, mine = flights.join(key)
            if not mine:
                call.cached = True  # whatever comes of it, it is the other's call
                try:
                    return await asyncio.wrap_future(flight)
                except GivenUp:
                    call.cached = False
                    continue
            outcome: Generation | Exception | None = None
            try:
                kept = store.find(key, maker)
                if kept is not None:
                    call.cached = not kept.own
                    if kept.own:
                        call.drawn = self._shared.ledger.take_over(_label(maker, key))
                    outcome = kept.generation
                else:
                    outcome = await self._attempts(call, request, figures, allowance, maker, name, key)
                return outcome
            except ServerError as fault:
                outcome = fault
                raise
            finally:
                flights.land(key, outcome)

    async def _attempts(
        self,
        call: Call,
        request: GenerateRequest,
        figures: Figures | None,
        allowance: Reservation,
        maker: str,
        name: str,
        key: str | None,
    ) -> Generation:
        """Call until it is answered or given up; an answer is kept under ``key`` if there is one.

        It is on disk before another call gets the slot, so that a kill loses no more calls than are in flight.
        """
        health, store, model = self._shared.health, self._shared.responses, request.model
        failed_at: set[str] = set()
        began_s: float | None = None  # since when it has had a slot
        too_late, too_soon, tokens = (
            0,
            0,
            len(request.prompt) // _CHARS_PER_TOKEN + (request.max_output_tokens or 0),
        )
        while True:
            try:
                place = self._place(model, failed_at)
            except ServerError:
                call.attempts -= 1  # this one is not made
                raise
            server_limits = limits_of(place.server)
            hold: Hold | None = None
            lost = False
            try:
                held: list[tuple[CallLimits, str]] = []  # slots: of the run, of the server
                try:
                    if self._shared.slots is not None:
                        await self._shared.slots.acquire(model, self._rank)
                        held.append((self._shared.slots, model))
                    await server_limits.acquire(place.model, self._rank)
                    held.append((server_limits, place.model))
                    await server_limits.turn(tokens)
                    if health.why_out(place.key) is not None:
                        continue  # while it waited
                    # On disk before the call goes out: a killed run knows what may have been billed for it.
                    hold = allowance.draw(self._bound(call.model, request, figures), _label(maker, key))
                    lost = True  # from here on
                    began_s = began_s or time.monotonic()
                    generation = await self._generate(place, request)
                    if store is not None and key is not None:
                        await store.keep(key, maker, generation)
                finally:
                    for limits, name_there in held:
                        limits.release(name_there)
            except AnswerLost as fault:
                wait_s = self._retries.wait_s(call.attempts - too_soon, fault.retry_after_s, name)
                if isinstance(fault, AnswerLate):
                    too_late += 1
                    self._shared.observer.late(call.model)
                if isinstance(fault, AnswerBrokeOff) or too_late >= self._retries.in_time:
                    wait_s = None
                failure: ServerError = fault
            except RateLimited as fault:
                lost = False
                too_soon += 1
                wait_s = 0.0 if self._waits_for(fault, server_limits) else None  # all of them wait in turn()
                failure = fault
            except TransientServerError as fault:
                lost = False
                wait_s = self._retries.wait_s(call.attempts - too_soon, fault.retry_after_s, name)
                failure = fault
            except ServerError as fault:
                lost = False
                wait_s = None
                failure = fault
            else:
                lost = False
                call.drawn = hold
                health.answered(place.key)
                return generation
            finally:
                if (
                    call.drawn is None and hold is not None
                ):  # not answered: free again, unless it may be billed
                    most = hold.amount if lost else Amount()
                    allowance.settle(hold, most)
                    call.lost += most
            elsewhere = self._elsewhere(model, place, failed_at, failure)
            if wait_s is None or elsewhere:
                if not isinstance(failure, RequestRefused):  # that tells nothing of the model
                    at_once = isinstance(failure, ModelNotServed)
                    health.failed(place.key, str(failure), began_s or math.inf, at_once=at_once)
                if not elsewhere:
                    if place.key != model and all(health.why_out(one.key) for one in self._places(model)):
                        health.failed(model, str(failure), at_once=True)
                    raise failure
                wait_s = 0.0
            call.attempts += 1
            await asyncio.sleep(wait_s)

    def _places(self, model: str) -> Sequence[Place]:
        return places_of(self._server, model)

    def _place(self, model: str, failed_at: Collection[str]) -> Place:
        """Where to ask ``model``: of the servers that are well the one with most room, another than before.

        Raises :class:`ModelNotServed` or :class:`TakenOut` if there is none.
        """
        health, places = self._shared.health, self._places(model)
        if not places:
            raise ModelNotServed(f"no server has {model!r}", "`optiq models` lists those that are served.")
        well = [place for place in places if health.why_out(place.key) is None]
        if not well:
            raise TakenOut(f"{model} was taken out of this run: {health.why_out(places[0].key)}")
        if len(well) == 1:
            return well[0]
        fresh = [place for place in well if place.key not in failed_at]
        return min(fresh or well, key=lambda place: limits_of(place.server).load(place.model))

    def _elsewhere(self, model: str, place: Place, failed_at: set[str], failure: ServerError) -> bool:
        """Whether another server is to be asked at once, that did not fail this call."""
        places = self._places(model)
        if len(places) < 2 or isinstance(failure, RequestRefused):
            return False
        failed_at.add(place.key)
        health = self._shared.health
        return any(one.key not in failed_at and health.why_out(one.key) is None for one in places)

    async def _generate(self, place: Place, request: GenerateRequest) -> Generation:
        """The server's answer; how it came tells how many calls are worth having in flight."""
        limits, model = limits_of(place.server), place.model
        behind = limits.calls(model) > 1
        try:
            generation = await generate_at(place, request)
        except (AnswerLate, ServerBusy) as fault:
            limits.overloaded(model, lost=isinstance(fault, AnswerLate))
            raise
        except RateLimited as fault:
            if self._waits_for(fault, limits):
                limits.refused(model, fault.retry_after_s)
            raise
        limits.answered(model)
        queue_s = limits.queued_s(model, generation.queue_s, behind)
        return generation if queue_s == generation.queue_s else replace(generation, queue_s=queue_s)

    def _waits_for(self, fault: RateLimited, limits: CallLimits) -> bool:
        if (fault.retry_after_s or 0.0) > self._retries.patience_s:
            return False
        return limits.refusals <= MOST_REFUSALS

    def _bound(self, model: str, request: GenerateRequest, figures: Figures | None) -> Amount:
        ledger = self._shared.ledger
        if figures is None or not (ledger.limited or ledger.kept):
            return Amount()
        limit = (request.max_output_tokens or 0) + request.letters_room
        prompt_bytes = len(request.prompt.encode())
        if (said := request.conversation) is not None:
            limit, prompt_bytes = limit * said.answers, prompt_bytes + said.other_bytes
        return call_bound(figures(model), prompt_bytes, limit, datetime.now(UTC))

    def _identity(self, model: str) -> str:
        if model not in self._identities:
            try:
                self._identities[model] = self._server.identity(model)
            except ServerError:  # the call itself will say what is wrong
                return model
        return self._identities[model]


def _label(maker: str, key: str | None) -> str | None:
    """What the ledger knows a call by whose answer a later session may find."""
    return None if key is None else f"{maker} {key}"


def _without_frames(fault: OptiqError) -> OptiqError:
    """A call's fault lives on with its trace; what the frames held that it went through is a reply of up to 16 MB."""
    fault.__context__ = None
    return fault.with_traceback(None)


def of_our_own(fault: Exception) -> str:
    """What is said of an exception that is no fault of a server: a bug, and where it is."""
    frames = traceback.extract_tb(fault.__traceback__)
    where = f" ({Path(frames[-1].filename).name}, line {frames[-1].lineno})" if frames else ""
    said = " ".join(f"{type(fault).__name__}: {fault}".split())[:300].rstrip(": ")
    return f"a fault of Optiq itself, please report it: {said}{where}"


def _void(call: Call, why: str) -> None:
    """What came is no answer to what was asked: it is paid for, and teaches nothing."""
    if not call.cached:
        call.lost += Amount(call.cost_usd or 0.0, call.energy_j or 0.0)
    call.error, call.output, call.thinking, call.energy_source = why, None, None, None
    for metric in RESOURCES:
        setattr(call, metric.name, None)


def _record(call: Call, generation: Generation) -> None:
    call.output = generation.text.strip()
    for name in (
        "answered_model",
        "server",
        "digest",
        "prompt_tokens",
        "output_tokens",
        "cached_tokens",
        "load_s",
        "prompt_s",
        "output_s",
        "queue_s",
        "finish_reason",
        "started_at",
        "constrained",
        "energy_j",
        "thinking",
        "thinking_tokens",
        "refusal",
        "logprob_mean",
        "logprob_least",
    ):
        setattr(call, name, getattr(generation, name))
    call.energy_source = None if generation.energy_j is None else MEASURED
    if generation.latency_s is not None:
        waited_s = (generation.load_s or 0.0) + (generation.queue_s or 0.0)
        call.latency_s = max(generation.latency_s - waited_s, 0.0)
