"""`bearing-stream consume` as a service: its model, its topics and its parts."""

from typing import Final

from bearing_stream.kafka import (
    admin_client,
    create_topics,
    largest_message,
    wait_for_topics,
)
from bearing_stream.kafka.connection import Properties
from consumer import events
from consumer.assembly import Cluster, assemble
from consumer.delivery.replication import single_replica
from consumer.liveness.budget import REQUEST
from consumer.parts import Parts
from consumer.reloading import ReloadingAssessor
from consumer.settings import ConsumerSettings
from consumer.stage_service import StageService
from consumer.telemetry.served import Telemetry

DEAD_LETTER_OVERHEAD: Final = 64 * 1024
"""Bytes that a dead letter may have beyond its original: its headers take some hundred, and alone
in a batch it may compress less well than the original did."""


class Service(StageService[ConsumerSettings]):
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
        self._telemetry = telemetry or Telemetry.of(settings)
        super().__init__(
            settings, settings.windows_topic, settings.diagnoses_topic, self._telemetry
        )
        self._assessor = ReloadingAssessor.of(settings)

    def run(self) -> None:
        """Diagnose until `stop` is called; see `StageService.run`."""
        self._telemetry.sources.assessor = self._assessor
        super().run()

    def _assemble(self) -> Parts:
        return assemble(
            self._settings,
            self._describe_cluster(),
            self._assessor,
            self._errors,
            self._reporter.note_error,
            self._telemetry,
        )

    def _described(self) -> dict[str, str]:
        return {
            "device": self._assessor.device,
            "backend": self._assessor.backend,
            "model": f"{self._assessor.name} {self._assessor.version}",
        }

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
