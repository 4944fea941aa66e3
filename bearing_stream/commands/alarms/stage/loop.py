"""The loop of the stage: that of the consumer, with what else is to be done in each round."""

from collections.abc import Callable

from bearing_stream.commands.alarms.stage.batch import DiagnosisBatch
from bearing_stream.commands.alarms.stage.dispatcher import AlarmDispatcher
from bearing_stream.commands.alarms.topics import UnfitTopicError
from bearing_stream.kafka import FatalKafkaError, TransientKafkaError
from consumer.delivery.base import Delivery
from consumer.kafka.source import WindowSource
from consumer.metrics import DispatchReason, Metrics
from consumer.pipeline import Pipeline
from consumer.stage_settings import StageSettings


class AlarmLoop(Pipeline[DiagnosisBatch]):
    """Moves diagnoses to the engines, and keeps them with the partitions that are owned."""

    def __init__(
        self,
        settings: StageSettings,
        source: WindowSource,
        batch: DiagnosisBatch,
        dispatcher: AlarmDispatcher,
        delivery: Delivery,
        metrics: Metrics,
        is_reachable: Callable[[], bool],
        check_topics: Callable[[], None] = lambda: None,
    ) -> None:
        """Put the pieces together.

        Args:
            settings: Of the stage.
            source: Of the diagnoses.
            batch: Empty.
            dispatcher: Feeds the engines.
            delivery: Publishes.
            metrics: Counts.
            is_reachable: Whether Kafka responds now.
            check_topics: Raises `UnfitTopicError` if a topic is not as it must be.
        """
        super().__init__(settings, source, batch, dispatcher, delivery, metrics)
        self._diagnoses = source
        self._alarms = dispatcher
        self._is_reachable = is_reachable
        self._check_topics = check_topics

    @property
    def trouble(self) -> str:
        """Why alarms cannot be delivered now; empty if they can."""
        reading = self._alarms.reading
        if reading is None:
            return super().trouble
        return f"the state of partition {reading} is being read"

    def step(self) -> None:
        """Do one round: commands, checkpoint and silence, then what the consumer does."""
        if not (self._recovering or self._delivery.state.needs_recovery):
            try:
                self._between_polls()
            except TransientKafkaError as error:
                self._fail(error)
                return
        super().step()

    def on_partitions_assigned(self) -> None:
        """Finish what is in flight; a partition that came back may have changed meanwhile."""
        super().on_partitions_assigned()
        self._alarms.keep(self._diagnoses.positions())

    def _recover(self) -> None:
        """Try once to give up what is in flight; then see that the topics are what they were.

        If an output topic is deleted, the producer creates it anew where the broker lets it, with
        the broker's defaults: alarms would be put in wrong places, and forgotten.
        """
        super()._recover()
        if self._recovering:
            return
        try:
            self._check_topics()
        except UnfitTopicError:
            raise
        except FatalKafkaError:
            # A topic is missing, or Kafka does not respond: what is done next waits for it.
            return

    def _between_polls(self) -> None:
        self._alarms.follow_rules()
        if len(self._batch):
            # Positions count what waits in the batch, which is taken first therefore.
            self._alarms.dispatch(
                self._batch, self._batch.due(self._clock()) or DispatchReason.DELAY
            )
        self._alarms.own(self._diagnoses.positions(), self._diagnoses.log)
        self._alarms.take_commands()
        self._alarms.write_checkpoint()
        if not self._diagnoses.is_lagging():
            self._alarms.report_silence(self._is_reachable)
