"""Sets up what pushes through OTLP, if that is set. Only then it loads OpenTelemetry."""

import os
from importlib.metadata import version
from typing import TYPE_CHECKING

from consumer.stage_settings import StageSettings
from consumer.telemetry.serving import EndpointError
from consumer.worker import WORKER_VARIABLE

if TYPE_CHECKING:
    from bearing_stream.observability.otlp import Push


def push_of(settings: StageSettings) -> "Push | None":
    """Return what pushes for a stage; None if that is not set.

    Raises:
        EndpointError: A variable `OTEL_*` has a value that cannot be used.
        ModuleNotFoundError: The extra `otel` is not installed.
    """
    if not settings.otlp:
        return None
    # Imported here because it needs the extra `otel`.
    from bearing_stream.observability.otlp import Exporters, Push, resource_of

    attributes = {
        "service.name": settings.service_name,
        "service.version": version("bearing-stream"),
    }
    if settings.instance_id is not None:
        attributes["service.instance.id"] = settings.instance_id
    worker = int(os.environ.get(WORKER_VARIABLE, 0))
    try:
        return Push(Exporters.of_environment(), resource_of(attributes, worker))
    except ValueError as error:
        raise EndpointError(f"cannot push through OTLP: {error}") from error
