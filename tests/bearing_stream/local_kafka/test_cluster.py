"""The local Kafka is a real one: clients work with it, and it survives kills and freezes."""

import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import psutil
import pytest
from confluent_kafka import Consumer, KafkaError, KafkaException, Producer
from confluent_kafka import Message as Polled
from confluent_kafka.admin import AdminClient
from confluent_kafka.cimpl import NewTopic

from bearing_stream.local_kafka import LocalKafka, LocalKafkaError, Security
from bearing_stream.local_kafka.ports import free_ports
from tests.bearing_stream.local_kafka.waiting import PATIENCE, eventually, everything_is_gone

pytestmark = pytest.mark.integration

QUIET = {"log_level": 0}
"""No client logs: these tests stop brokers on purpose."""

PARENT = """
import json, time
from bearing_stream.local_kafka import LocalKafka
with LocalKafka() as kafka:
    print(json.dumps([str(kafka.folder), kafka.bootstrap_servers]), flush=True)
    time.sleep(600)
"""


@pytest.fixture(scope="module")
def kafka() -> Iterator[LocalKafka]:
    with LocalKafka() as kafka:
        yield kafka


@pytest.fixture
def topic(kafka: LocalKafka) -> str:
    return create_topic(kafka.client_properties)


def create_topic(properties: dict[str, str]) -> str:
    name = f"topic-{uuid4()}"
    admin = AdminClient({**properties, **QUIET})
    admin.create_topics([NewTopic(name, 1)])[name].result(PATIENCE)
    return name


def send(properties: dict[str, str], topic: str, value: bytes, timeout: float = PATIENCE) -> bool:
    """Send one message; whether the broker has confirmed it within the timeout."""
    confirmed: list[bytes | None] = []

    def on_delivery(error: KafkaError | None, message: Polled) -> None:
        if error is None:
            confirmed.append(message.value())

    producer = Producer({**properties, **QUIET, "message.timeout.ms": int(timeout * 1000)})
    producer.produce(topic, value, on_delivery=on_delivery)
    producer.flush(timeout + 1.0)
    return confirmed == [value]


def receive(properties: dict[str, str], topic: str, count: int) -> list[bytes | None]:
    """Read `count` messages from the beginning of a topic."""
    settings = {**properties, **QUIET, "group.id": str(uuid4()), "auto.offset.reset": "earliest"}
    consumer = Consumer(settings)
    consumer.subscribe([topic])
    try:
        messages = consumer.consume(count, PATIENCE)
        return [message.value() for message in messages if message.error() is None]
    finally:
        consumer.close()


def test_a_message_is_produced_and_consumed(kafka: LocalKafka, topic: str) -> None:
    assert send(kafka.client_properties, topic, b"window")
    assert receive(kafka.client_properties, topic, 1) == [b"window"]


def test_transactions_work(kafka: LocalKafka, topic: str) -> None:
    producer = Producer({**kafka.client_properties, "transactional.id": str(uuid4())})
    producer.init_transactions(PATIENCE)
    for value, end in ((b"no", producer.abort_transaction), (b"yes", producer.commit_transaction)):
        producer.begin_transaction()
        producer.produce(topic, value)
        producer.flush(PATIENCE)
        end(PATIENCE)
    committed = {**kafka.client_properties, "isolation.level": "read_committed"}
    assert receive(committed, topic, 1) == [b"yes"]


@pytest.mark.parametrize("protocol", ["classic", "consumer"])
def test_both_group_protocols_work(kafka: LocalKafka, topic: str, protocol: str) -> None:
    assert send(kafka.client_properties, topic, b"window")
    properties = {**kafka.client_properties, "group.protocol": protocol}
    assert receive(properties, topic, 1) == [b"window"]


def test_a_thawed_broker_responds_again(kafka: LocalKafka, topic: str) -> None:
    kafka.freeze()
    try:
        assert kafka.is_running()
        assert not send(kafka.client_properties, topic, b"lost", timeout=1.0)
    finally:
        kafka.thaw()
    assert send(kafka.client_properties, topic, b"kept")


