"""Sends commands of operators, and waits for what comes of them."""

import uuid
from collections.abc import Iterable
from datetime import datetime, timedelta

from confluent_kafka import KafkaError, KafkaException, Producer

from bearing_stream.commands.alarms.reading import EventReader, Row, table
from bearing_stream.commands.terminal import printable
from bearing_stream.kafka import (
    AlarmTopicSettings,
    ClusterErrors,
    FatalKafkaError,
    explain,
    new_client,
)
from bearing_stream.kafka.connection import ONE_REQUEST_AT_A_TIME
from bearing_stream.wire.alarm import AlarmEvent, PublishedCommand, encode_command
from bearing_stream.wire.alarm_terms import Action, Severity

SEND_TIMEOUT = 10.0
"""Seconds for Kafka to take a command."""


class NoSuchAlarmError(Exception):
    """There is no alarm of this id; the message names those that are near."""


def command_for(
    row: Row,
    action: Action,
    by: str,
    reason: str,
    at: datetime,
    *,
    lasts: timedelta | None = None,
    once: bool = False,
    seen: str | None = None,
    count: int | None = None,
) -> PublishedCommand:
    """Return the command for an alarm as the operator sees it.

    Args:
        row: The alarm.
        action: What to do.
        by: The operator.
        reason: Why.
        at: Now.
        lasts: Of a shelving.
        once: Of a shelving: whether it ends when the alarm clears.
        seen: Severity that the operator saw; by default the one that the alarm has now.
        count: Raises that the operator saw; by default those until now.
    """
    seen = row.alarm.severity if seen is None else seen
    return PublishedCommand(
        command_id=uuid.uuid4().hex,
        alarm_id=row.alarm.alarm_id,
        action=action,
        # Subscribers print it.
        by=printable(by),
        reason=reason,
        at=at,
        severity=Severity(seen) if seen in list(Severity) else None,
        count=row.alarm.count if count is None else count,
        until=None if lasts is None else at + lasts,
        once=once,
    )


def find(settings: AlarmTopicSettings, alarm_ids: Iterable[str]) -> list[Row]:
    """Return these alarms as they are now.

    Raises:
        NoSuchAlarmError: One of them does not exist.
        FatalKafkaError: Kafka does not respond, or refuses.
    """
    rows = table(settings)
    found = []
    for alarm_id in alarm_ids:
        if alarm_id not in rows:
            sensor = alarm_id.partition(":")[0]
            near = [each for each in sorted(rows) if each.startswith(f"{sensor}:")]
            known = f"; of '{sensor}' there are {', '.join(near)}" if near else ""
            raise NoSuchAlarmError(f"there is no alarm '{alarm_id}'{known}")
        found.append(rows[alarm_id])
    return found


def send(
    settings: AlarmTopicSettings, commands: list[tuple[PublishedCommand, int]], timeout: float
) -> list[AlarmEvent]:
    """Send commands to the partitions of their alarms, and return the events that result.

    There are fewer events than commands where a command has none within `timeout` seconds.

    Raises:
        FatalKafkaError: Kafka does not take the commands.
    """
    topic = settings.alarm_topics.commands
    failures: list[KafkaError] = []

    def note(error: KafkaError | None, _message: object) -> None:
        if error is not None:
            failures.append(error)

    with EventReader(settings, from_end=True) as reader:
        try:
            producer = new_client(
                Producer,
                settings.client_properties(acks="all", enable_idempotence=True)
                | ONE_REQUEST_AT_A_TIME
                | {"log_level": 0, "error_cb": ClusterErrors()},
            )
            for command, partition in commands:
                message = encode_command(command)
                producer.produce(
                    topic,
                    key=message.key,
                    value=message.value,
                    headers=list(message.headers),
                    partition=partition,
                    on_delivery=note,
                )
        except KafkaException as failure:
            raise FatalKafkaError(explain(failure.args[0])) from None
        left = producer.flush(SEND_TIMEOUT)
        if failures:
            raise FatalKafkaError(f"'{topic}' does not take the command: {explain(failures[0])}")
        if left:
            raise FatalKafkaError(f"Kafka did not take the command within {SEND_TIMEOUT:g} s")
        return list(reader.results({command.command_id for command, _ in commands}, timeout))
