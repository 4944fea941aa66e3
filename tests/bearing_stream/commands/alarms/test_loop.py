"""What the loop of the stage reports of itself."""

from typing import Any

from bearing_stream.commands.alarms.stage.batch import DiagnosisBatch
from bearing_stream.commands.alarms.stage.loop import AlarmLoop
from bearing_stream.commands.alarms.stage.metrics import AlarmMetrics
from consumer.telemetry.health import Health
from tests.bearing_stream.commands.alarms.stage_in_memory import SETTINGS, InMemoryStage
from tests.consumer.telemetry.test_health import ready, running


def test_it_is_not_ready_while_it_reads_the_state_of_a_partition() -> None:
    stage = InMemoryStage()
    nothing: Any = None
    batch = DiagnosisBatch(1, 0)
    loop = AlarmLoop(
        SETTINGS, nothing, batch, stage.dispatcher, nothing, AlarmMetrics(), lambda: True
    )
    health: Health = running(trouble=lambda: loop.trouble)
    found: list[tuple[int, Any]] = []
    stage.while_reading = lambda: found.append(ready(health))
    stage.rewind()
    [(status, body)] = found
    assert status == 503
    assert body["problems"] == [
        "results cannot be delivered: the state of partition 0 is being read"
    ]
