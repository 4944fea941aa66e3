"""Each fault that needs three brokers or a small disk, once; `make chaos` injects them often."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import pytest
from confluent_kafka import Producer
from confluent_kafka.admin import AdminClient
from confluent_kafka.cimpl import NewTopic

from bearing_stream.kafka import create_topics
from bearing_stream.local_kafka import LocalKafka
from tests.consumer.fakes import window
from tests.consumer_process import ConsumerProcess
from tests.endpoint_client import address_of, await_ready, get, samples, total
from tests.kafka_tools import Topics, delete_topics, eventually, named_topics, read_diagnoses
from tests.tools.chaos.trials import MARKS, assert_kept, trial
from tools.chaos.clusters import Site, cluster
from tools.chaos.errors import ChaosError

pytestmark = MARKS

FAILOVER = 50.0
"""Seconds; on an idle machine it takes twenty."""


@pytest.fixture(scope="module")
def three() -> Iterator[LocalKafka]:
    """Three brokers."""
    with cluster(Site.THREE) as made:
        yield made


@pytest.mark.parametrize(
    "name", ["leader-lost", "produce-fails", "broker-unreachable", "leaders-elected"]
)
def test_a_leader_that_is_lost_frozen_hidden_or_replaced(
    three: LocalKafka, folder: Path, name: str
) -> None:
    assert_kept(trial(folder, three, name))


def test_a_disk_that_is_full(folder: Path) -> None:
    try:
        with cluster(Site.SMALL_DISK) as small:
            assert_kept(trial(folder, small, "disk-full"))
    except ChaosError as impossible:
        pytest.skip(str(impossible))


@contextmanager
def assigned(three: LocalKafka, replicas: list[list[int]]) -> Iterator[Topics]:
    """Windows with these brokers for each of three partitions; results have three replicas."""
    topics = named_topics(three.bootstrap_servers)
    admin = AdminClient({**three.client_properties})
    windows = NewTopic(topics.windows, num_partitions=3, replica_assignment=replicas)
    admin.create_topics([windows])[topics.windows].result(30)
    results = dict.fromkeys((topics.diagnoses, topics.dead_letters), 3)
    create_topics(three.client_properties, results, 3)
    yield topics
    delete_topics(topics)


@pytest.fixture
def lone_leaders(three: LocalKafka) -> Iterator[Topics]:
    """Windows whose partition 0 has its only replica on broker 1, and so on."""
    with assigned(three, [[1], [2], [3]]) as topics:
        yield topics


@pytest.fixture
def led_by_one(three: LocalKafka) -> Iterator[Topics]:
    """Topics with three replicas, of which broker 1 leads each partition of the windows."""
    with assigned(three, [[1, 2, 3]] * 3) as topics:
        yield topics


def send(topics: Topics, count: int, partitions: Sequence[int] = (0, 1, 2)) -> None:
    """Send windows to partitions."""
    producer = Producer({"bootstrap.servers": topics.servers, "socket.timeout.ms": 5000})
    for partition in partitions:
        for number in range(count):
            sent = window(number)
            producer.produce(
                topics.windows, sent.value, sent.key, partition, headers=list(sent.headers)
            )
    assert producer.flush(60) == 0


def test_while_a_broker_is_frozen_its_partitions_are_read_from_others(
    three: LocalKafka, led_by_one: Topics
) -> None:
    """Kafka has other leaders after nine seconds; without a limit clients wait for a minute."""
    topics = led_by_one

    def diagnosed(count: int) -> None:
        what = f"{count} are diagnosed"
        eventually(lambda: len(read_diagnoses(topics)) == count, what, FAILOVER)

    send(topics, 20)
    with ConsumerProcess(topics) as consumer:
        diagnosed(60)
        three.freeze(1)
        send(topics, 20)
        diagnosed(120)
        three.thaw(1)
        consumer.stop()
    inputs = [one.input for _, one in read_diagnoses(topics)]
    assert len({(one.partition, one.offset) for one in inputs}) == len(inputs) == 120


def test_a_partition_without_a_leader_holds_up_no_other(
    three: LocalKafka, lone_leaders: Topics
) -> None:
    """Neither in a consumer that runs nor in one that is started then.

    For nine seconds Kafka goes on naming the leader, which is frozen; then there is none.
    """
    topics, away, there = lone_leaders, 0, (1, 2)

    def diagnosed(count: int) -> None:
        eventually(lambda: len(read_diagnoses(topics)) == count, f"{count} are diagnosed")

    send(topics, 20)
    # Without an instance id: Kafka can fence a static member that joins again by itself.
    with ConsumerProcess(topics) as consumer:
        diagnosed(60)
        three.freeze(away + 1)
        send(topics, 20, there)
        diagnosed(100)
        consumer.stop()
    problems = [f"partition {away} of '{topics.windows}' stands: its leader does not respond"]
    with ConsumerProcess(topics, "--metrics-port=0") as consumer:
        send(topics, 20, there)
        diagnosed(140)
        address = address_of(consumer)
        eventually(lambda: get(f"{address}/readyz").json["problems"] == problems, "it is named")
        assert total(samples(address), "partition_stalled") == 1
        three.thaw(away + 1)
        send(topics, 20, (away,))
        diagnosed(160)
        await_ready(address)
        consumer.stop()
    inputs = [one.input for _, one in read_diagnoses(topics)]
    assert len({(one.partition, one.offset) for one in inputs}) == len(inputs) == 160
