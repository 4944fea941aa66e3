"""The loop: poll → decode and check → batch → process → publish → commit, on one thread.

What it does with messages is up to the batch, which takes them, and the dispatcher, which publishes
what they result in: `consume` diagnoses measurements so, and `alarms` raises alarms.
"""

import time
from collections.abc import Callable
from contextlib import suppress
from typing import Final, Generic, Protocol, TypeVar

from confluent_kafka import TopicPartition

from bearing_stream.kafka import TransientKafkaError
from consumer import events
from consumer.delivery.base import Delivery, RefusedRecordsError
from consumer.events import emit
from consumer.kafka.source import FETCH_GRACE, Polled
from consumer.liveness.budget import DRAIN, IDLE_POLL, MAX_BACKOFF, RECOVERY
from consumer.messages import KafkaMessage, Positions
from consumer.metrics import DispatchReason, Metrics
from consumer.stage_settings import StageSettings

FIRST_BACKOFF: Final = 0.1
"""Seconds to wait when a delivery fails again right after the last was given up; then twice that,
and so on."""


class Pending(Protocol):
    """What was polled and waits to be dispatched; see `batch.Batch`."""

    byte_limit: int

    def __len__(self) -> int: ...
    @property
    def free(self) -> int: ...  # noqa: D102
    @property
    def deadline(self) -> float: ...  # noqa: D102
    @property
    def is_oversized(self) -> bool: ...  # noqa: D102
    def add(self, message: KafkaMessage, now: float) -> None: ...  # noqa: D102
    def pass_over(self, done: Positions, now: float) -> None: ...  # noqa: D102
    def due(self, now: float) -> DispatchReason | None: ...  # noqa: D102
    def clear(self) -> None: ...  # noqa: D102


B = TypeVar("B", bound=Pending)
B_contra = TypeVar("B_contra", bound=Pending, contravariant=True)


class Unsettled(Protocol):
    """What was dispatched since the last commit."""

    @property
    def positions(self) -> Positions:
        """The next offset to read, by partition, once it is committed."""

    @property
    def began(self) -> int:
        """Milliseconds since the epoch, before the first result was published."""


class Dispatching(Protocol[B_contra]):
    """What the loop needs of a dispatcher; see `dispatcher.Dispatcher`."""

    @property
    def uncommitted(self) -> Unsettled: ...  # noqa: D102
    def dispatch(self, batch: B_contra, reason: DispatchReason) -> None: ...  # noqa: D102
    def committed(self) -> None: ...  # noqa: D102
    def give_up(self) -> None: ...  # noqa: D102
    def write_as_stubs(self, refusal: RefusedRecordsError) -> None: ...  # noqa: D102


class Source(Protocol):
    """What the loop needs of the topic that it reads; see `kafka.source.WindowSource`."""

    def poll(self, most: int, timeout: float) -> Polled: ...  # noqa: D102
    def is_lagging(self) -> bool: ...  # noqa: D102
    def rewind(self) -> None: ...  # noqa: D102
    def to_commit(self, positions: Positions, began: int) -> list[TopicPartition]: ...  # noqa: D102
    def note_committed(self, positions: Positions, began: int) -> None: ...  # noqa: D102


