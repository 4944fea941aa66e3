"""Parses a dead letter into its original and the reason of the rejection."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

from confluent_kafka import Message as Polled

from bearing_stream.commands.dead_letters.settings import LetterSettings
from bearing_stream.kafka import Span, Spans, TopicReader
from bearing_stream.kafka.record_id import RecordId
from bearing_stream.wire import Message, format_time, read_error_headers, readable_headers
from bearing_stream.wire import headers as h
from bearing_stream.wire.dead_letter import is_error_header

REDRIVES: Final = "bearing-redrives"
"""Header with the number of redrives of a message."""

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
    """The message as the consumer received it, without error headers."""

    @property
    def time(self) -> datetime:
        """The Kafka timestamp of the original."""
        return datetime.fromtimestamp(self.original.timestamp / 1000, UTC)

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
            "bytes": None if self.original.value is None else len(self.original.value),
        }


def parse(message: Polled) -> Letter:
    """Parse a dead letter. Never fails: any message of the topic can be listed and shown."""
    headers = readable_headers(message) or []
    errors = read_error_headers(headers)
    kept = [header for header in headers if not is_error_header(header[0])]
    named = dict(kept)
    return Letter(
        record=RecordId.of(message),
        reason=errors.reason or UNKNOWN_REASON,
        detail=errors.detail,
        topic=errors.topic,
        partition=errors.partition,
        offset=errors.offset,
        sensor=_text(named.get(h.SUBJECT)) or _text(message.key()),
        redrives=_count(named.get(REDRIVES)),
        original=Message(message.key(), message.value(), kept, max(message.timestamp()[1], 0)),
    )


def matching(letter: Letter, settings: LetterSettings) -> bool:
    """Return whether the settings select a letter."""
    return (
        settings.reason in (None, letter.reason)
        and settings.sensor in (None, letter.sensor)
        and (settings.since is None or letter.time >= settings.since)
        and (settings.until is None or letter.time < settings.until)
    )


def spans_for(reader: TopicReader, settings: LetterSettings) -> Spans:
    """Return the offsets that can hold matching letters.

    Letters have the timestamps of their originals, which are not ordered, so `until` sets no end.
    """
    spans = reader.spans()
    if settings.since is None:
        return spans
    first = reader.offsets_at(int(settings.since.timestamp() * 1000))
    starts = {partition: first.get(partition, span.start) for partition, span in spans.items()}
    return {
        partition: Span(span.end if (start := starts[partition]) is None else start, span.end)
        for partition, span in spans.items()
    }


def read_matching(reader: TopicReader, spans: Spans, settings: LetterSettings) -> Iterator[Letter]:
    """Yield the letters that match, in order within a partition.

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
