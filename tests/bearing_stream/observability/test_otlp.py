"""What is pushed, as what, and what happens where that does not work."""

import logging
import socket
import time
from collections.abc import Iterator
from itertools import pairwise

import pytest

pytest.importorskip("opentelemetry.sdk", reason="the extra `otel` is not installed")

from hypothesis import given
from hypothesis import strategies as st
from opentelemetry.sdk.metrics.export import Gauge, Histogram, Sum
from opentelemetry.sdk.resources import Resource

from bearing_stream.observability import Distribution, Metric, Reading, otlp
from bearing_stream.observability import histogram as counting
from bearing_stream.observability.otlp import Exporters, Push, resource_of
from bearing_stream.observability.otlp_data import Period, metrics_data

COUNTER = Metric("press_parts_total", "counter", ("side",), "Parts.", "None.")
GAUGE = Metric("press_idle_seconds", "gauge", (), "Idle time.", "None.")
HISTOGRAM = Metric("press_strokes", "histogram", (), "Strokes.", "None.")
LISTED = (COUNTER, GAUGE, HISTOGRAM)

BOUNDS = (1.0, 4.0, 16.0)


@pytest.fixture(autouse=True)
def _no_variables(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("METRICS_EXPORTER", "TRACES_EXPORTER", "SDK_DISABLED", "EXPORTER_OTLP_PROTOCOL"):
        monkeypatch.delenv(f"OTEL_{name}", raising=False)


def data_of(*readings: Reading) -> dict[str, tuple[str | None, Sum | Gauge | Histogram]]:
    """Name → unit and data, of what is pushed of readings."""
    found = metrics_data(Resource({}), LISTED, readings, Period(1, 2))
    [resource] = found.resource_metrics
    [scope] = resource.scope_metrics
    exported = {}
    for metric in scope.metrics:
        assert isinstance(metric.data, Sum | Gauge | Histogram)
        exported[metric.name] = metric.unit, metric.data
    return exported


def test_names_stay_those_that_prometheus_scrapes() -> None:
    found = data_of(Reading(COUNTER, ("left",), 3), Reading(GAUGE, (), 1.5))
    unit, parts = found["press_parts_total"]
    assert isinstance(parts, Sum)
    assert parts.is_monotonic
    assert unit == ""
    [point] = parts.data_points
    assert (point.attributes, point.value) == ({"side": "left"}, 3.0)
    assert (point.start_time_unix_nano, point.time_unix_nano) == (1, 2)
    assert found["press_idle_seconds"][0] == "s"


def test_a_metric_without_readings_is_left_out() -> None:
    assert data_of() == {}


@given(st.lists(st.floats(-100, 100)))
def test_a_histogram_has_each_value_in_the_bucket_that_holds_it(values: list[float]) -> None:
    counted = counting.Histogram(BOUNDS)
    counted.observe(values)
    found = data_of(Reading(HISTOGRAM, (), counted.distribution()))["press_strokes"][1]
    assert isinstance(found, Histogram)
    [point] = found.data_points
    edges = (float("-inf"), *BOUNDS, float("inf"))
    expected = [sum(low < value <= high for value in values) for low, high in pairwise(edges)]
    assert list(point.bucket_counts) == expected
    assert tuple(point.explicit_bounds) == BOUNDS
    assert point.count == len(values)
    assert point.sum == pytest.approx(sum(values))


@pytest.mark.parametrize(
    ("variable", "value", "expected"),
    [
        ("OTEL_METRICS_EXPORTER", "prometheus", "expected otlp or none, got 'prometheus'"),
        ("OTEL_TRACES_EXPORTER", "console", "expected otlp or none, got 'console'"),
        ("OTEL_EXPORTER_OTLP_PROTOCOL", "grpc", "expected http/protobuf, got 'grpc'"),
        ("OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", "grpc", "expected http/protobuf, got 'grpc'"),
        ("OTEL_METRIC_EXPORT_INTERVAL", "0", "expected milliseconds, at least 1, got '0'"),
        ("OTEL_METRIC_EXPORT_INTERVAL", "1m", "expected milliseconds, at least 1, got '1m'"),
        ("OTEL_EXPORTER_OTLP_ENDPOINT", "collector:4318", "expected an address such as http://"),
        ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "http://", "expected an address such as http://"),
        ("OTEL_EXPORTER_OTLP_ENDPOINT", "http://a:99999", "expected an address such as http://"),
        ("OTEL_EXPORTER_OTLP_HEADERS", "a=1,api key=2", "expected name=value, URL-encoded"),
        ("OTEL_EXPORTER_OTLP_TIMEOUT", "ten", "expected seconds above 0, got 'ten'"),
        ("OTEL_EXPORTER_OTLP_TIMEOUT", "nan", "expected seconds above 0, got 'nan'"),
        ("OTEL_EXPORTER_OTLP_METRICS_COMPRESSION", "zip", "expected none, gzip or deflate"),
        ("OTEL_EXPORTER_OTLP_CERTIFICATE", "/nowhere", "expected a file that can be read, got"),
        ("OTEL_EXPORTER_OTLP_CLIENT_KEY", "a\\0b", "expected a file that can be read, got"),
        ("OTEL_BSP_MAX_QUEUE_SIZE", "0", "expected a whole number above 0, got '0'"),
        ("OTEL_TRACES_SAMPLER", "always", "expected always_on, always_off, traceidratio, or one"),
        ("OTEL_TRACES_SAMPLER_ARG", "2", "expected a share from 0 to 1, got '2'"),
        ("OTEL_RESOURCE_ATTRIBUTES", "plant", "expected key=value"),
    ],
)
def test_a_variable_that_cannot_be_used_is_named(
    monkeypatch: pytest.MonkeyPatch, variable: str, value: str, expected: str
) -> None:
    monkeypatch.setenv(variable, value)
    with pytest.raises(ValueError, match=rf"^{variable}: {expected}"):
        Exporters.of_environment()


