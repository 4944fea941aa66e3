"""The consumer logs once that it diagnoses a machine that the sensor table does not know."""

from typing import Any

from structlog.testing import capture_logs

from bearing_stream.vocabulary import QUALITY_FLAGS
from consumer.events import UNKNOWN_MACHINE
from model.assessment import Assessment
from tests.consumer.fakes import StubAssessor
from tests.consumer.world import World


class Unknowing(StubAssessor):
    """Knows no machine."""

    def assess(self, *arguments: Any) -> Assessment:
        found = super().assess(*arguments)
        found.flags[:, QUALITY_FLAGS.index("unknown-machine")] = True
        return found


def test_the_first_unknown_machine_is_logged_once() -> None:
    world = World(batch_size=4, assessor=Unknowing())
    world.arrive(0, 12)
    with capture_logs() as lines:
        world.finish()
    [line] = [line for line in lines if line["event"] == UNKNOWN_MACHINE.name]
    assert line["sensor"] in line["detail"]


def test_known_machines_are_not_logged() -> None:
    world = World(batch_size=4)
    world.arrive(0, 12)
    with capture_logs() as lines:
        world.finish()
    assert UNKNOWN_MACHINE.name not in {line["event"] for line in lines}
