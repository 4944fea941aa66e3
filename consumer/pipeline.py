"""The loop: poll → decode and check → batch → diagnose → publish → commit, on one thread."""

import time
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Final, Protocol

import numpy as np

from bearing_stream.kafka import FatalKafkaError, TransientKafkaError
from bearing_stream.vocabulary import QUALITY_FLAGS
from bearing_stream.wire import ModelInfo
from consumer import events
from consumer.batch import Batch, KafkaMessage, Origin, Positions
from consumer.delivery.base import Delivery
from consumer.metrics import DispatchReason, Metrics
from consumer.results import Inference, diagnoses
from consumer.settings import ConsumerSettings
from model.assessor import Assessor

IDLE_POLL: Final = 0.5
"""Seconds that a poll waits when nothing is in flight."""

FINISH_TIMEOUT: Final = 4.0
"""Seconds for the last commit before partitions are revoked or the consumer stops."""

RECOVERY_TIMEOUT: Final = 3.0
"""Seconds for one attempt to recover; short, so that a stop is noticed between two attempts."""

INITIAL_BACKOFF: Final = 0.1
"""Seconds to wait before a second attempt to recover; doubled for each further one."""

MAX_BACKOFF: Final = 2.0
"""Seconds to wait at most."""


class Source(Protocol):
    """The methods of the windows topic that the loop uses; see `kafka.source.WindowSource`."""

    def poll(self, max_messages: int, timeout: float) -> list[KafkaMessage]: ...  # noqa: D102
    def is_lagging(self) -> bool: ...  # noqa: D102
    def rewind(self) -> None: ...  # noqa: D102


@dataclass
class Uncommitted:
    """What was published since the last commit."""

    positions: Positions = field(default_factory=dict)
    diagnosed: int = 0
    uncertain: Counter[str] = field(default_factory=Counter)
    dead_letters: Counter[str] = field(default_factory=Counter)


