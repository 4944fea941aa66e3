"""Assembles the stage from its settings, runs it, and closes its parts in order."""

from contextlib import closing
from functools import partial
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
from bearing_stream.commands.alarms.stage.state_topic import StateTopic
from bearing_stream.kafka import BatchEnds, admin_client, create_topics, wait_for_topics
from consumer import events
from consumer.assembly import TRANSACTION_BYTES, start
from consumer.delivery.base import Bounds
from consumer.delivery.exactly_once import ExactlyOnce
from consumer.delivery.replication import single_replica
from consumer.kafka.client_errors import ClientErrors
from consumer.kafka.clients import new_consumer, new_producer, transactional_id
from consumer.kafka.positions import Tracker
from consumer.kafka.resolver import Resolver
from consumer.kafka.source import WindowSource
from consumer.kafka.topic_log import ClusterTopicLog
from consumer.liveness.budget import REQUEST, STEP_OVER, Budget
from consumer.liveness.probe import find_stall
from consumer.liveness.stall import StallCheck
from consumer.liveness.watchdog import Watchdog
from consumer.reporting import Reporter
from consumer.service import ReportedErrors

REACHABLE_TIMEOUT: Final = 1.0
"""Seconds for Kafka to respond, before sensors are taken to be silent."""


class AlarmService:
    """`bearing-stream alarms`, from start to stop."""

    def __init__(self, settings: AlarmSettings) -> None:
        """Read the rules; Kafka is not touched before `run`.

        Raises:
            RulesError: The rules cannot be used.
        """
        self._settings = settings.model_copy(update={"group": settings.own_group})
        self._rules = load(settings.rules)
        self.metrics = AlarmMetrics()
        self._reporter = Reporter(self.metrics, settings.report_interval)
        self._errors = ReportedErrors(self._reporter)
        self._watchdog = Watchdog(Budget.of(settings).watchdog)
        self._loop: AlarmLoop | None = None
        self._stopping = False

    def stop(self) -> bool:
        """Ask `run` to finish what is in flight and return; for any thread.

        Returns:
            Whether there may be something in flight; if not, the process may end at once.
        """
        self._stopping = True
        if self._loop is None:
            return False
        self._loop.stop()
        return True

    def run(self) -> None:
        """Raise alarms until `stop` is called.

        Raises:
            FatalKafkaError: Kafka does not respond in time at the start, or refuses something.
        """
        settings = self._settings
        self._await_topics()
        consumer = new_consumer(settings, self._errors)
        source = self._source(consumer)
        delivery = self._delivery(source)
        properties = settings.client_properties()
        commands = CommandTopic(properties, settings.alarm_topics.commands, self._errors)
        state = StateTopic(
            properties, settings.alarm_topics.state, 2 * settings.transaction_timeout
        )
        dispatcher = AlarmDispatcher(settings, self._rules, delivery, state, commands, self.metrics)
        batch = DiagnosisBatch(settings.batch_size, settings.max_delay)
        reachable = partial(_is_reachable, consumer, source)
        loop = AlarmLoop(settings, source, batch, dispatcher, delivery, self.metrics, reachable)
        try:
            with closing(commands), closing(source), closing(delivery):
                start(delivery, settings)
                self._loop = loop
                source.subscribe(loop)
                events.emit(events.READY, settings=settings.printable())
                if not self._stopping:
                    self._watchdog.start()
                    loop.run(partial(self._each_round, self._stall_check(source)))
        finally:
            self._watchdog.stop()
            self._reporter.report_end()

    def _each_round(self, stall_check: StallCheck) -> None:
        self._watchdog.feed()
        self._errors.raise_fatal()
        self._reporter.report_if_due()
        stall_check.check()

    def _stall_check(self, source: WindowSource) -> StallCheck:
        settings = self._settings
        properties = settings.client_properties()
        probe = partial(find_stall, properties, settings.diagnoses_topic, settings.group)
        return StallCheck(source, probe)

    def _source(self, consumer: Consumer) -> WindowSource:
        settings = self._settings
        properties = settings.client_properties()
        log = ClusterTopicLog(
            admin_client(properties, self._errors),
            settings.diagnoses_topic,
            REQUEST,
            settings.topic_check_interval,
        )
        resolver = Resolver(
            consumer,
            log,
            self.metrics,
            start_from=settings.start_from,
            stop_on_gap=settings.on_gap == "stop",
        )
        return WindowSource(
            consumer,
            settings.diagnoses_topic,
            Tracker(leaves_marks=False),
            resolver,
            BatchEnds(properties, STEP_OVER),
            self.metrics,
            ClientErrors(settings.group, self._reporter.note_error),
        )

    def _delivery(self, source: WindowSource) -> ExactlyOnce:
        settings = self._settings
        found = settings.alarm_topics
        outputs = {found.alarms, found.events, found.state}
        admin = admin_client(settings.client_properties(), self._errors)
        unreplicated = bool(single_replica(admin, outputs, REQUEST))
        return ExactlyOnce(
            partial(new_producer, settings, self._errors, transactional_id(settings)),
            source.membership,
            Bounds(settings.commit_interval, TRANSACTION_BYTES),
            unreplicated=frozenset(outputs) if unreplicated else frozenset(),
            windows_topic=settings.diagnoses_topic,
            claims_predecessor=settings.instance_id is not None,
        )

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

    def _note_waiting(self, reason: str) -> None:
        events.emit(events.WAITING_AT_STARTUP, reason=reason)


def _is_reachable(consumer: Consumer, source: WindowSource) -> bool:
    """Whether the leaders of all owned partitions respond now."""
    try:
        for topic, partition in source.positions():
            place = TopicPartition(topic, partition)
            consumer.get_watermark_offsets(place, REACHABLE_TIMEOUT, cached=False)
    except KafkaException:
        return False
    return True
