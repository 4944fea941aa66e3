"""What one consumer reports of itself."""

from dataclasses import dataclass

from consumer.metrics import Metrics
from consumer.settings import ConsumerSettings
from consumer.telemetry.observers import Ages, Observer, SensorActivity
from consumer.telemetry.readings import Sources
from consumer.telemetry.stage_telemetry import StageTelemetry


@dataclass(frozen=True, slots=True)
class Telemetry(StageTelemetry[Sources]):
    """Everything that a consumer reports of itself.

    Args:
        observers: Of the measurements; none where nobody can read what they find.
    """

    observers: tuple[Observer, ...] = ()

    @classmethod
    def of(cls, settings: ConsumerSettings) -> "Telemetry":
        """Return that of a consumer that has not started."""
        metrics = Metrics()
        sensors = SensorActivity(settings.silent_intervals)
        observers = () if settings.metrics_port is None else (Ages(metrics.distributions), sensors)
        sources = Sources(metrics=metrics, sensors=sensors, guarantee=settings.guarantee)
        return cls(sources, observers=observers)
