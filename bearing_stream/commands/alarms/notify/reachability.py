"""Whether Kafka responds: where no event comes, the client of a receiver does not show it."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from confluent_kafka import KafkaException

from bearing_stream.kafka import ClusterErrors, admin_client, explain
from bearing_stream.kafka.connection import Properties

INTERVAL: Final = 5.0
"""Seconds between two requests."""

TIMEOUT: Final = 5.0
"""Seconds to wait for a response."""


class Reachability:
    """Asks for a topic every few seconds.

    Attributes:
        problem: Why Kafka cannot be reached, as of the last request; empty if it can.
    """

    def __init__(self, properties: Properties, topic: str) -> None:
        """Ask nothing yet.

        Args:
            properties: Of the connection.
            topic: That the user may describe.
        """
        self.problem = ""
        self._properties = properties
        self._topic = topic
        self._ended = threading.Event()

    @contextmanager
    def asking(self) -> Iterator[None]:
        """Ask while a block lasts; it does not wait for a response at its end."""
        threading.Thread(target=self._ask, name="kafka-reachability", daemon=True).start()
        try:
            yield
        finally:
            self._ended.set()

    def _ask(self) -> None:
        admin = admin_client(self._properties, ClusterErrors())
        while not self._ended.wait(INTERVAL):
            try:
                admin.list_topics(self._topic, TIMEOUT)
            except KafkaException as failure:
                self.problem = explain(failure.args[0])
            else:
                self.problem = ""
