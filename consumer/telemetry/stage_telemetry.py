"""What every stage reports of itself."""

from dataclasses import dataclass, field
from typing import Generic, TypeVar

from consumer.telemetry.client_statistics import ClientStatistics
from consumer.telemetry.health import Health
from consumer.telemetry.loop_readings import LoopSources

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
