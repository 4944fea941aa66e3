"""Finds where the owned partitions are read from, and reports what is unusual about it."""

import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Protocol

from confluent_kafka import Consumer, KafkaException, TopicPartition

from bearing_stream.kafka import (
    FatalKafkaError,
    TransientKafkaError,
    UnreadableBatch,
    classify,
)
from consumer import events
from consumer.events import emit
from consumer.kafka.awaited import AwaitedLeaders
from consumer.kafka.commit_note import CommitNote
from consumer.kafka.commits import Commits
from consumer.kafka.positions import Tracker
from consumer.kafka.start import Committed, Finding, Start, StartFrom, start_of
from consumer.kafka.topic_log import LogRange, TopicLog
from consumer.liveness import budget
from consumer.messages import Partition, Positions
from consumer.metrics import Metrics


class PublishedResults(Protocol):
    """The output, asked which results are in it; see `delivery.published.OutputTopics`."""

    def since(self, notes: Mapping[Partition, CommitNote]) -> dict[Partition, set[int]]:
        """Return the offsets whose results are committed, from each note's `first` on.

        Raises:
            TransientKafkaError: Something that was published is still undecided.
        """


class Resolver:
    """Sets where partitions are read from: after an assignment, and after a failure.

    Attributes:
        commits: Of the consumer; pending ones are settled before anything is resolved.
        awaited: The partitions that stay unresolved because their leader does not respond.
    """

    def __init__(
        self,
        consumer: Consumer,
        log: TopicLog,
        metrics: Metrics,
        *,
        start_from: StartFrom = "earliest",
        stop_on_gap: bool = False,
        published: PublishedResults | None = None,
        awaited: AwaitedLeaders | None = None,
        wall_clock: Callable[[], float] = time.time,
    ) -> None:
        """Put the pieces together.

        Args:
            consumer: Whose partitions these are.
            log: The windows topic.
            metrics: Counts what retention deleted and what was recreated.
            start_from: Where a group without any committed offset begins.
            stop_on_gap: Whether windows that retention deleted end the process.
            published: The output, where one of its partitions, or the group's offsets, have a
                single replica: then Kafka can leave a part of a committed transaction undecided.
            awaited: Of the same topic; by default one that asks in a thread.
            wall_clock: Seconds since the epoch.
        """
        self._consumer = consumer
        self._log = log
        self._metrics = metrics
        self._start_from = start_from
        self._stop_on_gap = stop_on_gap
        self._published = published
        self._wall_clock = wall_clock
        self._reported: Positions = {}
        self.commits = Commits(consumer)
        self.awaited = awaited or AwaitedLeaders(log)

    def resolve(self, tracker: Tracker) -> None:
        """Set the position of each unresolved partition, and move the client there.

        A partition whose leader does not respond stays unresolved, and is awaited.

        Raises:
            TransientKafkaError: The cluster does not respond now; call it again.
            FatalKafkaError: The cluster refuses, or the consumer is set to stop on a gap.
        """
        self.commits.settle()
        partitions = tracker.unresolved
        committed = self._committed(partitions)
        topic_id = self._log.topic_id()
        # Kafka deletes the group's offsets with a topic, as a rule; then only this consumer knows.
        recreated = None not in (topic_id, tracker.log) and topic_id != tracker.log
        if tracker.next:
            # The other partitions belong to the old log, too: all of them begin again.
            self._raise_if_recreated(tracker, topic_id)
        ranges = self._log.ranges(number for _, number in partitions)
        group_is_new = self._group_is_new(committed)
        awaited = [partition for partition in partitions if partition[1] not in ranges]
        if awaited and group_is_new:
            # Once the others are committed, it would not be known that the group began at the end.
            raise TransientKafkaError(f"the leaders of {_listed(awaited)} do not respond")
        starts = {
            partition: start_of(
                committed[partition],
                ranges[partition[1]],
                topic_id,
                start_from=self._start_from,
                group_is_new=group_is_new,
            )
            for partition in partitions
            if partition[1] in ranges
        }
        done = self._done(committed, starts)
        tracker.log = topic_id
        for partition, start in starts.items():
            if recreated and start.finding is Finding.NEW:
                start = replace(start, finding=Finding.RECREATED)
            self._report(partition, start, committed[partition], ranges[partition[1]])
            self._begin(tracker, partition, start, committed[partition], done.get(partition))
        self._commit_starts(tracker, starts)
        self.awaited.set(awaited)

    def _begin(
        self,
        tracker: Tracker,
        partition: Partition,
        start: Start,
        committed: Committed,
        done: set[int] | None,
    ) -> None:
        """Set where a partition is read from, and move the client there."""
        note = replace(committed.note, first=None) if done is None else committed.note
        offset = committed.offset if start.finding is Finding.COMMITTED else None
        reached = start.offset if offset is None else offset
        at = tracker.begin(partition, start, note, reached, done or set(), self._now())
        self._seek(partition, at.next)

    def check_log(self, tracker: Tracker) -> None:
        """Check, blocking, that the log is the one that was read; messages were repeated.

        Raises:
            TransientKafkaError: It is not, or the cluster does not respond now.
        """
        self._raise_if_recreated(tracker, self._log.topic_id())
        expected = tracker.next
        for number, log in self._log.ranges(number for _, number in expected).items():
            for partition in (one for one in expected if one[1] == number):
                if log.end < expected[partition]:
                    raise TransientKafkaError(
                        f"partition {number} ends at {log.end}, before the offset "
                        f"{expected[partition]} that was expected"
                    )

    def check_id(self, tracker: Tracker) -> None:
        """Check, without blocking, that the topic is the one that was read.

        Raises:
            TransientKafkaError: It was deleted and created anew.
        """
        # Without positions there is nothing to rewind, and `resolve` will find the new id.
        if tracker.log is not None and tracker.next:
            self._raise_if_recreated(tracker, self._log.changed_id(tracker.log))

    def report_deleted(self, partition: Partition, expected: int, begin: int) -> None:
        """Report, once, that retention deleted offsets before they were diagnosed.

        Raises:
            FatalKafkaError: The consumer is set to stop then.
        """
        topic, number = partition
        if self._stop_on_gap:
            raise FatalKafkaError(
                f"retention has deleted offsets {expected} to {begin - 1} of partition {number} "
                f"of '{topic}' before they were diagnosed: keep windows longer (retention.ms, "
                "retention.bytes), and start with --on-gap continue to go on without them"
            )
        # A rewind may lead to the same gap again.
        expected = max(expected, self._reported.get(partition, 0))
        if expected >= begin:
            return
        self._reported[partition] = begin
        self._metrics.skipped += begin - expected
        emit(
            events.OFFSETS_SKIPPED,
            topic=topic,
            partition=number,
            first=expected,
            last=begin - 1,
            skipped=begin - expected,
        )

    def step_over(self, batch: UnreadableBatch, expected: int) -> None:
        """Report, once, a batch that cannot be unpacked, and move the client behind it.

        Args:
            batch: Of an owned partition.
            expected: The next offset that was expected there.
        """
        topic, number = batch.place
        first = max(batch.first, expected, self._reported.get(batch.place, 0))
        if first <= batch.last:
            self._reported[batch.place] = batch.last + 1
            self._metrics.skipped += batch.last + 1 - first
            emit(
                events.BATCH_UNREADABLE,
                topic=topic,
                partition=number,
                first=first,
                last=batch.last,
                reason=batch.reason,
            )
        self._seek(batch.place, batch.last + 1)

    def report_truncated(self, partition: Partition, expected: int, offset: int) -> None:
        """Report that a log was cut off, and is read on from where it was written anew."""
        self._metrics.restarted_partitions += 1
        emit(
            events.LOG_TRUNCATED,
            topic=partition[0],
            partition=partition[1],
            expected=expected,
            resumed_at=offset,
        )

    def _committed(self, partitions: list[Partition]) -> dict[Partition, Committed]:
        asked = [TopicPartition(*partition) for partition in partitions]
        try:
            found = self._consumer.committed(asked, budget.COMMITTED)
        except KafkaException as failure:
            raise classify(failure.args[0]) from None
        for one in found:
            if one.error is not None:
                # Its offset means nothing; it does not mean that nothing was committed.
                raise classify(one.error)
        return {
            (one.topic, one.partition): Committed(
                one.offset if one.offset >= 0 else None,
                one.leader_epoch,
                CommitNote.decode(one.metadata),
            )
            for one in found
        }

    def _group_is_new(self, committed: Mapping[Partition, Committed]) -> bool:
        """Whether the group has committed nothing in the topic; asked only where it matters."""
        if self._start_from == "earliest" or any(
            one.offset is not None for one in committed.values()
        ):
            return False
        topics = {topic for topic, _ in committed}
        every = [(topic, number) for topic in topics for number in self._log.partitions()]
        return all(one.offset is None for one in self._committed(every).values())

    def _done(
        self, committed: Mapping[Partition, Committed], starts: Mapping[Partition, Start]
    ) -> dict[Partition, set[int]]:
        """Return what is in the output already, of partitions whose committed offset holds."""
        notes = {
            partition: committed[partition].note
            for partition, start in starts.items()
            if start.finding is Finding.COMMITTED and committed[partition].note.first is not None
        }
        return self._published.since(notes) if notes and self._published is not None else {}

    def _report(
        self, partition: Partition, start: Start, committed: Committed, log: LogRange
    ) -> None:
        if start.finding is Finding.DELETED:
            self.report_deleted(partition, committed.offset or 0, start.offset)
        elif start.finding in (Finding.RECREATED, Finding.TRUNCATED):
            self._metrics.restarted_partitions += 1
            event = events.TOPIC_RECREATED
            if start.finding is Finding.TRUNCATED:
                event = events.LOG_TRUNCATED
            emit(
                event,
                topic=partition[0],
                partition=partition[1],
                expected=committed.offset,
                begin=log.begin,
                end=log.end,
                resumed_at=start.offset,
            )

    def _seek(self, partition: Partition, offset: int) -> None:
        try:
            self._consumer.seek(TopicPartition(*partition, offset))
        except KafkaException as failure:
            raise classify(failure.args[0]) from None

    def _commit_starts(self, tracker: Tracker, starts: Mapping[Partition, Start]) -> None:
        """Commit where new and recreated partitions begin, so that a successor begins there too.

        Without it, what arrives before the first commit would be lost with `latest`, and the stale
        offset of a topic that was created anew would stay.
        """
        begun = {
            partition: start.offset
            for partition, start in starts.items()
            if start.finding in (Finding.NEW, Finding.RECREATED)
        }
        if begun:
            offsets = tracker.to_commit(begun, self._now())
            try:
                self.commits.commit(offsets, budget.REQUEST)
            except KafkaException as failure:
                raise classify(failure.args[0]) from None

    def _now(self) -> int:
        """Return milliseconds since the epoch."""
        return int(self._wall_clock() * 1000)

    def _raise_if_recreated(self, tracker: Tracker, topic_id: str | None) -> None:
        if topic_id is not None and tracker.log is not None and topic_id != tracker.log:
            raise TransientKafkaError(
                f"the topic was deleted and created anew: its id was {tracker.log}, and is "
                f"{topic_id} now"
            )


def _listed(partitions: list[Partition]) -> str:
    return ", ".join(f"partition {number} of '{topic}'" for topic, number in partitions)
