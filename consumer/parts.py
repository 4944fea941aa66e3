"""The parts of every stage, put together: where it reads, how it commits, and its loop."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Final, Protocol

from confluent_kafka import Consumer, KafkaError
from confluent_kafka.admin import AdminClient

from bearing_stream.kafka import BatchEnds, ClusterErrors, FatalKafkaError, TransientKafkaError
from consumer.delivery.base import Bounds, Delivery
from consumer.delivery.exactly_once import ExactlyOnce
from consumer.delivery.leaders import OutputLeaders
from consumer.kafka.client_errors import ClientErrors
from consumer.kafka.clients import new_producer, transactional_ids
from consumer.kafka.positions import Tracker
from consumer.kafka.resolver import PublishedResults, Resolver
from consumer.kafka.source import WindowSource
from consumer.kafka.topic_log import ClusterTopicLog
from consumer.liveness.budget import REQUEST, STEP_OVER
from consumer.metrics import Metrics
from consumer.pipeline import Pipeline
from consumer.stage_settings import StageSettings
from consumer.telemetry.stage_telemetry import StageTelemetry

TRANSACTION_BYTES: Final = 16 * 1024 * 1024
"""Bytes of results after which a transaction is committed, however short it was."""


class Closable(Protocol):
    """What is closed in the end."""

    def close(self) -> None: ...  # noqa: D102


@dataclass(frozen=True, slots=True)
class Parts:
    """A stage that is put together and not started.

    Args:
        source: The topic that it reads.
        delivery: Publishes and commits.
        pipeline: The loop.
        admin: A client of the user.
        others: What else is closed in the end, after the source and the delivery.
    """

    source: WindowSource
    delivery: Delivery
    pipeline: Pipeline[Any]
    admin: AdminClient
    others: Sequence[Closable] = ()


def new_source(
    settings: StageSettings,
    topic: str,
    consumer: Consumer,
    admin: AdminClient,
    metrics: Metrics,
    on_error: Callable[[KafkaError], None],
    *,
    leaves_marks: bool = False,
    published: PublishedResults | None = None,
) -> WindowSource:
    """Put the source of a stage together; the group is not joined.

    Args:
        settings: Of the stage.
        topic: To read.
        consumer: The client that reads it.
        admin: A client of the user.
        metrics: Counts what is passed over.
        on_error: Called with each transient error.
        leaves_marks: See `Tracker`.
        published: See `Resolver`.
    """
    log = ClusterTopicLog(admin, topic, REQUEST, settings.topic_check_interval)
    resolver = Resolver(
        consumer,
        log,
        metrics,
        start_from=settings.start_from,
        stop_on_gap=settings.on_gap == "stop",
        published=published,
    )
    return WindowSource(
        consumer,
        topic,
        Tracker(leaves_marks=leaves_marks),
        resolver,
        BatchEnds(settings.client_properties(), STEP_OVER),
        metrics,
        ClientErrors(settings.group, on_error),
    )


def bounds(settings: StageSettings) -> Bounds:
    """Return what bounds a transaction, or what is published between two commits of offsets."""
    return Bounds(settings.commit_interval, TRANSACTION_BYTES)


def exactly_once(
    settings: StageSettings,
    topic: str,
    source: WindowSource,
    admin: AdminClient,
    errors: ClusterErrors,
    telemetry: StageTelemetry[Any],
    unreplicated: frozenset[str],
) -> ExactlyOnce:
    """Put the delivery in transactions together; nothing is registered.

    Args:
        settings: Of the stage.
        topic: Whose offsets are committed.
        source: That reads it.
        admin: A client of the user.
        errors: Takes what the producers report.
        telemetry: Takes their statistics.
        unreplicated: Output topics, if one of them or the group's offsets have a single replica;
            empty where none has.
    """
    names = zip(("producer", "second-producer"), transactional_ids(settings), strict=True)
    return ExactlyOnce(
        [
            partial(
                new_producer,
                settings,
                errors,
                telemetry.client_properties(settings, client),
                transactional_id,
            )
            for client, transactional_id in names
        ],
        source.membership,
        bounds(settings),
        unreplicated=unreplicated,
        leaders=OutputLeaders(admin, unreplicated) if unreplicated else None,
        windows_topic=topic,
        claims_predecessor=settings.instance_id is not None,
    )


def start(delivery: Delivery, settings: StageSettings) -> None:
    """Register the transactional ids.

    Raises:
        FatalKafkaError: Kafka refuses, or does not respond in time.
    """
    try:
        delivery.start(settings.startup_timeout)
    except FatalKafkaError as refusal:
        raise FatalKafkaError(
            f"transactional id '{transactional_ids(settings)[0]}': {refusal}"
        ) from None
    except TransientKafkaError as failure:
        raise FatalKafkaError(
            "Kafka does not register the transactional id: are all its brokers up? "
            f"— Kafka reported: {failure} (waited {settings.startup_timeout:g} s)"
        ) from None
