"""Parses a dead letter into its original and the reason of the rejection."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

from confluent_kafka import Message as Polled

from bearing_stream.commands.dead_letters.settings import LetterSettings
from bearing_stream.kafka import Spans, TopicReader
from bearing_stream.kafka.record_id import RecordId
from bearing_stream.wire import Headers, Message, RejectionReason, format_time, readable_headers
from bearing_stream.wire import headers as h
from bearing_stream.wire.error_headers import (
    ADDED,
    StubbedValue,
    is_error_header,
    original_timestamp,
    read_error_headers,
    stubbed_value,
)

REDRIVES: Final = "bearing-redrives"
"""Header with the number of redrives of a message."""

LATEST: Final = 253_402_300_799_000
"""The last second of the year 9999, in milliseconds since the epoch."""

UNKNOWN_REASON: Final = "no-reason"
"""The reason of a message without one: it is not a dead letter of this consumer."""


@dataclass(frozen=True, slots=True)
class Letter:
    """A parsed dead letter."""

    record: RecordId
    """Its position in the dead-letter topic."""
    reason: str
    detail: str
    topic: str
    """Position of the original; empty strings if the letter does not name it."""
    partition: str
    offset: str
    sensor: str
    redrives: int | None
    """Number of redrives so far; None if the header is not a number."""
    original: Message
    """The message as the consumer received it, without the headers that its dead letter added. The
    original of a stub has no value, and may lack headers and its key."""
    stub: StubbedValue | None = None
    """What the letter states about the original's value, if it is a stub."""

    @property
    def time(self) -> datetime:
        """The Kafka timestamp of the original; the latest date that there is for a later one.

        A producer that states microseconds writes timestamps beyond the year 9999.
        """
        return datetime.fromtimestamp(min(self.original.timestamp, LATEST) / 1000, UTC)

    @property
    def length(self) -> int | None:
        """Bytes of the original's value; None if it had no value."""
        if self.stub is not None:
            return self.stub.length
        return None if self.original.value is None else len(self.original.value)

    def redriven(self) -> Message:
        """Return the message to send to the windows topic, with an incremented count of redrives.

        It gets a new Kafka timestamp; its `ce_time` still has the time of the measurement.
        """
        headers = [header for header in self.original.headers if header[0] != REDRIVES]
        headers.append((REDRIVES, str((self.redrives or 0) + 1).encode()))
        return self.original._replace(headers=headers, timestamp=0)

    def as_json(self) -> dict[str, Any]:
        """Return the object that `--json` prints; of the value, only its length."""
        return {
            "partition": self.record.partition,
            "offset": self.record.offset,
            "time": format_time(self.time),
            "reason": self.reason,
            "detail": self.detail,
            "sensor": self.sensor,
            "redrives": self.redrives,
            "input": {"topic": self.topic, "partition": self.partition, "offset": self.offset},
            "bytes": self.length,
            "stub": self.stub is not None,
        }


def parse(message: Polled) -> Letter:
    """Parse a dead letter. Never fails: any message of the topic can be listed and shown."""
    headers = readable_headers(message) or []
    error = read_error_headers(headers)
    kept: Headers = [
        header for header in headers if not (header[0] in ADDED or is_error_header(header[0]))
    ]
    named = dict(kept)
    stub = stubbed_value(headers) if error.reason == RejectionReason.TOO_LARGE else None
    timestamp = original_timestamp(headers)
    if timestamp is None:
        timestamp = max(message.timestamp()[1], 0)
    value = None if stub else message.value()
    return Letter(
        record=RecordId.of(message),
        reason=error.reason or UNKNOWN_REASON,
        detail=error.detail,
        topic=error.topic,
        partition=error.partition,
        offset=error.offset,
        sensor=_text(named.get(h.SUBJECT)) or _text(message.key()),
        redrives=_count(named.get(REDRIVES)),
        original=Message(message.key(), value, kept, timestamp),
        stub=stub,
    )


def matching(letter: Letter, settings: LetterSettings) -> bool:
    """Return whether the settings select a letter."""
    return (
        settings.reason in (None, letter.reason)
        and settings.sensor in (None, letter.sensor)
        and (settings.since is None or letter.time >= settings.since)
        and (settings.until is None or letter.time < settings.until)
    )


def read_matching(reader: TopicReader, spans: Spans, settings: LetterSettings) -> Iterator[Letter]:
    """Yield the letters that match, in order within a partition.

    The whole of `spans` is read: `since` and `until` compare the timestamps of the originals, which
    are not in the order of the letters.

    Raises:
        FatalKafkaError: The topic cannot be read.
    """
    for message in reader.read(spans):
        letter = parse(message)
        if matching(letter, settings):
            yield letter


def _text(raw: bytes | None) -> str:
    return (raw or b"").decode(errors="backslashreplace")


def _count(raw: bytes | None) -> int | None:
    if raw is None:
        return 0
    return int(raw) if raw.isdigit() and len(raw) < 10 else None
