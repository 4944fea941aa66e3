"""The alarms of a sensor that was saved are known without loading it."""

import json

from hypothesis import given, settings
from hypothesis import strategies as st

from bearing_stream.alarms.engine import Engine
from bearing_stream.alarms.times import from_microseconds
from bearing_stream.wire.alarm import AlarmCommand
from bearing_stream.wire.alarm_terms import Action
from tests.bearing_stream.alarms.diagnoses import JSON, OUTER
from tests.bearing_stream.alarms.world import BEARING, World

TRICKY = st.sampled_from(['","alarms":[', ',"alarms":', '\\",\\"alarms\\":[]}', "]}", "ü\n"])


@settings(max_examples=50)
@given(st.lists(TRICKY | st.text(max_size=5), max_size=4).map("".join))
def test_they_are_those_of_the_loaded_sensor_whatever_operators_write(reason: str) -> None:
    world = World()
    world.feed(10, probabilities=OUTER)
    shelving = AlarmCommand(
        command_id="1",
        alarm_id=BEARING,
        action=Action.SHELVE,
        by="ann",
        reason=reason,
        at=from_microseconds(world.time),
        once=True,
    )
    world.engine.command(shelving, 0)
    known = [(alarm_id, alarm.dump()) for alarm_id, alarm in world.engine.alarms()]
    assert [alarm_id for alarm_id, _ in known] == [BEARING]
    restored = Engine()
    for key, record in world.engine.take_changed():
        restored.restore(key, record)
    assert [(alarm_id, alarm.dump()) for alarm_id, alarm in restored.alarms()] == known
    assert [(name, alarm.dump()) for name, alarm in restored.alarms_of("pump-7")] == known


def test_a_record_that_cannot_be_read_hides_no_other() -> None:
    world = World()
    world.feed(10, probabilities=OUTER)
    restored = Engine()
    restored.restore("broken", b"{")
    restored.restore("later", b'{"version":2,"alarms":[["bearing-fault"]]}')
    for key, record in world.engine.take_changed():
        restored.restore(key, record)
    assert [alarm_id for alarm_id, _ in restored.alarms()] == [BEARING]


@settings(max_examples=300)
@given(st.data())
def test_a_record_with_any_other_value_begins_anew_or_goes_on(data: st.DataObject) -> None:
    world = World()
    world.feed(10, probabilities=OUTER)
    world.command(Action.SHELVE, hours=1)
    [(key, record)] = world.engine.take_changed()
    content = json.loads(record)
    place = data.draw(st.sampled_from([content, content["alarms"][0]]))
    at = data.draw(st.sampled_from([*place] if place is content else range(len(place))))
    place[at] = data.draw(JSON)
    world.engine = Engine()
    world.engine.restore(key, json.dumps(content).encode())
    world.silent()
    world.feed(10, probabilities=OUTER)
    world.command(Action.ACKNOWLEDGE)
    assert [name for name, _ in world.engine.alarms()].count(BEARING) == 1


def test_a_record_from_before_a_field_was_added_is_read() -> None:
    world = World()
    world.feed(10, probabilities=OUTER)
    [(key, record)] = world.engine.take_changed()
    content = json.loads(record)
    [alarm] = content["alarms"]
    known = [*alarm]
    del alarm[-2:]
    restored = Engine()
    restored.restore(key, json.dumps(content, separators=(",", ":")).encode())
    assert [alarm.dump() for _, alarm in restored.alarms()] == [known]
    assert [alarm.dump() for _, alarm in restored.alarms_of(key)] == [known]


def test_of_a_sensor_that_is_not_known_there_are_none() -> None:
    assert list(World().engine.alarms_of("nobody")) == []
