"""Events of alarms, as they are in the topic."""

from typing import Any

from bearing_stream.commands.alarms.notify.notification import Notification, of_event
from bearing_stream.commands.alarms.notify.receivers_file import parse
from bearing_stream.commands.alarms.notify.trial import example
from bearing_stream.wire import Message
from bearing_stream.wire import headers as h
from bearing_stream.wire.alarm import AlarmEvent


def event(number: int = 0, **fields: Any) -> AlarmEvent:
    """Return an event whose key has this number."""
    own: dict[str, Any] = {"transition_id": f"{number:032x}", "alarm_id": "pump-7:bearing-fault"}
    return example().event.model_copy(update=own | fields)


def notification(number: int = 0, **fields: Any) -> Notification:
    found = event(number, **fields)
    return of_event(found, found.model_dump_json().encode())


def message(found: AlarmEvent, partition: int | None = None) -> Message:
    """Return an event as a message for the topic."""
    headers: h.Headers = [(h.TYPE, h.ALARM_EVENT_TYPE.encode())]
    value = found.model_dump_json().encode()
    return Message(found.alarm_id.encode(), value, headers, partition=partition)


def receiver(text: str) -> Any:
    """Return the receiver of a file with one, given without its name."""
    [found] = parse(f'[[receiver]]\nname = "one"\n{text}')
    return found
