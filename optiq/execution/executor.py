"""Carrying out plans: calls along the DAG, independent nodes at once, every call recorded (section 3.2)."""

from __future__ import annotations

import asyncio
import copy
import math
import time
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from functools import cache, partial

from optiq.errors import OptiqError
from optiq.execution.accounting import Prices, call_bound, settle
from optiq.execution.asking import Asking, PromptSetAsking
from optiq.execution.calling import Caller, Figures, Retries, of_our_own
from optiq.execution.identity import execution_id
from optiq.execution.ledger import Amount, Ledger, LimitReached, Reservation
from optiq.execution.output_caps import OutputCaps, limits_outputs
from optiq.execution.shared import Shared
from optiq.execution.thinking_room import why_empty
from optiq.execution.trace import (
    ANSWERED,
    FAILED,
    OVER_LIMIT,
    Call,
    Execution,
    Partial,
    Predicted,
    main_topic,
)
from optiq.plans.plan import Plan
from optiq.prompts.output_lengths import THINKING_TOKENS
from optiq.prompts.prompt_set import ZERO_SHOT, PromptSet
from optiq.prompts.variants import Operators
from optiq.questions.question import Kind, Question
from optiq.scoring.agreement import agreement
from optiq.servers.protocol import LETTERS_ROOM, ModelServer
from optiq.statistics.snapshot import ANY_TOPIC, ModelFigures

OnResult = Callable[[int, Execution], None]
STOPPED = "called off before its end"


@dataclass(frozen=True, slots=True)
class Work:
    """A question, the plan to run on it, what was expected of the plan, and the how-manieth try it is.

    ``asking`` is how its nodes are asked where they are not asked as the executor's prompts say. ``stopped`` is told
    of the execution as far as it went if it is called off.
    """

    question: Question
    plan: Plan
    predicted: Predicted = field(default_factory=Predicted)
    attempt: int = 1
    asking: Asking | None = None
    stopped: Callable[[Execution], None] | None = None


