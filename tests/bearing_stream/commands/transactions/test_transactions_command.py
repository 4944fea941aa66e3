"""`bearing-stream transactions` on a real Kafka: what holds readers back is found, and ended."""

import json
from collections.abc import Iterator
from functools import partial
from typing import Any

import pytest
from click.testing import CliRunner, Result
from confluent_kafka import Consumer, Producer, TopicPartition

from bearing_stream.commands.transactions.command import command
from bearing_stream.local_kafka import LocalKafka
from tests.bearing_stream.commands.transactions.open_transactions import (
    append_without_coordinator,
    killed_producer,
    readable_to,
)
from tests.kafka_tools import Topics, delete_topics, eventually, new_topics

pytestmark = pytest.mark.integration


@pytest.fixture(scope="module")
def servers() -> Iterator[str]:
    """A broker that appends to a transaction that its coordinator does not know."""
    with LocalKafka(properties={"transaction.partition.verification.enable": "false"}) as kafka:
        yield kafka.bootstrap_servers


@pytest.fixture
def topics(servers: str) -> Iterator[Topics]:
    topics = new_topics(servers, partitions=2)
    yield topics
    delete_topics(topics)


def run(topics: Topics, name: str, *arguments: str) -> Result:
    given = (f"--{key.replace('_', '-')}={value}" for key, value in topics.settings.items())
    ran = CliRunner().invoke(command, [name, *given, *arguments])
    assert ran.exit_code == 0, ran.output
    return ran


def found(topics: Topics, name: str, *arguments: str) -> list[dict[str, Any]]:
    listed: list[dict[str, Any]] = json.loads(run(topics, name, "--json", *arguments).stdout)
    return listed


def readable(topics: Topics, topic: str) -> bool:
    """Whether all of partition 0 can be read with committed isolation."""
    committed, end = readable_to({"bootstrap.servers": topics.servers}, topic)
    return committed == end


def test_the_transaction_of_a_killed_producer_is_aborted_with_consent(topics: Topics) -> None:
    properties = {"bootstrap.servers": topics.servers}
    transactional_id = f"{topics.group}-killed"
    killed_producer(properties, transactional_id, topics.diagnoses, topics.dead_letters)
    young = run(topics, "list")
    assert "No transaction is open" in young.output

    [listed] = found(topics, "list", "--older-than=1ms")
    assert (listed["state"], listed["transactional_id"]) == ("ongoing", transactional_id)
    assert listed["timeout_seconds"] == 900
    assert [each["topic"] for each in listed["open_in"]] == sorted(
        (topics.diagnoses, topics.dead_letters)
    )
    assert transactional_id in run(topics, "list", "--older-than=1ms").output

    dry = run(topics, "abort", "--older-than=1ms")
    assert "Nothing was aborted" in dry.output
    assert not readable(topics, topics.diagnoses)

    aborted = run(topics, "abort", "--older-than=1ms", "--execute")
    assert "1 transaction aborted" in aborted.output
    for topic in (topics.diagnoses, topics.dead_letters):
        eventually(partial(readable, topics, topic), "the abort markers")
    assert found(topics, "list", "--older-than=1ms") == []
    assert "none to abort" in run(topics, "abort", "--older-than=1ms", "--execute").output


def test_a_transaction_that_no_coordinator_knows_is_aborted_once_it_hangs(topics: Topics) -> None:
    append_without_coordinator(topics.servers, topics.diagnoses)
    [listed] = found(topics, "list", "--older-than=1ms")
    assert (listed["state"], listed["transactional_id"]) == ("unknown", None)
    assert found(topics, "abort", "--older-than=1ms", "--execute") == []
    assert not readable(topics, topics.diagnoses)

    hanging = ("--older-than=1ms", "--hanging-after=1ms")
    [aborted] = found(topics, "abort", *hanging, "--execute")
    assert (aborted["state"], aborted["aborted"]) == ("hanging", True)
    eventually(partial(readable, topics, topics.diagnoses), "the abort marker")
    assert found(topics, "list", *hanging) == []


def test_offsets_that_a_killed_producer_held_are_found_where_asked(topics: Topics) -> None:
    own = {"transactional.id": f"{topics.group}-offsets", "transaction.timeout.ms": "900000"}
    producer = Producer({"bootstrap.servers": topics.servers} | own)
    producer.init_transactions(60)
    producer.begin_transaction()
    consumer = Consumer({"bootstrap.servers": topics.servers, "group.id": topics.group})
    producer.send_offsets_to_transaction(
        [TopicPartition(topics.windows, 0, 1)], consumer.consumer_group_metadata(), 60
    )
    consumer.close()
    [listed] = found(topics, "list", "--older-than=1ms", "--offsets")
    assert listed["transactional_id"] == own["transactional.id"]
    assert [each["topic"] for each in listed["open_in"]] == ["__consumer_offsets"]
    assert found(topics, "list", "--older-than=1ms") == []
    producer.abort_transaction(60)
