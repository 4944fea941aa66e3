"""Late, repeated and disordered input, clocks that jump, silence, restarts and replays."""

import random

import pytest

from bearing_stream.alarms.rules_file import parse
from bearing_stream.alarms.times import from_microseconds
from bearing_stream.wire.alarm_terms import Action, DataState, DisplayState
from tests.bearing_stream.alarms.diagnoses import HEALTHY, OUTER, START, STEP, seen
from tests.bearing_stream.alarms.world import World

SILENT = "pump-7:sensor-silent"


def test_a_diagnosis_that_is_reflected_has_no_effect_at_a_replay() -> None:
    world = World()
    world.feed(30)
    world.feed(30, probabilities=OUTER)
    before = dict(world.engine.take_changed())
    for offset in range(world.offset + 1):
        assert world.engine.observe(seen(offset, probabilities=OUTER)) == []
    assert world.engine.counts["replayed"] == world.offset + 1
    assert dict(world.engine.take_changed()) == {}
    assert before


def test_the_same_measurement_under_another_offset_counts_once() -> None:
    world = World()
    world.feed(30)
    for _ in range(100):
        world.at(world.time, probabilities=OUTER)
    assert world.engine.counts["duplicate"] == 100
    assert world.outputs == []


def test_the_order_within_the_lateness_does_not_matter() -> None:
    times = [START + i * STEP for i in range(400)]
    faulty = [100 <= i < 300 for i in range(400)]
    disordered = sorted(range(400), key=lambda i: i + random.Random(i).uniform(0, 8))
    world = World()
    for i in disordered:
        world.at(times[i], probabilities=OUTER if faulty[i] else HEALTHY)
    assert world.engine.counts["reordered"] > 50
    assert world.events() == ["bearing-fault raised"]


def test_measurements_that_are_too_late_are_counted_and_have_no_effect() -> None:
    world = World()
    world.feed(60)
    for i in range(10):
        world.at(START + i, probabilities=OUTER)
    assert world.engine.counts["late"] == 10
    assert world.outputs == []


def test_a_clock_that_was_set_back_is_followed() -> None:
    world = World()
    world.feed(30)
    world.time -= 3_600_000_000
    assert world.feed(30, probabilities=OUTER) == ["bearing-fault raised"]
    assert world.engine.counts["clock-reset"] == 1


def test_a_clock_that_jumps_ahead_and_back_raises_nothing() -> None:
    world = World()
    world.feed(30)
    world.at(world.time + 10**15, probabilities=OUTER)
    assert world.feed(60) == []
    assert world.feed(30, probabilities=OUTER) == ["bearing-fault raised"]


def test_silence_is_an_alarm_and_ends_no_other() -> None:
    world = World()
    world.feed(30, probabilities=OUTER)
    assert world.silent() == ["sensor-silent raised", "bearing-fault masked"]
    silent = world.alarm("pump-7:sensor-silent")
    assert (silent.data, silent.state) == (DataState.SILENT, DisplayState.ACTIVE)
    assert (world.alarm().state, world.alarm().active) == (DisplayState.MASKED, True)
    assert world.silent(after=600) == []
    world.time += 3_600_000_000
    assert world.feed(STEP / 1e6) == ["sensor-silent cleared", "bearing-fault unmasked"]
    assert world.alarm().active


def test_even_a_late_diagnosis_ends_silence() -> None:
    world = World()
    world.feed(30)
    world.silent()
    world.at(START - 3_600_000_000)
    assert world.events()[-1] == "sensor-silent cleared"


def test_a_shelving_of_silence_ends_at_its_time_while_the_sensor_sends() -> None:
    world = World("[sensor-silent]\noff_delay = '1s'")
    world.feed(1)
    assert world.silent() == ["sensor-silent raised"]
    world.feed(1)
    assert world.command(Action.SHELVE, SILENT, hours=1) == ["sensor-silent shelved"]
    assert world.feed(3599) == []
    assert world.feed(10) == ["sensor-silent unshelved"]
    assert world.alarm(SILENT).state == "normal"


def test_silence_that_comes_and_goes_is_one_alarm_and_hides_no_fault() -> None:
    world = World('bearing-fault.realarm_time = "0s"\nsensor-silent.realarm_time = "0s"')

    def is_away(minutes: float = 2) -> list[str]:
        """The sensor is silent, then sends again."""
        found = world.silent(after=60 * minutes)
        world.time += round(minutes * 60e6)
        return found + world.feed(5, probabilities=OUTER)

    world.feed(30, probabilities=OUTER)
    for _ in range(3):
        assert is_away() == [
            *("sensor-silent raised", "bearing-fault masked"),
            *("sensor-silent cleared", "bearing-fault unmasked"),
        ]
    assert is_away() == [
        *("sensor-silent raised", "bearing-fault masked"),
        *("sensor-silent chattering", "bearing-fault unmasked"),
    ]
    # It may be silent again at any time.
    assert world.alarm("pump-7:sensor-silent").data is DataState.SILENT
    for _ in range(20):
        assert is_away() == []
    assert world.alarm().state is DisplayState.LATCHED
    assert world.feed(29 * 60, probabilities=OUTER) == []
    assert is_away() == [], "the half hour without silence begins anew"
    assert world.feed(29 * 60, probabilities=OUTER) == []
    assert world.feed(60, probabilities=OUTER) == ["sensor-silent cleared"]


