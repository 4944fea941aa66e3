"""Creates a client of Kafka; a wrong property is an error of this project."""

from collections.abc import Callable
from typing import Any, TypeVar

from confluent_kafka import KafkaError, KafkaException

from bearing_stream.kafka.connection import Properties
from bearing_stream.kafka.errors import ADVICE, FatalKafkaError, explain

C = TypeVar("C")


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
