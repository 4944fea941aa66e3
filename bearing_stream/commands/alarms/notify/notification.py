"""What is sent to a receiver: an event of an alarm, or a summary of several."""

from collections import Counter
from dataclasses import dataclass
from datetime import datetime
from hashlib import blake2b
from typing import Any, Final

from pydantic_core import to_json

from bearing_stream.commands.alarms.notify.template import render
from bearing_stream.commands.alarms.reading import rank_of
from bearing_stream.commands.terminal import printable
from bearing_stream.wire import headers as h
from bearing_stream.wire.alarm import AlarmEvent

SUMMARY_TYPE: Final = "bearing.alarm-summary.v1"
"""`ce_type` of a summary."""

LISTED: Final = 100
"""Events that a summary lists at most: the most severe ones, and of these the first. It counts
all."""

FIELDS: Final = (
    *("alarm_id", "event", "severity", "state", "kind", "label", "machine", "sensor"),
    *("last_measured_at", "transition_id"),
)
"""What a summary has of each event."""


@dataclass(frozen=True, slots=True)
class Notification:
    """An event or a summary, ready to be sent."""

    key: str
    """For deduplication: the same in every attempt, and of an event after every restart."""
    type: str
    """`ce_type`."""
    subject: str
    """`ce_subject`: the alarm's id; of a summary the number of events."""
    time: datetime | None
    """`ce_time`: of the sensor's latest measurement."""
    body: bytes
    """JSON."""
    event: AlarmEvent | None
    """None for a summary."""
    title: str = ""
    """Of a summary: one line for people."""
    text: str = ""
    """Of a summary: several lines for people."""

    def titled(self, template: str) -> str:
        """Return one line: the template with the event, or the title of the summary."""
        text = self.title if self.event is None else render(template, self.event)
        return printable(" ".join(text.split()))

    def written(self, template: str) -> str:
        """Return the template with the event, or the text of the summary."""
        return self.text if self.event is None else render(template, self.event)


def of_event(event: AlarmEvent, value: bytes) -> Notification:
    """Return the notification of an event.

    Args:
        event: Read from the topic.
        value: Of the message, which is passed on unchanged: fields of later versions too.
    """
    return Notification(
        event.transition_id,
        h.ALARM_EVENT_TYPE,
        event.alarm_id,
        event.last_measured_at,
        value,
        event,
    )


class Summary:
    """Collects what the rate limit keeps from being sent one by one; its memory is bounded."""

    def __init__(self) -> None:
        """Begin without events."""
        self.count = 0
        self._listed: list[AlarmEvent] = []
        self._events: Counter[str] = Counter()
        self._severities: Counter[str] = Counter()
        self._key = blake2b(digest_size=16)

    def add(self, event: AlarmEvent) -> None:
        """Add an event."""
        self.count += 1
        self._events[event.event] += 1
        self._severities[event.severity] += 1
        self._key.update(event.transition_id.encode() + b"\n")
        self._listed.append(event)
        if len(self._listed) > 2 * LISTED:
            self._listed = self._most_severe()

    def notification(self) -> Notification:
        """Return the summary of what was added so far."""
        listed = self._most_severe()
        highest = max(self._severities, key=rank_of)
        key = self._key.hexdigest()
        times = [event.last_measured_at for event in listed if event.last_measured_at]
        body: dict[str, Any] = {
            "summary_id": key,
            "count": self.count,
            "severity": highest,
            "events": self._events,
            "severities": self._severities,
            "listed": [event.model_dump(include=set(FIELDS)) for event in listed],
        }
        title = f"[{highest}] {self.count:,} events of alarms: {_counted(self._events)}"
        lines = [f"{e.severity:<8}  {e.event:<10}  {e.alarm_id}  {e.label or ''}" for e in listed]
        if (more := self.count - len(listed)) > 0:
            lines.append(f"and {more:,} more: bearing-stream alarms history")
        text = "\n".join(line.rstrip() for line in [title, "", *lines]) + "\n"
        return Notification(
            key,
            SUMMARY_TYPE,
            f"{self.count} events",
            max(times, default=None),
            to_json(body),
            None,
            title,
            text,
        )

    def _most_severe(self) -> list[AlarmEvent]:
        # The sort is stable: of equal ones the first leads.
        return sorted(self._listed, key=lambda event: -rank_of(event.severity))[:LISTED]


def _counted(counts: Counter[str]) -> str:
    return ", ".join(f"{count:,} {name}" for name, count in counts.most_common())
