"""When alarms are raised and cleared, and of which kind."""

import pytest

from bearing_stream.alarms.times import microseconds
from bearing_stream.wire.alarm_terms import DisplayState, Severity
from tests.bearing_stream.alarms.diagnoses import BALL, HEALTHY, INNER, OUTER, START, STEP
from tests.bearing_stream.alarms.world import World

LINES = (8.0, 1.0, 0.5, 6.0)
"""Heights of the lines of an outer-race fault."""

WEAK = {"Ball": 0.05, "InnerRace": 0.05, "Normal": 0.2, "OuterRace": 0.7}


def test_a_healthy_sensor_changes_nothing() -> None:
    world = World()
    assert world.feed(600) == []
    assert world.outputs == []


def test_a_fault_is_raised_once_within_five_seconds_and_cleared_once() -> None:
    world = World()
    world.feed(60)
    begin = world.time
    assert world.feed(120, probabilities=OUTER, lines=LINES) == ["bearing-fault raised"]
    alarm = world.alarm()
    assert alarm.since is not None
    assert microseconds(alarm.since) - begin <= 5_000_000
    assert (alarm.label, alarm.state, alarm.active) == ("OuterRace", DisplayState.LATCHED, True)
    assert world.feed(30) == []
    assert world.alarm().state is DisplayState.OFF_DELAY
    assert world.feed(60) == ["bearing-fault cleared"]
    assert world.alarm().state is DisplayState.LATCHED
    assert not world.alarm().active


def test_the_record_states_what_the_alarm_rests_on() -> None:
    world = World()
    world.feed(60)
    world.feed(10, probabilities=OUTER, lines=LINES)
    alarm = world.alarm()
    assert alarm.evidence is not None
    assert alarm.evidence.probabilities["OuterRace"] > 0.5
    assert (alarm.evidence.outer_sigma or 0) > 4
    assert alarm.indicators is not None
    assert alarm.indicators.rms == pytest.approx(0.1, rel=1e-3)
    assert (alarm.count, alarm.sensor, alarm.machine) == (1, "pump-7", "/plant-2/pump-7")
    assert alarm.input is not None
    assert alarm.input.offset <= world.offset


@pytest.mark.parametrize("seconds", [1, 1.2])
def test_a_short_disturbance_raises_nothing(seconds: float) -> None:
    world = World()
    world.feed(60)
    assert world.feed(seconds, probabilities=OUTER, lines=LINES) == []
    assert world.feed(60) == []


def test_a_weak_fault_is_raised_since_evidence_accumulates() -> None:
    world = World()
    world.feed(60)
    assert world.feed(10, probabilities=WEAK) == ["bearing-fault raised"]


def test_one_faulty_window_in_three_raises_nothing() -> None:
    world = World()
    for i in range(300):
        world.feed(STEP / 1e6, probabilities=OUTER if i % 3 == 0 else HEALTHY)
    assert world.outputs == []


def test_a_measurement_of_many_windows_counts_as_many() -> None:
    world = World()
    hour = 3_600_000_000
    world.feed(5 * 3600, hour, windows=60)
    assert world.feed(2 * 3600, hour, windows=60, probabilities=OUTER) == ["bearing-fault raised"]


def test_a_change_without_a_line_is_no_bearing_fault() -> None:
    world = World()
    world.feed(60)
    found = world.feed(60, probabilities=BALL, lines=(0.5, 0.5, 0.5, 9.0))
    assert found == ["machine-changed raised"]


def test_a_ball_fault_that_a_trained_network_names_is_one() -> None:
    world = World()
    world.feed(60)
    assert world.feed(30, probabilities=BALL, decided_by="network") == ["bearing-fault raised"]
    assert world.alarm().label == "Ball"


def test_the_alarm_of_a_bearing_hides_that_of_its_machine() -> None:
    world = World()
    world.feed(60)
    world.feed(30, probabilities=BALL)
    found = world.feed(30, probabilities=OUTER, lines=LINES)
    assert found == ["bearing-fault raised", "machine-changed masked"]
    assert world.alarm("pump-7:machine-changed").state is DisplayState.MASKED


