"""Turns a batch into results: assess, encode, publish."""

import time
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Final

from bearing_stream.kafka import FatalKafkaError
from bearing_stream.vocabulary import QUALITY_FLAGS
from bearing_stream.wire import DeadLetter, Message
from consumer import events
from consumer.assessing import infer, without_failures
from consumer.batch import Batch
from consumer.delivery.base import Delivery, RefusedRecordsError
from consumer.delivery.published import mark_origin
from consumer.messages import Accepted, Origin, Positions
from consumer.metrics import DispatchReason, Metrics
from consumer.results import Inference, diagnoses
from consumer.settings import ConsumerSettings
from consumer.telemetry.observers import Observer, Published
from model.assessment import Assessment
from model.assessor import Assessor
from model.findings import prediction_counts

REMEMBERED_REFUSALS: Final = 10_000
"""Dead letters that are remembered to be written as stubs; far more than one transaction holds."""

_UNKNOWN_MACHINE: Final = QUALITY_FLAGS.index("unknown-machine")


@dataclass
class Uncommitted:
    """What was published since the last commit."""

    began: int = 0
    """Milliseconds since the epoch, before the first result was published."""
    positions: Positions = field(default_factory=dict)
    diagnosed: int = 0
    windows: int = 0
    predictions: Counter[str] = field(default_factory=Counter)
    uncertain: Counter[str] = field(default_factory=Counter)
    dead_letters: Counter[str] = field(default_factory=Counter)


