"""What the client returns in place of a message, and which of it ends the process."""

import time
from collections.abc import Callable
from typing import Final

from confluent_kafka import KafkaError

from bearing_stream.kafka import FatalKafkaError, explain, is_fatal

INCOMPATIBLE_LIMIT: Final = 60.0
"""Seconds for which the group may refuse this consumer's assignor or protocol. Members of the other
kind may be leaving, as when all of them are restarted with another setting."""


class ClientErrors:
    """Handles errors of a consumer's client."""

    def __init__(
        self,
        group: str,
        on_transient: Callable[[KafkaError], None],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Set up.

        Args:
            group: Of the consumer.
            on_transient: Called with each transient error.
            clock: Monotonic seconds.
        """
        self._group = group
        self._on_transient = on_transient
        self._clock = clock
        self._incompatible_since: float | None = None

    def handle(self, error: KafkaError) -> None:
        """Report a transient error.

        Raises:
            FatalKafkaError: The group or the topic refuses this consumer.
        """
        if is_fatal(error) or error.code() == KafkaError._FATAL:
            raise FatalKafkaError(explain(error))
        if error.code() == KafkaError.INCONSISTENT_GROUP_PROTOCOL:
            self._note_incompatible(error)
        self._on_transient(error)

    def note_assigned(self) -> None:
        """Note that the group has accepted this consumer."""
        self._incompatible_since = None

    def _note_incompatible(self, error: KafkaError) -> None:
        now = self._clock()
        if self._incompatible_since is None:
            self._incompatible_since = now
        if now - self._incompatible_since >= INCOMPATIBLE_LIMIT:
            raise FatalKafkaError(
                f"group '{self._group}' has members with another assignor or protocol: choose "
                "another --group, or give this consumer the --group-protocol and "
                "partition.assignment.strategy of the others (--kafka), or stop them — Kafka "
                f"reported: {error.str()}"
            )
