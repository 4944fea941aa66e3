"""Recognise values in an encoding that the decoder does not read, to name it in the rejection."""

import re
from typing import Final

FRAME: Final = 5
"""Bytes that serializers of a schema registry put before a value: a 0, and a schema id. No size of
a sample divides them, so that the length of a framed value is no whole number of samples."""

_COMPRESSED: Final = (
    "is compressed with {}: send it uncompressed, and set compression.type of the producer"
)

_MAGIC: Final = {
    # With the method and the flags: two bytes alone are the first sample of many an int16 signal.
    rb"\x1f\x8b\x08[\x00-\x1f]": _COMPRESSED.format("gzip"),
    rb"\x28\xb5\x2f\xfd": _COMPRESSED.format("zstd"),
    rb"\x04\x22\x4d\x18": _COMPRESSED.format("lz4"),
}
"""How a compressed value begins → what it is, and what to do."""

_MARKS: Final = {
    b"\xef\xbb\xbf": "begins with a byte order mark: send UTF-8 without one",
    b"\xff\xfe": "begins with the byte order mark of UTF-16: send UTF-8",
    b"\xfe\xff": "begins with the byte order mark of UTF-16: send UTF-8",
}
"""How text begins that is not JSON in UTF-8 → what it is, and what to do."""

_TEXT: Final = rb"[\t\n\r -~]{16}"
"""Printable ASCII."""

_SUSPECT: Final = re.compile(rb"|".join((*_MAGIC, _TEXT)))

_ALL_TEXT: Final = re.compile(rb"[\t\n\r -~]*")
"""Of a whole value: a sensor may hold a level for a while whose bytes are those of text."""

_JSON: Final = re.compile(rb"\s*\{\s*\"[A-Za-z]")


def is_suspect(value: bytes) -> bool:
    """Whether a value begins as compressed values and text do, and packed numbers hardly ever."""
    return _SUSPECT.match(value) is not None


def misencoding(value: bytes, size: int | None = None) -> str:
    """What the encoding of a value seems to be, and what to do; empty if it is not recognised.

    Of signals that vary, hardly one in 10¹³ is taken for something else.

    Args:
        value: The value.
        size: Bytes of a sample, where packed numbers are expected; None for JSON that is not valid.
    """
    begin = value[:64]
    if begin[:1] == b"\0" and _is_framed(value, size):
        schema = int.from_bytes(value[1:FRAME], "big")
        return (
            f"the value seems to have the frame of a schema registry (schema {schema}): send it "
            "without"
        )
    if size is not None and (not is_suspect(begin) or _is_flat(value, size)):
        return ""
    for magic, meaning in _MAGIC.items():
        if re.match(magic, begin):
            return f"the value {meaning}"
    if size is None:
        marks = (meaning for mark, meaning in _MARKS.items() if begin.startswith(mark))
        return next((f"the value {meaning}" for meaning in marks), "")
    if _JSON.match(begin):
        return "the value seems to be JSON: set content-type to application/json"
    if _ALL_TEXT.fullmatch(value):
        return "the value seems to be text: send packed numbers, or JSON"
    return ""


def _is_flat(value: bytes, size: int) -> bool:
    """Whether it is one sample, repeated: some levels have the bytes of text, 3.3 of `33S@`."""
    return value == value[:size] * (len(value) // size)


def _is_framed(value: bytes, size: int | None) -> bool:
    if size is None:
        return value[FRAME : FRAME + 1] == b"{"
    return len(value) > FRAME and (len(value) - FRAME) % size == 0
