"""Logs are structured, bounded and free of secrets."""

import json
import logging
from collections.abc import Iterator

import pytest
import structlog
from confluent_kafka import KafkaError
from structlog.testing import capture_logs

from bearing_stream.logs import configure_logs
from bearing_stream.wire import RejectionReason
from consumer.events import LIBRARY_MESSAGE, READY, WAITING_AT_STARTUP, emit
from consumer.metrics import DispatchReason, Metrics
from consumer.reporting import Reporter
from tests.consumer.fakes import Clock


@pytest.fixture
def log_settings() -> Iterator[None]:
    """Restore the logging afterwards."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    root.handlers[:], root.level = handlers, level
    structlog.reset_defaults()


def reporter(clock: Clock, metrics: Metrics | None = None) -> Reporter:
    return Reporter(metrics or Metrics(), 30.0, clock)


def test_an_error_that_repeats_a_thousand_times_is_one_line_until_the_next_report() -> None:
    clock, metrics = Clock(), Metrics()
    with capture_logs() as lines:
        under_test = reporter(clock, metrics)
        for _ in range(1000):
            under_test.note_error(KafkaError(KafkaError._TRANSPORT))
            under_test.note_error(KafkaError(KafkaError._ALL_BROKERS_DOWN))
        assert len(lines) == 2
        clock.sleep(30)
        under_test.report_if_due()
        under_test.note_error(KafkaError(KafkaError._TRANSPORT))
    assert [line["event"] for line in lines] == [
        *("kafka_error", "kafka_error", "report", "kafka_error")
    ]
    assert lines[0]["kind"] == "_TRANSPORT"
    assert metrics.kafka_errors == {"_TRANSPORT": 1001, "_ALL_BROKERS_DOWN": 1000}
    assert lines[2]["kafka_errors"] == {"_TRANSPORT": 1000, "_ALL_BROKERS_DOWN": 1000}


def test_reports_when_the_interval_is_over_and_not_before() -> None:
    clock, metrics = Clock(), Metrics()
    with capture_logs() as lines:
        under_test = reporter(clock, metrics)
        clock.sleep(29.9)
        under_test.report_if_due()
        assert lines == []
        metrics.diagnosed, metrics.windows = 300, 600
        clock.sleep(0.1)
        under_test.report_if_due()
        under_test.report_if_due()
    [line] = lines
    assert (line["event"], line["windows_per_s"], line["diagnosed"]) == ("report", 20.0, 300)


@pytest.mark.usefixtures("log_settings")
def test_json_is_one_object_in_each_line_for_events_and_for_libraries(
    capsys: pytest.CaptureFixture[str],
) -> None:
    configure_logs("json", "info", LIBRARY_MESSAGE)
    emit(READY, device="cpu")
    structlog.get_logger("consumer").debug("not this")
    logging.getLogger("model.diagnoser").warning("device %s failed", "cuda")
    output = capsys.readouterr()
    ours, theirs = map(json.loads, output.err.splitlines())
    assert output.out == ""
    assert (ours["event"], ours["level"], ours["device"]) == ("ready", "info", "cpu")
    assert (theirs["event"], theirs["level"]) == ("library_message", "warning")
    assert (theirs["logger"], theirs["detail"]) == ("model.diagnoser", "device cuda failed")
    assert ours["timestamp"].endswith("Z")


@pytest.mark.usefixtures("log_settings")
def test_auto_is_json_without_a_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    configure_logs("auto", "info", LIBRARY_MESSAGE)
    emit(WAITING_AT_STARTUP, reason="no broker")
    assert json.loads(capsys.readouterr().err)["reason"] == "no broker"


@pytest.mark.usefixtures("log_settings")
def test_console_is_readable_and_plain_without_a_terminal(
    capsys: pytest.CaptureFixture[str],
) -> None:
    configure_logs("console", "info", LIBRARY_MESSAGE)
    metrics = Metrics()
    metrics.batches[DispatchReason.CAUGHT_UP] += 3
    metrics.dead_letters[RejectionReason.FLAT_LINE] += 2
    reporter(Clock(), metrics).report_end()
    line = capsys.readouterr().err
    assert "'caught-up': 3" in line
    assert "'flat-line': 2" in line
    # Neither colours nor the reprs of Python objects.
    assert not set(line) & set("\x1b<>")
    with pytest.raises(json.JSONDecodeError):
        json.loads(line)
