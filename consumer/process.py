"""The service as a process: it handles signals, and its exit status reports how it ended."""

import gc
from pathlib import Path
from typing import Final

from bearing_stream.kafka import FatalKafkaError
from consumer import events
from consumer.assessing import AssessmentError
from consumer.liveness.allocator import keep_memory_tight
from consumer.liveness.shutdown import stopping_on_signals
from consumer.service import Service
from consumer.settings import ConsumerSettings
from consumer.telemetry.served import Telemetry
from consumer.telemetry.service_manager import reporting
from consumer.telemetry.serving import EndpointError
from model.backends.choice import DeviceError
from model.sensors import SensorsError
from model.weights import CheckpointError

GARBAGE_THRESHOLD: Final = 20_000
"""Objects that are made between two searches for unreachable cycles: a few batches. A message makes
some twenty, all of which live as long as their batch; by default, at 700, Python searches them ten
times in every batch and finds nothing."""

_FATAL: Final = (
    FatalKafkaError,
    CheckpointError,
    DeviceError,
    SensorsError,
    AssessmentError,
    EndpointError,
)


def run(settings: ConsumerSettings, socket: Path | None = None) -> int:
    """Diagnose until SIGTERM or SIGINT; for the main thread.

    Args:
        settings: All of them.
        socket: Of a worker: path of the Unix socket for its metrics and its health.

    Returns:
        The exit status: 1 if a fatal error ended it, which is logged in one line.
    """
    keep_memory_tight()
    gc.set_threshold(GARBAGE_THRESHOLD)
    try:
        telemetry = Telemetry.of(settings)
        # Before the model is loaded, so that the probes find a consumer that starts.
        with reporting(telemetry.health), telemetry.serving(settings, socket):
            service = Service(settings, telemetry)
            with stopping_on_signals(service.stop):
                service.run()
    except _FATAL as error:
        events.emit(events.FAILED, error=str(error))
        return 1
    return 0
