"""Partitions whose leader does not respond: the others are read meanwhile."""

import time
from collections.abc import Callable, Iterable
from concurrent.futures import Future
from typing import Any, Final

from bearing_stream.kafka import FatalKafkaError, TransientKafkaError
from consumer import events
from consumer.events import emit
from consumer.kafka.topic_log import TopicLog
from consumer.liveness.stall import in_thread
from consumer.messages import Partition

RETRY: Final = 1.0
"""Seconds between two questions to a leader that does not respond."""


class AwaitedLeaders:
    """Asks again for the partitions that await a leader, without blocking those that have one."""

    def __init__(
        self,
        log: TopicLog,
        clock: Callable[[], float] = time.monotonic,
        start: Callable[..., "Future[Any]"] = in_thread,
    ) -> None:
        """Await nothing.

        Args:
            log: The topic.
            clock: Monotonic seconds.
            start: Starts a call in the background.
        """
        self._log = log
        self._clock = clock
        self._start = start
        self.partitions: frozenset[Partition] = frozenset()
        """Whose leader did not respond when it was last asked; any thread may read it."""
        self._question: Future[Any] | None = None
        self._asked_at = clock()

    def set(self, partitions: Iterable[Partition]) -> None:
        """Await the leaders of these partitions and of no other; report those that are new."""
        before, self.partitions = self.partitions, frozenset(partitions)
        self._question, self._asked_at = None, self._clock()
        for topic, number in sorted(self.partitions - before):
            emit(events.LEADER_AWAITED, topic=topic, partition=number)

    def is_due(self, unresolved: frozenset[Partition]) -> bool:
        """Whether one of these partitions can be resolved, as far as is known; never blocks.

        Call it in every round while a partition is unresolved.
        """
        if not unresolved <= self.partitions:
            return True
        if self._question is None:
            if self._clock() >= self._asked_at + RETRY:
                numbers = sorted(number for _, number in unresolved)
                self._question = self._start(self._log.ranges, numbers)
            return False
        if not self._question.done():
            return False
        question, self._question, self._asked_at = self._question, None, self._clock()
        try:
            return bool(question.result())
        except TransientKafkaError:
            return False
        except FatalKafkaError:
            # The question is repeated where its errors are handled.
            return True
