"""The loop: poll → decode and check → batch → diagnose → publish → commit, on one thread."""

import time
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Final, Protocol

import numpy as np
import structlog

from bearing_stream.kafka import FatalKafkaError
from bearing_stream.vocabulary import QUALITY_FLAGS
from bearing_stream.wire import ModelInfo
from consumer.batch import Batch, KafkaMessage, Origin, Positions
from consumer.delivery.base import Delivery, Undelivered
from consumer.metrics import DispatchReason, Metrics
from consumer.results import Inference, diagnoses
from consumer.settings import ConsumerSettings
from model.assessor import Assessor

IDLE_POLL: Final = 0.5
"""Seconds that a poll waits when nothing is in flight."""

DRAIN_TIMEOUT: Final = 4.0
"""Seconds for the last commit before partitions go or the consumer stops."""

RECOVERY_TIMEOUT: Final = 3.0
"""Seconds for one attempt to recover; short, so that a signal to stop is heard meanwhile."""

FIRST_BACKOFF: Final = 0.1
"""Seconds to wait when a delivery fails again right after the last was given up; then twice that,
and so on."""

LONGEST_BACKOFF: Final = 2.0
"""Seconds to wait at most."""


class Source(Protocol):
    """What the loop needs of the windows topic; see `source.WindowSource`."""

    def poll(self, most: int, timeout: float) -> list[KafkaMessage]: ...  # noqa: D102
    def behind(self) -> bool: ...  # noqa: D102
    def rewind(self) -> None: ...  # noqa: D102


@dataclass
class Uncommitted:
    """What was published since the last commit."""

    positions: Positions = field(default_factory=dict)
    diagnosed: int = 0
    uncertain: Counter[str] = field(default_factory=Counter)
    dead_letters: Counter[str] = field(default_factory=Counter)


class Pipeline:
    """Walks windows from the source to the delivery.

    `step` does one round; `run` goes on until `stop`. `drain` and `forget` are for the source's
    rebalances, which happen inside its `poll`, on the same thread.
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
        """Put the pieces together; nothing runs yet."""
        self._settings = settings
        self._source = source
        self._assessor = assessor
        self._delivery = delivery
        self._metrics = metrics
        self._clock = clock
        self._wall_clock = wall_clock
        self._sleep = sleep
        self._batch = Batch(settings.batch_size, settings.max_delay, settings.longest_batch)
        self._uncommitted = Uncommitted()
        self._undelivered: Undelivered | None = None
        self._failures = 0
        self._fatal: FatalKafkaError | None = None
        self._stopping = False
        self._log = structlog.get_logger("consumer")

    def stop(self) -> None:
        """Ask `run` to finish what is in flight and return; safe in a signal handler."""
        self._stopping = True

    def run(self, each_round: Callable[[], None] = lambda: None) -> None:
        """Go on until `stop` is called, then finish what is in flight.

        Raises:
            FatalKafkaError: Kafka refuses something that waiting will not change.
        """
        try:
            while not self._stopping:
                self.step()
                each_round()
            self.drain()
            self._raise_fatal()
            if self._undelivered is not None:
                self._log.warning("what was in flight is left to the next consumer")
        except BaseException:
            # What is in flight may be half published; leaving the group must not commit it.
            self._undelivered = Undelivered("the consumer ends in an error")
            raise

    def step(self) -> None:
        """One round: poll what there is, dispatch what is due, commit what is due."""
        if self._undelivered is not None:
            self._recover()
            return
        try:
            messages = self._source.poll(self._batch.room, self._patience())
            self._raise_fatal()
            if self._undelivered is not None:
                # Partitions went while we polled; what was polled comes again after winding back.
                return
            now = self._clock()
            for message in messages:
                self._batch.add(message, now)
            self._advance(bool(messages))
        except Undelivered as undelivered:
            self._fail(undelivered)

    def drain(self) -> None:
        """Dispatch and commit what is in flight, in bounded time; if it fails, give it up.

        Never raises what Kafka did, since its client calls this; the next `step` acts on it.
        """
        if self._undelivered is not None or self._fatal is not None:
            # What is open failed already and waits to be given up: committing it would repeat it.
            return
        try:
            self._finish()
        except FatalKafkaError as fatal:
            self._fatal = fatal

    def forget(self) -> None:
        """Give up what is in flight: its partitions were lost, and another will do it.

        Also where nothing is: if the broker was away, what was committed last may be undecided.
        """
        if self._undelivered is None:
            self._fail(Undelivered("partitions were lost to another consumer"))

    def _finish(self) -> None:
        try:
            self._dispatch(DispatchReason.DRAIN)
            self._commit(DRAIN_TIMEOUT)
        except Undelivered as undelivered:
            self._fail(undelivered)
            # At once, so that the next owner need not wait; if it fails, `step` tries again.
            with suppress(Undelivered):
                self._give_up()

    def _patience(self) -> float:
        """How long the next poll may wait for a message."""
        deadlines = []
        if len(self._batch):
            deadlines.append(self._batch.deadline)
        if self._delivery.opened_at is not None:
            deadlines.append(self._delivery.opened_at + self._settings.commit_interval)
        if not deadlines:
            return IDLE_POLL
        # Nothing more to fetch: look once without waiting, then dispatch at once.
        return max(min(deadlines) - self._clock(), 0.0) if self._source.behind() else 0.0

    def _advance(self, came: bool) -> None:
        now = self._clock()
        caught_up = not came and not self._source.behind()
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
            made = diagnoses(
                batch, inference, self._wall_clock(), self._settings.uncertain_as_unknown
            )
            for window, message in zip(batch.accepted, made, strict=True):
                self._delivery.publish(self._settings.diagnoses_topic, message, window.origin)
            doubted = inference.assessment.flags.sum(axis=0).tolist()
            self._uncommitted.uncertain.update(dict(zip(QUALITY_FLAGS, doubted, strict=True)))
        for letter in batch.dead_letters:
            origin = Origin((letter.topic, letter.partition), letter.offset)
            self._delivery.publish(self._settings.dead_letters_topic, letter.message(), origin)
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
        self._batch.took(seconds)
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

    def _fail(self, undelivered: Undelivered) -> None:
        """Note that what is in flight must be given up; until it is, nothing is published."""
        self._log.warning("winding back to the committed offsets", reason=str(undelivered))
        self._undelivered = undelivered
        self._failures += 1
        self._metrics.aborts += 1

    def _recover(self) -> None:
        """Try once to give up what is in flight and to wind back."""
        if self._failures > 1:
            self._sleep(min(FIRST_BACKOFF * 2 ** (self._failures - 2), LONGEST_BACKOFF))
        try:
            self._give_up()
            self._source.rewind()
        except Undelivered as still:
            self._failures += 1
            if str(still) != str(self._undelivered):
                self._log.warning("waiting for Kafka", reason=str(still))
            self._undelivered = still
            # Keeps our place in the group; what comes is wound back too.
            with suppress(Undelivered):
                self._source.poll(self._settings.batch_size, 0)
        else:
            self._undelivered = None
            self._log.info("going on from the committed offsets")
        self._raise_fatal()

    def _give_up(self) -> None:
        """Forget and abort what is in flight; raises `Undelivered` if Kafka does not answer."""
        self._batch.clear()
        self._uncommitted = Uncommitted()
        self._delivery.recover(RECOVERY_TIMEOUT)

    def _raise_fatal(self) -> None:
        if self._fatal is not None:
            raise self._fatal