class Pipeline:
    """Moves windows from the source to the delivery.

    `step` does one round; `run` repeats it until `stop`. The source calls `on_partitions_revoked`
    and `on_partitions_lost` inside its `poll` and `close`, on the same thread.
    """

    def __init__(
        self,
        settings: ConsumerSettings,
        source: Source,
        assessor: Assessor,
        delivery: Delivery,
        metrics: Metrics,
        clock: Callable[[], float] = time.monotonic,
        wall_clock: Callable[[], float] = time.time,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        """Connect the parts; nothing runs yet."""
        self._settings = settings
        self._source = source
        self._assessor = assessor
        self._delivery = delivery
        self._metrics = metrics
        self._clock = clock
        self._wall_clock = wall_clock
        self._sleep = sleep
        self._batch = Batch(settings.batch_size, settings.max_delay, settings.target_batch_duration)
        self._uncommitted = Uncommitted()
        self._failure: TransientKafkaError | None = None
        self._failures = 0
        self._fatal: FatalKafkaError | None = None
        self._stopping = False

    def stop(self) -> None:
        """Ask `run` to finish what is in flight and return; for any thread or signal handler."""
        self._stopping = True

    def run(self, each_round: Callable[[], None] = lambda: None) -> None:
        """Repeat `step` until `stop` is called, then finish what is in flight.

        Args:
            each_round: Called after every round, also while Kafka does not respond.

        Raises:
            FatalKafkaError: Kafka refuses something that waiting will not change.
        """
        try:
            while not self._stopping:
                self.step()
                each_round()
            self._finish()
            self._raise_fatal()
            if self._failure is not None:
                events.emit(events.IN_FLIGHT_ABANDONED, detail="the next consumer repeats it")
        except BaseException:
            # Leaving the group calls `on_partitions_revoked`. What is in flight may be published
            # in part, and must not be committed then.
            self._failure = TransientKafkaError("the consumer ends in an error")
            raise

    def step(self) -> None:
        """Do one round: poll, dispatch the batch if it is due, commit if that is due."""
        if self._failure is not None:
            self._recover()
            return
        try:
            messages = self._source.poll(self._batch.free, self._poll_timeout())
            self._raise_fatal()
            if self._failure is not None:
                # Partitions were lost inside the poll; the rewind repeats its messages.
                return
            now = self._clock()
            for message in messages:
                self._batch.add(message, now)
            self._advance(bool(messages))
        except TransientKafkaError as failure:
            self._fail(failure)

    def on_partitions_revoked(self) -> None:
        """Finish and commit what is in flight, in bounded time; abort it if that fails.

        Raises no error of Kafka, since the Kafka client is the caller; the next `step` acts on it.
        """
        self._finish()

    def on_partitions_lost(self) -> None:
        """Drop what is in flight: its partitions were lost, and their next owner repeats it.

        Recovery is due even if nothing is in flight: if the broker was away, the last committed
        transaction may be undecided.
        """
        if self._failure is None:
            self._fail(TransientKafkaError("partitions were lost to another consumer"))

    def _finish(self) -> None:
        """Dispatch and commit what is in flight."""
        if self._failure is not None or self._fatal is not None:
            # The open transaction has failed already and is to be aborted: a commit now would
            # publish its windows twice.
            return
        try:
            self._dispatch_and_commit()
        except FatalKafkaError as fatal:
            self._fatal = fatal

    def _dispatch_and_commit(self) -> None:
        try:
            self._dispatch(DispatchReason.FINISH)
            self._commit(FINISH_TIMEOUT)
        except TransientKafkaError as failure:
            self._fail(failure)
            # Abort at once, so that the next owner need not wait; `step` repeats it if it fails.
            with suppress(TransientKafkaError):
                self._abort()

    def _poll_timeout(self) -> float:
        """How long the next poll may wait for a message."""
        deadlines = []
        if len(self._batch):
            deadlines.append(self._batch.deadline)
        if self._delivery.opened_at is not None:
            deadlines.append(self._delivery.opened_at + self._settings.commit_interval)
        if not deadlines:
            return IDLE_POLL
        # When there is nothing more to fetch, poll once without waiting, then dispatch at once.
        return max(min(deadlines) - self._clock(), 0.0) if self._source.is_lagging() else 0.0

    def _advance(self, received: bool) -> None:
        now = self._clock()
        caught_up = not received and not self._source.is_lagging()
        reason = self._batch.due(now) or (DispatchReason.CAUGHT_UP if caught_up else None)
        if reason is not None:
            self._dispatch(reason)
        opened_at = self._delivery.opened_at
        if opened_at is not None and (
            caught_up or self._clock() >= opened_at + self._settings.commit_interval
        ):
            self._commit(self._settings.transaction_timeout)

    def _dispatch(self, reason: DispatchReason) -> None:
        batch = self._batch
        if not len(batch):
            return
        self._metrics.batches[reason] += 1
        if batch.accepted:
            inference = self._diagnose()
            messages = diagnoses(
                batch, inference, self._wall_clock(), self._settings.uncertain_as_unknown
            )
            for window, message in zip(batch.accepted, messages, strict=True):
                self._delivery.publish(self._settings.diagnoses_topic, message, window.origin)
            flagged = inference.assessment.flags.sum(axis=0).tolist()
            self._uncommitted.uncertain.update(dict(zip(QUALITY_FLAGS, flagged, strict=True)))
        for letter in batch.dead_letters:
            origin = Origin((letter.topic, letter.partition), letter.offset)
            self._delivery.publish(
                self._settings.dead_letters_topic, letter.message(self._settings.group), origin
            )
        self._uncommitted.diagnosed += len(batch.accepted)
        self._uncommitted.dead_letters.update(letter.reason for letter in batch.dead_letters)
        self._uncommitted.positions |= batch.positions
        batch.clear()

    def _diagnose(self) -> Inference:
        started, started_at = self._clock(), self._wall_clock()
        windows = [window.attributes for window in self._batch.accepted]
        # None becomes NaN.
        rpm = np.array([window.shaft_speed for window in windows], np.float64)
        sensors = [window.sensor for window in windows]
        assessment = self._assessor.assess(self._batch.samples, rpm, sensors)
        seconds = self._clock() - started
        self._metrics.inference_seconds += seconds
        self._batch.record_duration(seconds)
        model = ModelInfo(
            name=self._assessor.name,
            version=self._assessor.version,
            device=self._assessor.device,
        )
        return Inference(assessment, started_at, seconds, model)

    def _commit(self, timeout: float) -> None:
        if self._delivery.opened_at is None:
            return
        self._delivery.commit(self._uncommitted.positions, timeout)
        self._metrics.commits += 1
        self._metrics.diagnosed += self._uncommitted.diagnosed
        self._metrics.uncertain.update(self._uncommitted.uncertain)
        self._metrics.dead_letters.update(self._uncommitted.dead_letters)
        self._uncommitted = Uncommitted()
        self._failures = 0

    def _fail(self, failure: TransientKafkaError) -> None:
        """Record that what is in flight must be aborted; nothing is published until it is."""
        events.emit(events.REWINDING, reason=str(failure))
        self._failure = failure
        self._failures += 1
        self._metrics.aborts += 1

    def _recover(self) -> None:
        """Try once to abort what is in flight and to rewind."""
        if self._failures > 1:
            self._sleep(min(INITIAL_BACKOFF * 2 ** (self._failures - 2), MAX_BACKOFF))
        try:
            self._abort()
            self._source.rewind()
        except TransientKafkaError as failure:
            self._failures += 1
            if str(failure) != str(self._failure):
                events.emit(events.WAITING_FOR_KAFKA, reason=str(failure))
            self._failure = failure
            # A poll keeps the membership in the group; the rewind repeats its messages.
            with suppress(TransientKafkaError):
                self._source.poll(self._settings.batch_size, 0)
        else:
            self._failure = None
            events.emit(events.RESUMED)
        self._raise_fatal()

    def _abort(self) -> None:
        """Drop what is in flight; raises `TransientKafkaError` if Kafka does not respond."""
        self._batch.clear()
        self._uncommitted = Uncommitted()
        self._delivery.recover(RECOVERY_TIMEOUT)

    def _raise_fatal(self) -> None:
        if self._fatal is not None:
            raise self._fatal
