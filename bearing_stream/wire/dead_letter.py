"""A message that cannot be diagnosed: kept as it came, with the reason beside it.

The error headers are those of Kafka Connect's dead letter queue (KIP-298,
`errors.deadletterqueue.context.headers.enable`), so that tools which know them read these too.
"""

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from bearing_stream.wire.headers import Headers, Message

PREFIX: Final = "__connect.errors."
STAGE: Final = "VALUE_CONVERTER"
"""Connect's name for the stage in which bytes become a value."""


class RejectionReason(StrEnum):
    """Why a message is a dead letter; a closed list, so that whoever counts can rely on it."""

    MISSING_HEADER = "missing-header"
    """A required header is not there."""
    INVALID_HEADER = "invalid-header"
    """A header is not UTF-8, came twice, or does not say what it should."""
    UNSUPPORTED_TYPE = "unsupported-type"
    """`ce_specversion` or `ce_type` names something that is no window of version 1."""
    UNSUPPORTED_FORMAT = "unsupported-format"
    """`content-type` or `ce_sampleformat` names a form that is not read."""
    WRONG_SAMPLING_RATE = "wrong-sampling-rate"
    """The window was not sampled at 12 kHz."""
    NO_VALUE = "no-value"
    """A tombstone."""
    WRONG_LENGTH = "wrong-length"
    """The value does not hold 2048 samples."""
    INVALID_JSON = "invalid-json"
    """The value is not `{"record": [numbers]}`."""
    NON_FINITE = "non-finite"
    """A sample is NaN, infinite, or beyond float32."""
    FLAT_LINE = "flat-line"
    """All samples are the same: nothing was measured."""


class Rejection(Exception):  # noqa: N818 - a verdict on a message, not a failure of the program
    """A message failed a check.

    Attributes:
        reason: From the closed list.
        detail: What was expected and what came.
    """

    def __init__(self, reason: RejectionReason, detail: str) -> None:
        super().__init__(f"{reason}: {detail}")
        self.reason = reason
        self.detail = detail


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """A rejected message, and where it stood."""

    topic: str
    partition: int
    offset: int
    reason: RejectionReason
    detail: str
    original: Message

    def message(self) -> Message:
        """The message for the dead-letter topic: the original with the error headers added.

        Headers that are already there stay as they are, also those of an earlier rejection.
        """
        own: dict[str, str] = {
            "topic": self.topic,
            "partition": str(self.partition),
            "offset": str(self.offset),
            "stage": STAGE,
            "class.name": "messages.decode_window",
            "exception.class.name": self.reason.value,
            "exception.message": self.detail,
        }
        headers: Headers = list(self.original.headers)
        present = {name for name, _ in headers}
        headers += [
            (PREFIX + name, text.encode())
            for name, text in own.items()
            if PREFIX + name not in present
        ]
        return self.original._replace(headers=headers)
