"""What a consumer pushes: the metrics that it serves, and a span of each batch."""

import subprocess
import sys
from collections.abc import Iterator, Sequence

import pytest

pytest.importorskip("opentelemetry.sdk", reason="the extra `otel` is not installed")

from opentelemetry.proto.metrics.v1.metrics_pb2 import Metric
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import SpanKind, StatusCode
from prometheus_client.parser import text_string_to_metric_families

from bearing_stream.observability.prometheus import PLAIN, Exposition
from bearing_stream.wire import Message
from bearing_stream.wire.headers import TRACE_PARENT
from consumer.settings import ConsumerSettings
from consumer.telemetry.observers import Observer
from consumer.telemetry.served import Telemetry
from consumer.telemetry.serving import EndpointError
from consumer.telemetry.spans import BatchSpans
from consumer.worker import WORKER_VARIABLE
from tests.consumer.fakes import DIAGNOSES, GROUP, WINDOWS, abortable, malformed, window
from tests.consumer.world import World
from tests.otlp_collector import Collected, collector
from tests.paths import ROOT


def parent(number: int) -> str:
    """The header `traceparent` of a message within a span of its own."""
    return f"00-{number + 1:032x}-{number + 1:016x}-01"


def traced(message: Message, number: int) -> Message:
    headers = [*message.headers, (TRACE_PARENT, parent(number).encode())]
    return message._replace(headers=headers)


def linked(span: ReadableSpan) -> list[str]:
    """The headers `traceparent` that a span has links to."""
    found = [link.context for link in span.links]
    return [f"00-{one.trace_id:032x}-{one.span_id:016x}-{one.trace_flags:02x}" for one in found]


@pytest.fixture
def exporter() -> InMemorySpanExporter:
    return InMemorySpanExporter()


def spans_to(exporter: InMemorySpanExporter, most: int | None = None) -> list[Observer]:
    provider = TracerProvider(shutdown_on_exit=False)
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    return [BatchSpans(provider.get_tracer("test"), WINDOWS, GROUP, most)]


def consumer(observers: Sequence[Observer], batch_size: int = 4) -> World:
    return World(batch_size=batch_size, observers=observers).joined()


def test_a_batch_is_a_span_with_links_to_the_traces_of_its_messages(
    exporter: InMemorySpanExporter,
) -> None:
    world = consumer(spans_to(exporter))
    messages = [window(0), window(1), malformed(2)]
    world.cluster.arrive(0, *(traced(one, number) for number, one in enumerate(messages)))
    world.finish()
    [span] = exporter.get_finished_spans()
    assert (span.name, span.kind, span.parent) == (f"process {WINDOWS}", SpanKind.CONSUMER, None)
    assert dict(span.attributes or {}) == {
        "messaging.system": "kafka",
        "messaging.operation.name": "process",
        "messaging.operation.type": "process",
        "messaging.destination.name": WINDOWS,
        "messaging.consumer.group.name": GROUP,
        "messaging.batch.message_count": 3,
        "bearing_stream.dead_letters": 1,
    }
    assert linked(span) == [parent(0), parent(1), parent(2)]
    assert span.status.status_code is StatusCode.UNSET
    # The world's wall clock.
    assert span.start_time == 2_000_000_000


def test_a_diagnosis_carries_the_context_of_its_own_window_on(
    exporter: InMemorySpanExporter,
) -> None:
    world = consumer(spans_to(exporter))
    world.cluster.arrive(0, *(traced(window(number), number) for number in range(3)), window(3))
    world.finish()
    found = [
        dict(message.headers).get(TRACE_PARENT)
        for topic, message in world.cluster.output
        if topic == DIAGNOSES
    ]
    assert found == [*(parent(number).encode() for number in range(3)), None]


def test_a_span_lasts_until_its_results_are_committed(exporter: InMemorySpanExporter) -> None:
    world = consumer(spans_to(exporter))
    world.cluster.arrive(0, *(window(number) for number in range(100)))
    world.pipeline.step()
    assert world.metrics.commits == 0
    assert exporter.get_finished_spans() == ()
    world.finish()
    assert len(exporter.get_finished_spans()) == sum(world.metrics.batches.values())


def test_a_batch_that_is_given_up_is_a_span_with_an_error(exporter: InMemorySpanExporter) -> None:
    world = consumer(spans_to(exporter))
    world.cluster.arrive(0, traced(window(0), 0))
    world.happens_in("send_offsets_to_transaction", abortable())
    world.rounds()
    failed, done = exporter.get_finished_spans()
    assert failed.status.status_code is StatusCode.ERROR
    assert (failed.attributes or {})["error.type"] == "aborted"
    assert done.status.status_code is StatusCode.UNSET
    assert linked(failed) == linked(done) == [parent(0)]


@pytest.mark.parametrize(("most", "expected"), [(0, []), (2, [0, 5]), (3, [0, 4, 8]), (10, None)])
def test_of_more_messages_than_links_some_are_taken_evenly(
    exporter: InMemorySpanExporter, most: int, expected: list[int] | None
) -> None:
    world = consumer(spans_to(exporter, most), batch_size=10)
    world.cluster.arrive(0, *(traced(window(number), number) for number in range(10)))
    world.finish()
    [span] = exporter.get_finished_spans()
    assert linked(span) == [parent(n) for n in (range(10) if expected is None else expected)]


