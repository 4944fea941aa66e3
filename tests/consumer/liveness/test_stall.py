"""What happens when nothing comes: whether there is nothing, or whether it stands still."""

import pytest
from confluent_kafka import Producer

from bearing_stream.kafka import FatalKafkaError
from bearing_stream.wire import Message
from consumer.batch import Origin, Positions
from consumer.delivery.base import Undelivered
from consumer.liveness.stall import INTERVAL, LOOKS, StallCheck, waiting_in
from tests.consumer.fakes import Clock
from tests.kafka_tools import Topics, produce

PARTITION = ("bearing.windows", 3)
WAITS = Origin(PARTITION, 17)


class Scene:
    """A consumer to which something comes, or not."""

    def __init__(self) -> None:
        self.received = 0
        self.clock = Clock()
        self.found: Origin | Undelivered | None = None
        self.check = StallCheck(self, self._waiting, self.clock)

    def positions(self) -> Positions:
        return {PARTITION: 17}

    def _waiting(self, positions: Positions) -> Origin | None:
        assert positions == {PARTITION: 17}
        if isinstance(self.found, Undelivered):
            raise self.found
        return self.found

    def live(self, seconds: float) -> None:
        """Look every second."""
        for _ in range(round(seconds)):
            self.clock.now += 1
            self.check.look()


def test_nothing_comes_because_there_is_nothing() -> None:
    Scene().live(20 * INTERVAL)


def test_ends_where_windows_wait_and_none_comes() -> None:
    scene = Scene()
    scene.found = WAITS
    scene.live(LOOKS * INTERVAL - 1)
    with pytest.raises(FatalKafkaError, match=r"offset 17 of partition 3 of 'bearing\.windows'"):
        scene.live(2)


def test_whatever_comes_is_a_sign_of_life() -> None:
    scene = Scene()
    scene.found = WAITS
    for _ in range(5):
        scene.live(LOOKS * INTERVAL - 1)
        scene.received += 1


def test_what_came_a_moment_later_is_no_stall() -> None:
    scene = Scene()
    for found in (WAITS, None) * 5:
        scene.found = found
        scene.live(INTERVAL)


def test_goes_on_waiting_and_says_so_where_kafka_does_not_tell(
    capsys: pytest.CaptureFixture[str],
) -> None:
    scene = Scene()
    scene.found = Undelivered("its offsets are in a transaction that is open")
    scene.live(3 * INTERVAL)
    assert capsys.readouterr().out.count("its offsets are in a transaction that is open") == 3


@pytest.mark.integration
def test_finds_the_first_window_that_waits(topics: Topics) -> None:
    connection = {"bootstrap.servers": topics.servers}
    produce(topics.servers, topics.windows, [Message(b"pump", b"", [])] * 5)
    [partition] = {
        number
        for number in range(4)
        if waiting_in(connection, topics.windows, {(topics.windows, number): 0})
    }
    place = (topics.windows, partition)
    assert waiting_in(connection, topics.windows, {place: 3}) == Origin(place, 3)
    assert waiting_in(connection, topics.windows, {place: 5}) is None
    assert waiting_in(connection, topics.windows, {}) is None


@pytest.mark.integration
def test_the_end_of_a_transaction_is_no_window(topics: Topics) -> None:
    properties = {"bootstrap.servers": topics.servers, "transactional.id": topics.group}
    producer = Producer(properties)
    producer.init_transactions(30)
    producer.begin_transaction()
    producer.produce(topics.windows, b"", partition=0)
    producer.abort_transaction(30)
    connection = {"bootstrap.servers": topics.servers}
    assert waiting_in(connection, topics.windows, {(topics.windows, 0): 0}) is None