class Executor:
    """Runs plans on one model server.

    Parameters
    ----------
    server
        Where the models answer. Its ``model_slots`` and ``slots`` bound the calls in flight, over all
        executors on it.
    run_id
        Names the run in every trace; ``snapshot_id`` the statistics that it was planned on.
    prices
        Rates for cost and energy, such as a :class:`~optiq.statistics.snapshot.Statistics`; without, both are unknown.
    max_output_tokens
        Cap on every output; None takes :data:`~optiq.prompts.output_lengths.MAX_OUTPUT_TOKENS` by kind of question,
        and what the prompts want for reasoning. A question's budget may ask for less.
    prompts
        Which prompts are used; recorded with every execution.
    operators
        Names in plans that are no served model but a variant of one, with prompts and cap of their own.
    constrain
        Whether servers are asked to let out nothing but letters where options are to be chosen. Prompts that
        ask for reasoning are never constrained.
    temperature
        How freely models write; answers to questions that came with wishes have their own.
    stop_loops
        Whether servers are asked to end long answers, code and JSON that repeat themselves word for word.
    shared
        What the executors of a run have in common: kept responses, total limits, health of models.
    rank
        Among executors that wait for slots of the server, calls of a lower rank go first.
    """

    def __init__(
        self,
        server: ModelServer,
        run_id: str,
        prices: Prices | None = None,
        *,
        snapshot_id: str | None = None,
        max_output_tokens: int | None = None,
        timeout_s: float = 120.0,
        seed: int = 0,
        retries: Retries | None = None,
        shared: Shared | None = None,
        rank: int = 0,
        prompts: PromptSet = ZERO_SHOT,
        operators: Operators | None = None,
        constrain: bool = False,
        temperature: float = 0.0,
        stop_loops: bool = False,
    ) -> None:
        self.server = server
        self.run_id = run_id
        self.prices = prices
        self.snapshot_id = snapshot_id
        self.timeout_s = timeout_s
        self.seed = seed
        self.shared = shared or Shared()
        self._asking: Asking = PromptSetAsking(
            prompts, operators or {}, max_output_tokens, constrain, temperature, stop_loops
        )
        # Merging the rows of a model takes time; there are few topics, and an executor lives for a chunk.
        self._rates = cache(prices.figures) if prices is not None else None
        self._caller = Caller(server, self.shared, retries or Retries(), rank)

    def within(self, ledger: Ledger) -> Executor:
        """The same executor under a total limit of its own."""
        found = copy.copy(self)
        found.shared = replace(self.shared, ledger=ledger)
        found._caller = self._caller.sharing(found.shared)
        return found

    def run(
        self, items: Iterable[Work], on_result: OnResult | None = None, concurrency: int | None = None
    ) -> list[Execution]:
        """:meth:`execute_all` for callers without an event loop; connections are closed at the end."""

        async def everything() -> list[Execution]:
            try:
                return await self.execute_all(items, on_result, concurrency)
            finally:
                await self.server.disconnect()

        return asyncio.run(everything())

    async def execute_all(
        self, items: Iterable[Work], on_result: OnResult | None = None, concurrency: int | None = None
    ) -> list[Execution]:
        """Execute ``items``, ``concurrency`` at a time; the executions in the order of the items.

        ``on_result`` gets place and execution as each is done. Faults end as failed executions, bugs too;
        only a journal that cannot be written stops the others and surfaces. When the run is stopped
        (:class:`~optiq.execution.shared.Control`), what was not executed is left out of the list. The
        server's connections stay open: ``await server.disconnect()`` closes those of this event loop.
        """
        numbered = enumerate(items)
        results: dict[int, Execution] = {}
        control, observer = self.shared.control, self.shared.observer

        async def work() -> None:
            for place, item in numbered:  # shared: each worker takes the next item
                if control.stopping:
                    return
                observer.began()
                execution = None
                try:
                    execution = results[place] = await self.execute(item)
                    if on_result is not None:
                        on_result(place, execution)
                finally:
                    observer.ended(execution)

        # Enough questions to keep all slots busy while some wait for their predecessors.
        workers = [
            asyncio.ensure_future(work()) for _ in range(concurrency or max(16, 2 * self.server.slots))
        ]
        try:
            with control.attached(lambda: [worker.cancel() for worker in workers]):
                await _all_or_none(workers)
        except asyncio.CancelledError:
            if not control.interrupted:
                raise
        return [results[place] for place in sorted(results)]

    async def execute(self, item: Work) -> Execution:
        """Run a plan on a question. A node that fails for good fails the execution, and says why.

        An exception that is no fault of a server fails this execution only: it is a bug, and its reason names it.
        When a node fails, calls in flight are awaited, as they are paid for, and none is begun. If other
        nodes answered, the best of their answers is kept in ``partial``.
        """
        question, plan, asking = item.question, item.plan, item.asking or self._asking
        execution = Execution(
            question,
            plan,
            self.run_id,
            datetime.now(UTC),
            predicted=item.predicted,
            snapshot_id=self.snapshot_id,
            prompt=asking.label(plan),
            execution_id=execution_id(self.run_id, question.question_id, plan.key, item.attempt),
        )
        figures = self._figures(question)
        started = time.perf_counter()
        ledger = self.shared.ledger
        calls: dict[int, Call] = {}
        try:
            allowance = await ledger.reserve(self._most_now(item) if ledger.limited else Amount())
        except LimitReached as fault:
            execution.status, execution.error = OVER_LIMIT, str(fault)
            return execution
        try:
            await self._walk(question, plan, asking, figures, allowance, calls)
        except OptiqError:
            raise  # no fault of this execution: the journal cannot be written
        except asyncio.CancelledError:
            if item.stopped is not None:
                execution.calls = [calls[node] for node in sorted(calls)]
                execution.error, execution.wall_s = STOPPED, time.perf_counter() - started
                settle(execution)
                item.stopped(execution)
            raise
        except Exception as fault:
            execution.error = of_our_own(fault)
        finally:
            allowance.close()
        execution.wall_s = time.perf_counter() - started
        execution.calls = [calls[node] for node in sorted(calls)]
        try:
            settle(execution)
            if execution.error is None:
                _conclude(execution, asking)
            if execution.status != ANSWERED:
                _fall_back(execution, asking, figures)
        except Exception as fault:
            execution.status, execution.error = FAILED, of_our_own(fault)
        return execution

    def _most_now(self, item: Work) -> Amount:
        """:meth:`most` without the calls that a killed session has made and paid for: they will be found again."""
        responses = self.shared.responses
        made = responses.unrecorded(self._maker(item.question)) if responses is not None else Counter()
        return self.most(item, made)

    def most(self, item: Work, made: Mapping[str, int] | None = None) -> Amount:
        """The most that all calls of ``item`` may cost, one attempt each; NaN if a rate is unknown.

        So many calls of a model were ``made`` already.
        """
        left = Counter(made or {})
        question, plan, asking = item.question, item.plan, item.asking or self._asking
        figures = self._figures(question)
        if figures is None:
            return Amount(math.nan, math.nan)
        most = Amount()
        for node, model in enumerate(plan.models):
            if left[model] > 0:
                left[model] -= 1
                continue
            prompt_bytes = asking.prompt_bytes(question, plan, node)
            longest = asking.longest(question, plan, node)
            if self.shared.thinkers.knows(model):
                longest += THINKING_TOKENS
            longest += LETTERS_ROOM if question.options else 0
            most += call_bound(figures(model), prompt_bytes, longest, datetime.now(UTC))
        return most

    async def _walk(
        self,
        question: Question,
        plan: Plan,
        asking: Asking,
        figures: Figures | None,
        allowance: Reservation,
        calls: dict[int, Call],
    ) -> None:
        """Fill ``calls`` by node: each as soon as its predecessors have answered."""
        caps = _caps(question, plan, asking, figures)
        begin = partial(self._call, question, plan, asking, figures, allowance, caps, calls)
        if plan.k == 1:
            calls[0] = await begin(0)
            return
        running: dict[asyncio.Future[Call], int] = {}
        waiting = set(range(plan.k))
        try:
            while True:
                if not any(call.error for call in calls.values()):
                    for node in sorted(v for v in waiting if set(plan.predecessors(v)) <= set(calls)):
                        waiting.remove(node)
                        running[asyncio.ensure_future(begin(node))] = node
                if not running:
                    return
                done, _ = await asyncio.wait(running, return_when=asyncio.FIRST_COMPLETED)
                for future in done:
                    calls[running.pop(future)] = future.result()
        finally:
            await _cancel(running)

    async def _call(
        self,
        question: Question,
        plan: Plan,
        asking: Asking,
        figures: Figures | None,
        allowance: Reservation,
        caps: OutputCaps | None,
        calls: dict[int, Call],
        node: int,
    ) -> Call:
        """One call, with the cap on its output that the budget asks for; it is among ``calls`` if it is called off."""
        request = asking.request(question, plan, node, {v: calls[v].output or "" for v in calls})
        call = Call(
            node,
            plan.models[node],
            datetime.now(UTC),
            plan.subplan(node),
            len(request.prompt),
            request.max_output_tokens,
            server=self.server.name,
        )
        if caps is not None:
            tokens = await self._count(caps, node, request.model, request.prompt)
            roomy = caps.cap(node, tokens, calls, request.thinking_room)
            limit = call.max_output_tokens = caps.cap(node, tokens, calls)
            held = caps.cap(node, tokens, calls, request.letters_room) - limit
            request = replace(request, thinking_room=max(roomy - limit, 0), letters_room=max(held, 0))
            if limit < 1:
                call.error = f"the budget ({question.budget.describe()}) leaves nothing for it"
                return call
        request = replace(
            request, max_output_tokens=call.max_output_tokens, seed=self.seed, timeout_s=self.timeout_s
        )
        draw = f"{self.seed}:{question.question_id}:{plan.key}:{node}"
        try:
            await self._caller.make(call, request, figures, allowance, self._maker(question), draw)
        except asyncio.CancelledError:
            call.error = STOPPED
            calls[node] = call
            raise
        return call

    async def _count(self, caps: OutputCaps, node: int, model: str, prompt: str) -> float:
        """Tokens of a prompt: counted where the server can, else estimated on the high side."""
        counted = None
        if self.server.counts_tokens:
            with suppress(Exception):  # the call itself will say what is wrong with the server
                counted = await asyncio.to_thread(self.server.count_tokens, model, prompt)
        return caps.prompt_tokens(node, len(prompt)) if counted is None else counted

    def _figures(self, question: Question) -> Figures | None:
        if self._rates is None:
            return None
        return partial(_figures, self._rates, main_topic(question) or ANY_TOPIC, question.kind)

    def _maker(self, question: Question) -> str:
        """Whose calls they are, for :class:`~optiq.execution.responses.ResponseStore`."""
        return f"{self.run_id}/{question.question_id}"