class Pipeline(Generic[B]):
    """Moves messages from the source to the delivery.

    `step` does one round; `run` goes on until `stop`. It is the source's `RebalanceListener`: its
    rebalances happen inside `poll`, on the same thread.
    """

    def __init__(
        self,
        settings: StageSettings,
        source: Source,
        batch: B,
        dispatcher: Dispatching[B],
        delivery: Delivery,
        metrics: Metrics,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        """Put the pieces together; nothing runs yet."""
        self._settings = settings
        self._source = source
        self._dispatcher = dispatcher
        self._delivery = delivery
        self._metrics = metrics
        self._clock = clock
        self._sleep = sleep
        self._batch = batch
        self._recovering = False
        self._has_finished = False
        self._has_given_up = False
        self._reason = ""
        self._failures = 0
        self._fatal: Exception | None = None
        self._stopping = False
        self._between_batches: Callable[[], None] = lambda: None

    def stop(self) -> None:
        """Ask `run` to finish what is in flight and return; safe in a signal handler."""
        self._stopping = True

    @property
    def trouble(self) -> str:
        """Why results cannot be delivered now; empty if they can."""
        if self._recovering or self._delivery.state.needs_recovery:
            return self._reason or "the last transaction is being settled"
        return ""

    def run(self, each_round: Callable[[], None] = lambda: None) -> None:
        """Go on until `stop` is called, then finish what is in flight.

        Args:
            each_round: Called after each round, and between the batches of a long one.

        Raises:
            FatalKafkaError: Kafka refuses something that waiting will not change.
            AssessmentError: The assessment fails, and the fault is not in the data.
        """
        self._between_batches = each_round
        try:
            while not self._stopping:
                self.step()
                each_round()
            self.on_partitions_revoked()
            # Leaving the group revokes the partitions once more, after the delivery is closed.
            self._has_finished = True
            self._raise_fatal()
            if self._has_given_up:
                emit(events.IN_FLIGHT_ABANDONED, reason=self._reason)
        except BaseException:
            # What is in flight may be half published; leaving the group must not commit it.
            self._recovering = True
            raise

    def step(self) -> None:
        """Do one round: poll, dispatch what is due, commit what is due; or recover."""
        if self._recovering or self._delivery.state.needs_recovery:
            self._recover()
            return
        try:
            polled = self._source.poll(self._batch.free, self._patience())
            self._raise_fatal()
            if self._recovering:
                # Partitions went meanwhile; what was polled is delivered again after the rewind.
                return
            now = self._clock()
            for message in polled.messages:
                if not self._batch.free:
                    # Measurements of several windows: not all that was polled fits into a batch.
                    self._advance(True)
                    self._between_batches()
                    if self._stopping:
                        # The rest was not added, so its offsets are not committed.
                        return
                self._batch.add(message, now)
            if polled.done:
                self._batch.pass_over(polled.done, now)
            self._advance(bool(polled.messages or polled.done))
        except TransientKafkaError as error:
            self._fail(error)

    def on_partitions_assigned(self) -> None:
        """Dispatch and commit what is in flight.

        Where the output shows which windows are done, a transaction of this consumer that is open
        would keep it waiting for itself, until it gives up.
        """
        self.on_partitions_revoked()

    def on_partitions_revoked(self) -> None:
        """Dispatch and commit what is in flight, in bounded time; if that fails, give it up.

        Never raises what Kafka did, since its client calls this; the next `step` acts on it.
        """
        if self._has_finished or self._recovering or self._fatal is not None:
            # What is open has failed and waits to be given up: committing it would repeat it.
            return
        deadline = self._clock() + DRAIN
        try:
            try:
                self._dispatcher.dispatch(self._batch, DispatchReason.FINISH)
                self._commit(max(deadline - self._clock(), 0.001))
            except TransientKafkaError as error:
                self._fail(error)
                if not self._stopping:
                    # At once, so that the next owner need not wait; if it fails, `step` tries
                    # again. Where it stops, the delivery is closed next, which does it too.
                    with suppress(TransientKafkaError):
                        self._delivery.recover(self._clock() + RECOVERY)
        except Exception as fatal:
            self._fatal = fatal

    def on_partitions_lost(self) -> None:
        """Give up what is in flight: who owns its partitions next diagnoses it."""
        if not self._recovering:
            self._fail(TransientKafkaError("partitions were lost: the session ended"))

    def _patience(self) -> float:
        """Return how long the next poll may wait for a message."""
        deadlines = [self._batch.deadline] if len(self._batch) else []
        if (due_at := self._delivery.due_at()) is not None:
            deadlines.append(due_at)
        if not deadlines:
            return IDLE_POLL
        if not self._source.is_lagging():
            # Nothing more to fetch: check once without waiting, then dispatch at once.
            return 0.0
        return min(max(min(deadlines) - self._clock(), 0.0), FETCH_GRACE)

    def _advance(self, came: bool) -> None:
        """Dispatch what is due, then commit what is due; `came` is whether the poll brought any."""
        has_caught_up = not came and not self._source.is_lagging()
        reason = self._batch.due(self._clock())
        if reason is None and has_caught_up:
            reason = DispatchReason.CAUGHT_UP
        if reason is not None:
            if self._batch.is_oversized:
                # It takes longer than others: what is open must not time out meanwhile.
                self._commit(self._settings.transaction_timeout)
            self._dispatcher.dispatch(self._batch, reason)
        due_at = self._delivery.due_at()
        if due_at is not None and (has_caught_up or self._clock() >= due_at):
            self._commit(self._settings.transaction_timeout)

    def _commit(self, timeout: float) -> None:
        if self._delivery.due_at() is None:
            return
        positions, began = (
            self._dispatcher.uncommitted.positions,
            self._dispatcher.uncommitted.began,
        )
        started = self._clock()
        self._delivery.commit(self._source.to_commit(positions, began), timeout)
        self._metrics.distributions.commit_seconds.observe(self._clock() - started)
        self._source.note_committed(positions, began)
        self._dispatcher.committed()
        self._batch.byte_limit = self._delivery.byte_limit
        self._failures = 0

    def _fail(self, error: TransientKafkaError) -> None:
        """Note that what is in flight must be given up; until it is, nothing is published."""
        if isinstance(error, RefusedRecordsError):
            self._dispatcher.write_as_stubs(error)
        emit(events.REWINDING, reason=str(error))
        self._delivery.fail()
        self._recovering = self._has_given_up = True
        self._reason = str(error)
        self._failures += 1
        self._metrics.aborts += 1

    def _recover(self) -> None:
        """Try once to give up what is in flight and to rewind."""
        if self._failures > 1:
            # A power of a thousand failures, which are an hour without Kafka, is too large a float.
            doublings = min(self._failures - 2, 10)
            self._pause(min(FIRST_BACKOFF * 2**doublings, MAX_BACKOFF))
            if self._stopping:
                # Closing the delivery aborts what is open, and no attempt comes after this one.
                return
        self._batch.clear()
        self._batch.byte_limit = self._delivery.byte_limit
        self._dispatcher.give_up()
        try:
            self._delivery.recover(self._clock() + RECOVERY)
            self._source.rewind()
        except TransientKafkaError as error:
            # Also where the delivery is ready again, and only the rewind failed.
            self._recovering = True
            self._failures += 1
            # At the start there is none: this consumer has not joined yet.
            if self._reason and str(error) != self._reason:
                emit(events.WAITING_FOR_KAFKA, reason=str(error))
            self._reason = str(error)
            # Keeps this consumer's place in the group; what is polled is rewound, too.
            with suppress(TransientKafkaError):
                self._source.poll(max(self._batch.free, 1), 0)
        else:
            if self._has_given_up:
                emit(events.RESUMED)
            self._recovering = self._has_given_up = False
        self._raise_fatal()

    def _pause(self, seconds: float) -> None:
        """Wait, but not beyond a request to stop."""
        end = self._clock() + seconds
        while not self._stopping and (left := end - self._clock()) > 0:
            self._sleep(min(left, FIRST_BACKOFF))

    def _raise_fatal(self) -> None:
        if self._fatal is not None:
            raise self._fatal
