"""The stage as a process: it handles signals, and its exit status reports how it ended."""

from bearing_stream.alarms.rules_file import RulesError
from bearing_stream.commands.alarms.settings import AlarmSettings
from bearing_stream.commands.alarms.stage.service import AlarmService
from bearing_stream.kafka import FatalKafkaError
from consumer import events
from consumer.liveness.allocator import keep_memory_tight
from consumer.liveness.shutdown import stopping_on_signals
from consumer.telemetry.service_manager import reporting
from consumer.telemetry.serving import EndpointError


def run(settings: AlarmSettings) -> int:
    """Raise alarms until SIGTERM or SIGINT; for the main thread.

    Returns:
        The exit status: 1 if a fatal error ended it, which is logged in one line.
    """
    keep_memory_tight()
    try:
        service = AlarmService(settings)
        telemetry = service.telemetry
        with (
            reporting(telemetry.health),
            telemetry.serving(settings),
            stopping_on_signals(service.stop),
        ):
            service.run()
    except (FatalKafkaError, RulesError, EndpointError) as error:
        events.emit(events.FAILED, error=str(error))
        return 1
    return 0
