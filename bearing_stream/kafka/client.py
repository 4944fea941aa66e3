"""Creates a client of Kafka; a wrong property is an error of this project."""

from collections.abc import Callable
from typing import Any, TypeVar

from confluent_kafka import KafkaError, KafkaException

from bearing_stream.kafka.connection import Properties
from bearing_stream.kafka.errors import ADVICE, FatalKafkaError, explain

C = TypeVar("C")


def served(call: Callable[[float], int], timeout: float) -> int:
    """Poll or flush a producer, whose callbacks run meanwhile; return what the call returns.

    confluent-kafka 2.16 goes on to call callbacks after a permanent failure has raised its
    exception, and Python then reports a `SystemError` in its place.

    Raises:
        KafkaException: The producer failed permanently.
    """
    try:
        return call(timeout)
    except SystemError as error:
        if isinstance(error.__cause__, KafkaException):
            raise error.__cause__ from None
        raise


def new_client(kind: Callable[[Any], C], properties: Properties) -> C:
    """Create a client.

    Args:
        kind: Its class: `Consumer`, `Producer` or `AdminClient`.
        properties: Of the client.

    Raises:
        FatalKafkaError: A property is wrong.
    """
    try:
        return kind(properties)
    except KafkaException as failure:
        raise FatalKafkaError(explain(failure.args[0])) from None
    except (TypeError, ValueError) as error:
        raise FatalKafkaError(f"{ADVICE[KafkaError._INVALID_ARG]}: {error}") from None
