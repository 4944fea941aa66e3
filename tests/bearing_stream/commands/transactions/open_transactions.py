"""Producers that leave a transaction open: killed within one, or unknown to the coordinator."""

import json
import signal
import subprocess
import sys
import time
from typing import Any, Final

from confluent_kafka import Consumer, TopicPartition
from kafka.admin import KafkaAdminClient
from kafka.protocol.producer.produce import ProduceRequest
from kafka.record.memory_records import MemoryRecordsBuilder

KILLED: Final = """
import json, os, signal, sys
from confluent_kafka import Producer

properties, topics = map(json.loads, sys.argv[1:])
producer = Producer(properties)
producer.init_transactions(60)
producer.begin_transaction()
for topic in topics:
    producer.produce(topic, b"uncommitted", partition=0)
assert producer.flush(60) == 0
os.kill(os.getpid(), signal.SIGKILL)
"""
"""Program that dies within a transaction whose messages Kafka has acknowledged."""

PRODUCER_ID: Final = 4_000_000
"""Beyond those that a small cluster gives out."""

PRODUCE_VERSION: Final = 9
"""Of the request: before 12, it does not add the partition to the transaction (KIP-890)."""


def killed_producer(properties: dict[str, str], transactional_id: str, *topics: str) -> None:
    """Run a producer that is killed within a transaction; its timeout is 15 minutes."""
    own = {"transactional.id": transactional_id, "transaction.timeout.ms": "900000"}
    arguments = (json.dumps(properties | own), json.dumps(topics))
    ran = subprocess.run([sys.executable, "-c", KILLED, *arguments], timeout=100, check=False)
    assert ran.returncode == -signal.SIGKILL


def append_without_coordinator(servers: str, topic: str) -> None:
    """Append a batch of a transaction that no coordinator knows, as Kafka had let through by error.

    The broker must not verify it (`transaction.partition.verification.enable`).
    """
    builder = MemoryRecordsBuilder(2, 0, 1000, 0, True, PRODUCER_ID, 0, 0)
    builder.append(round(time.time() * 1000), None, b"hanging")
    builder.close()
    topics = ProduceRequest.TopicProduceData
    partition = topics.PartitionProduceData(index=0, records=builder.buffer())
    request = ProduceRequest(
        transactional_id="unknown",
        acks=-1,
        timeout_ms=10_000,
        topic_data=[topics(name=topic, partition_data=[partition])],
        max_version=PRODUCE_VERSION,
    )
    client = KafkaAdminClient(bootstrap_servers=servers)
    (broker,) = client._manager.cluster.brokers()
    response: Any = client._manager.run(_send, client, request, broker.node_id)
    client.close()
    [partition] = response.responses[0].partition_responses
    assert partition.error_code == 0, partition


async def _send(client: Any, request: Any, node: int) -> Any:
    return await client._manager.send(request, node_id=node)


def readable_to(properties: dict[str, str], topic: str) -> tuple[int, int]:
    """Where committed reading ends in partition 0, and where the log does."""
    ends = []
    for isolation in ("read_committed", "read_uncommitted"):
        own = {"group.id": "ends", "isolation.level": isolation, "log_level": 0}
        consumer = Consumer(properties | own)
        ends.append(consumer.get_watermark_offsets(TopicPartition(topic, 0), 30)[1])
        consumer.close()
    return ends[0], ends[1]
