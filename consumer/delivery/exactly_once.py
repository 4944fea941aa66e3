"""Exactly once: diagnoses, dead letters and offsets in one Kafka transaction."""

import time
from collections.abc import Callable, Iterable
from contextlib import suppress
from typing import Any, Final

import structlog
from confluent_kafka import KafkaError, KafkaException, Producer

from bearing_stream.kafka import FatalKafkaError
from bearing_stream.wire import Message
from consumer.batch import Origin, Positions
from consumer.delivery.base import Publisher, Undelivered, topic_partitions, verdict
from consumer.delivery.recovery import Answer, Journal
from consumer.liveness.deadline import returning

REST: Final = 0.005
"""Seconds between a commit and the next transaction. Kafka answers one begun right away with
CONCURRENT_TRANSACTIONS, and the client then waits 20 ms or more."""

RETRY_PAUSE: Final = 0.02
"""Seconds between two attempts of a call that the client says can be repeated."""

MOST_FENCINGS: Final = 5
"""Producers fenced without a commit between them, after which another process must be doing it."""

CLOSE_TIMEOUT: Final = 2.0
"""Seconds to abort what is open when the consumer ends. What is not aborted, Kafka aborts by itself
when the transaction times out."""


class Transactions(Publisher):
    """Exactly once: all output and the offsets in one Kafka transaction (KIP-98, KIP-447)."""

    def __init__(
        self,
        new_producer: Callable[[], Producer],
        group_metadata: Callable[[], Any],
        journal: Journal,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        """Set up.

        Args:
            new_producer: Makes a producer, always with the same transactional id.
            group_metadata: The consumer's current membership; Kafka checks its generation, which
                is what fences a zombie. Raises `Undelivered` if there is none.
            journal: Remembers what is published.
            clock: Monotonic seconds.
            sleep: Waits some seconds.
        """
        super().__init__(new_producer, clock)
        self._group_metadata = group_metadata
        self._journal = journal
        self._sleep = sleep
        self._rested_at = 0.0
        self._initialised = False
        self._fencings = 0
        self._topics: set[str] = set()
        self._positions: Positions = {}
        self._swept = True
        self._log = structlog.get_logger("consumer")

    def start(self, timeout: float) -> None:
        """Register the transactional id; completes or aborts what a predecessor left open."""
        self._attempt(self._producer.init_transactions, deadline=self._clock() + timeout)
        self._initialised = True

    def publish(self, topic: str, message: Message, origin: Origin) -> None:
        """Produce inside the transaction, which the first message begins."""
        try:
            if self.opened_at is None:
                self._journal.begin()
                self._begin()
            self._topics.add(topic)
            self._produce(topic, message)
            self._journal.note(Answer(topic, message, origin))
        except Undelivered as undelivered:
            self._count_fencing(undelivered)
            raise

    def commit(self, positions: Positions, timeout: float) -> None:
        """Flush, add the offsets, commit."""
        deadline = self._clock() + timeout
        self._positions = positions
        try:
            # Flushed first, a commit takes 1 ms; with messages still queued, 27.
            self._serve(self._producer.flush, timeout)
            self._offer(positions, self._group_metadata(), deadline)
            self._journal.asked()
            self._end(deadline)
        except Undelivered as undelivered:
            self._count_fencing(undelivered)
            raise
        self._journal.committed()
        self._fencings = 0

    def recover(self, timeout: float) -> None:
        """Put a new producer in the place of the one that failed.

        It has the same transactional id, so Kafka first completes or aborts whatever the old one
        left, also when a commit's outcome is unknown: after this the committed offsets are the
        truth. An abort would not do: it purges what is still queued, the producer's next sequence
        numbers do not follow, and librdkafka 2.16 then hangs in `send_offsets_to_transaction`,
        beyond any timeout. What was committed before is then looked for, see `completion`.
        """
        if self._initialised and (self.opened_at is not None or self._journal.is_in_doubt):
            with suppress(Undelivered):
                # Hear of trouble first.
                self._serve(self._producer.poll, 0)
            self._journal.failed()
            self._initialised = self._swept = False
            self._replace_producer()
        if not self._initialised:
            self._initialise_again(timeout)
        self._closed()
        if not self._swept:
            self._sweep(timeout)
            self._journal.decided()
            self._swept = True
        if self._journal.is_to_complete:
            self._complete(timeout)

    def close(self) -> None:
        """Abort what is open, so that readers of committed diagnoses need not wait for it."""
        if self._initialised and self.opened_at is not None:
            with suppress(Undelivered, FatalKafkaError):
                self._attempt(
                    self._producer.abort_transaction, deadline=self._clock() + CLOSE_TIMEOUT
                )
        self.opened_at = None

    def _initialise_again(self, timeout: float) -> None:
        try:
            self.start(timeout)
        except Undelivered as undelivered:
            self._count_fencing(undelivered)
            if not undelivered.retriable:
                # This one will not get ready any more.
                self._replace_producer()
            raise

    def _sweep(self, timeout: float) -> None:
        """Abort a transaction in every partition of the output and of the offsets.

        Kafka 4 takes a partition that has no leader for a deleted one when it ends a transaction,
        and leaves what is there undecided ("these partitions are likely deleted already", says its
        log): it happens when the only replica of a partition dies and comes back. The next commit
        of this transactional id would then commit that too, diagnoses that are made again
        meanwhile. An abort decides it otherwise.
        """
        deadline = self._clock() + timeout
        metadata = self._group_metadata()
        self._begin()
        for topic in sorted(self._topics):
            for partition in self._partitions(topic, timeout):
                self._produce(topic, Message(None, b"", []), partition=partition)
        if self._serve(self._producer.flush, timeout):
            raise Undelivered(f"the output topics did not answer within {timeout:g} s")
        if self._positions:
            self._offer(self._positions, metadata, deadline)
        self._attempt(self._producer.abort_transaction, deadline=deadline)
        self._closed()

    def _complete(self, timeout: float) -> None:
        """Publish what is missing of transactions that were committed."""
        # Asked for first: whoever gets one of the partitions later changes the generation.
        metadata = self._group_metadata()
        answers, positions = self._journal.missing()
        if answers or positions:
            self._begin()
            for topic, message, _ in answers:
                self._produce(topic, message)
            if positions:
                self._offer(positions, metadata, self._clock() + timeout)
            self._end(self._clock() + timeout)
            self._log.warning(
                "published again what Kafka had left out of a committed transaction",
                answers=len(answers),
                partitions=len(positions),
            )
        self._journal.completed()

    def _partitions(self, topic: str, timeout: float) -> Iterable[int]:
        try:
            return list(self._producer.list_topics(topic, timeout).topics[topic].partitions)
        except KafkaException as failure:
            raise verdict(failure.args[0]) from None

    def _count_fencing(self, undelivered: Undelivered) -> None:
        if undelivered.fenced:
            self._fencings += 1
        if self._fencings > MOST_FENCINGS:
            raise FatalKafkaError(
                "the producer is fenced again and again: another process uses the same "
                "transactional.id (give each consumer its own instance id), or transaction_timeout "
                f"is too short — Kafka said: {undelivered}"
            ) from None

    def _offer(self, positions: Positions, metadata: Any, deadline: float) -> None:
        """Add offsets to the transaction.

        Where the broker goes down meanwhile, librdkafka 2.16 waits for it without end.
        """
        self._attempt(
            returning,
            self._producer.send_offsets_to_transaction,
            topic_partitions(positions),
            metadata,
            deadline=deadline,
        )

    def _attempt(self, call: Callable[..., Any], *arguments: Any, deadline: float) -> None:
        """Call, and call again what the client says can be repeated, until the deadline."""
        while True:
            left = max(deadline - self._clock(), 0.001)
            try:
                call(*arguments, left)
            except KafkaException as failure:
                error: KafkaError = failure.args[0]
                if not error.retriable() or self._clock() >= deadline:
                    raise verdict(error) from None
                self._sleep(RETRY_PAUSE)
            else:
                return

    def _begin(self) -> None:
        if (rest := self._rested_at - self._clock()) > 0:
            self._sleep(rest)
        self.opened_at = self._clock()
        try:
            self._producer.begin_transaction()
        except KafkaException as failure:
            raise verdict(failure.args[0]) from None

    def _end(self, deadline: float) -> None:
        self._attempt(self._producer.commit_transaction, deadline=deadline)
        self._closed()

    def _closed(self) -> None:
        self.opened_at = None
        self._rested_at = self._clock() + REST
