"""Assembles the consumer from its settings, runs it, and closes its parts in order."""

from contextlib import closing
from functools import partial
from typing import Final

from confluent_kafka import KafkaError

from bearing_stream.kafka import (
    ClusterErrors,
    FatalKafkaError,
    TransientKafkaError,
    create_topics,
    largest_message,
    wait_for_topics,
)
from bearing_stream.kafka.connection import Properties
from consumer import events
from consumer.delivery.at_least_once import Flushes
from consumer.delivery.base import Delivery
from consumer.delivery.exactly_once import Transactions
from consumer.delivery.recovery import Journal, OutputTopics
from consumer.kafka.clients import new_consumer, new_producer, transactional_id
from consumer.kafka.source import WindowSource
from consumer.liveness.stall import StallCheck, find_waiting
from consumer.liveness.watchdog import Watchdog
from consumer.metrics import Metrics
from consumer.pipeline import Pipeline
from consumer.reporting import Reporter
from consumer.settings import ConsumerSettings
from model.assessor import Assessor

OUTPUT_TIMEOUT: Final = 2.0
"""Seconds for Kafka to return the ends and the messages of the output topics in a recovery."""

DEAD_LETTER_OVERHEAD: Final = 64 * 1024
"""Bytes that a dead letter may have beyond its original: its headers take some hundred, and alone
in a batch it may compress less well than the original did."""


class _ReportedErrors(ClusterErrors):
    """Errors of a running client: fatal ones end the loop, transient ones are reported."""

    def __init__(self, reporter: Reporter) -> None:
        super().__init__()
        self._reporter = reporter

    def __call__(self, error: KafkaError) -> None:
        super().__call__(error)
        # If a client is in the fatal state (_FATAL), the call that needs it raises the cause.
        if self.fatal is None and error.code() != KafkaError._FATAL:
            self._reporter.note_error(error)


class Service:
    """`bearing-stream consume`, from start to stop."""

    def __init__(self, settings: ConsumerSettings) -> None:
        """Load the network and the table of sensors; Kafka is not touched before `run`.

        Raises:
            model.checkpoint.CheckpointError: The network cannot be loaded.
            model.diagnoser.DeviceError: The device cannot be used.
            model.sensors.SensorsError: The table of sensors cannot be used.
        """
        self._settings = settings
        self._assessor = Assessor.of(settings)
        self.metrics = Metrics()
        self._reporter = Reporter(self.metrics, settings.report_interval)
        self._errors = _ReportedErrors(self._reporter)
        # A round takes at most a commit and an attempt to recover. The limit also bounds leaving
        # the group, when the loop does not feed the watchdog any more.
        self._watchdog = Watchdog(60.0 + 2 * settings.transaction_timeout)
        self._pipeline: Pipeline | None = None
        self._stopping = False

    def stop(self) -> bool:
        """Ask `run` to finish what is in flight and return; for any thread.

        Returns:
            Whether there may be something in flight; if not, the process may end at once.
        """
        self._stopping = True
        if self._pipeline is None:
            return False
        self._pipeline.stop()
        return True

    def run(self) -> None:
        """Diagnose until `stop` is called.

        Raises:
            FatalKafkaError: Kafka does not respond in time at the start, or refuses something; the
                message is one line that names what to do.
        """
        settings = self._settings
        self._await_topics()
        consumer = new_consumer(settings, self._errors)
        source = WindowSource(
            consumer,
            settings.windows_topic,
            self.metrics,
            self._reporter.note_error,
            settings.on_gap,
        )
        try:
            with closing(source), closing(self._delivery(source)) as delivery:
                self._pipeline = Pipeline(settings, source, self._assessor, delivery, self.metrics)
                source.subscribe(
                    self._pipeline.on_partitions_revoked, self._pipeline.on_partitions_lost
                )
                events.emit(
                    events.READY,
                    device=self._assessor.device,
                    model=f"{self._assessor.name} {self._assessor.version}",
                    settings=settings.printable(),
                )
                if not self._stopping:
                    self._watchdog.start()
                    self._pipeline.run(partial(self._each_round, self._stall_check(source)))
        finally:
            self._reporter.report_end()

    def _each_round(self, stall_check: StallCheck) -> None:
        self._watchdog.feed()
        self._errors.raise_fatal()
        self._reporter.report_if_due()
        stall_check.check()

    def _stall_check(self, source: WindowSource) -> StallCheck:
        settings = self._settings
        properties = settings.client_properties()
        return StallCheck(source, partial(find_waiting, properties, settings.windows_topic))

    def _await_topics(self) -> None:
        settings = self._settings
        outputs = {settings.diagnoses_topic, settings.dead_letters_topic}
        properties = settings.client_properties()
        if settings.create_topics:
            wait_for_topics(properties, (), settings.startup_timeout, self._note_waiting)
            self._create_topics(properties)
        # A recovery reads the output, to find what of the committed transactions is missing.
        read = outputs if settings.guarantee == "exactly-once" else set()
        wait_for_topics(
            properties,
            [settings.windows_topic, *sorted(read)],
            settings.startup_timeout,
            self._note_waiting,
            written=sorted(outputs),
            group=settings.group,
        )

    def _create_topics(self, properties: Properties) -> None:
        settings = self._settings
        create_topics(properties, {settings.windows_topic: -1, settings.diagnoses_topic: -1})
        wait_for_topics(
            properties, [settings.windows_topic], settings.startup_timeout, self._note_waiting
        )
        # A dead letter is a window and some headers: that of the largest window must fit too.
        largest = largest_message(properties, settings.windows_topic)
        limit = {}
        if largest is not None:
            limit["max.message.bytes"] = str(largest + DEAD_LETTER_OVERHEAD)
        create_topics(properties, {settings.dead_letters_topic: -1}, topic_properties=limit)

    def _note_waiting(self, reason: str) -> None:
        events.emit(events.WAITING_AT_STARTUP, reason=reason)

    def _delivery(self, source: WindowSource) -> Delivery:
        settings = self._settings
        identifier = transactional_id(settings)
        producers = partial(new_producer, settings, self._errors, identifier)
        delivery: Delivery
        if settings.guarantee == "exactly-once":
            output = OutputTopics(
                settings.client_properties(),
                settings.diagnoses_topic,
                settings.dead_letters_topic,
                OUTPUT_TIMEOUT,
            )
            journal = Journal(output, source.committed, self.metrics.kafka_errors.total)
            delivery = Transactions(producers, source.membership, journal)
        else:
            delivery = Flushes(producers, source.commit)
        try:
            delivery.start(settings.startup_timeout)
        except FatalKafkaError as refusal:
            raise FatalKafkaError(f"transactional id '{identifier}': {refusal}") from None
        except TransientKafkaError as failure:
            raise FatalKafkaError(
                "Kafka does not register the transactional id: are all its brokers up? "
                f"— Kafka reports: {failure} (waited {settings.startup_timeout:g} s)"
            ) from None
        return delivery
