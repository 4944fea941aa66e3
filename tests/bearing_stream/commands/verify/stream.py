"""Windows and their results, constructed so that each can violate one rule."""

import json
import time
import uuid
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import numpy as np

from bearing_stream.commands.verify import Report, VerifySettings, verify
from bearing_stream.config import load
from bearing_stream.vocabulary import WINDOW_LENGTH
from bearing_stream.wire import (
    DeadLetter,
    Headers,
    Message,
    Rejection,
    RejectionReason,
    Window,
    decode_window,
    encode_window,
)
from bearing_stream.wire import headers as h
from tests.kafka_tools import Topics, produce

NOW = round(time.time() - 600) * 1000
"""Milliseconds; window `i` has this timestamp plus `i` seconds. Kafka deletes week-old messages."""


def window(number: int, sensor: str = "press-1") -> Message:
    """Return a valid window."""
    samples = np.random.default_rng(number).standard_normal(WINDOW_LENGTH).astype(np.float32)
    made = Window("/test", f"{sensor}/{number}", sensor, datetime.now(UTC), samples)
    return encode_window(made)._replace(timestamp=NOW + 1000 * number)


def tombstone(number: int) -> Message:
    """Return a message that must become a dead letter."""
    return window(number)._replace(value=None)


def diagnosis(of: Message, topic: str, offset: int, version: str = "v", **more: Any) -> Message:
    """Return the fields of a diagnosis that identify its window; `more` replaces some of them."""
    named = {name: (raw or b"").decode() for name, raw in of.headers}
    value = {
        "window_id": named[h.ID],
        "source": named[h.SOURCE],
        "sensor": named[h.SUBJECT],
        "prediction": "Ball",
        "model": {"name": "n", "version": version, "device": "cpu"},
        "input": {"topic": topic, "partition": 0, "offset": offset},
    } | more
    identity = str(uuid.uuid5(uuid.NAMESPACE_URL, f"{named[h.ID]} {version}"))
    headers: Headers = [(h.TYPE, h.DIAGNOSIS_TYPE.encode()), (h.ID, identity.encode())]
    return Message(named[h.SUBJECT].encode(), json.dumps(value).encode(), headers)


def dead_letter(
    of: Message, topic: str, offset: int, reason: str = "no-value", group: str = "group"
) -> Message:
    """Return the dead letter of a message."""
    return DeadLetter(topic, 0, offset, RejectionReason(reason), "for a test", of).message(group)


@dataclass
class Stream:
    """Three topics of one partition each: windows, and the results that a test adds."""

    topics: Topics
    windows: list[Message] = field(default_factory=list)

    def send(self, *windows: Message) -> None:
        """Produce windows; the first one has offset 0."""
        produce(self.topics.servers, self.topics.windows, windows)
        self.windows += windows

    def result(self, offset: int, **more: Any) -> Message:
        """Return the result that the consumer should publish for a window."""
        message = self.windows[offset]
        try:
            decode_window(message.headers, message.value, np.zeros(WINDOW_LENGTH, np.float32))
        except Rejection as rejection:
            return dead_letter(message, self.topics.windows, offset, rejection.reason)
        return diagnosis(message, self.topics.windows, offset, **more)

    def add_diagnoses(self, *messages: Message) -> None:
        """Produce diagnoses."""
        produce(self.topics.servers, self.topics.diagnoses, messages)

    def add_dead_letters(self, *messages: Message) -> None:
        """Produce dead letters."""
        produce(self.topics.servers, self.topics.dead_letters, messages)

    def add_results(self, but: int | None = None) -> None:
        """Produce the correct result of every window, except one."""
        for offset, message in enumerate(self.windows):
            if offset == but:
                continue
            add = self.add_dead_letters if message.value is None else self.add_diagnoses
            add(self.result(offset))

    def verify(self, **settings: Any) -> Report:
        """Run the check; by default it does not wait for further results."""
        return verify(load(VerifySettings, self.topics.settings | {"settle": 0.0} | settings))
