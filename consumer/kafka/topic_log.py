"""What the cluster reports of the windows topic: its id, and where its partitions begin and end."""

import time
from collections.abc import Callable, Iterable
from concurrent.futures import Future
from dataclasses import dataclass
from typing import Any, Protocol

from confluent_kafka import IsolationLevel, KafkaException, TopicCollection, TopicPartition
from confluent_kafka.admin import AdminClient
from confluent_kafka.admin._listoffsets import OffsetSpec

from bearing_stream.kafka import TransientKafkaError, classify


@dataclass(frozen=True, slots=True)
class LogRange:
    """The offsets that a partition holds: from `begin` up to `end`, which is not part of it."""

    begin: int
    end: int


class TopicLog(Protocol):
    """The windows topic, asked about itself; see `ClusterTopicLog`."""

    def topic_id(self) -> str | None: ...  # noqa: D102
    def partitions(self) -> list[int]: ...  # noqa: D102
    def ranges(self, partitions: Iterable[int]) -> dict[int, LogRange]: ...  # noqa: D102
    def changed_id(self, known: str) -> str | None: ...  # noqa: D102


class ClusterTopicLog:
    """The windows topic of a cluster."""

    def __init__(
        self,
        admin: AdminClient,
        topic: str,
        timeout: float,
        check_interval: float,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Use a client.

        Args:
            admin: Of the user who reads the topic.
            topic: Must exist.
            timeout: Seconds to wait for a response.
            check_interval: Seconds between two checks of the topic's id.
            clock: Monotonic seconds.
        """
        self._check_interval = check_interval
        self._clock = clock
        self._checked_at = clock()
        self._admin = admin
        self._topic = topic
        self._timeout = timeout
        self._pending: Future[Any] | None = None

    def topic_id(self) -> str | None:
        """Return the id of the topic as it is now; None if the broker gives none.

        Raises:
            TransientKafkaError: The cluster does not respond, or the topic is not there now.
            FatalKafkaError: The cluster refuses.
        """
        try:
            return _id_of(self._describe().result(self._timeout + 1))
        except KafkaException as failure:
            raise classify(failure.args[0]) from None

    def partitions(self) -> list[int]:
        """Return the numbers of the partitions that the topic has now.

        Raises:
            TransientKafkaError: The cluster does not respond, or the topic is not there now.
            FatalKafkaError: The cluster refuses.
        """
        try:
            described = self._describe().result(self._timeout + 1)
        except KafkaException as failure:
            raise classify(failure.args[0]) from None
        return [partition.id for partition in described.partitions]

    def changed_id(self, known: str) -> str | None:
        """Return the id of the topic if it is known to be another one; never blocks.

        Call it in every round: once in `check_interval` it begins a request, and a later call takes
        the response.
        """
        pending, now = self._pending, self._clock()
        if pending is None:
            if now >= self._checked_at + self._check_interval:
                self._pending = self._describe()
            return None
        if not pending.done():
            return None
        self._pending, self._checked_at = None, now
        try:
            found = _id_of(pending.result())
        except KafkaException:
            return None
        return found if found is not None and found != known else None

    def ranges(self, partitions: Iterable[int]) -> dict[int, LogRange]:
        """Return what each of these partitions holds now; records that are undecided count.

        A partition that has no leader, or whose leader does not respond, is left out.

        Raises:
            TransientKafkaError: No leader responds now.
            FatalKafkaError: The cluster refuses.
        """
        try:
            # The admin client keeps the leader epochs of its last metadata. After an election the
            # new leader refuses those (FENCED_LEADER_EPOCH), again and again.
            known = self._admin.list_topics(self._topic, self._timeout).topics[self._topic]
        except KafkaException as failure:
            raise classify(failure.args[0]) from None
        if known.error is not None:
            raise classify(known.error)
        numbers = list(partitions)
        # The client would wait for the others in vain, and then return the offsets of none.
        led = [
            number
            for number in numbers
            if number in known.partitions and known.partitions[number].leader >= 0
        ]
        if numbers and not led:
            raise TransientKafkaError(f"no partition of {numbers} of '{self._topic}' has a leader")
        begins = self._offsets(led, OffsetSpec.earliest())  # type: ignore[no-untyped-call]
        ends = self._offsets(list(begins), OffsetSpec.latest())  # type: ignore[no-untyped-call]
        return {number: LogRange(begins[number], end) for number, end in ends.items()}

    def _describe(self) -> Future[Any]:
        asked = TopicCollection([self._topic])
        described = self._admin.describe_topics(asked, request_timeout=self._timeout)
        return described[self._topic]

    def _offsets(self, partitions: list[int], which: OffsetSpec) -> dict[int, int]:
        """Return an offset of each partition whose leader responds; raise if none does."""
        asked = self._admin.list_offsets(
            {TopicPartition(self._topic, number): which for number in partitions},
            isolation_level=IsolationLevel.READ_UNCOMMITTED,
            request_timeout=self._timeout,
        )
        found: dict[int, int] = {}
        failed: TransientKafkaError | None = None
        for place, response in asked.items():
            try:
                found[place.partition] = response.result().offset
            except KafkaException as failure:
                error = classify(failure.args[0])
                if not isinstance(error, TransientKafkaError):
                    raise error from None
                failed = error
        if failed is not None and not found:
            raise failed
        return found


def _id_of(description: Any) -> str | None:
    identity = description.topic_id
    return None if identity is None else str(identity)
