"""Sends what the Python client cannot: headers whose names are not UTF-8.

It calls the librdkafka of the client directly (`rd_kafka_produceva` in `rdkafka.h`).
"""

import ctypes
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any, Final

import confluent_kafka

from tools.bench.errors import BenchError

PRODUCER: Final = 0
TOPIC, PARTITION, VALUE, KEY, FLAGS, HEADER = 1, 3, 4, 5, 7, 9
COPY: Final = 2
"""The client copies key and value before the call returns."""
ERROR_BYTES: Final = 512


class _Memory(ctypes.Structure):
    _fields_ = (("mem", ctypes.c_char_p), ("size", ctypes.c_size_t))


class _Header(ctypes.Structure):
    _fields_ = (
        ("name", ctypes.c_char_p),
        ("value", ctypes.c_char_p),
        ("size", ctypes.c_ssize_t),
    )


class _Union(ctypes.Union):
    _fields_ = (
        ("text", ctypes.c_char_p),
        ("number", ctypes.c_int),
        ("memory", _Memory),
        ("header", _Header),
        ("padding", ctypes.c_char * 64),
    )


class _Argument(ctypes.Structure):
    _fields_ = (("kind", ctypes.c_int), ("value", _Union))


class RawProducer:
    """A producer; call `flush` at the end."""

    def __init__(self, properties: dict[str, str]) -> None:
        """Create the producer.

        Raises:
            BenchError: The library was not found, or refuses a property.
        """
        self._library = _library()
        message = ctypes.create_string_buffer(ERROR_BYTES)
        configuration = self._library.rd_kafka_conf_new()
        for name, value in properties.items():
            if self._library.rd_kafka_conf_set(
                ctypes.c_void_p(configuration), name.encode(), value.encode(), message, ERROR_BYTES
            ):
                raise BenchError(f"{name}: {message.value.decode()}")
        client = self._library.rd_kafka_new(
            PRODUCER, ctypes.c_void_p(configuration), message, ERROR_BYTES
        )
        if not client:
            raise BenchError(f"no raw producer: {message.value.decode()}")
        self._client = ctypes.c_void_p(client)

    def send(
        self, topic: str, partition: int, value: bytes, headers: Iterable[tuple[bytes, bytes]]
    ) -> None:
        """Send a message; the names of headers may contain any bytes except NUL.

        Raises:
            BenchError: The client did not accept it.
        """
        arguments = [_Argument(TOPIC), _Argument(PARTITION), _Argument(FLAGS), _Argument(VALUE)]
        arguments[0].value.text = topic.encode()
        arguments[1].value.number = partition
        arguments[2].value.number = COPY
        arguments[3].value.memory = _Memory(value, len(value))
        for name, raw in headers:
            argument = _Argument(HEADER)
            argument.value.header = _Header(name, raw, len(raw))
            arguments.append(argument)
        given = (_Argument * len(arguments))(*arguments)
        failure = self._library.rd_kafka_produceva(self._client, given, len(arguments))
        if failure:
            reason = self._library.rd_kafka_error_string(ctypes.c_void_p(failure))
            raise BenchError(f"the raw producer did not accept a message: {reason.decode()}")

    def flush(self) -> None:
        """Wait until all messages are delivered.

        Raises:
            BenchError: They were not delivered within a minute.
        """
        if self._library.rd_kafka_flush(self._client, 60_000):
            raise BenchError("the raw producer did not deliver its messages")
        self._library.rd_kafka_destroy(self._client)


def _library() -> Any:
    """Return the librdkafka that comes with the Python client."""
    package = Path(confluent_kafka.__file__).parent
    # Next to the package in wheels for Linux, inside it in those for macOS.
    folders = (package.with_name("confluent_kafka.libs"), package / ".dylibs")
    found = [file for folder in folders for file in folder.glob("librdkafka*")]
    if not found:
        raise BenchError(f"no librdkafka next to {package}, on {sys.platform}")
    library = ctypes.CDLL(str(found[0]))
    library.rd_kafka_conf_new.restype = ctypes.c_void_p
    library.rd_kafka_new.restype = ctypes.c_void_p
    library.rd_kafka_produceva.restype = ctypes.c_void_p
    library.rd_kafka_error_string.restype = ctypes.c_char_p
    return library
