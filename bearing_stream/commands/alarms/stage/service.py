"""`bearing-stream alarms` as a service: its rules, its topics and its parts."""

from functools import partial
from itertools import islice
from typing import Final

from confluent_kafka import Consumer, KafkaException, TopicPartition

from bearing_stream.alarms.rules_file import load
from bearing_stream.commands.alarms import topics
from bearing_stream.commands.alarms.settings import AlarmSettings
from bearing_stream.commands.alarms.stage.batch import DiagnosisBatch
from bearing_stream.commands.alarms.stage.command_topic import CommandTopic
from bearing_stream.commands.alarms.stage.dispatcher import AlarmDispatcher
from bearing_stream.commands.alarms.stage.loop import AlarmLoop
from bearing_stream.commands.alarms.stage.metrics import AlarmMetrics
from bearing_stream.commands.alarms.stage.readings import AlarmSources
from bearing_stream.commands.alarms.stage.state_topic import StateTopic
from bearing_stream.kafka import (
    admin_client,
    create_topics,
    partition_count,
    wait_for_topics,
)
from consumer.delivery.replication import single_replica
from consumer.kafka.clients import new_consumer
from consumer.kafka.source import WindowSource
from consumer.kafka.topic_log import ClusterTopicLog
from consumer.liveness.budget import REQUEST
from consumer.parts import Parts, exactly_once, new_source
from consumer.stage_service import StageService
from consumer.telemetry.health import Health, Phase
from consumer.telemetry.pushing import push_of
from consumer.telemetry.stage_telemetry import StageTelemetry

REACHABLE_TIMEOUT: Final = 1.0
"""Seconds for Kafka to respond, before sensors are taken to be silent, and before what changed is
written when the stage ends."""


class AlarmService(StageService[AlarmSettings]):
    """`bearing-stream alarms`, from start to stop."""

    def __init__(self, settings: AlarmSettings) -> None:
        """Read the rules; Kafka is not touched before `run`.

        Raises:
            RulesError: The rules cannot be used.
            EndpointError: The metrics cannot be pushed as the environment asks for.
        """
        self._rules = load(settings.rules)
        sources = AlarmSources(
            metrics=AlarmMetrics(), topic=settings.diagnoses_topic, rules=self._rules.digest
        )
        # Without a model to load, it begins to wait.
        health = Health(Phase.WAITING)
        self.telemetry = StageTelemetry(sources, health, push=push_of(settings))
        super().__init__(
            settings.model_copy(update={"group": settings.own_group}),
            settings.diagnoses_topic,
            settings.alarm_topics.state,
            self.telemetry,
        )

    def _assemble(self) -> Parts:
        settings, found = self._settings, self._settings.alarm_topics
        properties, metrics = settings.client_properties(), self.telemetry.sources.metrics
        admin = admin_client(properties, self._errors)
        statistics = self.telemetry.client_properties(settings, "consumer")
        partitions = partition_count(admin, settings.diagnoses_topic)
        consumer = new_consumer(settings, self._errors, statistics, partitions)
        source = new_source(
            settings,
            settings.diagnoses_topic,
            consumer,
            admin,
            metrics,
            self._reporter.note_error,
        )
        outputs = frozenset({found.alarms, found.events, found.state})
        unreplicated = outputs if single_replica(admin, outputs, REQUEST) else frozenset()
        # After a transaction has failed, it reads what it wrote there.
        wait_for_topics(
            properties, sorted(unreplicated), settings.startup_timeout, self._note_waiting
        )
        topic = settings.diagnoses_topic
        delivery = exactly_once(
            settings, topic, source, admin, self._errors, self.telemetry, unreplicated
        )
        log = ClusterTopicLog(admin, found.commands, REQUEST, settings.topic_check_interval)
        commands = CommandTopic(properties, found.commands, self._errors, log)
        state = StateTopic(properties, found.state, 2 * settings.transaction_timeout)
        reachable = partial(_is_reachable, consumer, source)
        sources, responds = self.telemetry.sources, partial(reachable, most=1)
        dispatcher = AlarmDispatcher(
            settings, self._rules, delivery, state, commands, sources, responds=responds
        )
        batch = DiagnosisBatch(settings.batch_size, settings.max_delay)
        check = partial(topics.check, settings, REQUEST)
        loop = AlarmLoop(settings, source, batch, dispatcher, delivery, metrics, reachable, check)
        return Parts(source, delivery, loop, admin, [commands])

    def _await_topics(self) -> None:
        settings = self._settings
        properties = settings.client_properties()
        found = settings.alarm_topics
        if settings.create_topics:
            wait_for_topics(properties, (), settings.startup_timeout, self._note_waiting)
            create_topics(properties, {settings.diagnoses_topic: -1})
            wait_for_topics(
                properties,
                [settings.diagnoses_topic],
                settings.startup_timeout,
                self._note_waiting,
            )
            topics.create(settings)
        wait_for_topics(
            properties,
            [settings.diagnoses_topic, found.commands, found.state],
            settings.startup_timeout,
            self._note_waiting,
            "start alarms with --create-topics",
            written=sorted({found.alarms, found.events, found.state}),
            group=settings.group,
        )
        topics.check(settings)
        if settings.take_over not in (None, settings.group):
            topics.check_stopped(settings, str(settings.take_over))


def _is_reachable(consumer: Consumer, source: WindowSource, most: int | None = None) -> bool:
    """Whether the leaders of all owned partitions, or of so many at most, respond now."""
    try:
        for topic, partition in islice(source.positions(), most):
            place = TopicPartition(topic, partition)
            consumer.get_watermark_offsets(place, REACHABLE_TIMEOUT, cached=False)
    except KafkaException:
        return False
    return True
