"""Recognise values in an encoding that the decoder does not read, to name it in the rejection."""

from typing import Final

FRAME: Final = 5
"""Bytes that serializers of a schema registry put before a value: a 0, and a schema id."""

_COMPRESSED: Final = (
    "is compressed with {}: send it uncompressed, and set compression.type of the producer"
)

MAGIC: Final = {
    b"\x1f\x8b": _COMPRESSED.format("gzip"),
    b"\x28\xb5\x2f\xfd": _COMPRESSED.format("zstd"),
    b"\x04\x22\x4d\x18": _COMPRESSED.format("lz4"),
    b"\xef\xbb\xbf": "begins with a byte order mark: send UTF-8 without one",
    b"\xff\xfe": "begins with the byte order mark of UTF-16: send UTF-8",
    b"\xfe\xff": "begins with the byte order mark of UTF-16: send UTF-8",
}
"""First bytes of a value → what it is, and what to do."""


def misencoding(value: bytes, length: int | None = None) -> str:
    """What the encoding of a value seems to be, and what to do; empty if it is not recognised.

    Args:
        value: A value that was not decoded.
        length: The expected length in bytes; None for JSON.
    """
    framed = value[:1] == b"\0" and (
        value[FRAME : FRAME + 1] == b"{" if length is None else len(value) == length + FRAME
    )
    if framed:
        schema = int.from_bytes(value[1:FRAME], "big")
        return (
            f"the value seems to have the frame of a schema registry (schema {schema}): send it "
            "without"
        )
    for begin, meaning in MAGIC.items():
        if value.startswith(begin):
            return f"the value {meaning}"
    if length is not None and value[:64].lstrip()[:1] == b"{":
        return "the value seems to be JSON: set content-type to application/json"
    return ""
