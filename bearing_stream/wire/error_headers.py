"""The headers that a dead letter has in addition to those of its original.

The error headers are those of Kafka Connect's dead letter queue (KIP-298,
`errors.deadletterqueue.context.headers.enable`), so that tools for Connect read these dead letters
too. `bearing_stream.wire.dead_letter` writes them; this module reads them.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, NamedTuple

from bearing_stream.wire.headers import Headers

PREFIX: Final = "__connect.errors."
"""The names of all error headers begin with this."""

TIMESTAMP: Final = "bearing-timestamp"
"""Header with the Kafka timestamp of the original, in milliseconds since the epoch."""

ORIGINAL_LENGTH: Final = "bearing-original-length"
"""Header of a stub: bytes of the original's value; empty if the original had no value."""

ORIGINAL_SHA256: Final = "bearing-original-sha256"
"""Header of a stub: SHA-256 of the original's value, in hexadecimal digits."""

RESULT_OF: Final = "bearing-result-of"
"""Header of a dead letter: group, topic, partition and offset that it is the result of, as JSON."""

ADDED: Final = (TIMESTAMP, ORIGINAL_LENGTH, ORIGINAL_SHA256, RESULT_OF)
"""Headers of a dead letter that are neither error headers nor the original's own."""


class Origin(NamedTuple):
    """Topic, partition and offset of the original of a dead letter."""

    topic: str
    partition: int
    offset: int


class StubbedValue(NamedTuple):
    """Length and SHA-256 of the original's value, which a stub states instead of the value."""

    length: int | None
    """Bytes; None if the original had no value."""
    sha256: str
    """Hexadecimal digits; those of no bytes if the original had no value."""


@dataclass(frozen=True, slots=True)
class ErrorHeaders:
    """The error headers of a dead letter, as text.

    A field is empty where its header is missing; bytes that are not UTF-8 are escaped. The fields
    are not checked: any program can write to the dead-letter topic.
    """

    topic: str
    partition: str
    offset: str
    reason: str
    """A `RejectionReason` if a consumer of this project wrote the dead letter."""
    detail: str
    group: str = ""
    """The consumer group that wrote the dead letter."""

    @property
    def origin(self) -> Origin | None:
        """Where the original is; None unless topic, partition and offset are all valid."""
        if not (self.topic and _is_number(self.partition) and _is_number(self.offset)):
            return None
        return Origin(self.topic, int(self.partition), int(self.offset))


def read_error_headers(headers: Headers | None) -> ErrorHeaders:
    """Read the error headers of a dead letter; of a repeated header the first one counts.

    Args:
        headers: All headers of the message; None if there are none.
    """
    texts: dict[str, str] = {}
    for name, raw in headers or ():
        if is_error_header(name):
            texts.setdefault(
                name.removeprefix(PREFIX), (raw or b"").decode(errors="backslashreplace")
            )
    return ErrorHeaders(
        topic=texts.get("topic", ""),
        partition=texts.get("partition", ""),
        offset=texts.get("offset", ""),
        reason=texts.get("exception.class.name", ""),
        detail=texts.get("exception.message", ""),
        group=texts.get("connector.name", ""),
    )


def is_error_header(name: str) -> bool:
    """Whether a header of this name is an error header, and not one of the original's own."""
    return name.startswith(PREFIX)


def original_timestamp(headers: Headers | None) -> int | None:
    """The Kafka timestamp of the original; None if no header states it.

    Dead letters of earlier versions, without this header, have the timestamp of their original.
    """
    raw = dict(headers or ()).get(TIMESTAMP) or b""
    return int(raw) if _is_number(raw.decode(errors="replace")) else None


def stubbed_value(headers: Headers | None) -> StubbedValue | None:
    """What a stub states about the value of its original; None if the message is no stub."""
    named: Mapping[str, bytes | None] = dict(headers or ())
    length = (named.get(ORIGINAL_LENGTH) or b"").decode(errors="replace")
    sha256 = (named.get(ORIGINAL_SHA256) or b"").decode(errors="replace")
    if len(sha256) != 64 or not (_is_number(length) or not length):
        return None
    return StubbedValue(int(length) if length else None, sha256)


def _is_number(text: str) -> bool:
    # An offset has 63 bits: 19 digits.
    return text.isascii() and text.isdigit() and len(text) <= 19
