"""Bodies in the encodings that clients send: compressed, with a byte order mark, or in UTF-16."""

import codecs
import zlib
from collections.abc import Sequence
from typing import Final

from fastapi import HTTPException

GZIP: Final = 16 + zlib.MAX_WBITS
"""Makes zlib expect the header and the checksum of gzip."""

ENCODINGS: Final = ("gzip", "x-gzip", "identity", "")
"""Values of `Content-Encoding` that are read; `x-gzip` is an old name of `gzip`."""

MARKS: Final[Sequence[tuple[bytes, str]]] = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    # Before UTF-16, whose mark this one begins with.
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
"""Byte order mark → the codec of the text that begins with it."""


def is_compressed(encoding: str) -> bool:
    """Return whether a body with this `Content-Encoding` is compressed with gzip.

    Raises:
        HTTPException: The encoding is another one.
    """
    encoding = encoding.strip().lower()
    if encoding not in ENCODINGS:
        raise HTTPException(
            415,
            f"Expected a body without Content-Encoding or with gzip, got {encoding[:80]}",
            {"Accept-Encoding": "gzip"},
        )
    return encoding.endswith("gzip")


def decompressed(body: bytes | bytearray, limit: int) -> bytes:
    """Return the content of a gzip file of one member.

    Args:
        body: The compressed bytes.
        limit: Bytes of content above which it is refused, before more than that is in memory.

    Raises:
        HTTPException: The content is larger, or the body is no complete gzip file.
    """
    member = zlib.decompressobj(GZIP)
    try:
        content = member.decompress(body, limit + 1)
    except zlib.error as error:
        raise HTTPException(400, f"The body is not valid gzip: {error}") from None
    if len(content) > limit:
        raise HTTPException(
            413,
            f"Expected a body of at most {limit} bytes once decompressed; send fewer records in a "
            "request",
        )
    if not member.eof or member.unused_data:
        reason = "more follows its end" if member.eof else "it ends too early"
        raise HTTPException(400, f"The body is not valid gzip: {reason}")
    return content


def as_utf8(body: bytes | bytearray, charset: str = "") -> bytes | bytearray:
    """Return JSON as UTF-8 without a byte order mark.

    Args:
        body: In UTF-8, or in the encoding that its byte order mark or `charset` names.
        charset: That of the content type. Only UTF-16 and UTF-32 count: in any other, the
            characters of JSON's numbers are those of UTF-8.

    Raises:
        HTTPException: The body is not in that encoding.
    """
    codec = next((codec for mark, codec in MARKS if body.startswith(mark)), charset.lower())
    if not codec.startswith(("utf-8-sig", "utf-16", "utf-32")):
        return body
    try:
        return body.decode(codec).encode()
    except (UnicodeError, LookupError):
        raise HTTPException(400, f"The body is not valid {codec[:20]}") from None
