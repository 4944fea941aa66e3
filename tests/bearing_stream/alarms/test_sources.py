"""Sensors of one id in several sources are several sensors."""

from datetime import datetime

from hypothesis import example, given
from hypothesis import strategies as st

from bearing_stream.alarms.engine import Engine
from bearing_stream.alarms.sensor import channel_of, sensor_key
from tests.bearing_stream.alarms.diagnoses import HEALTHY, OUTER, SENSOR, SOURCE, START, STEP
from tests.bearing_stream.alarms.world import BEARING, World

OTHER = "/plant-3/pump-7"
OTHERS_ALARM = f"{SENSOR}%40{OTHER}:bearing-fault"


def raised(world: World) -> set[tuple[str, str]]:
    """The alarms that are active, with their sources."""
    latest = {output.alarm.alarm_id: output.alarm for output in world.outputs}
    return {(name, alarm.source) for name, alarm in latest.items() if alarm.active}


def test_a_fault_is_raised_next_to_a_healthy_sensor_of_the_same_id() -> None:
    world = World()
    for step in range(200):
        world.at(START + step * STEP, source=SOURCE, probabilities=HEALTHY)
        world.at(START + step * STEP, source=OTHER, probabilities=OUTER)
    assert raised(world) == {(OTHERS_ALARM, OTHER)}
    assert world.engine.counts == {}


def test_each_is_found_again_after_a_restart() -> None:
    world = World()
    for step in range(200):
        world.at(START + step * STEP, source=SOURCE, probabilities=OUTER)
        world.at(START + step * STEP, source=OTHER, probabilities=OUTER)
    assert raised(world) == {(BEARING, SOURCE), (OTHERS_ALARM, OTHER)}
    restored = Engine()
    for key, record in world.engine.take_changed():
        restored.restore(key, record)
    world.engine = restored
    for step in range(200, 300):
        world.at(START + step * STEP, source=OTHER, probabilities=OUTER)
    assert len(restored) == 2
    assert {name for name, _ in restored.alarms()} == {BEARING, OTHERS_ALARM}


RUNS = st.lists(st.tuples(st.booleans(), st.booleans(), st.integers(1, 400)), max_size=8)
"""Of one sensor or the other, healthy or not, so many windows."""


@given(RUNS)
@example([(False, True, 60), (True, True, 60), (False, False, 300), (True, False, 300)])
def test_they_do_not_affect_each_other(runs: list[tuple[bool, bool, int]]) -> None:
    together, apart = World(), {SOURCE: World(), OTHER: World()}
    steps = [
        (OTHER if is_other else SOURCE, is_faulty)
        for is_other, is_faulty, n in runs
        for _ in range(n)
    ]
    for number, (source, is_faulty) in enumerate([(SOURCE, False), *steps]):
        for world in (together, apart[source]):
            probabilities = OUTER if is_faulty else HEALTHY
            world.at(START + number * STEP, source=source, probabilities=probabilities)
    for source, world in apart.items():
        assert events(together, source) == events(world, source)


def events(world: World, source: str) -> list[tuple[str, str, datetime | None]]:
    found = [output.event for output in world.outputs if output.event]
    return [(e.kind, e.event, e.last_measured_at) for e in found if e.source == source]


NAMES = st.text("a%:@4025/", min_size=1, max_size=6)


@given(st.lists(st.tuples(NAMES, st.none() | NAMES, st.none() | NAMES), unique=True, max_size=30))
def test_no_two_have_one_key_and_the_channel_is_in_it(
    sensors: list[tuple[str, str | None, str | None]],
) -> None:
    keys = [sensor_key(*each) for each in sensors]
    assert len({*keys}) == len(keys)
    assert [channel_of(f"{key}:bearing-fault") for key in keys] == [each[1] for each in sensors]