def _figures(
    rates: Callable[[str, str, Kind], ModelFigures], topic: str, kind: Kind, model: str
) -> ModelFigures:
    return rates(model, topic, kind)


def _caps(question: Question, plan: Plan, asking: Asking, figures: Figures | None) -> OutputCaps | None:
    """The caps that the budget of the question sets; None if it sets none."""
    if figures is None or not limits_outputs(question.budget):
        return None
    nodes = range(plan.k)
    prompt_chars = [asking.prompt_chars(question, plan, node) for node in nodes]
    longest = [asking.longest(question, plan, node) for node in nodes]
    return OutputCaps(plan, question.budget, figures, prompt_chars, longest, datetime.now(UTC))


def _conclude(execution: Execution, asking: Asking) -> None:
    """Set status, answer and error."""
    failed = [call for call in execution.calls if call.error is not None]
    if failed:
        execution.error = "; ".join(f"{call.model} (node {call.node}): {call.error}" for call in failed)
        return
    plan = execution.plan
    outputs = {call.node: call.output for call in execution.calls}
    execution.answer = asking.answer(execution.question, plan, plan.sink, outputs)
    if execution.answer:
        execution.status = ANSWERED
        others = [
            asking.answer(execution.question, plan, node, outputs)
            for node in range(plan.k)
            if node != plan.sink
        ]
        execution.agreement = agreement(execution.question, execution.answer, others)
    else:
        sink = next(call for call in execution.calls if call.node == plan.sink)
        execution.error = (
            f"{plan.models[plan.sink]} (node {plan.sink}): the answer is empty: {why_empty(sink)}"
        )


