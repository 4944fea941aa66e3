"""What one consumer reports of itself."""

from dataclasses import dataclass

from consumer.metrics import Metrics
from consumer.settings import ConsumerSettings
from consumer.telemetry.observers import Ages, Observer, SensorActivity
from consumer.telemetry.pushing import push_of
from consumer.telemetry.readings import Sources
from consumer.telemetry.stage_telemetry import StageTelemetry


@dataclass(frozen=True, slots=True)
class Telemetry(StageTelemetry[Sources]):
    """Everything that a consumer reports of itself.

    Args:
        observers: Of the batches; none where nobody can read what they find.
    """

    observers: tuple[Observer, ...] = ()

    @classmethod
    def of(cls, settings: ConsumerSettings) -> "Telemetry":
        """Return that of a consumer that has not started.

        Raises:
            EndpointError: It cannot be pushed as the environment asks for.
        """
        metrics = Metrics()
        sensors = SensorActivity(settings.silent_intervals)
        sources = Sources(metrics=metrics, sensors=sensors, guarantee=settings.guarantee)
        push = push_of(settings)
        observers: list[Observer] = []
        if settings.metrics_port is not None or push is not None:
            observers += [Ages(metrics.distributions), sensors]
        if push is not None and push.tracer is not None:
            # Imported here because it needs the extra `otel`.
            from consumer.telemetry.spans import BatchSpans

            observers.append(BatchSpans(push.tracer, settings.windows_topic, settings.group))
        return cls(sources, push=push, observers=tuple(observers))