def test_silence_of_a_sensor_that_is_not_known_is_none() -> None:
    assert World().silent() == []
    world = World("sensor-silent.enabled = false")
    world.feed(1)
    assert world.silent() == []


def test_the_first_diagnosis_of_a_sensor_is_an_event_once_if_that_is_set() -> None:
    rules = "sensor-silent.first_seen = true"
    world = World(rules)
    assert world.feed(30) == ["sensor-silent first-seen"]
    first = world.alarm("pump-7:sensor-silent")
    assert (first.state, first.active, first.data) == (DisplayState.NORMAL, False, DataState.LIVE)
    assert first.last_measured_at == from_microseconds(START)
    assert world.silent() == ["sensor-silent raised"]
    assert world.feed(STEP / 1e6) == ["sensor-silent cleared"]
    assert world.feed(STEP / 1e6, sensor="pump-8") == ["sensor-silent first-seen"]
    # A channel is silent for itself, and so it is first seen for itself.
    assert world.feed(30, channel="x") == ["sensor-silent first-seen"]
    restored = World(rules)
    for key, record in world.engine.take_changed():
        restored.engine.restore(key, record)
    restored.offset, restored.time = world.offset, world.time
    assert restored.feed(30) == []


def test_a_sensor_without_ids_of_windows_is_first_seen_once() -> None:
    world = World("[sensor-silent]\nfirst_seen = true")
    assert world.feed(2, window_id="") == ["sensor-silent first-seen"]


def test_a_sensor_that_is_faulty_from_the_first_is_first_seen_first() -> None:
    world = World("sensor-silent.first_seen = true")
    assert world.feed(30, probabilities=OUTER) == [
        "sensor-silent first-seen",
        "bearing-fault raised",
    ]


def test_where_silence_is_no_alarm_nothing_is_first_seen() -> None:
    assert World().feed(30) == []
    silence = "first_seen = true\nenabled = false"
    assert World(f"[sensor-silent]\n{silence}").feed(30) == []


def test_an_engine_restored_from_records_goes_on_identically() -> None:
    whole, parts = World(), World()
    for part in range(20):
        probabilities = OUTER if part % 7 in (2, 3) else HEALTHY
        whole.feed(9.7, probabilities=probabilities)
        parts.feed(9.7, probabilities=probabilities)
        records = dict(parts.engine.take_changed())
        parts.engine = World().engine
        for key, record in records.items():
            parts.engine.restore(key, record)
    assert parts.outputs == whole.outputs
    assert records == {"pump-7": next(whole.engine.sensors()).dump()}


def test_a_tombstone_removes_a_sensor() -> None:
    world = World()
    world.feed(1)
    [(key, record)] = world.engine.take_changed()
    world.engine.restore(key, record)
    world.engine.restore(key, None)
    assert len(world.engine) == 0


def test_disabling_it_clears_an_alarm_of_silence() -> None:
    for sends in (False, True):
        world = World()
        world.feed(30)
        assert world.silent() == ["sensor-silent raised"]
        world.engine.use(parse("sensor-silent.enabled = false"))
        found = world.feed(STEP / 1e6) if sends else world.silent(after=120)
        assert found == ["sensor-silent cleared"]
        assert world.silent(after=240) == []


def test_a_sensor_that_falls_silent_while_its_alarm_chatters_is_shown_so() -> None:
    world = World('sensor-silent = { chatter_count = 2, realarm_time = "0s" }')
    world.feed(30)
    assert world.silent() == ["sensor-silent raised"]
    assert world.feed(1) == ["sensor-silent cleared"]
    assert world.silent() == ["sensor-silent raised"]
    assert world.feed(1) == ["sensor-silent chattering"]
    chattering = world.alarm("pump-7:sensor-silent")
    assert (chattering.data, chattering.state) == (DataState.SILENT, DisplayState.ACTIVE)
    before = world.engine.take("pump-7")
    assert before is not None
    # Nothing depends on the wall clock from here on: an engine that does not know of it, as that
    # of `verify`, does the same.
    assert world.silent(after=3600) == []
    assert world.engine.take("pump-7") is None


@pytest.mark.parametrize("clock", [-30 * 86_400, 0, 3600])
def test_flaps_of_silence_are_counted_by_the_clock_of_the_sensor(clock: float) -> None:
    world = World('sensor-silent = { chatter_count = 5, chatter_period = "10m" }')
    found = []
    for _ in range(4):
        found += world.feed(5)
        # The wall clock is `clock` later than that of the sensor.
        found += world.silent(after=60 + clock)
        world.time += 60_000_000
    assert found.count("sensor-silent chattering") == 1
