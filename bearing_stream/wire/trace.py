"""The W3C trace context (https://www.w3.org/TR/trace-context/) that a message carries on."""

import re
from typing import Final

MAX_BYTES: Final = 128
"""Of a trace parent. Those of version 00 have 55; later versions may append to it."""

_TRACE_PARENT: Final = re.compile(
    rb"(?!ff)[0-9a-f]{2}-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}(-[!-~]*)?"
)


def is_trace_parent(raw: bytes | None) -> bool:
    """Whether the value of a header `traceparent` is one, of any version."""
    return raw is not None and len(raw) <= MAX_BYTES and bool(_TRACE_PARENT.fullmatch(raw))
