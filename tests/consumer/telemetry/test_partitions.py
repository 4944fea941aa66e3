"""Whether each partition moves, is empty, or stands."""

from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import Future
from typing import Any

import pytest
from structlog.testing import capture_logs

from bearing_stream.kafka import Ends, TransientKafkaError
from consumer.messages import Partition, Positions
from consumer.telemetry.partitions import INTERVAL, STANDS_AFTER, PartitionWatch
from tests.consumer.fakes import Clock

A, B = ("bearing.windows", 0), ("bearing.windows", 1)
OUTPUT = ("bearing.diagnoses", 0)


class Scene:
    """A consumer whose partitions move or do not, and the brokers."""

    def __init__(self) -> None:
        self.clock = Clock()
        self.reached: Positions = {A: 0, B: 0}
        self.stable = {A: 0, B: 0, OUTPUT: 0}
        self.high: dict[Partition, int] = {}
        self.messages: dict[Partition, int | TransientKafkaError | None] = {A: None, B: None}
        self.away = False
        self.running = True
        self.probed: list[Partition] = []
        self._begun: list[Callable[[], None]] = []
        self.owned = {A, B}
        self.awaited: set[Partition] = set()
        self.watch = PartitionWatch(
            lambda: dict(self.reached),
            lambda: self.owned,
            self,
            self.clock,
            self._start,
            lambda: self.awaited,
        )

    def ends(self, partitions: Iterable[Partition]) -> Mapping[Partition, Ends]:
        if self.away:
            raise TransientKafkaError("no broker")
        return {
            name: Ends(self.stable[name], max(self.stable[name], self.high.get(name, 0)))
            for name in (*partitions, OUTPUT)
            if name in self.stable
        }

    def first_message(self, partition: Partition, position: int) -> int | None:
        assert position == self.reached[partition]
        self.probed.append(partition)
        found = self.messages[partition]
        if isinstance(found, TransientKafkaError):
            raise found
        return found

    def _start(self, function: Callable[..., Any], *arguments: Any) -> "Future[Any]":
        result: Future[Any] = Future()

        def end() -> None:
            try:
                result.set_result(function(*arguments))
            except TransientKafkaError as error:
                result.set_exception(error)

        self._begun.append(end)
        return result

    def live(self, seconds: float, moves: Iterable[Partition] = ()) -> None:
        """Let time pass; each second, some partitions get a message that is read at once."""
        for _ in range(round(seconds)):
            self.clock.now += 1
            for partition in moves:
                self.stable[partition] += 1
                self.reached[partition] += 1
            # What was begun in the background ends within the second.
            for _ in range(3):
                self.watch.check()
                begun, self._begun = self._begun, []
                for end in begun:
                    end()

    @property
    def lags(self) -> dict[Partition, int]:
        return {name: one.lag for name, one in self.watch.overview.assigned.items()}

    @property
    def stalled(self) -> Mapping[Partition, str]:
        return self.watch.overview.stalled


def test_the_lag_is_the_distance_to_the_last_stable_offset() -> None:
    scene = Scene()
    scene.stable |= {A: 100, B: 7}
    scene.reached |= {A: 40, B: 7}
    scene.high[B] = 50
    scene.live(INTERVAL)
    assert scene.lags == {A: 60, B: 0}


def test_the_lag_grows_while_results_cannot_be_delivered() -> None:
    scene = Scene()
    scene.live(30, moves=[A, B])
    scene.live(INTERVAL)
    # It is to be rewound, and cannot: no position is known.
    scene.reached.clear()
    scene.stable[A] += 100
    scene.live(60)
    assert scene.lags == {A: 100, B: 0}
    scene.owned = {B}
    scene.live(2 * INTERVAL)
    assert scene.lags == {B: 0}


def test_a_partition_whose_leader_is_awaited_stands() -> None:
    scene = Scene()
    del scene.reached[B], scene.stable[B]
    scene.awaited = {B}
    scene.live(INTERVAL, moves=[A])
    assert scene.stalled == {
        B: "partition 1 of 'bearing.windows' stands: its leader does not respond"
    }
    scene.awaited = set()
    scene.reached[B] = scene.stable[B] = 5
    scene.live(INTERVAL, moves=[A, B])
    assert not scene.stalled


def test_a_partition_that_is_read_again_after_a_while_does_not_stand() -> None:
    scene = Scene()
    scene.live(30, moves=[A, B])
    reached, scene.reached = scene.reached, {}
    scene.stable[A] += 1
    scene.messages[A] = reached[A]
    scene.live(60)
    scene.reached = reached
    scene.live(STANDS_AFTER - INTERVAL, moves=[B])
    assert scene.probed == []
    assert scene.stalled == {}