class Dispatcher:
    """Publishes the results of batches, and keeps account of them until they are committed."""

    def __init__(
        self,
        settings: ConsumerSettings,
        assessor: Assessor,
        delivery: Delivery,
        metrics: Metrics,
        *,
        letter_limit: int | None = None,
        observers: Sequence[Observer] = (),
        clock: Callable[[], float] = time.monotonic,
        wall_clock: Callable[[], float] = time.time,
    ) -> None:
        """Set up.

        Args:
            settings: Of the consumer.
            assessor: Assesses measurements.
            delivery: Publishes results.
            metrics: Counts batches and the time of the assessment.
            letter_limit: Bytes of the largest message that the dead-letter topic takes; None if
                the cluster does not report it.
            observers: Notified of the batches whose results are published.
            clock: Monotonic seconds.
            wall_clock: Seconds since the epoch.
        """
        self._settings = settings
        self._assessor = assessor
        self._delivery = delivery
        self._metrics = metrics
        self._letter_limit = letter_limit
        self._observers = observers
        self._clock = clock
        self._wall_clock = wall_clock
        self._refused: dict[Origin, None] = {}
        self._unknown_reported = False
        self._device = assessor.device
        self.uncommitted = Uncommitted()

    def dispatch(self, batch: Batch, reason: DispatchReason) -> None:
        """Publish a diagnosis or a dead letter for each message of a batch, and clear it.

        Raises:
            TransientKafkaError: The results cannot be published now.
            FatalKafkaError: Kafka refuses them.
            AssessmentError: The assessment fails, and the fault is not in the data.
        """
        if not len(batch):
            return
        self._metrics.batches[reason] += 1
        began = self._wall_clock()
        if not self.uncommitted.positions:
            self.uncommitted.began = int(began * 1000)
        accepted, letters = self._dispatch_accepted(batch)
        letters += batch.dead_letters
        for letter in letters:
            self._publish_letter(letter)
        # Also where all of it was done already: the offsets are still to be committed.
        self._delivery.open()
        if accepted or letters:
            for observer in self._observers:
                observer.published(Published(accepted, letters, began))
        self.uncommitted.diagnosed += len(accepted)
        self.uncommitted.dead_letters.update(letter.reason for letter in letters)
        self.uncommitted.positions |= batch.positions
        batch.clear()

    def committed(self) -> None:
        """Count what was published as committed."""
        self._metrics.commits += 1
        self._metrics.diagnosed += self.uncommitted.diagnosed
        self._metrics.windows += self.uncommitted.windows
        self._metrics.predictions.update(self.uncommitted.predictions)
        self._metrics.uncertain.update(self.uncommitted.uncertain)
        self._metrics.dead_letters.update(self.uncommitted.dead_letters)
        self.uncommitted = Uncommitted()
        for observer in self._observers:
            observer.committed()

    def give_up(self) -> None:
        """Forget what was published since the last commit."""
        self.uncommitted = Uncommitted()
        for observer in self._observers:
            observer.given_up()

    def write_as_stubs(self, refusal: RefusedRecordsError) -> None:
        """From now on write stubs in place of these dead letters, which the topic refuses.

        Raises:
            FatalKafkaError: It refuses the stub of one of them, too.
        """
        if not refusal.origins.isdisjoint(self._refused):
            raise FatalKafkaError(
                f"the topic '{self._settings.dead_letters_topic}' refuses the smallest dead letter "
                f"that can be written: check its settings — {refusal}"
            )
        self._refused |= dict.fromkeys(refusal.origins)
        while len(self._refused) > REMEMBERED_REFUSALS:
            del self._refused[next(iter(self._refused))]

    def _report_unknown_machine(self, assessment: Assessment, batch: Batch) -> None:
        """Log the first measurement of a machine that the sensor table does not know."""
        unknown = assessment.flags[:, _UNKNOWN_MACHINE]
        if self._unknown_reported or not unknown.any():
            return
        self._unknown_reported = True
        sensor = batch.accepted[int(unknown.argmax())].attributes.sensor
        events.emit(
            events.UNKNOWN_MACHINE,
            sensor=sensor,
            detail=f"no row of the sensor table knows the machine of '{sensor}': its diagnoses are "
            "uncertain; fit a baseline to healthy recordings with `bearing-stream baseline`",
        )

    def _dispatch_accepted(self, batch: Batch) -> tuple[list[Accepted], list[DeadLetter]]:
        """Publish the diagnoses of a batch.

        Returns:
            The measurements that were diagnosed, and dead letters for those that cannot be.
        """
        accepted: list[Accepted] = []
        letters: list[DeadLetter] = []
        inferences: list[Inference] = []
        for part in batch.parts():
            diagnosed = without_failures(part, self._diagnose)
            accepted += part.accepted
            letters += part.dead_letters
            if diagnosed is not None:
                self._publish_diagnoses(part, *diagnosed)
                inferences.append(diagnosed[0])
        if inferences:
            self._note_duration(batch, inferences)
        return accepted, letters

    def _diagnose(self, batch: Batch) -> tuple[Inference, list[Message]]:
        """Assess the measurements of a batch, and make the diagnosis of each; publishes nothing."""
        inference = infer(batch, self._assessor, self._clock, self._wall_clock)
        self._metrics.inference_seconds += inference.seconds
        uncertain_as_unknown = self._settings.uncertain_as_unknown
        made = diagnoses(batch, inference, self._wall_clock(), uncertain_as_unknown)
        return inference, list(made)

    def _note_duration(self, batch: Batch, inferences: Sequence[Inference]) -> None:
        """Note how long a batch took, and a device that has failed in it."""
        seconds = sum(one.seconds for one in inferences)
        batch.record_duration(seconds)
        self._metrics.distributions.inference_seconds.observe(seconds)
        self._metrics.distributions.batch_windows.observe(sum(one.windows for one in inferences))
        if self._assessor.device != self._device:
            self._device = self._assessor.device
            self._metrics.device_fallbacks += 1

    def _publish_diagnoses(
        self, batch: Batch, inference: Inference, made: Iterable[Message]
    ) -> None:
        self._report_unknown_machine(inference.assessment, batch)
        self._delivery.publish(self._settings.diagnoses_topic, *made)
        for measurement in batch.accepted:
            if ignored := measurement.attributes.ignored:
                self._metrics.ignored_headers.update(ignored)
        self.uncommitted.windows += inference.windows
        self.uncommitted.predictions.update(
            prediction_counts(inference.assessment, self._settings.uncertain_as_unknown)
        )
        flagged = inference.assessment.flags.sum(axis=0).tolist()
        self.uncommitted.uncertain.update(dict(zip(QUALITY_FLAGS, flagged, strict=True)))

    def _publish_letter(self, letter: DeadLetter) -> None:
        origin = Origin((letter.topic, letter.partition), letter.offset)
        message = self._letter_message(letter, origin)
        self._delivery.publish(self._settings.dead_letters_topic, message, origin=origin)

    def _letter_message(self, letter: DeadLetter, origin: Origin) -> Message:
        group, limit = self._settings.group, self._letter_limit
        refused = origin in self._refused
        message = letter.stub(group) if refused else letter.message(group, limit)
        return mark_origin(message, group, origin)
