"""Producers that take turns, each with a transactional id of its own."""

from collections import deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from confluent_kafka import Producer

REST: Final = 0.005
"""Seconds between a producer's commit and its next transaction. Kafka responds to one that begins
before the markers of the last are written with CONCURRENT_TRANSACTIONS, and the client then waits
20 ms or more."""


@dataclass(slots=True)
class Turn:
    """A producer."""

    new: Callable[[], Producer]
    """Makes one with the same transactional id."""
    producer: Producer
    is_registered: bool = False
    rested_at: float = 0.0
    """Monotonic time from which on it may begin a transaction."""


class Turns:
    """Producers, one of which may have a transaction at a time."""

    def __init__(self, new_producers: Sequence[Callable[[], Producer]]) -> None:
        """Make the producers; none is registered.

        Args:
            new_producers: Each makes a producer, always with the same transactional id of its own.
        """
        self._turns = deque(Turn(new, new()) for new in new_producers)

    def __len__(self) -> int:
        return len(self._turns)

    def __iter__(self) -> Iterator[Turn]:
        return iter(self._turns)

    @property
    def current(self) -> Turn:
        """The one that has its turn."""
        return self._turns[0]

    def advance(self) -> None:
        """Give the next one its turn."""
        self._turns.rotate(-1)

    def replace(self) -> None:
        """Put a new producer in the place of each, with the same transactional id."""
        for turn in self._turns:
            turn.producer.purge()
            turn.producer, turn.is_registered = turn.new(), False
