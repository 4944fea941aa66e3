"""Assembles the consumer from its settings, runs it, and closes its parts in order."""

import time
from collections.abc import Callable
from contextlib import closing
from functools import partial
from typing import Final

from confluent_kafka import KafkaError

from bearing_stream.kafka import (
    ClusterErrors,
    admin_client,
    create_topics,
    largest_message,
    wait_for_topics,
)
from bearing_stream.kafka.connection import Properties
from consumer import events
from consumer.assembly import Cluster, Parts, assemble, start
from consumer.batch import Batch
from consumer.delivery.replication import single_replica
from consumer.kafka.source import WindowSource
from consumer.liveness.budget import REQUEST, Budget
from consumer.liveness.probe import find_stall
from consumer.liveness.stall import StallCheck
from consumer.liveness.watchdog import Watchdog
from consumer.pipeline import Pipeline
from consumer.reloading import ReloadingAssessor
from consumer.reporting import Reporter
from consumer.settings import ConsumerSettings
from consumer.telemetry.cluster_ends import ClusterEnds
from consumer.telemetry.health import Loop, Phase
from consumer.telemetry.partitions import PartitionWatch
from consumer.telemetry.served import Telemetry

DEAD_LETTER_OVERHEAD: Final = 64 * 1024
"""Bytes that a dead letter may have beyond its original: its headers take some hundred, and alone
in a batch it may compress less well than the original did."""


class ReportedErrors(ClusterErrors):
    """Errors of a running client: fatal ones end the loop, transient ones are reported."""

    def __init__(self, reporter: Reporter) -> None:
        super().__init__()
        self._reporter = reporter

    def __call__(self, error: KafkaError) -> None:
        """Take an error that a client reports."""
        super().__call__(error)
        # If a client is in the fatal state (_FATAL), the call that needs it raises the cause.
        if self.fatal is None and error.code() != KafkaError._FATAL:
            self._reporter.note_error(error)


