"""Fingerprints of records: hashes of what identifies a window and of what a dead letter must keep.

The hashes are Python's own of bytes and tuples: SipHash with 64 bits and a key that changes with
every process. They are comparable within one process only.
"""

from collections.abc import Sequence
from hashlib import sha256
from typing import Final

from confluent_kafka import Message as Polled
from pydantic import BaseModel, ConfigDict

from bearing_stream.kafka.record_id import RecordId
from bearing_stream.wire import Headers, Input, ModelInfo, RejectionReason, readable_headers
from bearing_stream.wire import headers as h
from bearing_stream.wire.error_headers import (
    TIMESTAMP,
    is_error_header,
    original_timestamp,
    read_error_headers,
    stubbed_value,
)

IDENTIFYING: Final = (h.SOURCE, h.ID, h.SUBJECT)

ADDED: Final = 10
"""Headers that a dead letter has in addition to those of its original, at most."""


class Claim(BaseModel):
    """The fields of a diagnosis that identify its window; the others are not validated."""

    model_config = ConfigDict(extra="ignore", frozen=True)

    source: str
    window_id: str
    sensor: str
    model: ModelInfo
    input: Input

    def window(self) -> RecordId:
        """Return the record that the diagnosis names as its window."""
        return RecordId(self.input.partition, self.input.offset)

    def identity(self) -> int:
        """Return the identity of the window that the diagnosis names, see `window_identity`."""
        return _nonzero((self.source.encode(), self.window_id.encode(), self.sensor.encode()))


def headers_of(message: Polled) -> Headers:
    """Return the headers of a polled message; none if the client cannot read them.

    The dead letter of such a message has none of them either.
    """
    return readable_headers(message) or []


def window_identity(headers: Headers) -> int:
    """Hash source, id and sensor; 0 unless the headers have each of them exactly once."""
    found = [(name, raw) for name, raw in headers if name in IDENTIFYING]
    named = dict(found)
    if len(found) != len(named) or len(named) != len(IDENTIFYING):
        return 0
    return _nonzero(tuple(named[name] for name in IDENTIFYING))


def value_of(message: Polled) -> int:
    """Hash length and SHA-256 of a message's value, which the stub of a dead letter states."""
    return _hash_of_value(message.value())


def _hash_of_value(value: bytes | None) -> int:
    digest = sha256(value or b"").hexdigest()
    return _nonzero((None if value is None else len(value), digest))


def stubbed_value_of(headers: Headers) -> int | None:
    """Hash what a stub states about the value of its original, see `value_of`.

    None if the dead letter is no stub. That of a batch that cannot be unpacked states that there is
    no value.
    """
    reason = read_error_headers(headers).reason
    if reason == RejectionReason.UNREADABLE_BATCH:
        return _hash_of_value(None)
    if reason != RejectionReason.TOO_LARGE:
        return None
    stubbed = stubbed_value(headers)
    return None if stubbed is None else _nonzero(tuple(stubbed))


def content(message: Polled, headers: Sequence[tuple[str, bytes | None]]) -> int:
    """Hash key, value and timestamp of a window, and these of its headers.

    A window that has a header with an original's timestamp was a dead letter before. Its own dead
    letter keeps that header, and does not state the window's own timestamp.
    """
    return _content(message, headers, message.timestamp()[1])


def _content(message: Polled, headers: Sequence[tuple[str, bytes | None]], stamp: int) -> int:
    stamped = any(name == TIMESTAMP for name, _ in headers)
    return _nonzero((message.key(), message.value(), None if stamped else stamp, tuple(headers)))


def has_error_headers(headers: Headers) -> bool:
    """Return whether any header is an error header of a dead letter."""
    return any(is_error_header(name) for name, _ in headers)


def possible_originals(letter: Polled, headers: Headers) -> list[int]:
    """Return the contents that the original of a dead letter may have had.

    Headers that the original had already are kept, and the missing ones are appended: the original
    had all of the letter's headers but the last few.
    """
    stamp = original_timestamp(headers)
    if stamp is None:
        stamp = letter.timestamp()[1]
    count = len(headers)
    lengths = range(max(count - ADDED, 0), count + 1)
    return [_content(letter, headers[:length], stamp) for length in lengths]


def diagnosis_event(headers: Headers) -> int:
    """Hash the `ce_id` of a diagnosis."""
    return hash(dict(headers).get(h.ID))


def _nonzero(value: tuple[object, ...]) -> int:
    return hash(value) or 1
