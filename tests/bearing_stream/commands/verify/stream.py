"""Windows and their answers, made by hand, so that each can be wrong in one way."""

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
"""Milliseconds; window `i` is of this time and `i` seconds. Kafka deletes what is a week old."""


def window(number: int, sensor: str = "press-1") -> Message:
    """A good window."""
    samples = np.random.default_rng(number).standard_normal(WINDOW_LENGTH).astype(np.float32)
    made = Window("/test", f"{sensor}/{number}", sensor, datetime.now(UTC), samples)
    return encode_window(made)._replace(timestamp=NOW + 1000 * number)


def tombstone(number: int) -> Message:
    """A message that no one can diagnose."""
    return window(number)._replace(value=None)


def diagnosis(of: Message, topic: str, offset: int, version: str = "v", **more: Any) -> Message:
    """As much of a diagnosis as identifies its window; `more` replaces parts of it."""
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


def dead_letter(of: Message, topic: str, offset: int, reason: str = "no-value") -> Message:
    """The dead letter of a message."""
    return DeadLetter(topic, 0, offset, RejectionReason(reason), "made up", of).message()


@dataclass
class Stream:
    """Three topics of one partition each, windows in the first, answers as they are told."""

    topics: Topics
    windows: list[Message] = field(default_factory=list)

    def send(self, *windows: Message) -> None:
        """Put windows into Kafka; the first of all has offset 0."""
        produce(self.topics.servers, self.topics.windows, windows)
        self.windows += windows

    def answer(self, offset: int, **more: Any) -> Message:
        """What the consumer should say of a window."""
        message = self.windows[offset]
        try:
            decode_window(message.headers, message.value, np.zeros(WINDOW_LENGTH, np.float32))
        except Rejection as rejection:
            return dead_letter(message, self.topics.windows, offset, rejection.reason)
        return diagnosis(message, self.topics.windows, offset, **more)

    def diagnosed(self, *messages: Message) -> None:
        """Put diagnoses into Kafka."""
        produce(self.topics.servers, self.topics.diagnoses, messages)

    def buried(self, *messages: Message) -> None:
        """Put dead letters into Kafka."""
        produce(self.topics.servers, self.topics.dead_letters, messages)

    def answer_all(self, but: int | None = None) -> None:
        """Put the right answer to every window into Kafka, except one."""
        for offset, message in enumerate(self.windows):
            if offset == but:
                continue
            self.buried(self.answer(offset)) if message.value is None else self.diagnosed(
                self.answer(offset)
            )

    def verify(self, **settings: Any) -> Report:
        """What the checker finds; it does not wait unless told to."""
        return verify(load(VerifySettings, self.topics.settings | {"settle": 0.0} | settings))