class Service:
    """`bearing-stream consume`, from start to stop."""

    def __init__(self, settings: ConsumerSettings, telemetry: Telemetry | None = None) -> None:
        """Load the network and the table of sensors; Kafka is not touched before `run`.

        Args:
            settings: All of them.
            telemetry: Takes what the consumer reports of itself; by default nobody reads it.

        Raises:
            model.weights.CheckpointError: The network cannot be loaded.
            model.backends.choice.DeviceError: The device cannot be used.
            model.sensors.SensorsError: The table of sensors cannot be used.
        """
        self._settings = settings
        self._telemetry = telemetry or Telemetry.of(settings)
        self._assessor = ReloadingAssessor.of(settings)
        self.metrics = self._telemetry.sources.metrics
        self._reporter = Reporter(self.metrics, settings.report_interval)
        self._errors = ReportedErrors(self._reporter)
        # It also bounds leaving the group, when the loop does not feed the watchdog any more.
        self._watchdog = Watchdog(Budget.of(settings).watchdog)
        self._pipeline: Pipeline[Batch] | None = None
        self._stopping = False

    def stop(self) -> bool:
        """Ask `run` to finish what is in flight and return; for any thread.

        Returns:
            Whether there may be something in flight; if not, the process may end at once.
        """
        self._stopping = True
        self._telemetry.health.phase = Phase.STOPPING
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
        self._telemetry.sources.assessor = self._assessor
        self._enter(Phase.WAITING)
        self._await_topics()
        cluster = self._describe_cluster()
        parts = assemble(
            settings,
            cluster,
            self._assessor,
            self._errors,
            self._reporter.note_error,
            self._telemetry,
        )
        try:
            with closing(parts.source), closing(parts.delivery):
                start(parts.delivery, settings)
                self._pipeline = parts.pipeline
                parts.source.subscribe(parts.pipeline)
                events.emit(
                    events.READY,
                    device=self._assessor.device,
                    backend=self._assessor.backend,
                    model=f"{self._assessor.name} {self._assessor.version}",
                    settings=settings.printable(),
                )
                if not self._stopping:
                    self._watchdog.start()
                    parts.pipeline.run(self._watched(parts, cluster))
        finally:
            self._watchdog.stop()
            self._reporter.report_end()

    def _enter(self, phase: Phase) -> None:
        if not self._stopping:
            self._telemetry.health.phase = phase

    def _watched(self, parts: Parts, cluster: Cluster) -> Callable[[], None]:
        """Let the telemetry see what runs; return what is to be called in each round."""
        stall_check = self._stall_check(parts.source)
        partitions = self._partition_watch(parts.source, cluster)
        health, sources = self._telemetry.health, self._telemetry.sources
        sources.owned = lambda: parts.source.owned
        sources.overview = lambda: partitions.overview
        health.loop = Loop(
            seconds_since_round=lambda: self._watchdog.unfed_seconds,
            round_limit=Budget.of(self._settings).longest_round,
            joined=lambda: parts.source.joined,
            unresolved=lambda: parts.source.unresolved,
            trouble=lambda: parts.pipeline.trouble,
            stall=lambda: stall_check.error,
            overview=sources.overview,
        )
        self._enter(Phase.RUNNING)
        return partial(self._each_round, stall_check, partitions)

    def _each_round(self, stall_check: StallCheck, partitions: PartitionWatch) -> None:
        self._watchdog.feed()
        self._telemetry.sources.polled_at = time.time()
        self._errors.raise_fatal()
        self._reporter.report_if_due()
        stall_check.check()
        partitions.check()

    def _stall_check(self, source: WindowSource) -> StallCheck:
        settings = self._settings
        properties = settings.client_properties()
        probe = partial(find_stall, properties, settings.windows_topic, settings.group)
        return StallCheck(source, probe)

    def _partition_watch(self, source: WindowSource, cluster: Cluster) -> PartitionWatch:
        settings = self._settings
        ends = ClusterEnds(
            cluster.admin,
            settings.client_properties(),
            settings.windows_topic,
            settings.diagnoses_topic,
            REQUEST,
        )
        return PartitionWatch(source.positions, ends)

    def _await_topics(self) -> None:
        settings = self._settings
        outputs = {settings.diagnoses_topic, settings.dead_letters_topic}
        properties = settings.client_properties()
        if settings.create_topics:
            wait_for_topics(properties, (), settings.startup_timeout, self._note_waiting)
            self._create_topics(properties)
        wait_for_topics(
            properties,
            [settings.windows_topic],
            settings.startup_timeout,
            self._note_waiting,
            written=sorted(outputs),
            group=settings.group,
        )

    def _describe_cluster(self) -> Cluster:
        """Find out what is asked once: replication, and the limit of the dead-letter topic.

        Raises:
            FatalKafkaError: The output must be read, since it is not replicated, and cannot.
        """
        settings = self._settings
        properties = settings.client_properties()
        admin = admin_client(properties, self._errors)
        limit = largest_message(properties, settings.dead_letters_topic)
        outputs = {settings.diagnoses_topic, settings.dead_letters_topic}
        if settings.guarantee != "exactly-once":
            return Cluster(admin, frozenset(), limit)
        found = single_replica(admin, outputs, REQUEST)
        if not found:
            return Cluster(admin, frozenset(), limit)
        wait_for_topics(properties, sorted(outputs), settings.startup_timeout, self._note_waiting)
        events.emit(
            events.UNREPLICATED,
            topics=found,
            detail="these topics have a single replica, which suits a trial: results can stay "
            "undecided if its broker dies within a commit",
        )
        return Cluster(admin, frozenset(outputs), limit)

    def _create_topics(self, properties: Properties) -> None:
        settings = self._settings
        create_topics(properties, {settings.windows_topic: -1, settings.diagnoses_topic: -1})
        wait_for_topics(
            properties, [settings.windows_topic], settings.startup_timeout, self._note_waiting
        )
        # A dead letter is a window and some headers: that of the largest window must fit too.
        largest = largest_message(properties, settings.windows_topic)
        limit = {"max.message.bytes": str(largest + DEAD_LETTER_OVERHEAD)} if largest else {}
        create_topics(properties, {settings.dead_letters_topic: -1}, topic_properties=limit)

    def _note_waiting(self, reason: str) -> None:
        self._telemetry.health.waiting_for = reason
        events.emit(events.WAITING_AT_STARTUP, reason=reason)
