"""Read the headers of a polled message, also where the Kafka client fails on them."""

from operator import methodcaller
from typing import Any, Final, cast

from bearing_stream.wire.headers import Headers

_HEADERS: Final = methodcaller("headers")


def readable_headers(message: Any) -> Headers | None:
    """The headers of a message, empty if it has none; None if a name among them is not UTF-8.

    For such headers confluent-kafka 2.16 returns a list with null entries, which crashes the
    process when it is accessed, and sets an exception as well. Python's interpreter does not check
    for an exception at a call that it has specialised (`message.headers()` in a loop);
    `methodcaller` always checks. The client sets the exception only at the first call.

    Args:
        message: A `confluent_kafka.Message`, or an object with its method `headers`, which must not
            have been called before.
    """
    try:
        return cast("Headers", _HEADERS(message) or [])
    except (SystemError, UnicodeDecodeError):
        return None
