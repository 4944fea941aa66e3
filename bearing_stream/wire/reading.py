"""Read the headers of a polled message, also where the Kafka client breaks over them."""

from operator import methodcaller
from typing import Any, Final, cast

from bearing_stream.wire.headers import Headers

_ASK: Final = methodcaller("headers")


def readable_headers(message: Any) -> Headers | None:
    """The headers of a message, empty if it has none; None if a name among them is not UTF-8.

    Of such headers confluent-kafka 2.16 gives a list with holes, which ends the process when it is
    touched, together with an error. Python's interpreter does not look for an error where it has
    got used to a call (`message.headers()` in a loop), `methodcaller` always does. And only once:
    asked again, the client gives the list and no error.

    Args:
        message: A `confluent_kafka.Message`, or what has its `headers`, not yet asked for them.
    """
    try:
        return cast("Headers", _ASK(message) or [])
    except (SystemError, UnicodeDecodeError):
        return None
