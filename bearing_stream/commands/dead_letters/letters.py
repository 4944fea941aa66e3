"""A dead letter, taken apart: the original, and what was said of it."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final, NamedTuple, cast

from confluent_kafka import Message as Polled

from bearing_stream.commands.dead_letters.settings import LetterSettings
from bearing_stream.kafka import Span, Spans, TopicReader
from bearing_stream.wire import Headers, Message, readable_headers
from bearing_stream.wire import headers as h
from bearing_stream.wire.dead_letter import PREFIX

REDRIVES: Final = "bearing-redrives"
"""Header that counts how often a message was redriven."""

NOT_OURS: Final = "no-reason"
"""Stands for the reason of a message that has none: it is no dead letter of a consumer of ours."""


class Place(NamedTuple):
    """Where a message stands; written `3:4711`."""

    partition: int
    offset: int

    def __str__(self) -> str:
        return f"{self.partition}:{self.offset}"


@dataclass(frozen=True, slots=True)
class Letter:
    """A dead letter."""

    at: Place
    """In the dead-letter topic."""
    reason: str
    detail: str
    topic: str
    """Where the original stood; empty if the letter does not say it."""
    partition: str
    offset: str
    sensor: str
    redrives: int | None
    """How often it was redriven before; None if its header is no number."""
    original: Message
    """As it came to the consumer, without the error headers."""

    @property
    def time(self) -> datetime:
        """When Kafka stamped the original."""
        return datetime.fromtimestamp(self.original.timestamp / 1000, UTC)

    def redriven(self) -> Message:
        """The message to send to the windows topic: the original, counted once more.

        Kafka stamps it anew; when it was measured stays in its `ce_time`.
        """
        headers = [header for header in self.original.headers if header[0] != REDRIVES]
        headers.append((REDRIVES, str((self.redrives or 0) + 1).encode()))
        return self.original._replace(headers=headers, timestamp=0)

    def as_json(self) -> dict[str, Any]:
        """For `--json`; the value only by its length."""
        return {
            "partition": self.at.partition,
            "offset": self.at.offset,
            "time": rfc3339(self.time),
            "reason": self.reason,
            "detail": self.detail,
            "sensor": self.sensor,
            "redrives": self.redrives,
            "input": {"topic": self.topic, "partition": self.partition, "offset": self.offset},
            "bytes": None if self.original.value is None else len(self.original.value),
        }


def rfc3339(time: datetime) -> str:
    """RFC 3339 in UTC with milliseconds, as Kafka's timestamps are."""
    return time.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def parse(message: Polled) -> Letter:
    """Take a dead letter apart; never fails, since whoever looks wants to see what is there."""
    headers = readable_headers(message) or []
    kept: Headers = []
    said: dict[str, str] = {}
    for name, raw in headers:
        if name.startswith(PREFIX):
            said.setdefault(name.removeprefix(PREFIX), _text(raw))
        else:
            kept.append((name, raw))
    named = dict(kept)
    return Letter(
        at=Place(cast("int", message.partition()), cast("int", message.offset())),
        reason=said.get("exception.class.name") or NOT_OURS,
        detail=said.get("exception.message", ""),
        topic=said.get("topic", ""),
        partition=said.get("partition", ""),
        offset=said.get("offset", ""),
        sensor=_text(named.get(h.SUBJECT)) or _text(message.key()),
        redrives=_count(named.get(REDRIVES)),
        original=Message(message.key(), message.value(), kept, max(message.timestamp()[1], 0)),
    )


def matching(letter: Letter, wanted: LetterSettings) -> bool:
    """Whether a letter is one of those that the settings name."""
    return (
        wanted.reason in (None, letter.reason)
        and wanted.sensor in (None, letter.sensor)
        and (wanted.since is None or letter.time >= wanted.since)
        and (wanted.until is None or letter.time < wanted.until)
    )


def spans_for(reader: TopicReader, wanted: LetterSettings) -> Spans:
    """Where letters that match can stand: from the first of the time on.

    Their timestamps are those of the originals, so that no end follows from a time.
    """
    spans = reader.spans()
    if wanted.since is None:
        return spans
    first = reader.offsets_at(int(wanted.since.timestamp() * 1000))
    starts = {partition: first.get(partition, span.start) for partition, span in spans.items()}
    return {
        partition: Span(span.end if (start := starts[partition]) is None else start, span.end)
        for partition, span in spans.items()
    }


def read_matching(reader: TopicReader, spans: Spans, wanted: LetterSettings) -> Iterator[Letter]:
    """The letters that match, in order within a partition.

    Raises:
        FatalKafkaError: The topic cannot be read.
    """
    for message in reader.read(spans):
        letter = parse(message)
        if matching(letter, wanted):
            yield letter


def _text(raw: bytes | None) -> str:
    return (raw or b"").decode(errors="backslashreplace")


def _count(raw: bytes | None) -> int | None:
    if raw is None:
        return 0
    return int(raw) if raw.isdigit() and len(raw) < 10 else None
