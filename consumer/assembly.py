"""Puts the parts of a consumer together: source, delivery, dispatcher and pipeline."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from confluent_kafka import KafkaError
from confluent_kafka.admin import AdminClient

from bearing_stream.kafka import ClusterErrors, partition_count
from consumer.batch import Batch
from consumer.delivery.at_least_once import AtLeastOnce
from consumer.delivery.base import Delivery
from consumer.delivery.published import OutputTopics
from consumer.dispatcher import Dispatcher
from consumer.kafka.clients import new_consumer, new_producer
from consumer.kafka.source import WindowSource
from consumer.liveness.budget import REQUEST
from consumer.parts import Parts, bounds, exactly_once, new_source
from consumer.pipeline import Pipeline
from consumer.settings import ConsumerSettings
from consumer.telemetry.served import Telemetry
from model.assessor import Assessor


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
    source = new_source(
        settings,
        settings.windows_topic,
        new_consumer(
            settings,
            errors,
            telemetry.client_properties(settings, "consumer"),
            partition_count(cluster.admin, settings.windows_topic),
        ),
        cluster.admin,
        metrics,
        on_error,
        leaves_marks=settings.is_transactional and bool(cluster.unreplicated),
        published=_published(settings, cluster, assessor),
    )
    delivery = _delivery(settings, cluster, source, errors, telemetry)
    dispatcher = Dispatcher(
        settings,
        assessor,
        delivery,
        metrics,
        letter_limit=cluster.letter_limit,
        observers=telemetry.observers,
    )
    ahead = assessor.examiner()
    if settings.threads is None and settings.workers == 1:
        # With C, the thread of `ahead` uses it.
        assessor.take_second_core()
    batch = Batch(
        settings.batch_size, settings.max_delay, settings.target_batch_duration, settings, ahead
    )
    pipeline = Pipeline(settings, source, batch, dispatcher, delivery, metrics)
    return Parts(source, delivery, pipeline, cluster.admin, () if ahead is None else (ahead,))


def _delivery(
    settings: ConsumerSettings,
    cluster: Cluster,
    source: WindowSource,
    errors: ClusterErrors,
    telemetry: Telemetry,
) -> Delivery:
    if settings.guarantee == "at-least-once":
        statistics = telemetry.client_properties(settings, "producer")
        producer = partial(new_producer, settings, errors, statistics)
        return AtLeastOnce(producer, source.commit, bounds(settings))
    topic = settings.windows_topic
    return exactly_once(
        settings, topic, source, cluster.admin, errors, telemetry, cluster.unreplicated
    )


def _published(
    settings: ConsumerSettings, cluster: Cluster, assessor: Assessor
) -> OutputTopics | None:
    """Return the output, where it must be asked which results are in it."""
    if not (settings.is_transactional and cluster.unreplicated):
        return None
    return OutputTopics(
        settings.client_properties(),
        cluster.admin,
        settings.diagnoses_topic,
        settings.dead_letters_topic,
        group=settings.group,
        model=(assessor.name, assessor.version),
        timeout=REQUEST,
        patience=3 * settings.transaction_timeout,
    )
