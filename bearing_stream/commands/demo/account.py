"""Counts what the topics hold: the consumer is not asked what it did."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import cast

from confluent_kafka import Message

from bearing_stream.kafka import TopicSettings, read_to_end
from bearing_stream.kafka.connection import Properties
from bearing_stream.vocabulary import FaultLabel
from bearing_stream.wire import Headers, RejectionReason, decode_diagnosis
from bearing_stream.wire.dead_letter import PREFIX
from bearing_stream.wire.headers import FAULT_LABEL, ID

Place = tuple[int, int]
"""Partition and offset of a message in the windows topic."""

BACKLOG = "backlog"
"""The simulator's run whose windows wait for the consumer; their ids begin with it."""


@dataclass(frozen=True, slots=True)
class Agreement:
    """Windows whose true state is known, and how many diagnoses name it."""

    agreed: int
    judged: int

    @property
    def share(self) -> float | None:
        """From 0 to 1; None if there is nothing to judge."""
        return self.agreed / self.judged if self.judged else None


@dataclass
class Account:
    """What the three topics hold."""

    sent: int = 0
    """Messages in the windows topic, malformed ones too."""
    diagnosed: int = 0
    """Committed diagnoses."""
    dead_letters: Counter[RejectionReason] = field(default_factory=Counter)
    """Committed dead letters by reason."""
    lost: int = 0
    """Messages in the windows topic without an answer."""
    duplicated: int = 0
    """Answers beyond the first."""
    agreed: Counter[FaultLabel] = field(default_factory=Counter)
    """Right diagnoses by true label."""
    judged: Counter[FaultLabel] = field(default_factory=Counter)
    """Diagnoses of windows with a known label, by that label."""
    backlog_rate: float = 0.0
    """Diagnoses a second while the backlog was caught up with."""
    latencies: list[float] = field(default_factory=list)
    """Milliseconds from a live window's Kafka timestamp until a subscriber had its diagnosis."""

    def agreement(self, label: FaultLabel | None = None) -> Agreement:
        """The agreement for a label, or for all."""
        if label is None:
            return Agreement(self.agreed.total(), self.judged.total())
        return Agreement(self.agreed[label], self.judged[label])


def account(topics: TopicSettings, arrivals: Mapping[Place, float]) -> Account:
    """Read the three topics to their ends and count.

    Args:
        topics: Where they are.
        arrivals: Seconds since the epoch at which a subscriber had the answer to each window.

    Raises:
        FatalKafkaError: A topic cannot be read.
    """
    properties: Properties = topics.client_properties()
    found = Account()
    windows = {
        _place(message): _window(message)
        for message in read_to_end(properties, topics.windows_topic, "read_uncommitted")
    }
    found.sent = len(windows)
    answers: Counter[Place] = Counter()
    backlog_times: list[int] = []
    for message in read_to_end(properties, topics.diagnoses_topic):
        _, diagnosis = decode_diagnosis(_headers(message), message.value())
        place = (diagnosis.input.partition, diagnosis.input.offset)
        found.diagnosed += 1
        answers[place] += 1
        window = windows[place]
        if window.label is not None:
            found.judged[window.label] += 1
            found.agreed[window.label] += diagnosis.prediction == window.label
        if window.backlog:
            backlog_times.append(message.timestamp()[1])
        elif place in arrivals:
            found.latencies.append(arrivals[place] * 1e3 - window.timestamp)
    for message in read_to_end(properties, topics.dead_letters_topic):
        said = {name: (raw or b"").decode() for name, raw in _headers(message) if PREFIX in name}
        answers[int(said[PREFIX + "partition"]), int(said[PREFIX + "offset"])] += 1
        found.dead_letters[RejectionReason(said[PREFIX + "exception.class.name"])] += 1
    found.lost = sum(place not in answers for place in windows)
    found.duplicated = sum(count - 1 for count in answers.values())
    found.backlog_rate = _rate(backlog_times)
    return found


@dataclass(frozen=True, slots=True)
class _Window:
    label: FaultLabel | None
    timestamp: int
    backlog: bool


def _window(message: Message) -> _Window:
    headers = dict(_headers(message))
    label = (headers.get(FAULT_LABEL) or b"").decode() or None
    backlog = (headers.get(ID) or b"").startswith(BACKLOG.encode())
    return _Window(cast("FaultLabel | None", label), message.timestamp()[1], backlog)


def _rate(times: list[int]) -> float:
    """Events a second, from their times in milliseconds."""
    if len(times) < 2 or (span := max(times) - min(times)) <= 0:
        return 0.0
    return (len(times) - 1) / span * 1e3


def _place(message: Message) -> Place:
    return cast("Place", (message.partition(), message.offset()))


def _headers(message: Message) -> Headers:
    return cast("Headers", message.headers() or [])
