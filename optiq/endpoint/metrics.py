"""What Prometheus reads at ``/metrics``; names of plans and models are bounded, whatever clients send."""

from __future__ import annotations

import math
from functools import partial

from optiq.endpoint.passing import Passed
from optiq.execution.trace import Execution

MOST_LABELS = 200
"""Different plans that are counted apart; further ones together."""

_SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120)


class Metrics:
    """Counters of one process."""

    def __init__(self) -> None:
        from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

        self.registry = CollectorRegistry()
        self._plans: set[str] = set()
        counter = partial(Counter, registry=self.registry)
        self._requests = counter(
            "optiq_requests", "Requests that were answered or refused", ["name", "status"]
        )
        self._plans_run = counter("optiq_plans", "Plans that were run", ["plan", "status"])
        self._spend = counter("optiq_spend_usd", "USD that calls cost", ["key"])
        tokens = counter("optiq_tokens", "Tokens of calls", ["direction"])
        self._prompt_tokens, self._output_tokens = tokens.labels("prompt"), tokens.labels("output")
        self._refusals = counter("optiq_refusals", "Requests that were refused", ["code"])
        self.snapshots = counter("optiq_snapshots", "Snapshots that were taken up")
        self.unwritten = counter("optiq_unwritten_traces", "Traces that could not be written")
        timer = partial(Histogram, registry=self.registry)
        whole = "From the request to the end of its answer"
        self._latency = timer("optiq_request_seconds", whole, ["name"], buckets=_SECONDS)
        first = "From the request to the first piece of a stream"
        self._first = timer("optiq_first_piece_seconds", first, buckets=_SECONDS)
        told = "From the request to its first plan"
        self._planning = timer("optiq_planning_seconds", told, buckets=(0.0005, 0.001, *_SECONDS))
        self.in_flight = Gauge(
            "optiq_requests_in_flight", "Requests that are being answered", registry=self.registry
        )

    def answered(self, name: str, status: int, seconds: float) -> None:
        """A request is over."""
        self._requests.labels(name, str(status)).inc()
        self._latency.labels(name).observe(seconds)

    def refused(self, code: str) -> None:
        """A request got no answer."""
        self._refusals.labels(code).inc()

    def planned(self, seconds: float) -> None:
        """A plan was made."""
        self._planning.observe(seconds)

    def began(self, seconds: float) -> None:
        """The first piece of a stream was sent."""
        self._first.observe(seconds)

    def executed(self, execution: Execution, key: str) -> None:
        """A plan was run."""
        plan = execution.plan.expression
        if plan not in self._plans:
            if len(self._plans) >= MOST_LABELS:
                plan = "other"
            self._plans.add(plan)
        self._plans_run.labels(plan, execution.status).inc()
        for call in execution.calls:
            self._spend.labels(key).inc(call.cost_usd or 0.0)
            self._prompt_tokens.inc(call.prompt_tokens or 0)
            self._output_tokens.inc(call.output_tokens or 0)

    def passed(self, found: Passed, key: str) -> None:
        """A model server answered by itself."""
        self._spend.labels(key).inc(0.0 if math.isnan(found.cost_usd) else found.cost_usd)
        self._prompt_tokens.inc(found.prompt_tokens or 0)
        self._output_tokens.inc(found.output_tokens or 0)

    def page(self) -> bytes:
        """All counters in Prometheus' text form."""
        from prometheus_client import generate_latest

        return generate_latest(self.registry)
