"""What systemd, or whatever started a process, is sent at the socket that NOTIFY_SOCKET names."""

import os
import socket
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from bearing_stream.observability import Response
from consumer.telemetry.health import Health, Phase
from consumer.telemetry.service_manager import reporting, state_of
from tests.consumer_process import ConsumerProcess
from tests.kafka_tools import PATIENCE, Topics, eventually

pytestmark = pytest.mark.skipif(not hasattr(socket, "AF_UNIX"), reason="there is no AF_UNIX here")


class Manager:
    """A service manager: receives at a socket of its own."""

    def __init__(self, folder: Path) -> None:
        self.address = str(folder / "notify")
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.bind(self.address)
        self._socket.settimeout(PATIENCE)

    def next(self) -> list[str]:
        """The fields of the next message."""
        return self._socket.recv(4096).decode().split("\n")

    def await_field(self, field: str) -> list[list[str]]:
        """Return all messages up to the first that has a field."""
        deadline, messages = time.monotonic() + PATIENCE, [self.next()]
        while field not in messages[-1]:
            assert time.monotonic() < deadline, messages
            messages.append(self.next())
        return messages

    def close(self) -> None:
        self._socket.close()


@pytest.fixture
def manager(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Manager]:
    made = Manager(tmp_path)
    monkeypatch.setenv("NOTIFY_SOCKET", made.address)
    yield made
    made.close()


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
