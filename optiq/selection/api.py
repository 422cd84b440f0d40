"""Select models for roles in one call.

>>> ModelSelector(Agent, {"planner": [...], "solver": [...]}, "labelled.csv", "exact").select().best  # doctest: +SKIP
{'planner': 'small', 'solver': 'large'}
"""

from __future__ import annotations

import dataclasses
import uuid
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from optiq.errors import InputError
from optiq.execution import Shared
from optiq.execution.accounting import PriceList, Prices, Tariff
from optiq.execution.ledger import Ledger
from optiq.execution.limits import CallLimits
from optiq.execution.responses import ResponseStore
from optiq.extensions.built_in import SELECTORS
from optiq.questions.metric import COST
from optiq.questions.reading import AS_IT_IS, Reading
from optiq.selection.advice import known_of
from optiq.selection.agents import AgentSubject
from optiq.selection.bill import Bill
from optiq.selection.examples import Data, read_examples
from optiq.selection.interception import Transport
from optiq.selection.metrics import make_metric
from optiq.selection.objective import Objective
from optiq.selection.performing import AgentPerformer, figures_of
from optiq.selection.protocol import Advisor, Problem
from optiq.selection.registry import DEFAULT, make_selector
from optiq.selection.results import SelectionResult
from optiq.selection.runtime import DEAREST, INTERRUPTED, Limits, Ran, Runtime
from optiq.selection.search import search
from optiq.selection.space import Space
from optiq.selection.stages import StagedSubject, StagePerformer
from optiq.selection.store import Store
from optiq.selection.subjects import Performer, Subject
from optiq.servers.protocol import ModelServer

REPEAT_TEMPERATURE = 0.7
"""Of repeated runs of plans and workflows whose calls are at temperature 0."""


class SelectionInterrupted(KeyboardInterrupt):
    """Ctrl-C. ``result`` is how the selection stands; with a ``store``, the same selection goes on from there."""

    def __init__(self, result: SelectionResult) -> None:
        super().__init__("the selection was interrupted")
        self.result = result


