"""A message that cannot be diagnosed: the unchanged original, and the reason in headers.

`bearing_stream.wire.error_headers` names the headers and reads them. A dead letter that Kafka would
refuse for its size is a stub: it has the headers, and states length and SHA-256 of the value.
"""

from dataclasses import dataclass
from enum import StrEnum
from hashlib import sha256
from typing import Final

from bearing_stream.wire.error_headers import (
    ADDED,
    ORIGINAL_LENGTH,
    ORIGINAL_SHA256,
    PREFIX,
    TIMESTAMP,
    is_error_header,
)
from bearing_stream.wire.headers import Headers, Message, header_size, record_size

STAGE: Final = "VALUE_CONVERTER"
"""Connect's name for the stage in which bytes become a value."""

MAX_STUB_KEY: Final = 1024
"""Bytes of the longest key that a stub keeps."""

MAX_STUB_HEADER: Final = 4096
"""Bytes, name included, of the longest header that a stub keeps."""

MAX_STUB_HEADERS: Final = 16 * 1024
"""Bytes of the original's headers that a stub keeps; each counts as in `record_size`."""

MAX_STUB_DETAIL: Final = 1024
"""Characters of the original detail that a stub keeps."""


class RejectionReason(StrEnum):
    """Why a message is a dead letter. Later versions may add reasons."""

    MISSING_HEADER = "missing-header"
    """A required header is missing."""
    INVALID_HEADER = "invalid-header"
    """A header is not UTF-8, is repeated, or has an invalid value."""
    UNSUPPORTED_TYPE = "unsupported-type"
    """`ce_specversion` or `ce_type` is not that of a measurement, version 1."""
    UNSUPPORTED_FORMAT = "unsupported-format"
    """`content-type` or `ce_sampleformat` names a format that the decoder does not read, or the
    value is text or compressed where they name packed numbers."""
    WRONG_SAMPLING_RATE = "wrong-sampling-rate"
    """The sampling rate is lower or higher than the limits of the consumer allow."""
    NO_VALUE = "no-value"
    """A tombstone."""
    WRONG_LENGTH = "wrong-length"
    """The value holds less than one window, 2048 samples at 12 kHz, or more samples than the
    consumer allows; or its bytes are no whole number of samples."""
    INVALID_JSON = "invalid-json"
    """The value is not `{"record": [numbers]}`."""
    NON_FINITE = "non-finite"
    """A sample is NaN, infinite, or out of the range of float32."""
    FLAT_LINE = "flat-line"
    """All samples are equal, or all of each window: nothing was measured."""
    TOO_LARGE = "too-large"
    """The message was rejected, and is too large for a dead letter that holds it whole."""
    ASSESSMENT_FAILED = "assessment-failed"
    """The message is a measurement, and its diagnosis failed."""
    UNREADABLE_BATCH = "unreadable-batch"
    """Messages that were sent as one batch, which cannot be unpacked: it is damaged, or unpacks to
    more than `receive.message.max.bytes`. The dead letter stands for all of them at the offset of
    the last, has no value, and names the offsets; it cannot be redriven."""


DECODER_REASONS: Final = frozenset(RejectionReason) - {
    RejectionReason.TOO_LARGE,
    RejectionReason.ASSESSMENT_FAILED,
    RejectionReason.UNREADABLE_BATCH,
}
"""The reasons for which `decode_measurement` rejects a message."""


class Rejection(Exception):  # noqa: N818 - a property of the message, not a failure of the program
    """A message failed a check.

    Attributes:
        reason: One of `DECODER_REASONS`.
        detail: The expected and the actual content.
    """

    def __init__(self, reason: RejectionReason, detail: str) -> None:
        super().__init__(f"{reason}: {detail}")
        self.reason = reason
        self.detail = detail


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """A rejected message, and its topic, partition and offset."""

    topic: str
    partition: int
    offset: int
    reason: RejectionReason
    detail: str
    original: Message
    """As it was received, with its Kafka timestamp."""

    def message(self, group: str, limit: int | None = None) -> Message:
        """The message for the dead-letter topic: the original with further headers appended.

        Headers that the original has are never overwritten, nor are error headers of an earlier
        rejection. The message has the current time as its Kafka timestamp, because the topic may
        refuse that of the original; the original's is in a header.

        Args:
            group: The consumer group that rejected the original.
            limit: The largest `record_size` of the result. Instead of a larger message, the stub is
                returned.
        """
        headers: Headers = list(self.original.headers)
        present = {name for name, _ in headers}
        own = [
            *self._timestamp(),
            *self._error_headers(self.reason, self.detail, group),
        ]
        headers += [header for header in own if header[0] not in present]
        message = Message(self.original.key, self.original.value, headers)
        if limit is not None and record_size(message) > limit:
            return self.stub(group)
        return message

    def stub(self, group: str) -> Message:
        """A dead letter of at most 24 KiB that describes the original instead of holding it.

        Its value is empty. It always has a key, since a compacted topic refuses a record without
        one. Of the original's headers it has the first that fit, without the headers of an earlier
        rejection. It names the original's place, length and SHA-256, and the reason and detail of
        the rejection are in its detail.

        Args:
            group: The consumer group that rejected the original.
        """
        key, value = self.original.key, self.original.value
        if key is None or len(key) > MAX_STUB_KEY:
            key = f"{self.topic}-{self.partition}-{self.offset}".encode()
        length = "no value" if value is None else f"a value of {len(value)} bytes"
        detail = (
            f"a message with {length} is too large for the dead-letter topic; it was rejected as "
            f"{self.reason}: {self.detail[:MAX_STUB_DETAIL]}"
        )
        headers = [
            *self._small_headers(),
            *self._timestamp(),
            (ORIGINAL_LENGTH, b"" if value is None else b"%d" % len(value)),
            (ORIGINAL_SHA256, sha256(value or b"").hexdigest().encode()),
            *self._error_headers(RejectionReason.TOO_LARGE, detail, group),
        ]
        return Message(key, b"", headers)

    def _small_headers(self) -> Headers:
        """The original's headers that a stub keeps."""
        kept: Headers = []
        left = MAX_STUB_HEADERS
        for header in self.original.headers:
            size = header_size(header)
            own = header[0] in ADDED or is_error_header(header[0])
            if own or size > min(left, MAX_STUB_HEADER):
                continue
            kept.append(header)
            left -= size
        return kept

    def _timestamp(self) -> Headers:
        """The header with the original's timestamp, if Kafka states one."""
        timestamp = self.original.timestamp
        return [(TIMESTAMP, b"%d" % timestamp)] if timestamp > 0 else []

    def _error_headers(self, reason: RejectionReason, detail: str, group: str) -> Headers:
        texts = {
            "topic": self.topic,
            "partition": str(self.partition),
            "offset": str(self.offset),
            "stage": STAGE,
            "class.name": "bearing_stream.wire.decode_measurement",
            "exception.class.name": reason.value,
            "exception.message": detail,
            "connector.name": group,
        }
        # The text of an error may hold what UTF-8 does not.
        return [
            (PREFIX + name, text.encode(errors="backslashreplace")) for name, text in texts.items()
        ]
