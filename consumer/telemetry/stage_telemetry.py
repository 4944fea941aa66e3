"""What every stage reports of itself: at a port, and pushed."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from bearing_stream.observability import Response
from consumer.stage_settings import StageSettings
from consumer.telemetry.client_statistics import ClientStatistics
from consumer.telemetry.health import Health
from consumer.telemetry.loop_readings import LoopSources
from consumer.telemetry.serving import serving_at

if TYPE_CHECKING:
    # It needs the extra `otel`.
    from bearing_stream.observability.otlp import Push

S = TypeVar("S", bound=LoopSources)


@dataclass(frozen=True, slots=True)
class StageTelemetry(Generic[S]):
    """Everything that a stage reports of itself.

    Args:
        sources: Of the metrics.
        health: Responds to the probes.
        statistics: Of the Kafka clients.
        push: Pushes the metrics; see `pushing.push_of`.
    """

    sources: S
    health: Health = field(default_factory=Health)
    statistics: ClientStatistics = field(default_factory=ClientStatistics)
    push: "Push | None" = None

    def client_properties(self, settings: StageSettings, client: str) -> dict[str, Any]:
        """Return the properties with which a client reports its statistics, if that is set."""
        return self.statistics.properties(client, settings.client_statistics)

    @contextmanager
    def serving(self, settings: StageSettings, socket: Path | None = None) -> Iterator[None]:
        """Serve it while a block lasts, if the settings name a port, and push it if that is set.

        Args:
            settings: Of the stage.
            socket: Path of the Unix socket to serve at in place of the port.

        Raises:
            EndpointError: The address cannot be used.
        """
        with ExitStack() as opened:
            if self.push is not None:
                pushing = self.push.pushing(self.sources.exported, self.sources.readings)
                opened.enter_context(pushing)
            if settings.metrics_port is not None:
                address = socket or (settings.metrics_host, settings.metrics_port)
                with_statistics = settings.client_statistics is not None
                opened.enter_context(serving_at(address, self._routes(with_statistics)))
            yield

    def _routes(self, with_statistics: bool) -> dict[str, Callable[[str], Response]]:
        # Imported here because it needs the extra `metrics`.
        from bearing_stream.observability.prometheus import Exposition

        routes: dict[str, Callable[[str], Response]] = {
            "/metrics": Exposition(self.sources.exported, self.sources.readings).scrape,
            "/livez": self.health.live,
            "/readyz": self.health.ready,
        }
        if with_statistics:
            routes["/statistics"] = self.statistics.respond
        return routes
