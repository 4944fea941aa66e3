"""What every stage reports of itself, and its place at a port."""

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Generic, TypeVar

from bearing_stream.observability import Response
from consumer.stage_settings import StageSettings
from consumer.telemetry.client_statistics import ClientStatistics
from consumer.telemetry.health import Health
from consumer.telemetry.loop_readings import LoopSources
from consumer.telemetry.serving import serving_at

S = TypeVar("S", bound=LoopSources)


@dataclass(frozen=True, slots=True)
class StageTelemetry(Generic[S]):
    """Everything that a stage reports of itself.

    Args:
        sources: Of the metrics.
        health: Responds to the probes.
        statistics: Of the Kafka clients.
    """

    sources: S
    health: Health = field(default_factory=Health)
    statistics: ClientStatistics = field(default_factory=ClientStatistics)

    def client_properties(self, settings: StageSettings, client: str) -> dict[str, Any]:
        """Return the properties with which a client reports its statistics, if that is set."""
        return self.statistics.properties(client, settings.client_statistics)

    def serving(
        self, settings: StageSettings, socket: Path | None = None
    ) -> AbstractContextManager[None]:
        """Serve it while a block lasts, if the settings name a port.

        Args:
            settings: Of the stage.
            socket: Path of the Unix socket to serve at in place of the port.

        Raises:
            EndpointError: The address cannot be used.
        """
        if settings.metrics_port is None:
            return nullcontext()
        # Imported here because it needs the extra `metrics`.
        from bearing_stream.observability.prometheus import Exposition

        routes: dict[str, Callable[[str], Response]] = {
            "/metrics": Exposition(self.sources.exported, self.sources.readings).scrape,
            "/livez": self.health.live,
            "/readyz": self.health.ready,
        }
        if settings.client_statistics is not None:
            routes["/statistics"] = self.statistics.respond
        return serving_at(socket or (settings.metrics_host, settings.metrics_port), routes)
