"""The two Kafka clients of the consumer, with properties that make them fast and bounded."""

import logging
import uuid
from collections.abc import Mapping
from typing import Any, Final

from confluent_kafka import Consumer, Producer

from bearing_stream.kafka import ClusterErrors, new_client
from bearing_stream.kafka.connection import PARTITIONER, SILENT
from consumer.liveness.budget import Budget
from consumer.stage_settings import SECOND_ID, StageSettings

PREFETCH_KIB: Final = 32 * 1024
"""Memory for windows fetched ahead: about 4,000 of 8 KB."""

FETCH_BYTES: Final = 4 * 1024 * 1024
"""Of one response, about: over 4 Mbit/s it arrives within `connection.SILENT`."""

MOST_FETCH_BYTES: Final = 64 * 1024 * 1024
"""Of one response, however many partitions there are: less than the client takes by default."""

LEAST_SHARE, MOST_SHARE = 16 * 1024, 1024 * 1024
"""Bytes of one partition in a response: a window of 8 KB or two, and the client's default."""

HEARTBEAT: Final = 0.5
"""Seconds between two heartbeats at most. A member learns from one that the group rebalances, and
until all members know it, nobody reads the partitions that move."""

OUTBOX_KIB: Final = 64 * 1024
"""Memory for diagnoses and dead letters that wait to be sent."""


def _reporting_to(errors: ClusterErrors) -> dict[str, Any]:
    # The error callback receives what the client would otherwise print on standard error. The few
    # lines that level 0 still permits go through a logger, so that the log keeps one format.
    return {"error_cb": errors, "log_level": 0, "logger": logging.getLogger("librdkafka")}


def _fetch_limits(partitions: int) -> dict[str, int]:
    """Return the bytes of a response, and those of each partition in it.

    A response has a share of every partition. Kafka fills it in the order of the request, and with
    a backlog librdkafka 2.16 requests in the same order again: whenever its queue is full, it takes
    all partitions off its list, and lists them anew. If the first ones could fill a response, the
    others would wait until those are read to their end. See librdkafka #1854.
    """
    share = min(max(FETCH_BYTES // partitions, LEAST_SHARE), MOST_SHARE)
    most = min(max(FETCH_BYTES, share * partitions), MOST_FETCH_BYTES)
    return {"fetch_max_bytes": most, "max_partition_fetch_bytes": share}


def new_consumer(
    settings: StageSettings,
    errors: ClusterErrors,
    more: Mapping[str, Any] | None = None,
    partitions: int = 1,
) -> Consumer:
    """Make a consumer for the topic that a stage reads; it is not subscribed yet.

    Args:
        settings: All of them.
        errors: Takes what the client reports.
        more: Client properties beyond those of the settings.
        partitions: Of the topic.

    Raises:
        FatalKafkaError: A property is wrong.
    """
    properties = settings.client_properties(
        group_id=settings.group,
        group_protocol=settings.group_protocol,
        # `resolver` decides where a partition begins; this is for a position that the log does not
        # hold any more.
        auto_offset_reset="earliest",
        topic_metadata_refresh_interval_ms=round(settings.topic_check_interval * 1000),
        # The delivery commits offsets together with the diagnoses.
        enable_auto_commit=False,
        enable_auto_offset_store=False,
        isolation_level="read_committed",
        # Only an end shows how far the markers of transactions, which are no messages, are passed.
        enable_partition_eof=True,
        max_poll_interval_ms=round(Budget.of(settings).poll_interval * 1000),
        # With the default of 1,000, fetching pauses for a second whenever the local queue is full.
        fetch_queue_backoff_ms=5,
        queued_max_messages_kbytes=PREFETCH_KIB,
        **_fetch_limits(partitions),
    )
    if settings.group_protocol == "classic":
        properties.setdefault("partition.assignment.strategy", "cooperative-sticky")
        properties.setdefault("session.timeout.ms", round(settings.session_timeout * 1000))
        heartbeat = min(HEARTBEAT, 0.3 * settings.session_timeout)
        properties.setdefault("heartbeat.interval.ms", round(heartbeat * 1000))
    if settings.instance_id:
        properties.setdefault("group.instance.id", settings.instance_id)
    properties |= _reporting_to(errors) | dict(more or {})
    return new_client(Consumer, properties)


def transactional_ids(settings: StageSettings) -> tuple[str, str]:
    """Make the transactional ids of this process: stable with an instance id, else random.

    The group's generation fences zombies (KIP-447), so the ids need not be tied to partitions. Why
    there are two, see `ExactlyOnce`.
    """
    first = f"{settings.group}-{settings.instance_id or uuid.uuid4().hex}"
    return first, first + SECOND_ID


def new_producer(
    settings: StageSettings,
    errors: ClusterErrors,
    more: Mapping[str, Any] | None = None,
    transactional_id: str | None = None,
) -> Producer:
    """Make a producer for the output topics: transactional, or idempotent for at least once.

    Args:
        settings: All of them.
        errors: Takes what the client reports.
        more: Client properties beyond those of the settings.
        transactional_id: Of the producer; None for one that is not transactional.

    Raises:
        FatalKafkaError: A property is wrong.
    """
    properties = settings.client_properties(
        enable_idempotence=True,
        acks="all",
        compression_type="lz4",
        partitioner=PARTITIONER,
        linger_ms=5,
        queue_buffering_max_kbytes=OUTBOX_KIB,
        message_max_bytes=8 * 1024 * 1024,
        # Without transactions, no message times out alone: later ones would be delivered before it
        # is redelivered, out of order.
        message_timeout_ms=0,
    )
    if transactional_id is not None:
        limit = round(settings.transaction_timeout * 1000)
        properties["message.timeout.ms"] = limit
        if "socket.timeout.ms" not in settings.kafka:
            # librdkafka refuses one that is longer than that of the transaction.
            properties["socket.timeout.ms"] = min(round(SILENT * 1000), limit)
        properties.setdefault("transactional.id", transactional_id)
        properties.setdefault("transaction.timeout.ms", limit)
    # The report of a delivery shows whether Kafka acknowledged it; see `delivery.base`.
    properties["delivery.report.only.error"] = False
    properties |= _reporting_to(errors) | dict(more or {})
    return new_client(Producer, properties)