def _fall_back(execution: Execution, asking: Asking, figures: Figures | None) -> None:
    """Set ``partial`` of an execution that failed, if a node has an answer.

    The best node is the one that the most operations led to, as it has read the most; of several, the one
    whose model is the best on this topic. The execution stays failed: its plan was not observed.
    """
    answers = {}
    outputs = {call.node: call.output for call in execution.calls if call.error is None}
    for call in execution.calls:
        if call.error is not None:
            continue
        if answer := asking.answer(execution.question, execution.plan, call.node, outputs):
            answers[call.node] = answer
    if not answers:
        return

    def worth(call: Call) -> tuple[int, float, int]:
        qoa = math.nan if figures is None else figures(call.model).qoa
        return len(execution.plan.closure(call.node)), -1.0 if math.isnan(qoa) else qoa, -call.node

    best = max((call for call in execution.calls if call.node in answers), key=worth)
    execution.partial = Partial(best.node, best.model, answers[best.node])


async def _all_or_none(futures: Iterable[asyncio.Future[None]]) -> None:
    """Await all; if one fails or this is cancelled, cancel the others and wait until they are gone."""
    pending = list(futures)
    try:
        await asyncio.gather(*pending)
    finally:
        await _cancel(pending)


async def _cancel(futures: Iterable[asyncio.Future]) -> None:
    left = [future for future in futures if not future.done()]
    for future in left:
        future.cancel()
    await asyncio.gather(*left, return_exceptions=True)
