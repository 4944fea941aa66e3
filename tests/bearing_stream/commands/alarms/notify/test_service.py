"""The process as a whole: what ends it, and with which status. Kafka is in memory."""

import os
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, nullcontext
from typing import Any

import pytest
from structlog.testing import capture_logs

from bearing_stream.commands.alarms.notify import reachability, service
from bearing_stream.commands.alarms.notify.receivers_file import parse
from bearing_stream.commands.alarms.notify.service import NotifyService
from bearing_stream.commands.alarms.notify.settings import NotifySettings
from bearing_stream.commands.alarms.notify.source import Record
from bearing_stream.commands.alarms.notify.telemetry import NotifyTelemetry
from bearing_stream.kafka import FatalKafkaError
from tests.kafka_tools import PATIENCE

TWO = """
[[receiver]]
name = "one"
kind = "command"
argv = ["true"]
[[receiver]]
name = "two"
kind = "command"
argv = ["true"]
"""


class IdleSource:
    """A source without events, of which that of the receiver `two` behaves as `next_of_two`."""

    groups: list[str]
    next_of_two: Callable[[], Record | None]

    def __init__(self, _settings: Any, _topic: str, group: str, *_: Any) -> None:
        self.assignment = 0
        self.polled_at = 0.0
        self._group = group
        self.groups.append(group)

    def next(self, timeout: float) -> Record | None:
        if self._group.endswith("two"):
            return type(self).next_of_two()
        time.sleep(min(timeout, 0.01))
        return None

    def open(self) -> None: ...
    def commit(self) -> None: ...
    def close(self) -> None: ...


@pytest.fixture
def source(monkeypatch: pytest.MonkeyPatch) -> Iterator[type[IdleSource]]:
    handlers = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)}
    IdleSource.groups = []
    monkeypatch.setattr(service, "KafkaSource", IdleSource)
    monkeypatch.setattr(service, "wait_for_topics", lambda *_, **__: None)
    yield IdleSource
    for number, handler in handlers.items():
        signal.signal(number, handler)


def run() -> tuple[int, list[Any]]:
    settings = NotifySettings.model_validate({"receivers": "unused.toml", "replay": "2025"})
    with capture_logs() as logs:
        return NotifyService(settings, parse(TWO)).run(), logs


def test_a_signal_ends_it_with_status_0(source: type[IdleSource]) -> None:
    signals = iter([signal.SIGTERM])

    def terminate() -> None:
        # A second one would end the process at once.
        for number in signals:
            os.kill(os.getpid(), number)
        time.sleep(0.01)

    source.next_of_two = staticmethod(terminate)
    status, logs = run()
    assert status == 0
    assert source.groups == ["bearing-stream-notify.2025-one", "bearing-stream-notify.2025-two"]
    names = [line["event"] for line in logs]
    assert names == ["ready", "stopping", "report", "report", "stopped"]
    assert logs[1]["signal"] == "SIGTERM"


@pytest.mark.parametrize(
    ("error", "text"),
    [(FatalKafkaError("grant READ"), "grant READ"), (KeyError("a"), "unexpected KeyError")],
)
def test_an_error_that_is_fatal_ends_it_with_status_1(
    source: type[IdleSource], error: Exception, text: str
) -> None:
    def fail() -> None:
        raise error

    source.next_of_two = staticmethod(fail)
    status, logs = run()
    assert status == 1
    [failed] = [line for line in logs if line["event"] == "failed"]
    assert failed["error"] == text


def test_a_signal_while_it_waits_for_kafka_ends_it(
    source: type[IdleSource], monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(service, "wait_for_topics", interrupted)
    status, logs = run()
    assert (status, source.groups) == (0, [])
    assert [line["event"] for line in logs] == ["stopping", "stopped"]


def test_without_metrics_too_it_is_reported_that_kafka_is_away(
    source: type[IdleSource], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reachability, "INTERVAL", 0.05)
    monkeypatch.setattr(reachability, "TIMEOUT", 0.2)
    reported: list[NotifyTelemetry] = []

    def reporting(telemetry: NotifyTelemetry) -> AbstractContextManager[None]:
        reported.append(telemetry)
        return nullcontext()

    monkeypatch.setattr(service, "reporting", reporting)
    problems: list[str] = []
    deadline, signals = time.monotonic() + PATIENCE, iter([signal.SIGTERM])

    def terminate_when_it_is_reported() -> None:
        problems[:] = [each for each in reported[0].problems() if "Kafka" in each] or problems
        if problems or time.monotonic() > deadline:
            for number in signals:
                os.kill(os.getpid(), number)
        time.sleep(0.01)

    source.next_of_two = staticmethod(terminate_when_it_is_reported)
    given = {"receivers": "unused.toml", "bootstrap_servers": "127.0.0.1:1"}
    with capture_logs():
        assert service.run(NotifySettings.model_validate(given), parse(TWO)) == 0
    [problem] = problems
    assert problem.startswith("Kafka cannot be reached")
