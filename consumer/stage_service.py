"""A stage as a service: it starts, is watched over, reports, and closes its parts in order."""

import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from contextlib import ExitStack, closing
from functools import partial
from typing import Any, Generic, TypeVar

from confluent_kafka import KafkaError

from bearing_stream.kafka import ClusterErrors
from consumer import events
from consumer.kafka.source import WindowSource
from consumer.liveness.budget import REQUEST, Budget
from consumer.liveness.probe import find_stall
from consumer.liveness.stall import StallCheck
from consumer.liveness.watchdog import Watchdog
from consumer.parts import Parts, start
from consumer.pipeline import Pipeline
from consumer.reporting import Reporter
from consumer.stage_settings import StageSettings
from consumer.telemetry.cluster_ends import ClusterEnds
from consumer.telemetry.health import Loop, Phase
from consumer.telemetry.loop_readings import LoopSources
from consumer.telemetry.partitions import PartitionWatch
from consumer.telemetry.stage_telemetry import StageTelemetry

S = TypeVar("S", bound=StageSettings)


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


class StageService(ABC, Generic[S]):
    """A stage, from start to stop. A subclass names its topics and puts its parts together."""

    def __init__(
        self, settings: S, topic: str, output: str, telemetry: StageTelemetry[Any]
    ) -> None:
        """Set up; Kafka is not touched before `run`.

        Args:
            settings: All of them.
            topic: That it reads.
            output: A topic that every transaction of it writes to, or nearly every one: open
                transactions are watched there.
            telemetry: Takes what it reports of itself.
        """
        self._settings = settings
        self._topic = topic
        self._output = output
        self._health = telemetry.health
        self._sources: LoopSources = telemetry.sources
        self._sources.is_ready = self._health.is_ready
        self.metrics = self._sources.metrics
        self._reporter = Reporter(self.metrics, settings.report_interval)
        self._errors = ReportedErrors(self._reporter)
        # It also bounds leaving the group, when the loop does not feed the watchdog any more.
        self._watchdog = Watchdog(Budget.of(settings).watchdog)
        self._pipeline: Pipeline[Any] | None = None
        self._stopping = False

    def stop(self) -> bool:
        """Ask `run` to finish what is in flight and return; for any thread.

        Returns:
            Whether there may be something in flight; if not, the process may end at once.
        """
        self._stopping = True
        self._health.phase = Phase.STOPPING
        if self._pipeline is None:
            return False
        self._pipeline.stop()
        return True

    def run(self) -> None:
        """Go on until `stop` is called.

        Raises:
            FatalKafkaError: Kafka does not respond in time at the start, or refuses something; the
                message is one line that names what to do.
        """
        self._enter(Phase.WAITING)
        self._await_topics()
        parts = self._assemble()
        try:
            with ExitStack() as opened:
                # Closed in the reverse order.
                for part in (*parts.others, parts.source, parts.delivery):
                    opened.enter_context(closing(part))
                start(parts.delivery, self._settings)
                self._pipeline = parts.pipeline
                parts.source.subscribe(parts.pipeline)
                events.emit(events.READY, **self._described(), settings=self._settings.printable())
                if not self._stopping:
                    self._watchdog.start()
                    parts.pipeline.run(self._watched(parts))
        finally:
            self._watchdog.stop()
            self._reporter.report_end()

    @abstractmethod
    def _await_topics(self) -> None:
        """Wait for the topics, and create them if that is set; raises FatalKafkaError."""

    @abstractmethod
    def _assemble(self) -> Parts:
        """Connect the clients and put the parts together; raises FatalKafkaError."""

    def _described(self) -> Mapping[str, str]:
        """Return what else the event `ready` names."""
        return {}

    def _note_waiting(self, reason: str) -> None:
        self._health.waiting_for = reason
        events.emit(events.WAITING_AT_STARTUP, reason=reason)

    def _enter(self, phase: Phase) -> None:
        if not self._stopping:
            self._health.phase = phase

    def _watched(self, parts: Parts) -> Callable[[], None]:
        """Let the telemetry see what runs; return what is to be called in each round."""
        source = parts.source
        stall_check = self._stall_check(source)
        partitions = self._partition_watch(parts)
        self._sources.owned = lambda: source.owned
        self._sources.overview = lambda: partitions.overview
        self._health.loop = Loop(
            seconds_since_round=lambda: self._watchdog.unfed_seconds,
            round_limit=Budget.of(self._settings).longest_round,
            joined=lambda: source.joined,
            unresolved=lambda: source.unresolved,
            trouble=lambda: parts.pipeline.trouble,
            stall=lambda: stall_check.error,
            overview=self._sources.overview,
        )
        self._enter(Phase.RUNNING)
        return partial(self._each_round, stall_check, partitions)

    def _each_round(self, stall_check: StallCheck, partitions: PartitionWatch) -> None:
        self._watchdog.feed()
        self._sources.polled_at = time.time()
        self._errors.raise_fatal()
        self._reporter.report_if_due()
        stall_check.check()
        partitions.check()

    def _stall_check(self, source: WindowSource) -> StallCheck:
        properties = self._settings.client_properties()
        probe = partial(find_stall, properties, self._topic, self._settings.group)
        return StallCheck(source, probe)

    def _partition_watch(self, parts: Parts) -> PartitionWatch:
        properties = self._settings.client_properties()
        ends = ClusterEnds(parts.admin, properties, self._topic, self._output, REQUEST)
        source = parts.source
        return PartitionWatch(
            source.reached, lambda: source.owned, ends, awaited=lambda: source.awaited
        )
