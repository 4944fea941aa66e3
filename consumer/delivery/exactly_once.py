"""Exactly once: diagnoses, dead letters and offsets in one Kafka transaction."""

import time
from collections.abc import Callable, Iterable
from contextlib import suppress
from typing import Any, Final

from confluent_kafka import KafkaError, KafkaException, Producer

from bearing_stream.kafka import (
    FatalKafkaError,
    FencedError,
    RetriableKafkaError,
    TransientKafkaError,
)
from bearing_stream.wire import Message
from consumer import events
from consumer.batch import Origin, Positions
from consumer.delivery.base import Publisher, classify, topic_partitions
from consumer.delivery.recovery import Journal, Result
from consumer.liveness.deadline import call_with_deadline

REST: Final = 0.005
"""Seconds between a commit and the next transaction. To one that begins at once, Kafka responds
with CONCURRENT_TRANSACTIONS, and the client then waits 20 ms or more."""

RETRY_PAUSE: Final = 0.02
"""Seconds between two attempts of a call that the client reports as retriable."""

MAX_FENCINGS: Final = 5
"""Fencings without a commit between them after which the cause must be another process."""

CLOSE_TIMEOUT: Final = 2.0
"""Seconds to abort the open transaction when the consumer ends. If that fails, Kafka aborts it when
it times out."""


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
            group_metadata: The consumer's current membership. Kafka checks its generation, which
                fences a zombie. Raises `TransientKafkaError` if there is none.
            journal: Records what is published.
            clock: Monotonic seconds.
            sleep: Waits some seconds.
        """
        super().__init__(new_producer, clock)
        self._group_metadata = group_metadata
        self._journal = journal
        self._sleep = sleep
        self._rest_until = 0.0
        self._initialised = False
        self._fencings = 0
        self._topics: set[str] = set()
        self._positions: Positions = {}
        self._needs_abort = False

    def start(self, timeout: float) -> None:
        """Register the transactional id; Kafka completes or aborts a predecessor's transaction."""
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
            self._journal.note(Result(topic, message, origin))
        except FencedError as fenced:
            self._count_fencing(fenced)
            raise

    def commit(self, positions: Positions, timeout: float) -> None:
        """Flush, add the offsets, commit."""
        deadline = self._clock() + timeout
        self._positions = positions
        try:
            # A commit after a flush takes 1 ms; with messages still queued it takes 27.
            self._serve(self._producer.flush, timeout)
            self._send_offsets(positions, self._group_metadata(), deadline)
            self._journal.commit_requested()
            self._end(deadline)
        except FencedError as fenced:
            self._count_fencing(fenced)
            raise
        self._journal.committed()
        self._fencings = 0

    def recover(self, timeout: float) -> None:
        """Replace the producer that failed.

        The new producer has the same transactional id, so Kafka first completes or aborts the
        transaction of the old one, also when the outcome of its commit is unknown: afterwards the
        committed offsets are final. Aborting with the old producer would not do: an abort purges
        what is still queued, the producer's next sequence numbers do not follow, and librdkafka
        2.16 then hangs in `send_offsets_to_transaction`, beyond any timeout. The last part of the
        recovery completes what was committed before, see `recovery`.
        """
        if self._initialised and (self.opened_at is not None or self._journal.is_uncertain):
            with suppress(TransientKafkaError):
                # So that errors of the brokers are counted before the journal compares the counts.
                self._serve(self._producer.poll, 0)
            self._journal.failed()
            self._initialised, self._needs_abort = False, True
            self._replace_producer()
        if not self._initialised:
            self._initialise_again(timeout)
        self._note_end()
        if self._needs_abort:
            self._abort_undecided(timeout)
            self._journal.undecided_aborted()
            self._needs_abort = False
        if self._journal.is_to_complete:
            self._complete(timeout)

    def close(self) -> None:
        """Abort the open transaction, so that readers of committed diagnoses need not wait."""
        if self._initialised and self.opened_at is not None:
            with suppress(TransientKafkaError, FatalKafkaError):
                self._attempt(
                    self._producer.abort_transaction, deadline=self._clock() + CLOSE_TIMEOUT
                )
        self.opened_at = None

    def _initialise_again(self, timeout: float) -> None:
        try:
            self.start(timeout)
        except RetriableKafkaError:
            raise
        except TransientKafkaError as failure:
            if isinstance(failure, FencedError):
                self._count_fencing(failure)
            # After any other error, this producer cannot be initialised any more.
            self._replace_producer()
            raise

    def _abort_undecided(self, timeout: float) -> None:
        """Abort a transaction in every partition of the output and of the offsets.

        When Kafka 4 ends a transaction, it treats a partition without a leader as deleted and
        leaves its part undecided ("these partitions are likely deleted already" in its log). It
        happens when the only replica of a partition fails and returns. The next commit of this
        transactional id would then commit the undecided part too: diagnoses that have been made
        again meanwhile. An abort discards it.
        """
        deadline = self._clock() + timeout
        metadata = self._group_metadata()
        self._begin()
        for topic in sorted(self._topics):
            for partition in self._partitions(topic, timeout):
                self._produce(topic, Message(None, b"", []), partition=partition)
        if self._serve(self._producer.flush, timeout):
            raise TransientKafkaError(f"the output topics did not respond within {timeout:g} s")
        if self._positions:
            self._send_offsets(self._positions, metadata, deadline)
        self._attempt(self._producer.abort_transaction, deadline=deadline)
        self._note_end()

    def _complete(self, timeout: float) -> None:
        """Publish what is missing of committed transactions."""
        # Fetched first: if another member gets one of the partitions later, the generation changes
        # and Kafka refuses the offsets.
        metadata = self._group_metadata()
        results, positions = self._journal.missing()
        if results or positions:
            self._begin()
            for topic, message, _ in results:
                self._produce(topic, message)
            if positions:
                self._send_offsets(positions, metadata, self._clock() + timeout)
            self._end(self._clock() + timeout)
            events.emit(
                events.REPUBLISHED,
                results=len(results),
                partitions=len(positions),
                detail="Kafka had left them out of a committed transaction",
            )
        self._journal.completed()

    def _partitions(self, topic: str, timeout: float) -> Iterable[int]:
        try:
            return list(self._producer.list_topics(topic, timeout).topics[topic].partitions)
        except KafkaException as failure:
            raise classify(failure.args[0]) from None

    def _count_fencing(self, fenced: FencedError) -> None:
        """Raise `FatalKafkaError` if there were too many fencings in a row."""
        self._fencings += 1
        if self._fencings > MAX_FENCINGS:
            raise FatalKafkaError(
                "the producer is fenced again and again: another process uses the same "
                "transactional.id (give each consumer its own instance id), or transaction_timeout "
                f"is too short — Kafka reports: {fenced}"
            ) from None

    def _send_offsets(self, positions: Positions, metadata: Any, deadline: float) -> None:
        """Add offsets to the transaction.

        If the broker goes down meanwhile, librdkafka 2.16 waits for it without end.
        """
        self._attempt(
            call_with_deadline,
            self._producer.send_offsets_to_transaction,
            topic_partitions(positions),
            metadata,
            deadline=deadline,
        )

    def _attempt(self, call: Callable[..., Any], *arguments: Any, deadline: float) -> None:
        """Call, and repeat the call on a retriable error until the deadline."""
        while True:
            left = max(deadline - self._clock(), 0.001)
            try:
                call(*arguments, left)
            except KafkaException as failure:
                error: KafkaError = failure.args[0]
                if not error.retriable() or self._clock() >= deadline:
                    raise classify(error) from None
                self._sleep(RETRY_PAUSE)
            else:
                return

    def _begin(self) -> None:
        if (rest := self._rest_until - self._clock()) > 0:
            self._sleep(rest)
        self.opened_at = self._clock()
        try:
            self._producer.begin_transaction()
        except KafkaException as failure:
            raise classify(failure.args[0]) from None

    def _end(self, deadline: float) -> None:
        self._attempt(self._producer.commit_transaction, deadline=deadline)
        self._note_end()

    def _note_end(self) -> None:
        self.opened_at = None
        self._rest_until = self._clock() + REST