def test_another_part_relabels_the_alarm_once_it_has_stood_out_for_the_off_delay() -> None:
    world = World()
    world.feed(30, probabilities=OUTER)
    assert world.feed(60, probabilities=INNER) == []
    assert world.alarm().label == "OuterRace"
    assert world.feed(3, probabilities=INNER) == ["bearing-fault relabelled"]
    assert world.alarm().label == "InnerRace"


def test_parts_that_alternate_do_not_relabel_the_alarm() -> None:
    world = World()
    world.feed(30, probabilities=OUTER)
    for _ in range(20):
        assert world.feed(10, probabilities=INNER) == []
        assert world.feed(10, probabilities=OUTER) == []
    assert world.alarm().label == "OuterRace"


def test_the_last_evidence_of_a_fault_does_not_relabel_the_alarm() -> None:
    world = World()
    world.feed(30, probabilities=OUTER)
    # Much of an outer race, and some of an inner one: it is not below what healthy windows show.
    world.feed(30, probabilities={"Ball": 1e-6, "InnerRace": 0.1, "Normal": 1e-6, "OuterRace": 0.9})
    healthy = {"Ball": 1e-6, "InnerRace": 0.05, "Normal": 0.95, "OuterRace": 1e-6}
    assert world.feed(90, probabilities=healthy) == ["bearing-fault cleared"]
    assert world.alarm().label == "OuterRace"


@pytest.mark.parametrize("flags", [["unknown-machine"], ["novelty", "unknown-machine"]])
def test_a_network_that_does_not_know_the_machine_raises_no_fault(flags: list[str]) -> None:
    world = World()
    found = world.feed(600, probabilities=INNER, decided_by="network", reasons=flags)
    assert found == ["unknown-machine raised"]


def test_a_signal_that_is_novel_to_the_network_is_a_change_of_the_machine() -> None:
    world = World()
    world.feed(60)
    found = world.feed(600, probabilities=INNER, decided_by="network", reasons=["novelty"])
    assert found == ["machine-changed raised"]
    assert world.feed(63) == ["machine-changed cleared"]


def test_a_defective_signal_that_is_novel_is_no_change_of_the_machine() -> None:
    world = World()
    assert world.feed(60, reasons=["dropout", "novelty"]) == ["sensor-quality raised"]


def test_a_fault_that_becomes_novel_and_is_repaired_is_one_alarm() -> None:
    world = World()
    world.feed(60)
    assert world.feed(30, probabilities=OUTER) == ["bearing-fault raised"]
    assert world.feed(60, probabilities=INNER, reasons=["novelty"]) == []
    assert world.feed(90) == ["bearing-fault cleared"]


def test_few_novel_windows_neither_raise_an_alarm_nor_hide_a_fault() -> None:
    world = World()
    for _ in range(300):
        assert world.feed(0.171) == world.feed(0.171) == world.feed(0.171) == []
        assert world.feed(0.171, reasons=["novelty"]) == []
    found = []
    for _ in range(30):
        found += world.feed(0.171, probabilities=OUTER, reasons=["novelty"])
        found += world.feed(0.342, probabilities=OUTER)
    assert found == ["bearing-fault raised"]


@pytest.mark.parametrize("flag", ["clipping", "dropout", "jump", "mains-hum"])
def test_a_defective_signal_is_an_alarm_of_the_sensor(flag: str) -> None:
    world = World()
    assert world.feed(60, reasons=[flag]) == ["sensor-quality raised"]
    alarm = world.alarm("pump-7:sensor-quality")
    assert (alarm.label, alarm.severity) == (flag, Severity.LOW)
    assert world.feed(120) == ["sensor-quality cleared"]


@pytest.mark.parametrize("flag", ["dropout", "jump", "mains-hum"])
def test_a_defective_signal_is_no_evidence_of_a_fault_nor_of_its_end(flag: str) -> None:
    world = World()
    assert "bearing-fault raised" not in world.feed(60, probabilities=OUTER, reasons=[flag])
    world = World()
    world.feed(60, probabilities=OUTER)
    assert "bearing-fault cleared" not in world.feed(600, reasons=[flag])


def test_a_failing_bearing_that_clips_its_sensor_is_still_raised() -> None:
    world = World()
    world.feed(60)
    found = world.feed(30, probabilities=OUTER, reasons=["clipping"])
    assert "bearing-fault raised" in found