class ModelSelector:
    """Finds the best model for each role by running combinations on labelled examples.

    Parameters
    ----------
    agent
        A class with ``__init__(models)`` and ``run(example)`` or a function ``run(example, models)``, or its
        ``"module:name"`` (:class:`~optiq.selection.agents.AgentSubject`); or a subject such as
        :func:`optiq.selection.stages.read_workflow` gives.
    models
        Candidates by role. A workflow's own candidates need not be repeated.
    data
        A file, a frame, rows (dict), (input, expected) pairs, or questions.
    metric
        ``exact``, ``containment``, ``cosine``, ``module:function`` or a function (expected, output) → 0 to 1; the
        function may take the row too (:func:`~optiq.selection.metrics.make_metric`).
    reading, field
        What the columns of ``data`` are called, and the one column that an agent gets in place of the row.
    make_model
        Makes of a model's name what an agent gets for it; default: the name.
    method, options
        One of :data:`optiq.extensions.built_in.SELECTORS`, and what it takes.
    prices
        USD per million prompt and output tokens by model, or whatever knows rates, such as
        :class:`~optiq.statistics.snapshot.Statistics`. Without, costs are unknown.
    store
        An SQLite file that keeps outcomes, and what an agent's calls were answered; None keeps nothing.
    server
        Where a plan's or workflow's models answer; an agent brings its own clients.
    responses
        The kept outputs of a plan's or workflow's calls, which stay open; by default in ``responses.sqlite`` beside
        the ``store``.
    ledger
        What the selection may be billed in all, ``limits.max_total_cost_usd`` over all its sessions; by default one
        that is kept in memory.
    repeat_temperature
        That of repeated runs of a plan or workflow, which would all be the same at 0; θ of MixLLM comes from them.
    run_id
        Names the run in executions; default: one of its own.
    """

    def __init__(
        self,
        agent: str | Callable[..., Any] | Subject,
        models: Mapping[str, Sequence[str]],
        data: Data,
        metric: str | Callable[..., float] = "exact",
        *,
        reading: Reading = AS_IT_IS,
        field: str | None = None,
        make_model: str | Callable[[str], Any] | None = None,
        repeat_temperature: float = REPEAT_TEMPERATURE,
        method: str = DEFAULT,
        options: Mapping[str, Any] | None = None,
        objective: Objective | None = None,
        prices: Mapping[str, tuple[float, float]] | Prices | None = None,
        store: str | Path | None = None,
        limits: Limits | None = None,
        server: ModelServer | None = None,
        responses: ResponseStore | None = None,
        ledger: Ledger | None = None,
        run_id: str | None = None,
        advisor: Advisor | None = None,
        task: str = "",
        seed: int = 0,
        on_run: Callable[[Ran], None] | None = None,
    ) -> None:
        subject: Any = agent
        self.subject: Subject = subject if hasattr(agent, "wiring") else AgentSubject(subject, make_model)
        candidates = dict(models)
        if isinstance(self.subject, StagedSubject):
            candidates = self._of_stages(self.subject, candidates)
        self.space = Space.of(candidates)
        judging = make_metric(metric)
        staged = isinstance(self.subject, StagedSubject)
        self.examples = read_examples(
            data,
            reading,
            field,
            needs_reference=judging.needs_reference,
            as_questions=staged or not judging.is_users,
        )
        if isinstance(self.subject, StagedSubject):
            self.subject.check(self.examples.kept)
        self._limits = limits or Limits()
        self._store = None if store is None else Store(store)
        rates = PriceList(prices) if isinstance(prices, Mapping) else prices
        dearest = self._checked_prices(rates)
        self._check_costs(rates, method, objective or Objective())
        self._opened: list[Store | ResponseStore] = [] if self._store is None else [self._store]
        performer: Performer
        ledger = ledger or Ledger(self._limits.max_total_cost_usd)
        if isinstance(self.subject, StagedSubject):
            if server is None:
                raise InputError("a plan or workflow needs a model server", "Give one with server=.")
            if responses is None and store is not None:
                responses = ResponseStore(Path(store).with_name("responses.sqlite"))
                self._opened.append(responses)
            calls = self._limits.calls
            shared = Shared(responses, ledger=ledger, slots=CallLimits(calls, calls))
            name, timeout_s = run_id or uuid.uuid4().hex, self._limits.timeout_s
            performer = StagePerformer(
                self.subject, server, rates, shared, name, timeout_s, repeat_temperature
            )
        else:
            assert isinstance(self.subject, AgentSubject)
            performer = AgentPerformer(
                self.subject,
                Transport(self._store, self._limits.calls, Bill(ledger, dearest=dearest), self._models),
                rates,
                self._limits.timeout_s,
                self._limits.max_total_cost_usd,
            )
        self.method, self._options = method, dict(options or {})
        self.problem = Problem(
            self.space,
            len(self.examples.kept),
            objective or Objective(),
            seed,
            task or self.subject.name,
            advisor,
            known_of(self.subject, self.space, rates) if advisor is not None else None,
            repeat_temperature if staged else None,
        )
        self._selector = make_selector(method, self.problem, self._options)
        self.runtime = Runtime(
            self.subject,
            performer,
            self.space,
            self.examples.kept,
            judging,
            self._store,
            self._limits,
            on_run,
            _load_embedding if self._judges_by_embedding(metric, on_run) else None,
        )

    def _judges_by_embedding(self, metric: object, on_run: object) -> bool:
        """Whether answers are embedded: by the metric, or for the traces of a plan."""
        return metric == "cosine" or (on_run is not None and self.subject.topic is None)

    @property
    def _models(self) -> frozenset[str]:
        return frozenset(model for candidates in self.space.candidates for model in candidates)

    def _checked_prices(self, prices: Prices | None) -> Tariff | None:
        """A limit on the bill holds only where every call has a price; the dearest known if that stands for others."""
        if self._limits.max_total_cost_usd is None:
            return None
        tariffs = {model: Tariff.at(COST, figures_of(prices, model)) for model in self._models}
        known = [tariff for tariff in tariffs.values() if tariff.known]
        agent = isinstance(self.subject, AgentSubject)
        if self._limits.unknown_prices == DEAREST and known and agent:
            return Tariff(0.0, max(t.prompt for t in known), max(t.output for t in known))
        if unpriced := sorted(model for model, tariff in tariffs.items() if not tariff.known):
            raise InputError(
                f"no price is known for {', '.join(unpriced)}, so a spending limit cannot hold",
                "Give prices with `optiq ingest priors FILE`, leave out the limit, or count them as the dearest known: "
                "--unknown-prices dearest.",
            )
        return None

    def _check_costs(self, prices: Prices | None, method: str, objective: Objective) -> None:
        """What costs are compared of must have prices, before anything is spent on it."""
        compares = objective.needs_cost or getattr(SELECTORS.load(method), "compares_costs", False)
        unpriced = sorted(
            model for model in self._models if not Tariff.at(COST, figures_of(prices, model)).known
        )
        if compares and unpriced:
            raise InputError(
                f"no price is known for {', '.join(unpriced)}, and {method} for {objective.describe()} compares costs",
                "Give prices with `optiq ingest priors FILE` (0 for what is free), or leave these models out.",
            )

    @staticmethod
    def _of_stages(subject: StagedSubject, given: Mapping[str, Sequence[str]]) -> dict[str, Sequence[str]]:
        own = subject.candidates
        everywhere = given.get("*")
        found: dict[str, Sequence[str]] = {}
        for role in subject.roles or ():
            models = given.get(role) or own.get(role) or everywhere
            if not models:
                raise InputError(
                    f"stage {role!r} has no candidate models", "Name them in the file, or for all."
                )
            found[role] = models
        if unknown := [role for role in given if role != "*" and role not in found]:
            raise InputError(f"there is no stage {unknown[0]!r}", f"Stages are {', '.join(found)}.")
        return found

    def select(self) -> SelectionResult:
        """Search. What was kept in ``store`` is not run again. Ctrl-C: :class:`SelectionInterrupted`."""
        evidence, finished = self.problem.evidence(), False
        try:
            with self.runtime.running():
                evidence, finished = search(self._selector, self.problem, self.runtime, evidence)
        except KeyboardInterrupt:  # while the method was thinking
            self.runtime.progress.stopped = INTERRUPTED
        finally:
            for kept in self._opened:
                kept.close()
        progress = dataclasses.asdict(self.runtime.progress)
        about = {"subject": self.subject.identity, "metric": self.runtime.metric.name, "run": progress}
        ranking = self._selector.ranking(evidence)
        result = SelectionResult(self.problem, self.method, evidence, ranking, finished, about)
        if progress["stopped"] == INTERRUPTED:
            raise SelectionInterrupted(result) from None
        return result


def _load_embedding() -> None:
    from optiq.text import embedding

    if embedding.available():
        embedding.embed(["loads the weights"])
