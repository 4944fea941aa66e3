"""Counts what the topics hold, independently of what the consumer reports."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, cast

from confluent_kafka import Message as Polled

from bearing_stream.commands.demo.moments import Moments
from bearing_stream.commands.verify import VerifySettings, verify
from bearing_stream.config import load
from bearing_stream.kafka import TopicSettings, read_to_end
from bearing_stream.kafka.connection import Properties
from bearing_stream.kafka.record_id import RecordId
from bearing_stream.vocabulary import FaultLabel
from bearing_stream.wire import Headers, RejectionReason, decode_diagnosis, read_error_headers
from bearing_stream.wire.headers import FAULT_LABEL, ID

BACKLOG = "backlog"
"""Run id of the simulator that leaves the backlog; the ids of its windows begin with it."""


@dataclass(frozen=True, slots=True)
class Agreement:
    """Diagnoses of windows with a known label, and how many of them predict that label."""

    agreed: int
    judged: int

    @property
    def share(self) -> float | None:
        """From 0 to 1; None if there are no such diagnoses."""
        return self.agreed / self.judged if self.judged else None


@dataclass
class Account:
    """What the three topics hold."""

    sent: int = 0
    """Messages in the windows topic, including malformed ones."""
    diagnosed: int = 0
    """Committed diagnoses."""
    dead_letters: Counter[RejectionReason] = field(default_factory=Counter)
    """Committed dead letters by reason."""
    lost: int = 0
    """Messages in the windows topic without a diagnosis or dead letter."""
    duplicated: int = 0
    """Diagnoses and dead letters beyond the first of a message."""
    agreed: Counter[FaultLabel] = field(default_factory=Counter)
    """Correct diagnoses by true label."""
    judged: Counter[FaultLabel] = field(default_factory=Counter)
    """Diagnoses of windows with a known label, by that label."""
    backlog_rate: float = 0.0
    """Windows a second while the consumer processed the backlog."""
    latencies: list[float] = field(default_factory=list)
    """Milliseconds from the Kafka timestamp of a live measurement until a subscriber read its
    diagnosis."""
    alarm_events: list[str] = field(default_factory=list)
    """Transitions of alarms in their order; the demo adds them."""
    moments: Moments = field(default_factory=Moments)
    """When the subscriber read what; the demo adds the moments of the consumer."""

    def agreement(self, label: FaultLabel | None = None) -> Agreement:
        """Return the agreement for a label, or for all."""
        if label is None:
            return Agreement(self.agreed.total(), self.judged.total())
        return Agreement(self.agreed[label], self.judged[label])


def account(topics: TopicSettings, arrivals: Mapping[RecordId, float]) -> Account:
    """Read the three topics to their ends and count.

    `verify` counts the lost and the duplicated; whether a diagnosis is correct is counted here.

    Args:
        topics: The connection and the names of the topics.
        arrivals: Seconds since the epoch at which a subscriber read the result of each window.

    Raises:
        FatalKafkaError: A topic cannot be read.
    """
    properties: Properties = topics.client_properties()
    report = verify(load(VerifySettings, topic_settings(topics) | {"settle": 0.0}))
    found = Account(
        sent=report.windows, lost=report.lost, duplicated=report.duplicated + report.both
    )
    windows = {
        RecordId.of(message): _window(message)
        for message in read_to_end(properties, topics.windows_topic)
    }
    backlog: list[tuple[int, int]] = []
    for message in read_to_end(properties, topics.diagnoses_topic):
        _, diagnosis = decode_diagnosis(_headers(message), message.value())
        record = RecordId(diagnosis.input.partition, diagnosis.input.offset)
        found.diagnosed += 1
        window = windows[record]
        if window.label is not None:
            found.judged[window.label] += 1
            found.agreed[window.label] += diagnosis.prediction == window.label
        if window.backlog:
            backlog.append((message.timestamp()[1], diagnosis.windows))
        elif record in arrivals:
            found.latencies.append(arrivals[record] * 1e3 - window.timestamp)
    for message in read_to_end(properties, topics.dead_letters_topic):
        reason = read_error_headers(_headers(message)).reason
        found.dead_letters[RejectionReason(reason)] += 1
    found.backlog_rate = _rate(backlog)
    found.moments = _moments(windows, arrivals)
    return found


def topic_settings(topics: TopicSettings) -> dict[str, Any]:
    """Return the connection and the topics as settings of a command without alarms."""
    return topics.model_dump(include=set(TopicSettings.model_fields))


@dataclass(frozen=True, slots=True)
class _Window:
    label: FaultLabel | None
    timestamp: int
    backlog: bool


def _moments(windows: Mapping[RecordId, _Window], arrivals: Mapping[RecordId, float]) -> Moments:
    live = {record for record, window in windows.items() if not window.backlog}
    return Moments(
        first_diagnosis=min(arrivals.values(), default=None),
        caught_up=max((at for record, at in arrivals.items() if record not in live), default=None),
        live_feed=min((windows[record].timestamp / 1e3 for record in live), default=None),
        first_live_diagnosis=min(
            (at for record, at in arrivals.items() if record in live), default=None
        ),
    )


def _window(message: Polled) -> _Window:
    headers = dict(_headers(message))
    label = (headers.get(FAULT_LABEL) or b"").decode() or None
    backlog = (headers.get(ID) or b"").startswith(BACKLOG.encode())
    return _Window(cast("FaultLabel | None", label), message.timestamp()[1], backlog)


def _rate(diagnosed: list[tuple[int, int]]) -> float:
    """Return windows a second, from the time in milliseconds and the windows of each diagnosis."""
    times = [time for time, _ in diagnosed]
    if len(times) < 2 or (span := max(times) - min(times)) <= 0:
        return 0.0
    return sum(windows for _, windows in sorted(diagnosed)[1:]) / span * 1e3


def _headers(message: Polled) -> Headers:
    return cast("Headers", message.headers() or [])