def test_an_empty_partition_does_not_stand() -> None:
    scene = Scene()
    scene.live(300, moves=[B])
    assert scene.stalled == {}
    assert scene.probed == []


def test_a_partition_that_stands_while_others_run_is_named_within_a_minute() -> None:
    scene = Scene()
    scene.live(60, moves=[A, B])
    scene.messages[A] = scene.reached[A] + 3
    with capture_logs() as lines:
        for _ in range(60):
            scene.stable[A] += 1
            scene.live(1, moves=[B])
    assert list(scene.stalled) == [A]
    position = scene.reached[A]
    assert scene.stalled[A] == (
        f"partition 0 of 'bearing.windows' stands at offset {position}: "
        f"a message waits at offset {position + 3}"
    )
    [line] = lines
    assert (line["event"], line["log_level"]) == ("partition_stalled", "error")
    assert (line["topic"], line["partition"], line["position"]) == (*A, position)


def test_it_is_named_once_until_it_moves_and_again_after() -> None:
    scene = Scene()
    scene.live(10, moves=[A, B])
    with capture_logs() as lines:
        for _ in range(2):
            scene.messages[A] = scene.reached[A]
            scene.stable[A] += 10
            scene.live(300, moves=[B])
            assert list(scene.stalled) == [A]
            scene.reached[A] = scene.stable[A]
            scene.live(2 * INTERVAL, moves=[B])
            assert scene.stalled == {}
    assert len(lines) == 2


def test_markers_without_a_message_are_no_lag() -> None:
    scene = Scene()
    scene.stable[A] = 2
    scene.live(STANDS_AFTER + 2 * INTERVAL, moves=[B])
    assert scene.lags[A] == 0
    assert scene.probed == [A]
    scene.live(300, moves=[B])
    assert (scene.lags[A], scene.stalled, scene.probed) == (0, {}, [A])
    # What comes after them is a lag again, until it is read.
    scene.stable[A] = 4
    scene.live(INTERVAL, moves=[B])
    assert scene.lags[A] == 4


def test_where_nothing_moves_no_single_partition_is_named() -> None:
    scene = Scene()
    scene.stable |= {A: 10, B: 10}
    scene.messages |= {A: 0, B: 0}
    scene.live(300)
    assert scene.stalled == {}


def test_a_broker_that_does_not_respond_for_a_partition_is_named() -> None:
    scene = Scene()
    scene.live(10, moves=[A, B])
    del scene.stable[A]
    scene.messages[A] = TransientKafkaError("broker 2 does not respond")
    scene.live(60, moves=[B])
    assert "broker 2 does not respond" in scene.stalled[A]
    assert scene.lags[A] == 0


def test_kafka_that_does_not_respond_is_noted_until_it_does() -> None:
    scene = Scene()
    scene.live(10, moves=[A])
    scene.away = True
    scene.live(2 * INTERVAL)
    assert scene.watch.overview.error == "no broker"
    assert scene.lags == {A: 0, B: 0}
    scene.away = False
    scene.live(2 * INTERVAL)
    assert scene.watch.overview.error == ""


def test_partitions_that_went_are_forgotten() -> None:
    scene = Scene()
    scene.stable[A] = 5
    scene.live(10)
    del scene.reached[A]
    scene.owned = {B}
    scene.live(2 * INTERVAL)
    assert list(scene.lags) == [B]


@pytest.mark.parametrize("partition", [A, OUTPUT])
def test_an_open_transaction_shows_by_its_age(partition: Partition) -> None:
    scene = Scene()
    scene.live(10)
    scene.high[partition] = scene.stable[partition] + 5
    scene.live(600)
    assert 600 - 2 * INTERVAL <= scene.watch.overview.undecided[partition] <= 600
    assert scene.watch.overview.undecided[B] == 0
    # It is decided.
    scene.stable[partition] += 5
    scene.live(2 * INTERVAL)
    assert scene.watch.overview.undecided[partition] == 0


def test_transactions_that_follow_one_another_are_not_one_that_is_open() -> None:
    scene = Scene()
    for _ in range(100):
        scene.stable[OUTPUT] += 1
        scene.high[OUTPUT] = scene.stable[OUTPUT] + 1
        scene.live(INTERVAL)
        assert scene.watch.overview.undecided[OUTPUT] <= INTERVAL


def test_a_request_that_hangs_is_noted() -> None:
    scene = Scene()
    scene.live(10)
    hangs: Future[Any] = Future()
    scene.watch._start = lambda *_: hangs
    scene.live(60)
    assert "hung for more than 30 s" in scene.watch.overview.error
