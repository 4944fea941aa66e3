"""Polls the windows topic, and follows the group's rebalances."""

import time
from collections.abc import Callable, Iterable
from typing import Any, Final, NamedTuple, Protocol, cast

from confluent_kafka import Consumer, KafkaError, KafkaException, TopicPartition

from bearing_stream.kafka import (
    UNREADABLE,
    BatchEnds,
    FatalKafkaError,
    TransientKafkaError,
    explain,
)
from consumer.kafka.client_errors import ClientErrors
from consumer.kafka.ends import Ends
from consumer.kafka.positions import Taken, Tracker
from consumer.kafka.resolver import Resolver
from consumer.liveness import budget
from consumer.liveness.deadline import call_for
from consumer.messages import KafkaMessage, Partition, Positions, size_of
from consumer.metrics import Metrics, Rebalance

AT_A_TIME: Final = 64
"""Messages taken before their size is checked."""

POLL_BYTES: Final = 512 * 1024
"""Bytes after which a poll takes no more messages. Half a megabyte is still in the cache of a core
when it is decoded; and large messages that compress well cost their sender little, and would fill
the memory of the consumer."""

FETCH_GRACE: Final = 0.01
"""Seconds without a message after which a partition that seems to hold more counts as read to its
end. Transaction markers and open transactions make the high watermark exceed what can be read."""


class Polled(NamedTuple):
    """What one poll brought."""

    messages: list[KafkaMessage]
    """New windows, in order within a partition."""
    done: Positions
    """The next offset, of partitions in which windows came whose results are in the output already:
    their offsets are still to be committed."""


class RebalanceListener(Protocol):
    """What the loop does when partitions come and go. Called inside `poll`, on the same thread."""

    def on_partitions_assigned(self) -> None:
        """Finish and commit what is in flight: next it is asked what the output holds."""

    def on_partitions_revoked(self) -> None:
        """Finish and commit what is in flight: the partitions are still owned."""

    def on_partitions_lost(self) -> None:
        """Give up what is in flight: another consumer owns the partitions now."""


