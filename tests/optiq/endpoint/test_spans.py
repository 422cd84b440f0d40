"""What OpenTelemetry is told of a plan."""

from datetime import UTC, datetime

from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from optiq.endpoint import spans
from optiq.endpoint.asked import Asked
from optiq.execution.trace import ANSWERED, Call, Execution
from optiq.plans.plan import Plan
from optiq.questions.question import Question


def test_a_span_of_the_plan_holds_those_of_its_calls(monkeypatch) -> None:
    kept, provider = InMemorySpanExporter(), TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(kept))
    monkeypatch.setattr(spans, "_tracer", lambda: provider.get_tracer("optiq"))
    plan, begun = Plan.of(["a", "b"], [(0, 1)]), datetime(2026, 1, 1, tzinfo=UTC)
    calls = [
        Call(0, "a", begun, plan.subplan(0), 5, prompt_tokens=7, output_tokens=2, latency_s=0.5),
        Call(1, "b", begun, plan, 5, error="the server is gone"),
    ]
    execution = Execution(Question("q", "Secret?"), plan, "run", begun, wall_s=2.0, calls=calls)
    spans.record_spans(execution, Asked("optiq", (), {}))
    first, second, whole = kept.get_finished_spans()
    assert {first.parent.span_id, second.parent.span_id} == {whole.context.span_id}
    assert first.attributes["gen_ai.usage.input_tokens"] == 7
    assert first.end_time - first.start_time == 500_000_000
    assert whole.end_time - whole.start_time == 2_000_000_000
    assert (second.status.is_ok, whole.status.is_ok) == (False, False)
    assert "Secret" not in str([dict(one.attributes) for one in kept.get_finished_spans()])
    execution.status = ANSWERED
    monkeypatch.setattr(spans, "_tracer", lambda: None)
    spans.record_spans(execution, Asked("optiq", (), {}))
    assert len(kept.get_finished_spans()) == 3


def test_a_span_is_made_only_where_somebody_has_set_up_who_takes_it(monkeypatch) -> None:
    monkeypatch.setattr(trace, "get_tracer_provider", trace.ProxyTracerProvider)
    assert spans._tracer() is None
    provider = TracerProvider()
    monkeypatch.setattr(trace, "get_tracer_provider", lambda: provider)
    assert spans._tracer() is not None
