"""A message that cannot be diagnosed: the unchanged original, and the reason in headers.

The error headers are those of Kafka Connect's dead letter queue (KIP-298,
`errors.deadletterqueue.context.headers.enable`), so that tools for Connect read these dead letters
too. `DeadLetter.message` writes them, `read_error_headers` reads them.
"""

from dataclasses import dataclass
from enum import StrEnum
from typing import Final, NamedTuple

from bearing_stream.wire.headers import Headers, Message

PREFIX: Final = "__connect.errors."
"""The names of all error headers begin with this."""

STAGE: Final = "VALUE_CONVERTER"
"""Connect's name for the stage in which bytes become a value."""


class RejectionReason(StrEnum):
    """Why a message is a dead letter. The list is closed, so that programs can count by reason."""

    MISSING_HEADER = "missing-header"
    """A required header is missing."""
    INVALID_HEADER = "invalid-header"
    """A header is not UTF-8, is repeated, or has an invalid value."""
    UNSUPPORTED_TYPE = "unsupported-type"
    """`ce_specversion` or `ce_type` is not that of a window, version 1."""
    UNSUPPORTED_FORMAT = "unsupported-format"
    """`content-type` or `ce_sampleformat` names a format that the decoder does not read."""
    WRONG_SAMPLING_RATE = "wrong-sampling-rate"
    """The window was not sampled at 12 kHz."""
    NO_VALUE = "no-value"
    """A tombstone."""
    WRONG_LENGTH = "wrong-length"
    """The value does not hold 2048 samples."""
    INVALID_JSON = "invalid-json"
    """The value is not `{"record": [numbers]}`."""
    NON_FINITE = "non-finite"
    """A sample is NaN, infinite, or out of the range of float32."""
    FLAT_LINE = "flat-line"
    """All samples are equal: nothing was measured."""


class Rejection(Exception):  # noqa: N818 - a property of the message, not a failure of the program
    """A message failed a check.

    Attributes:
        reason: From the closed list.
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

    def message(self) -> Message:
        """The message for the dead-letter topic: the original with the error headers appended.

        Headers that the original has are never overwritten, nor are error headers of an earlier
        rejection.
        """
        own: dict[str, str] = {
            "topic": self.topic,
            "partition": str(self.partition),
            "offset": str(self.offset),
            "stage": STAGE,
            "class.name": "bearing_stream.wire.decode_window",
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


class Origin(NamedTuple):
    """Topic, partition and offset of the original of a dead letter."""

    topic: str
    partition: int
    offset: int


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
    )


def is_error_header(name: str) -> bool:
    """Whether a header of this name is an error header, and not one of the original's own."""
    return name.startswith(PREFIX)


def _is_number(text: str) -> bool:
    # An offset has 63 bits: 19 digits.
    return text.isascii() and text.isdigit() and len(text) <= 19