def test_another_unit_than_expected_is_an_alarm_of_the_sensor() -> None:
    world = World('evidence.unit = "g"')
    assert world.feed(60, unit="g") == []
    assert world.feed(60, unit="m/s2") == ["sensor-quality raised"]
    assert world.alarm("pump-7:sensor-quality").label == "wrong-unit"


def test_an_indicator_above_its_limit_is_raised_with_a_deadband() -> None:
    world = World("indicator-high.limits = { rms = 1.0 }")
    assert world.feed(60, rms=0.99) == []
    assert world.feed(60, rms=1.01) == ["indicator-high raised"]
    assert world.feed(300, rms=0.95) == []
    assert world.feed(300, rms=0.85) == ["indicator-high cleared"]


def test_an_indicator_is_held_against_what_the_sensor_had_at_first() -> None:
    world = World("indicator-high.rms_times = 3.0\nevidence.learn = 64")
    world.feed(60, rms=0.1)
    assert world.feed(60, rms=0.29) == []
    assert world.feed(60, rms=0.31) == ["indicator-high raised"]


def test_a_machine_that_is_off_hides_its_alarms_and_ends_none() -> None:
    world = World("evidence.running_rms = 0.05")
    world.feed(30, probabilities=OUTER)
    found = world.feed(600, rms=0.01)
    assert found == ["bearing-fault masked"]
    assert (world.alarm().data, world.alarm().active) == ("off", True)
    assert world.feed(10, probabilities=OUTER) == ["bearing-fault unmasked"]


def test_the_severity_rises_with_confidence_and_trend_and_never_falls() -> None:
    world = World("evidence.learn = 64")
    world.feed(60, rms=0.1)
    assert world.feed(20, probabilities=WEAK, rms=0.1) == ["bearing-fault raised"]
    assert world.alarm().severity is Severity.MEDIUM
    strong = {"Ball": 1e-3, "InnerRace": 1e-3, "Normal": 1e-4, "OuterRace": 0.9979}
    assert world.feed(20, probabilities=strong) == ["bearing-fault escalated"]
    assert world.alarm().severity is Severity.HIGH
    assert world.feed(20, probabilities=strong, rms=0.3) == ["bearing-fault escalated"]
    assert world.alarm().severity is Severity.CRITICAL
    assert world.feed(20, probabilities=WEAK, rms=0.1) == []


def test_an_alarm_that_stays_is_raised_again_a_few_times() -> None:
    world = World('bearing-fault.realarm_time = "10m"\nbearing-fault.realarm_count = 2')
    world.feed(60, probabilities=OUTER)
    assert world.feed(3600, STEP * 6, probabilities=OUTER) == ["bearing-fault realarmed"] * 2


def test_flapping_ends_in_one_chattering_alarm() -> None:
    world = World('bearing-fault.off_delay = "5s"')
    found = []
    for _ in range(20):
        found += world.feed(10, probabilities=OUTER)
        found += world.feed(15)
    assert found.count("bearing-fault chattering") == 1
    assert len(found) < 10
    assert world.alarm().active
    assert world.feed(1780) == []
    assert world.feed(60) == ["bearing-fault cleared"]


def test_a_kind_that_is_disabled_clears_and_is_not_raised() -> None:
    world = World()
    world.feed(60, probabilities=OUTER)
    world.engine.use(World("bearing-fault.enabled = false").engine._rules)
    assert world.feed(60, probabilities=OUTER) == ["bearing-fault cleared"]


def test_other_rules_apply_without_losing_state() -> None:
    world = World()
    world.feed(60, probabilities=OUTER)
    world.engine.use(World("evidence.windows = 32\nbearing-fault.off_delay = '5s'").engine._rules)
    assert world.feed(60, probabilities=OUTER) == []
    assert world.feed(15) == ["bearing-fault cleared"]


def test_channels_of_a_sensor_have_alarms_of_their_own() -> None:
    world = World()
    world.feed(30, probabilities=OUTER, channel="x")
    world.at(world.time, channel="y")
    assert world.alarm("pump-7:x:bearing-fault").sensor == "pump-7"
    assert len(world.engine) == 2


def test_the_number_of_sensors_is_bounded() -> None:
    world = World(max_sensors=2)
    for i in range(5):
        world.at(START, sensor=f"s-{i}")
    assert len(world.engine) == 2
    assert world.engine.counts["untracked"] == 3
