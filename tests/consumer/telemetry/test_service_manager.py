"""What systemd, or whatever started a process, is sent at the socket that NOTIFY_SOCKET names."""

import os
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from bearing_stream.observability import Response
from consumer.telemetry.health import Health, Phase
from consumer.telemetry.service_manager import reporting, state_of
from consumer.worker import WORKER_VARIABLE
from tests.consumer.manager import Manager
from tests.consumer.supervised import FAILS, REPORTS, children, supervised
from tests.consumer_process import ConsumerProcess
from tests.kafka_tools import Topics, eventually

pytestmark = pytest.mark.skipif(not hasattr(socket, "AF_UNIX"), reason="there is no AF_UNIX here")


@pytest.mark.parametrize(
    ("phase", "expected"),
    [
        (Phase.LOADING, ["WATCHDOG=1", "STATUS=the model is being loaded"]),
        (Phase.WAITING, ["WATCHDOG=1", "STATUS=it waits for Kafka: no response yet"]),
        (Phase.RUNNING, ["READY=1", "WATCHDOG=1", "STATUS=ready"]),
        (Phase.STOPPING, ["STOPPING=1", "WATCHDOG=1", "STATUS=it is stopping"]),
    ],
)
def test_a_message_has_the_whole_state(phase: Phase, expected: list[str]) -> None:
    assert state_of(Health(phase)) == expected


class Troubled(Health):
    """It runs, and something is wrong with it."""

    def __init__(self, *problems: str, is_alive: bool = True) -> None:
        super().__init__(Phase.RUNNING)
        self._wrong, self._is_alive = problems, is_alive

    def live(self, _accept: str = "") -> Response:
        return Response(200 if self._is_alive else 503, "text/plain", b"")

    def problems(self) -> Iterator[str]:
        yield from self._wrong


def test_only_one_that_is_alive_reports_it() -> None:
    assert "WATCHDOG=1" not in state_of(Troubled("the loop has not advanced", is_alive=False))
    assert "WATCHDOG=1" in state_of(Troubled("Kafka does not respond"))


def test_a_problem_makes_no_further_field_and_no_message_that_systemd_ignores() -> None:
    fields = state_of(Troubled("line\nWATCHDOG=0", "€" * 5000))
    assert not any("\n" in field for field in fields)
    assert fields[-1].startswith("STATUS=line WATCHDOG=0; €")
    assert len("\n".join(fields).encode()) <= 4096


def test_a_process_reports_again_and_again_until_the_block_ends(manager: Manager) -> None:
    health = Health(Phase.WAITING)
    with reporting(health):
        assert manager.next() == state_of(health)
        health.phase = Phase.RUNNING
        manager.await_field("READY=1")
        # What the process starts does not report in its place.
        assert "NOTIFY_SOCKET" not in os.environ


def test_the_last_report_is_that_it_stops(manager: Manager) -> None:
    with reporting(Health(Phase.RUNNING)):
        manager.await_field("READY=1")
    assert manager.await_field("STOPPING=1")[-1] == ["STOPPING=1", "STATUS=it is stopping"]


@pytest.mark.parametrize(
    ("error", "status"),
    [(OSError("no\nspace in \udcff"), "no space in ?"), (ValueError(), "ValueError")],
)
def test_the_last_report_names_why_it_fails(
    manager: Manager, error: Exception, status: str
) -> None:
    with pytest.raises(type(error)), reporting(Health(Phase.RUNNING)):
        raise error
    assert manager.await_field("STOPPING=1")[-1] == ["STOPPING=1", f"STATUS={status}"]


def test_a_report_that_fails_is_not_the_last(
    manager: Manager, caplog: pytest.LogCaptureFixture
) -> None:
    class FailsOnce(Health):
        """A dictionary changes while another thread reads it, at the first report."""

        has_failed = False

        def problems(self) -> Iterator[str]:
            if not self.has_failed:
                self.has_failed = True
                raise RuntimeError("dictionary changed size during iteration")
            yield from super().problems()

    with reporting(FailsOnce(Phase.RUNNING)):
        assert manager.await_field("WATCHDOG=1") == [["READY=1", "WATCHDOG=1", "STATUS=ready"]]
    assert "dictionary changed size" in caplog.text


def test_a_manager_that_is_away_disturbs_nothing(manager: Manager) -> None:
    manager.close()
    Path(manager.address).unlink()
    with reporting(Health()):
        pass


@pytest.mark.integration
def test_workers_are_ready_when_each_is_and_a_stop_is_reported(
    manager: Manager, topics: Topics
) -> None:
    with ConsumerProcess(topics, "--workers=2") as consumer:
        *before, first = manager.await_field("READY=1")
        assert any("worker" in field for fields in before for field in fields)
        assert "WATCHDOG=1" in first
        manager.await_field("STATUS=ready")
        consumer.stop()
    manager.await_field("STOPPING=1")


@pytest.mark.integration
def test_a_consumer_is_alive_and_not_ready_while_its_topics_are_missing(
    manager: Manager, topics: Topics
) -> None:
    missing = "--windows-topic=none-yet"
    with ConsumerProcess(topics, missing) as consumer:
        seen: list[list[str]] = []

        def names_the_topic() -> bool:
            seen.append(manager.next())
            return "none-yet" in seen[-1][-1]

        eventually(names_the_topic, "the status names the topic")
        assert all("WATCHDOG=1" in fields and "READY=1" not in fields for fields in seen)
        consumer.stop()


def test_a_worker_that_is_frozen_shows_in_the_status_of_all(manager: Manager) -> None:
    with supervised(REPORTS, REPORTS) as process:
        manager.await_field("READY=1")
        frozen = children(process)[0]
        frozen.suspend()
        number = frozen.environ()[WORKER_VARIABLE]
        seen = manager.await_field(f"STATUS=worker {number} has not reported for ")
        assert "READY=1" not in seen[-1]
        frozen.resume()
        manager.await_field("READY=1")


def test_a_supervisor_reports_that_it_stops(manager: Manager) -> None:
    with supervised(REPORTS) as process:
        manager.await_field("READY=1")
        process.terminate()
        assert manager.await_field("STOPPING=1")[-1] == ["STOPPING=1", "STATUS=it is stopping"]


def test_a_supervisor_that_gives_up_reports_why(manager: Manager) -> None:
    with supervised(FAILS):
        [*_, [_, status]] = manager.await_field("STOPPING=1")
    assert status.startswith("STATUS=worker 1 ended 5 times in a row within 60 s of its start")


def test_a_worker_that_cannot_be_started_shows_in_the_status(manager: Manager) -> None:
    with supervised("/no/such/program", FIRST_DELAY=60.0):
        manager.await_field("STATUS=worker 1 does not run, and is to be started")
