"""Puts the parts of a consumer together: source, delivery, dispatcher and pipeline."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from confluent_kafka import Consumer, KafkaError, Producer
from confluent_kafka.admin import AdminClient

from bearing_stream.kafka import BatchEnds, ClusterErrors, FatalKafkaError, TransientKafkaError
from consumer.batch import Batch
from consumer.delivery.at_least_once import AtLeastOnce
from consumer.delivery.base import Bounds, Delivery
from consumer.delivery.exactly_once import ExactlyOnce
from consumer.delivery.published import OutputTopics
from consumer.dispatcher import Dispatcher
from consumer.kafka.client_errors import ClientErrors
from consumer.kafka.clients import new_consumer, new_producer, transactional_id
from consumer.kafka.positions import Tracker
from consumer.kafka.resolver import Resolver
from consumer.kafka.source import WindowSource
from consumer.kafka.topic_log import ClusterTopicLog
from consumer.liveness.budget import REQUEST, STEP_OVER
from consumer.metrics import Metrics
from consumer.pipeline import Pipeline
from consumer.settings import ConsumerSettings
from consumer.stage_settings import StageSettings
from consumer.telemetry.served import Telemetry
from model.assessor import Assessor

TRANSACTION_BYTES = 16 * 1024 * 1024
"""Bytes of results after which a transaction is committed, however short it was."""


@dataclass(frozen=True, slots=True)
class Cluster:
    """What was found out about the cluster at the start.

    Args:
        admin: A client of the user.
        unreplicated: Output topics, if one of them or the group's offsets have a single replica;
            empty where none has.
        letter_limit: Bytes of the largest message that the dead-letter topic takes; None if the
            cluster does not report it.
    """

    admin: AdminClient
    unreplicated: frozenset[str]
    letter_limit: int | None


@dataclass(frozen=True, slots=True)
class Parts:
    """A consumer that is put together and not started."""

    source: WindowSource
    delivery: Delivery
    pipeline: Pipeline[Batch]


def assemble(
    settings: ConsumerSettings,
    cluster: Cluster,
    assessor: Assessor,
    errors: ClusterErrors,
    on_error: Callable[[KafkaError], None],
    telemetry: Telemetry,
) -> Parts:
    """Connect the clients and put the parts together; the group is not joined.

    Args:
        settings: All of them.
        cluster: What was found out about it.
        assessor: Assesses measurements.
        errors: Takes what the clients report.
        on_error: Called with each transient error.
        telemetry: Takes what is counted and observed.

    Raises:
        FatalKafkaError: A client property is wrong.
    """
    metrics = telemetry.sources.metrics
    statistics = partial(telemetry.statistics.properties, interval=settings.client_statistics)
    consumer = new_consumer(settings, errors, statistics("consumer"))
    exactly_once = settings.guarantee == "exactly-once"
    tracker = Tracker(leaves_marks=exactly_once and bool(cluster.unreplicated))
    resolver = _resolver(settings, cluster, consumer, assessor, metrics)
    source = WindowSource(
        consumer,
        settings.windows_topic,
        tracker,
        resolver,
        BatchEnds(settings.client_properties(), STEP_OVER),
        metrics,
        ClientErrors(settings.group, on_error),
    )
    producers = partial(
        new_producer,
        settings,
        errors,
        transactional_id(settings),
        statistics("producer"),
    )
    delivery = _delivery(settings, cluster, source, producers)
    dispatcher = Dispatcher(
        settings,
        assessor,
        delivery,
        metrics,
        letter_limit=cluster.letter_limit,
        observers=telemetry.observers,
    )
    batch = Batch(settings.batch_size, settings.max_delay, settings.target_batch_duration, settings)
    pipeline = Pipeline(settings, source, batch, dispatcher, delivery, metrics)
    return Parts(source, delivery, pipeline)


def _delivery(
    settings: ConsumerSettings,
    cluster: Cluster,
    source: WindowSource,
    producers: Callable[[], Producer],
) -> Delivery:
    bounds = Bounds(settings.commit_interval, TRANSACTION_BYTES)
    if settings.guarantee == "at-least-once":
        return AtLeastOnce(producers, source.commit, bounds)
    return ExactlyOnce(
        producers,
        source.membership,
        bounds,
        unreplicated=cluster.unreplicated,
        windows_topic=settings.windows_topic,
        claims_predecessor=settings.instance_id is not None,
    )


def start(delivery: Delivery, settings: StageSettings) -> None:
    """Register the transactional id.

    Raises:
        FatalKafkaError: Kafka refuses, or does not respond in time.
    """
    try:
        delivery.start(settings.startup_timeout)
    except FatalKafkaError as refusal:
        raise FatalKafkaError(
            f"transactional id '{transactional_id(settings)}': {refusal}"
        ) from None
    except TransientKafkaError as failure:
        raise FatalKafkaError(
            "Kafka does not register the transactional id: are all its brokers up? "
            f"— Kafka reported: {failure} (waited {settings.startup_timeout:g} s)"
        ) from None


def _resolver(
    settings: ConsumerSettings,
    cluster: Cluster,
    consumer: Consumer,
    assessor: Assessor,
    metrics: Metrics,
) -> Resolver:
    log = ClusterTopicLog(
        cluster.admin, settings.windows_topic, REQUEST, settings.topic_check_interval
    )
    published = None
    if settings.guarantee == "exactly-once" and cluster.unreplicated:
        published = OutputTopics(
            settings.client_properties(),
            cluster.admin,
            settings.diagnoses_topic,
            settings.dead_letters_topic,
            group=settings.group,
            model=(assessor.name, assessor.version),
            timeout=REQUEST,
            patience=3 * settings.transaction_timeout,
        )
    return Resolver(
        consumer,
        log,
        metrics,
        start_from=settings.start_from,
        stop_on_gap=settings.on_gap == "stop",
        published=published,
    )
