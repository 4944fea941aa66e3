"""What one consumer reports of itself, and its place at a port."""

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from pathlib import Path

from bearing_stream.observability import Response
from consumer.metrics import Metrics
from consumer.settings import ConsumerSettings
from consumer.telemetry.listed import METRICS
from consumer.telemetry.observers import Ages, Observer, SensorActivity
from consumer.telemetry.readings import Sources
from consumer.telemetry.serving import serving_at
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

    def serving(
        self, settings: ConsumerSettings, socket: Path | None = None
    ) -> AbstractContextManager[None]:
        """Serve it while a block lasts, if the settings name a port.

        Args:
            settings: Of the consumer.
            socket: Path of the Unix socket to serve at in place of the port.

        Raises:
            EndpointError: The address cannot be used.
        """
        if settings.metrics_port is None:
            return nullcontext()
        # Imported here because it needs the extra `metrics`.
        from bearing_stream.observability.prometheus import Exposition

        routes: dict[str, Callable[[str], Response]] = {
            "/metrics": Exposition(METRICS, self.sources.readings).scrape,
            "/livez": self.health.live,
            "/readyz": self.health.ready,
        }
        if settings.client_statistics is not None:
            routes["/statistics"] = self.statistics.respond
        return serving_at(socket or (settings.metrics_host, settings.metrics_port), routes)