@pytest.mark.parametrize("end", ["kill", "stop", "stop frozen"])
def test_data_and_address_survive_an_end(kafka: LocalKafka, topic: str, end: str) -> None:
    before = kafka.bootstrap_servers
    assert send(kafka.client_properties, topic, b"window")
    if end == "kill":
        kafka.kill()
    else:
        if end == "stop frozen":
            kafka.freeze()
        kafka.stop()
    assert not kafka.is_running()
    with pytest.raises(KafkaException):
        AdminClient({**kafka.client_properties, **QUIET}).list_topics(timeout=0.5)
    kafka.start()
    assert kafka.bootstrap_servers == before
    assert receive(kafka.client_properties, topic, 1) == [b"window"]


def test_a_running_broker_is_not_started_again(kafka: LocalKafka) -> None:
    with pytest.raises(LocalKafkaError, match="running"):
        kafka.start()
    with pytest.raises(ValueError, match="no broker 2"):
        kafka.kill(2)


def test_no_process_survives_a_killed_parent() -> None:
    with subprocess.Popen([sys.executable, "-c", PARENT], stdout=subprocess.PIPE) as parent:
        assert parent.stdout
        folder, address = json.loads(parent.stdout.readline())
        java = java_processes(folder)
        assert len(java) == 1
        os.kill(java[0], signal.SIGSTOP)  # The hardest case: it cannot act by itself.
        parent.kill()
        assert eventually(lambda: everything_is_gone(java, Path(folder)))
        host, port = address.split(":")
        with pytest.raises(ConnectionRefusedError):
            socket.create_connection((host, int(port)))


def java_processes(folder: str) -> list[int]:
    """The ids of the Java processes whose properties are in this folder."""
    return [
        process.pid
        for process in psutil.process_iter(["cmdline"])
        if any(word.startswith(f"{folder}/") for word in process.info["cmdline"] or [])
    ]


def test_a_broker_that_cannot_start_is_reported_with_its_log() -> None:
    with (
        pytest.raises(LocalKafkaError, match=r"(?s)end of its log.*num\.io\.threads"),
        LocalKafka(properties={"num.io.threads": "many"}),
    ):
        pass


def test_a_broker_that_ends_while_starting_is_reported_at_once() -> None:
    with (
        pytest.raises(LocalKafkaError, match=r"(?s)ended while starting.*no\.such\.Reporter"),
        LocalKafka(properties={"metric.reporters": "no.such.Reporter"}),
    ):
        pass


@pytest.mark.parametrize("listener", [0, 1, 2])
def test_a_port_taken_by_another_process_is_replaced(
    listener: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As if another process had taken the port between the choice and Kafka's start.

    A broker opens its three listeners at different stages of its start, and logs what it closes.
    """
    with socket.create_server(("127.0.0.1", 0)) as other:
        first = free_ports(3)
        first[listener] = other.getsockname()[1]
        choices = [first, free_ports(3)]
        monkeypatch.setattr(
            "bearing_stream.local_kafka.cluster.free_ports", lambda _count: choices.pop(0)
        )
        with LocalKafka() as kafka:
            assert not choices
            assert send(kafka.client_properties, create_topic(kafka.client_properties), b"window")


def test_three_brokers_survive_the_loss_of_one() -> None:
    with LocalKafka(3, heap="512m") as kafka:
        assert kafka.brokers == (1, 2, 3)
        topic = create_topic(kafka.client_properties)
        described = AdminClient({**kafka.client_properties, **QUIET}).list_topics(topic, PATIENCE)
        assert sorted(described.topics[topic].partitions[0].replicas) == [1, 2, 3]
        kafka.kill(2)
        assert send(kafka.client_properties, topic, b"window")
        assert receive(kafka.client_properties, topic, 1) == [b"window"]


def test_security_is_set_by_properties() -> None:
    scram = Security(
        protocol="SASL_PLAINTEXT",
        broker_properties={
            "sasl.enabled.mechanisms": "SCRAM-SHA-256",
            "listener.name.client.scram-sha-256.sasl.jaas.config": (
                "org.apache.kafka.common.security.scram.ScramLoginModule required;"
            ),
        },
        client_properties={
            "sasl.mechanism": "SCRAM-SHA-256",
            "sasl.username": "ann",
            "sasl.password": "right",
        },
        format_arguments=("--add-scram", "SCRAM-SHA-256=[name=ann,password=right]"),
    )
    with LocalKafka(security=scram) as kafka:
        topic = create_topic(kafka.client_properties)
        assert send(kafka.client_properties, topic, b"window")
        stranger = kafka.client_properties | {"sasl.password": "wrong"}
        assert not send(stranger, topic, b"no", timeout=1.0)
