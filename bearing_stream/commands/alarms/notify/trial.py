"""The test mode: shows what each receiver would be sent, or sends an example for real."""

import json
import uuid
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Final, NamedTuple

from bearing_stream.commands.alarms.notify.filters import reason_to_omit
from bearing_stream.commands.alarms.notify.notification import Notification, of_event
from bearing_stream.commands.alarms.notify.receivers import Receiver
from bearing_stream.commands.alarms.notify.senders import (
    PartlyRefusedError,
    RefusedError,
    UnavailableError,
    sender_of,
)
from bearing_stream.kafka import AlarmTopicSettings, Span, TopicReader
from bearing_stream.wire import format_time
from bearing_stream.wire.alarm import AlarmEvent, decode
from bearing_stream.wire.reading import readable_headers

EXAMPLE: Final = "example"
"""Names the event that is built in."""

LATEST: Final = "latest"
"""Names the latest event in the topic."""

TAIL: Final = 100
"""Offsets at the end of each partition among which the latest event is searched."""


class NoSuchEventError(Exception):
    """There is no such event in the topic; the message states which."""


class Found(NamedTuple):
    """An event, as it is in the topic."""

    event: AlarmEvent
    value: bytes

    @property
    def notification(self) -> Notification:
        """Return it as what is sent."""
        return of_event(self.event, self.value)


def example() -> Found:
    """Return an event that is no sensor's, with a key that no event before had."""
    now = format_time(datetime.now(UTC))
    fields = {
        "alarm_id": "example-sensor:bearing-fault",
        "source": "/example/machine",
        "sensor": "example-sensor",
        "machine": "/example/machine",
        "kind": "bearing-fault",
        "label": "OuterRace",
        "severity": "medium",
        "state": "latched",
        "active": True,
        "acked": False,
        "latched": True,
        "shelved": None,
        "since": now,
        "first_window": "example-1",
        "last_window": "example-16",
        "windows": 16,
        "count": 1,
        "pending_since": None,
        "clears_at": None,
        "last_measured_at": now,
        "data": "live",
        "evidence": None,
        "indicators": None,
        "model": None,
        "input": None,
        "transition_id": uuid.uuid4().hex,
        "event": "raised",
        "command": None,
    }
    value = json.dumps(fields).encode()
    return Found(AlarmEvent.model_validate_json(value), value)


def find(settings: AlarmTopicSettings, which: str) -> Found:
    """Return the latest event in the topic, of all alarms or of one.

    Args:
        settings: Which topic.
        which: `LATEST` or an alarm's id.

    Raises:
        NoSuchEventError: There is none.
        FatalKafkaError: Kafka does not respond, or refuses.
    """
    latest: tuple[int, Found] | None = None
    with TopicReader(settings.client_properties(), settings.alarm_topics.events) as reader:
        spans = reader.spans()
        if which == LATEST:
            spans = {n: Span(max(s.start, s.end - TAIL), s.end) for n, s in spans.items()}
        for message in reader.read(spans):
            value = message.value() or b""
            try:
                event = decode(AlarmEvent, readable_headers(message), value)
            except ValueError:
                continue
            at = message.timestamp()[1]
            if which in (LATEST, event.alarm_id) and (latest is None or at >= latest[0]):
                latest = at, Found(event, value)
    if latest is None:
        of = "" if which == LATEST else f" of '{which}'"
        raise NoSuchEventError(f"there is no event{of} in '{settings.alarm_topics.events}'")
    return latest[1]


def preview(receivers: list[Receiver], found: Found) -> Iterator[str]:
    """Yield what each receiver would be sent, or why it would not."""
    for receiver in receivers:
        heading = f"{receiver.name} ({receiver.kind})"
        if reason := reason_to_omit(receiver, found.event):
            yield f"{heading}: nothing, {reason}\n"
            continue
        try:
            text = sender_of(receiver).preview(found.notification)
        except UnavailableError as error:
            yield f"{heading}: {error}\n"
            continue
        yield f"{heading} would be sent:\n\n{_indented(text)}\n"


def send(receivers: list[Receiver], found: Found) -> Iterator[tuple[str, bool]]:
    """Send an event once to each receiver, whatever its filters.

    Yields:
        What became of it, and whether it was accepted.
    """
    for receiver in receivers:
        heading = f"{receiver.name} ({receiver.kind})"
        try:
            sender_of(receiver).send(found.notification)
        except UnavailableError as error:
            yield f"{heading}: unavailable: {error}", False
        except RefusedError as error:
            yield f"{heading}: refused: {error}", False
        except PartlyRefusedError as error:
            yield f"{heading}: refused for some recipients: {error}", False
        else:
            yield f"{heading}: accepted", True


def _indented(text: str) -> str:
    return "\n".join(f"    {line}".rstrip() for line in text.splitlines())