def test_the_links_of_a_span_are_bounded_by_the_standard_variable(
    exporter: InMemorySpanExporter, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OTEL_SPAN_LINK_COUNT_LIMIT", "1")
    world = consumer(spans_to(exporter))
    world.cluster.arrive(0, *(traced(window(number), number) for number in range(4)))
    world.finish()
    [span] = exporter.get_finished_spans()
    assert linked(span) == [parent(0)]


def test_messages_of_one_span_are_one_link_and_invalid_contexts_are_none(
    exporter: InMemorySpanExporter,
) -> None:
    world = consumer(spans_to(exporter), batch_size=10)
    zeros = parent(-1)
    broken = [
        window(9)._replace(headers=[*window(9).headers, (TRACE_PARENT, raw)])
        for raw in (None, b"", b"\xff", zeros.encode())
    ]
    world.cluster.arrive(0, traced(window(0), 7), traced(window(1), 7), window(2), *broken)
    world.finish()
    [span] = exporter.get_finished_spans()
    assert linked(span) == [parent(7)]


@pytest.fixture
def collected(monkeypatch: pytest.MonkeyPatch) -> Iterator[Collected]:
    with collector() as found:
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", found.url)
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_HEADERS", "authorization=Basic%20abc")
        yield found


def pushed(metrics: Sequence[Metric]) -> dict[tuple[str, ...], float]:
    """Name and labels → value, and of a histogram the count and the sum."""
    found: dict[tuple[str, ...], float] = {}
    for metric in metrics:
        for number in (*metric.sum.data_points, *metric.gauge.data_points):
            labels = sorted((one.key, one.value.string_value) for one in number.attributes)
            found[metric.name, str(labels)] = number.as_double
        for histogram in metric.histogram.data_points:
            found[f"{metric.name}_count", "[]"] = histogram.count
            found[f"{metric.name}_sum", "[]"] = histogram.sum
    return found


def scraped(telemetry: Telemetry) -> dict[tuple[str, ...], float]:
    """As `pushed`, from a scrape for Prometheus."""
    sources = telemetry.sources
    text = Exposition(sources.exported, sources.readings).scrape(PLAIN).body.decode()
    return {
        (sample.name, str(sorted(sample.labels.items()))): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
        if not sample.name.endswith("_bucket") and not sample.name.startswith("process_")
    }


def test_a_collector_gets_the_metrics_that_are_scraped_and_a_span_of_a_batch(
    collected: Collected,
) -> None:
    settings = ConsumerSettings(otlp=True, instance_id="press-4")
    telemetry = Telemetry.of(settings)
    world = consumer(telemetry.observers)
    telemetry.sources.metrics = world.metrics
    with telemetry.serving(settings):
        world.cluster.arrive(0, traced(window(0), 0), malformed(1))
        world.finish()
    [resource] = collected.metrics.get(timeout=5).resource_metrics
    attributes = {one.key: one.value.string_value for one in resource.resource.attributes}
    assert attributes["service.name"] == "bearing-stream-consume"
    assert attributes["service.instance.id"] == "press-4"
    [scope] = resource.scope_metrics
    assert pushed(scope.metrics) == scraped(telemetry)
    assert pushed(scope.metrics)["bearing_stream_windows_total", "[]"] == 1
    [resource_spans] = collected.traces.get(timeout=5).resource_spans
    assert resource_spans.resource == resource.resource
    [span] = resource_spans.scope_spans[0].spans
    assert span.name == "process bearing.windows"
    assert [link.trace_id.hex() for link in span.links] == [parent(0).split("-")[1]]
    assert {one["authorization"] for one in collected.headers} == {"Basic abc"}


def test_metrics_are_pushed_at_an_interval(
    collected: Collected, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OTEL_METRIC_EXPORT_INTERVAL", "10")
    settings = ConsumerSettings(otlp=True)
    with Telemetry.of(settings).serving(settings):
        starts = {
            collected.metrics.get(timeout=5)
            .resource_metrics[0]
            .scope_metrics[0]
            .metrics[0]
            .sum.data_points[0]
            .start_time_unix_nano
            for _ in range(3)
        }
    # Counters go on from the same start, so that a collector sees no reset.
    assert len(starts) == 1


def test_each_worker_is_an_instance_of_its_own(
    collected: Collected, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OTEL_RESOURCE_ATTRIBUTES", "service.instance.id=pod-7")
    found = []
    for worker in ("1", "2"):
        monkeypatch.setenv(WORKER_VARIABLE, worker)
        settings = ConsumerSettings(otlp=True, workers=2)
        with Telemetry.of(settings).serving(settings):
            pass
        resource = collected.metrics.get(timeout=5).resource_metrics[0].resource
        found += [
            one.value.string_value
            for one in resource.attributes
            if one.key == "service.instance.id"
        ]
    assert found == ["pod-7-1", "pod-7-2"]


@pytest.mark.parametrize(
    ("variable", "value"),
    [("OTEL_EXPORTER_OTLP_PROTOCOL", "grpc"), ("OTEL_SPAN_LINK_COUNT_LIMIT", "many")],
)
def test_a_variable_that_cannot_be_used_is_an_error_of_the_start(
    monkeypatch: pytest.MonkeyPatch, variable: str, value: str
) -> None:
    monkeypatch.setenv(variable, value)
    with pytest.raises(EndpointError, match=f"cannot push through OTLP: .*{variable}"):
        Telemetry.of(ConsumerSettings(otlp=True))


def test_a_consumer_that_does_not_push_loads_nothing_for_it() -> None:
    program = """
import sys
from consumer.process import run
from consumer.settings import ConsumerSettings
from consumer.telemetry.served import Telemetry

settings = ConsumerSettings()
telemetry = Telemetry.of(settings)
with telemetry.serving(settings):
    assert telemetry.observers == ()
print([name for name in sys.modules if name.startswith("opentelemetry")])
"""
    ran = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, cwd=ROOT, check=True
    )
    assert ran.stdout == "[]\n"