class WindowSource:
    """The windows topic, as a member of a consumer group."""

    def __init__(
        self,
        consumer: Consumer,
        topic: str,
        tracker: Tracker,
        resolver: Resolver,
        batch_ends: BatchEnds,
        metrics: Metrics,
        errors: ClientErrors,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Put the pieces together; nothing is subscribed yet.

        Args:
            consumer: Of the group; with `auto.offset.reset = earliest`.
            topic: To subscribe.
            tracker: Of the positions.
            resolver: Finds where partitions are read from.
            batch_ends: Finds where batches end that the client cannot unpack.
            metrics: Counts what is passed over.
            errors: Handles what the client returns in place of messages.
            clock: Monotonic seconds.
        """
        self._consumer = consumer
        self._topic = topic
        self._tracker = tracker
        self._resolver = resolver
        self._commits = resolver.commits
        self._batch_ends = batch_ends
        self._metrics = metrics
        self._errors = errors
        self._clock = clock
        self._ends = Ends(consumer, tracker)
        self._is_suspect = False
        self._unreadable: tuple[Partition, int, str] | None = None
        self._listener: RebalanceListener
        self.received = 0
        """Messages, and ends of partitions, received since the start."""
        self.joined = False
        """Whether the group has assigned this consumer its partitions, which may be none."""

    def subscribe(self, listener: RebalanceListener) -> None:
        """Join the group."""
        self._listener = listener
        self._consumer.subscribe(
            [self._topic],
            on_assign=self._on_assign,
            on_revoke=self._on_revoke,
            on_lost=self._on_lost,
        )

    def poll(self, most: int, timeout: float) -> Polled:
        """Return at most `most` new messages, fewer if large, as soon as there is one.

        Returns without messages after `timeout` seconds. What was polled of a partition that was
        revoked, lost or assigned meanwhile is left out; its owner gets it again. In place of a
        batch that cannot be unpacked comes an `UnreadableBatch`.

        Raises:
            TransientKafkaError: The broker does not report where the group was, or where a batch
                ends, or the log is not the one that was read: call `rewind`.
            FatalKafkaError: The group or the topic refuses this consumer, or retention has deleted
                windows and the consumer is set to stop then.
        """
        self._commits.settle()
        self._resolver.check_id(self._tracker)
        messages = self._step_over() or self._consume_up_to(most, timeout)
        self.received += len(messages)
        if not messages and timeout >= FETCH_GRACE:
            self._ends.note_exhausted()
        if self._is_suspect:
            self._is_suspect = False
            self._resolver.check_log(self._tracker)
        unresolved = frozenset(self._tracker.unresolved)
        if unresolved and self._resolver.awaited.is_due(unresolved):
            self._listener.on_partitions_assigned()
            self._resolver.resolve(self._tracker)
        done: Positions = {}
        kept = [one for one in messages if self._is_new(one, unresolved, done)]
        return Polled(kept, done)

    def is_lagging(self) -> bool:
        """Whether the brokers are known to hold messages that can be read and were not polled."""
        return self._ends.is_lagging()

    def rewind(self) -> None:
        """Go back to the committed offsets: what was polled since then is delivered again.

        Raises:
            TransientKafkaError: The broker does not report the committed offsets now.
            FatalKafkaError: It refuses to.
        """
        self._tracker.forget_positions()
        self._ends.drop(self._tracker.owned)
        self._unreadable = None
        if self._tracker.owned:
            self._resolver.resolve(self._tracker)

    def positions(self) -> Positions:
        """Return the next offset expected, by partition, where it is known."""
        return self._tracker.next

    def reached(self) -> Positions:
        """Return the next offset that can be a message's; see `Ends`."""
        return self._ends.reached()

    @property
    def log(self) -> str | None:
        """Id of the topic that the positions belong to; None if unknown."""
        return self._tracker.log

    @property
    def owned(self) -> frozenset[Partition]:
        """The partitions that are assigned; for any thread."""
        return self._tracker.owned

    @property
    def unresolved(self) -> list[Partition]:
        """The assigned partitions whose position is not known; for any thread."""
        return self._tracker.unresolved

    @property
    def awaited(self) -> frozenset[Partition]:
        """Those of them whose leader does not respond; for any thread."""
        # Those that went since are still among the ones that the resolver asked about.
        return self._resolver.awaited.partitions.intersection(self._tracker.unresolved)

    def to_commit(self, positions: Positions, began: int) -> list[TopicPartition]:
        """Return positions as Kafka takes them; see `Tracker.to_commit`."""
        return self._tracker.to_commit(positions, began)

    def note_committed(self, positions: Positions, began: int) -> None:
        """Note that Kafka has committed these positions."""
        self._tracker.note_committed(positions, began)

    def member(self) -> str:
        """Return the id of this consumer in its group; empty if it has none, or cannot be asked."""
        return "" if self._commits.is_pending else self._consumer.memberid() or ""

    def membership(self) -> Any:
        """Return what Kafka checks before it takes offsets of a transaction: group membership.

        Raises:
            TransientKafkaError: This consumer is not a member, or not any more.
        """
        # A client without a membership claims none, and Kafka then takes its offsets unchecked or,
        # of a client with an instance id, refuses them as those of a fenced member. Neither a
        # client that joins for the first time nor one that loses its membership waits for a poll
        # to do so; joining again needs one. So a member before and after was one in between.
        if not self._consumer.memberid():
            raise TransientKafkaError("this consumer has not joined its group, or was removed")
        metadata = self._consumer.consumer_group_metadata()
        if not self._consumer.memberid():
            raise TransientKafkaError("the group has removed this consumer")
        return metadata

    def commit(self, offsets: list[TopicPartition]) -> None:
        """Commit offsets, and wait for the response; see `Commits.commit`."""
        self._commits.commit(offsets, budget.COMMIT)

    def close(self) -> None:
        """Leave the group, without waiting for the response of a broker for longer than `LEAVE`.

        The client waits for five seconds. The request is sent by then; if it is lost, the group
        removes this consumer when its session times out.
        """
        call_for(budget.LEAVE, self._consumer.close)
        self._commits.close()

    def _consume_up_to(self, most: int, timeout: float) -> list[KafkaMessage]:
        # consume(n, timeout) would wait for all n.
        messages = self._consume(1, timeout)
        asked, more, size = 1, messages, size_of(messages)
        while len(more) == asked and len(messages) < most and size < POLL_BYTES:
            asked = min(most - len(messages), AT_A_TIME)
            more = self._consume(asked, 0)
            messages = messages + more
            size += size_of(more)
        return messages

    def _consume(self, most: int, timeout: float) -> list[KafkaMessage]:
        try:
            # The client's own type allows for what only messages with an error lack.
            return cast("list[KafkaMessage]", self._consumer.consume(most, timeout))
        except KafkaException as failure:
            raise FatalKafkaError(explain(failure.args[0])) from None

    def _step_over(self) -> list[KafkaMessage]:
        """Move the client behind the batch that it could not unpack; return what stands for it."""
        if self._unreadable is None:
            return []
        partition, first, reason = self._unreadable
        self._unreadable = None
        # The search takes a while, and an open transaction must not time out meanwhile.
        self._listener.on_partitions_assigned()
        at = self._tracker.of(partition)
        if at is None:
            return []
        batch = self._batch_ends.find(partition, first, reason)
        self._resolver.step_over(batch, at.next)
        return [batch]

    def _is_new(
        self, message: KafkaMessage, just_resolved: frozenset[Partition], done: Positions
    ) -> bool:
        error = message.error()
        partition, offset = (message.topic(), message.partition()), message.offset()
        if error is not None and error.code() == KafkaError._PARTITION_EOF:
            if partition not in just_resolved:
                self._ends.note_end(partition, offset)
            return False
        if error is not None and error.code() not in UNREADABLE:
            self._errors.handle(error)
            return False
        at = self._tracker.of(partition)
        if at is None or partition in just_resolved:
            # It went inside the same poll, and its next owner gets this message; or its place was
            # set after this message was fetched, and the message is delivered again.
            return False
        if error is not None and self._unreadable is None:
            self._unreadable = partition, offset, error.str()
        if error is not None or (self._unreadable and partition == self._unreadable[0]):
            # What follows is delivered again; batches elsewhere too, one after the other.
            return False
        epoch = message.leader_epoch()
        if at.is_rewritten(offset, epoch):
            self._resolver.report_truncated(partition, at.next, offset)
            at.next = offset
            self._ends.drop((partition,))
        elif at.above_epoch is None and offset > at.next:
            self._check_gap(partition, at.next, offset)
        taken = at.take(offset, epoch)
        if taken is Taken.DONE:
            done[partition] = offset + 1
        elif taken is Taken.REPEATED:
            self._metrics.repeated += 1
            self._is_suspect = True
        return taken is Taken.NEW

    def _check_gap(self, partition: Partition, expected: int, offset: int) -> None:
        """Report windows that retention deleted between the expected offset and a message.

        Missing offsets are no loss by themselves: a transaction's marker takes one, and compaction
        removes some. Nor is a beginning beyond the message: retention moved after the fetch.
        """
        watermarks = self._consumer.get_watermark_offsets(TopicPartition(*partition), cached=True)
        begin = watermarks[0] if watermarks is not None else 0
        if expected < begin <= offset:
            self._resolver.report_deleted(partition, expected, begin)

    def _on_assign(self, _consumer: Consumer, partitions: list[TopicPartition]) -> None:
        self._metrics.rebalances[Rebalance.ASSIGNED] += 1
        self.joined = True
        self._errors.note_assigned()
        self._tracker.assign(_named(partitions))

    def _on_revoke(self, _consumer: Consumer, partitions: list[TopicPartition]) -> None:
        self._metrics.rebalances[Rebalance.REVOKED] += 1
        with self._commits.inside_callback():
            self._listener.on_partitions_revoked()
        self._remove(partitions)

    def _on_lost(self, _consumer: Consumer, partitions: list[TopicPartition]) -> None:
        self._metrics.rebalances[Rebalance.LOST] += 1
        self.joined = False
        self._listener.on_partitions_lost()
        self._remove(partitions)

    def _remove(self, partitions: list[TopicPartition]) -> None:
        named = _named(partitions)
        self._tracker.remove(named)
        self._ends.drop(named)


def _named(partitions: Iterable[TopicPartition]) -> list[Partition]:
    return [(partition.topic, partition.partition) for partition in partitions]