@pytest.mark.parametrize(
    "variable", ["OTEL_EXPORTER_OTLP_HEADERS", "OTEL_EXPORTER_OTLP_TRACES_HEADERS"]
)
def test_a_secret_in_headers_is_in_no_message(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, variable: str
) -> None:
    monkeypatch.setenv(variable, "Bearer hunter2")
    with pytest.raises(ValueError, match="got another form") as failure:
        Exporters.of_environment()
    assert "hunter2" not in str(failure.value) + caplog.text


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("OTEL_EXPORTER_OTLP_ENDPOINT", "https://[::1]:4318/otlp"),
        ("OTEL_EXPORTER_OTLP_HEADERS", "authorization=Bearer a+/=, x-tenant = %22b%22,"),
        ("OTEL_EXPORTER_OTLP_TIMEOUT", "2.5"),
        ("OTEL_EXPORTER_OTLP_COMPRESSION", "gzip"),
        ("OTEL_TRACES_SAMPLER", "parentbased_always_on"),
        ("OTEL_TRACES_SAMPLER_ARG", "0.1"),
        ("OTEL_BSP_SCHEDULE_DELAY", "500"),
        ("OTEL_RESOURCE_ATTRIBUTES", "service.namespace=plant-2,site=Düsseldorf 2"),
        ("OTEL_RESOURCE_ATTRIBUTES", ""),
    ],
)
def test_a_value_that_the_checks_take_is_taken_by_the_sdk_too(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, variable: str, value: str
) -> None:
    monkeypatch.setenv(variable, value)
    Push(Exporters.of_environment(), resource_of({}))
    assert caplog.records == []


def test_the_protocol_of_a_signal_goes_before_that_of_all(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_PROTOCOL", "grpc")
    for signal in ("METRICS", "TRACES"):
        monkeypatch.setenv(f"OTEL_EXPORTER_OTLP_{signal}_PROTOCOL", "http/protobuf")
    assert Exporters.of_environment().spans is not None


def test_a_signal_can_be_turned_off(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OTEL_METRICS_EXPORTER", "none")
    found = Exporters.of_environment()
    assert found.metrics is None
    assert found.spans is not None
    monkeypatch.setenv("OTEL_SDK_DISABLED", "true")
    assert Exporters.of_environment() == Exporters(None, None)
    assert Push(Exporters(None, None), Resource({})).tracer is None


def test_the_environment_names_the_resource_before_the_defaults_do(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    defaults = {"service.name": "press", "service.instance.id": "one"}
    assert defaults.items() <= dict(resource_of(defaults).attributes).items()
    monkeypatch.setenv("OTEL_SERVICE_NAME", "line-4")
    monkeypatch.setenv("OTEL_RESOURCE_ATTRIBUTES", "service.instance.id=pod-7,host.name=edge")
    found = resource_of(defaults).attributes
    names = ("service.name", "service.instance.id", "host.name")
    assert [found[name] for name in names] == ["line-4", "pod-7", "edge"]
    # Processes that share an environment are distinguished.
    assert resource_of(defaults, 2).attributes["service.instance.id"] == "pod-7-2"


@pytest.fixture
def silent_port() -> Iterator[int]:
    """A port where connections are accepted, and no request gets a response."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield listener.getsockname()[1]


@pytest.mark.parametrize("is_down", [True, False])
def test_a_collector_that_does_not_respond_delays_neither_the_block_nor_its_end(
    monkeypatch: pytest.MonkeyPatch, silent_port: int, is_down: bool
) -> None:
    port = 1 if is_down else silent_port
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", f"http://127.0.0.1:{port}")
    monkeypatch.setattr(otlp, "LAST_PUSH", 0.1)
    push = Push(Exporters.of_environment(), Resource({}))
    tracer = push.tracer
    assert tracer is not None
    began = time.monotonic()
    with push.pushing(LISTED, lambda: [Reading(GAUGE, (), 1.0)]):
        # More than the queue holds.
        for _ in range(3000):
            tracer.start_span("stroke").end()
    assert time.monotonic() - began < 5


def test_readings_that_fail_once_are_pushed_the_next_time(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv("OTEL_TRACES_EXPORTER", "none")
    exporters = Exporters.of_environment()
    assert exporters.metrics is not None
    pushed: list[object] = []
    monkeypatch.setattr(exporters.metrics, "export", pushed.append)
    results = iter([RuntimeError("no reading")])

    def readings() -> list[Reading]:
        for error in results:
            raise error
        return [Reading(GAUGE, (), 1.0)]

    push = Push(Exporters(exporters.metrics, None, 0.001), Resource({}))
    with push.pushing(LISTED, readings):
        while not pushed:
            time.sleep(0)
    assert "metrics are not pushed" in caplog.text


def test_what_the_sdk_logs_of_a_collector_that_is_away_is_logged_once_in_minutes() -> None:
    now = [0.0]
    quiet = otlp._Quiet(lambda: now[0])

    def passes(message: str, *arguments: object) -> bool:
        return quiet.filter(logging.LogRecord("otlp", 30, "", 0, message, arguments, None))

    assert [passes("retry in %s", 1), passes("retry in %s", 2), passes("failed")] == [
        True,
        False,
        True,
    ]
    now[0] = otlp.QUIET
    assert passes("retry in %s", 3)


def test_a_distribution_of_nothing_is_pushed_too() -> None:
    empty = Distribution(((1.0, 0), (float("inf"), 0)), 0.0)
    found = data_of(Reading(HISTOGRAM, (), empty))["press_strokes"][1]
    assert isinstance(found, Histogram)
    assert found.data_points[0].count == 0
