"""When no message arrives: whether there is none, or whether the client is stalled."""

import threading
from collections.abc import Callable
from concurrent.futures import Future
from typing import Any, TypeVar

import pytest
from structlog.testing import capture_logs

from bearing_stream.kafka import FatalKafkaError, TransientKafkaError
from consumer.events import STALL_CHECK_FAILED, WINDOWS_WAITING
from consumer.liveness.probe import Stall
from consumer.liveness.stall import INTERVAL, MAX_PROBES, StallCheck, in_thread
from consumer.messages import Positions
from tests.consumer.fakes import Clock

T = TypeVar("T")

PARTITION = ("bearing.windows", 3)
WAITING = Stall(WINDOWS_WAITING, {"partition": 3, "offset": 17}, "the client is stuck")


class Scene:
    """A consumer that receives messages, or does not."""

    def __init__(self) -> None:
        self.received = 0
        self.clock = Clock()
        self.found: Stall | TransientKafkaError | None = None
        self.probe_lasts = 0.0
        self._ends: list[tuple[float, Callable[[], None]]] = []
        self.check = StallCheck(self, self._find_stall, self.clock, self._start)

    def positions(self) -> Positions:
        return {PARTITION: 17}

    def member(self) -> str:
        return "press-7"

    def _find_stall(self, positions: Positions, member: str) -> Stall | None:
        assert (positions, member) == ({PARTITION: 17}, "press-7")
        if isinstance(self.found, TransientKafkaError):
            raise self.found
        return self.found

    def _start(self, function: Callable[..., T], *arguments: Any) -> "Future[T]":
        """Call in the background: the result is there after `probe_lasts` seconds."""
        result: Future[T] = Future()

        def end() -> None:
            try:
                result.set_result(function(*arguments))
            except TransientKafkaError as error:
                result.set_exception(error)

        self._ends.append((self.clock.now + self.probe_lasts, end))
        return result

    def live(self, seconds: float) -> None:
        """Check every second, twice: a probe that ends in no time is taken in the same second."""
        for _ in range(round(seconds)):
            self.clock.now += 1
            for _ in range(2):
                self.check.check()
                while self._ends and self._ends[0][0] <= self.clock.now:
                    self._ends.pop(0)[1]()


def test_an_empty_topic_is_no_stall() -> None:
    Scene().live(20 * INTERVAL)


def test_windows_that_wait_while_none_is_delivered_are_fatal() -> None:
    scene = Scene()
    scene.found = WAITING
    scene.live(MAX_PROBES * INTERVAL - 1)
    with (
        capture_logs() as lines,
        pytest.raises(FatalKafkaError, match=r"^the client is stuck; start the consumer again$"),
    ):
        scene.live(2)
    [line] = lines
    assert (line["event"], line["offset"]) == (WINDOWS_WAITING.name, 17)


def test_any_received_message_resets_the_check() -> None:
    scene = Scene()
    scene.found = WAITING
    for _ in range(5):
        scene.live(MAX_PROBES * INTERVAL - 1)
        scene.received += 1


def test_probes_that_alternate_are_no_stall() -> None:
    scene = Scene()
    for found in (WAITING, None) * 5:
        scene.found = found
        scene.live(INTERVAL)


def test_keeps_waiting_and_logs_it_if_kafka_does_not_respond_to_the_probe() -> None:
    scene = Scene()
    scene.found = TransientKafkaError("its offsets are in a transaction that is open")
    with capture_logs() as lines:
        scene.live(3 * INTERVAL)
    assert [line["event"] for line in lines] == [STALL_CHECK_FAILED.name] * 3
    assert {line["reason"] for line in lines} == {str(scene.found)}


def test_what_arrives_during_a_probe_is_more_than_what_it_found() -> None:
    scene = Scene()
    scene.found, scene.probe_lasts = WAITING, 10.0
    for _ in range(5):
        scene.live(INTERVAL + 5)
        scene.received += 1
        scene.live(INTERVAL - 10)


def test_a_probe_blocks_no_round() -> None:
    returns, probed, threads = threading.Event(), threading.Event(), list[threading.Thread]()

    def find(_positions: Positions, _member: str) -> Stall | None:
        threads.append(threading.current_thread())
        probed.set()
        returns.wait(5)
        return None

    scene = Scene()
    check = StallCheck(scene, find, scene.clock)
    scene.clock.now += INTERVAL
    for _ in range(3):
        check.check()
    assert probed.wait(5)
    returns.set()
    assert threading.current_thread() not in threads


def test_what_a_probe_raises_is_in_its_future() -> None:
    def fails() -> None:
        raise ValueError("why")

    with pytest.raises(ValueError, match="why"):
        in_thread(fails).result(5)
