"""Exactly once: diagnoses, dead letters and offsets in one Kafka transaction (KIP-98, KIP-447)."""

import time
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from functools import partial
from typing import Any, Final

from confluent_kafka import KafkaError, KafkaException, Producer, TopicPartition

from bearing_stream.kafka import (
    FatalKafkaError,
    FencedError,
    RetriableKafkaError,
    TransientKafkaError,
    classify,
)
from bearing_stream.wire import Message
from consumer.delivery.base import RETRY_PAUSE, Bounds, Publisher
from consumer.delivery.leaders import Leaders
from consumer.delivery.states import Event, State
from consumer.delivery.turns import REST, Turns
from consumer.liveness import budget
from consumer.liveness.deadline import Caller, DeadlineCaller
from consumer.messages import Origin

MAX_FENCINGS: Final = 5
"""Producers fenced without a commit between them, after which another process must be doing it."""

FILLER: Final = Message(b"bearing-stream-settle", b"", [])
"""Written to be aborted. It has a key, since a compacted topic refuses records without."""


class ExactlyOnce(Publisher):
    """All output and the offsets in one Kafka transaction after the other.

    Producers take turns, so that Kafka can write the markers of one's last transaction while the
    next one has its own. A transaction still begins only after the one before it is committed.
    They fail and recover together. `state` and the table in `states` define what is legal when.
    """

    def __init__(
        self,
        new_producers: Sequence[Callable[[], Producer]],
        group_metadata: Callable[[], Any],
        bounds: Bounds,
        *,
        unreplicated: frozenset[str] = frozenset(),
        leaders: Leaders | None = None,
        windows_topic: str = "",
        claims_predecessor: bool = False,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
        caller: Caller | None = None,
    ) -> None:
        """Set up; nothing is registered before `start`.

        Args:
            new_producers: Each makes a producer, always with the same transactional id of its own.
            group_metadata: Returns the consumer's current membership; Kafka checks its generation,
                which fences a zombie. Raises `TransientKafkaError` if there is none.
            bounds: Of one transaction, in time and in bytes.
            unreplicated: Output topics, if one of them or the group's offsets have a single
                replica; empty where none has.
            leaders: Of the output topics, if one of them has a single replica.
            windows_topic: Whose offsets are committed.
            claims_predecessor: Whether the transactional ids are those of the process before, which
                may have left records undecided.
            clock: Monotonic seconds.
            sleep: Waits some seconds.
            caller: Makes the calls that may hang; by default in a thread.
        """
        self._turns = Turns(new_producers)
        super().__init__(self._turns.current.producer, bounds, clock, sleep)
        self._group_metadata = group_metadata
        self._unreplicated = unreplicated
        self._leaders = leaders
        self._windows_topic = windows_topic
        self._claims_predecessor = claims_predecessor
        self._fencings = 0
        self._caller = caller or DeadlineCaller()

    def start(self, timeout: float) -> None:
        """Register the transactional ids; Kafka ends what a predecessor left open.

        Where that may have left something undecided, the state then needs recovery: only a member
        of the group can decide it.

        Raises:
            TransientKafkaError: Kafka did not respond within `timeout` seconds.
            FatalKafkaError: Kafka refuses.
        """
        deadline = self._clock() + timeout
        self._register(deadline, settles=bool(self._unreplicated) and self._claims_predecessor)

    def open(self) -> None:
        """Begin a transaction, unless one is open."""
        if self.state is State.IDLE:
            with self._failing():
                self._begin()
                self._move(Event.PUBLISHED)

    def publish(self, topic: str, *messages: Message, origin: Origin | None = None) -> None:
        """Produce inside the transaction, which the first message begins."""
        self.open()
        with self._failing():
            self._produce(topic, messages, origin)
            self._move(Event.PUBLISHED)

    def commit(self, offsets: list[TopicPartition], timeout: float) -> None:
        """Add the offsets while Kafka acknowledges the results, then commit."""
        deadline = self._clock() + timeout
        with self._failing():
            wait_for_offsets = self._begin_to_add(offsets, self._group_metadata(), deadline)
            # Flushed first, a commit takes 1 ms; with messages still queued, 27.
            self._flush(timeout)
            wait_for_offsets()
            self._move(Event.COMMIT_REQUESTED)
            self._attempt(self._producer.commit_transaction, deadline)
        self._move(Event.COMMITTED)
        self._note_success()
        self._closed()
        self._fencings = 0
        self._next_turn()

    def recover(self, deadline: float) -> None:
        """Step through the recovery until the state is `idle`.

        New producers take the place of those there are. They have the same transactional ids, so
        Kafka first completes or aborts what the old ones left, also when a commit's outcome is
        unknown: after this the committed offsets are the truth. An abort would not do: it purges
        what is still queued, the producer's next sequence numbers do not follow, and librdkafka
        2.16 then hangs in `send_offsets_to_transaction`, beyond any timeout.

        Args:
            deadline: Monotonic time at which this attempt ends.

        Raises:
            TransientKafkaError: Kafka did not respond in time; call it again.
            FatalKafkaError: Kafka refuses, or another process keeps fencing this one.
        """
        if self.state is State.FAILED:
            self._turns.replace()
            self._producer = self._turns.current.producer
            if self._leaders is not None:
                # What was left undecided is decided before the next transaction.
                self._leaders.reset()
            self._closed()
            self._move(Event.REPLACED)
        if self.state is State.UNREGISTERED:
            self._register(deadline, settles=bool(self._unreplicated))
        if self.state is State.UNSETTLED:
            self._settle(deadline)

    def close(self) -> None:
        """Abort what is open, so that readers of committed diagnoses need not wait for it."""
        if self.opened_at is not None:
            with suppress(TransientKafkaError, FatalKafkaError):
                self._attempt(self._producer.abort_transaction, self._clock() + budget.CLOSE)
        self._closed()
        self._caller.close()
        self._move(Event.CLOSED)

    def _next_turn(self) -> None:
        self._turns.advance()
        self._producer = self._turns.current.producer

    def _register(self, deadline: float, *, settles: bool) -> None:
        try:
            for turn in self._turns:
                if not turn.is_registered:
                    self._attempt(turn.producer.init_transactions, deadline)
                    turn.is_registered = True
        except RetriableKafkaError:
            raise
        except TransientKafkaError as error:
            # This producer will not become ready any more.
            self._count_fencing(error)
            self._move(Event.FAILED)
            raise
        self._move(Event.REGISTERED_UNREPLICATED if settles else Event.REGISTERED)

    def _settle(self, deadline: float) -> None:
        """Abort a transaction of each producer in every partition of the output and the offsets.

        Kafka 4 takes a partition that has no leader for a deleted one when it ends a transaction,
        and leaves what is there undecided. The next commit of this producer's transactional id
        would commit that too, results that are made again meanwhile. An abort decides it: what was
        published there is then missing from the output, and `published` finds it.
        """
        with self._failing():
            for _ in range(len(self._turns)):
                self._abort_everywhere(deadline)
                self._next_turn()
        self._move(Event.SETTLED)

    def _abort_everywhere(self, deadline: float) -> None:
        metadata = self._group_metadata()
        self._begin()
        for topic in sorted(self._unreplicated):
            for partition in self._partitions(topic, deadline):
                self._produce(topic, (FILLER._replace(partition=partition),))
        # All offsets of a group are in one partition of Kafka's own topic.
        offsets = [TopicPartition(self._windows_topic, 0, 0)]
        wait_for_offsets = self._begin_to_add(offsets, metadata, deadline)
        self._flush(self._left(deadline))
        wait_for_offsets()
        self._attempt(self._producer.abort_transaction, deadline)
        self._closed()

    def _partitions(self, topic: str, deadline: float) -> Iterable[int]:
        try:
            found = self._producer.list_topics(topic, self._left(deadline))
            return list(found.topics[topic].partitions)
        except KafkaException as failure:
            raise classify(failure.args[0]) from None

    def _note_failure(self, error: TransientKafkaError) -> None:
        self._count_fencing(error)
        super()._note_failure(error)

    def _count_fencing(self, error: TransientKafkaError) -> None:
        if isinstance(error, FencedError):
            self._fencings += 1
        if self._fencings > MAX_FENCINGS:
            raise FatalKafkaError(
                "the producer is fenced repeatedly: another process uses the same "
                "transactional.id (give each consumer its own instance id), or transaction_timeout "
                f"is too short — Kafka reported: {error}"
            ) from None

    def _begin_to_add(
        self, offsets: list[TopicPartition], metadata: Any, deadline: float
    ) -> Callable[[], None]:
        """Begin to add offsets to the transaction, and return what waits until they are in it.

        Where the broker goes down meanwhile, librdkafka 2.16 waits for it without end.
        """
        send = self._producer.send_offsets_to_transaction

        def add(timeout: float) -> None:
            if self._leaders is not None:
                self._leaders.check(timeout)
            send(offsets, metadata, self._left(deadline))

        def begin() -> None:
            self._caller.begin(add, self._left(deadline))

        begin()
        return partial(self._attempt, self._caller.wait, deadline, begin)

    def _attempt(
        self,
        call: Callable[[float], Any],
        deadline: float,
        prepare_again: Callable[[], None] = lambda: None,
    ) -> None:
        """Call with the seconds that are left, and repeat a retriable error until then."""
        while True:
            try:
                call(self._left(deadline))
            except KafkaException as failure:
                error: KafkaError = failure.args[0]
                if not error.retriable() or self._clock() >= deadline:
                    raise classify(error) from None
                self._sleep(RETRY_PAUSE)
                prepare_again()
            else:
                return

    def _begin(self) -> None:
        if (rest := self._turns.current.rested_at - self._clock()) > 0:
            self._sleep(rest)
        self._opened()
        try:
            self._producer.begin_transaction()
        except KafkaException as failure:
            raise classify(failure.args[0]) from None

    def _closed(self) -> None:
        super()._closed()
        self._turns.current.rested_at = self._clock() + REST

    def _left(self, deadline: float) -> float:
        """Return the seconds until a deadline, and a moment at least."""
        return max(deadline - self._clock(), 0.001)
