"""The stage of alarms pushes its metrics."""

import pytest

pytest.importorskip("opentelemetry.sdk", reason="the extra `otel` is not installed")

from bearing_stream.commands.alarms.settings import AlarmSettings
from bearing_stream.commands.alarms.stage.service import AlarmService
from tests.otlp_collector import collector


def test_a_collector_gets_the_metrics_of_alarms(monkeypatch: pytest.MonkeyPatch) -> None:
    settings = AlarmSettings(otlp=True)
    with collector() as collected:
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", collected.url)
        service = AlarmService(settings)
        with service.telemetry.serving(settings):
            pass
        [pushed] = collected.metrics.get(timeout=5).resource_metrics
    attributes = {one.key: one.value.string_value for one in pushed.resource.attributes}
    assert attributes["service.name"] == "bearing-stream-alarms"
    names = {metric.name for metric in pushed.scope_metrics[0].metrics}
    assert {"bearing_stream_alarms_info", "bearing_stream_transactions_total"} <= names
