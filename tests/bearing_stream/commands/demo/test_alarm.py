"""The fleet of the demo of which a bearing fails, and the lines that it prints."""

from datetime import UTC, datetime
from itertools import islice

import numpy as np

from bearing_stream.commands.alarms.acting import command_for
from bearing_stream.commands.demo.alarm import FailingFleet, line
from bearing_stream.wire.alarm_terms import Action, Transition
from tests.bearing_stream.commands.page.alarm_examples import alarm, result


def test_one_bearing_fails_and_is_repaired_and_its_sensor_stays() -> None:
    fleet = FailingFleet(3)
    failing, *others = fleet.streams()
    assert (failing.sensor, len(others)) == (fleet.sensor, 2)
    # What is true is not sent: it changes.
    assert {stream.fault_label for stream in (failing, *others)} == {None}
    windows = iter(failing.measurements)
    levels = []
    for faulty in (False, True, False):
        if faulty:
            fleet.is_faulty.set()
        else:
            fleet.is_faulty.clear()
        levels.append(float(np.mean([np.std(each) for each in islice(windows, 4)])))
    assert levels[1] > 2 * levels[0]
    assert levels[2] < 1.2 * levels[0]


def test_a_line_has_the_event_the_alarm_and_who_gave_the_command() -> None:
    row = alarm()
    command = command_for(row, Action.ACKNOWLEDGE, "ann", "seen", datetime.now(UTC))
    found = line(result(row, command, Transition.ACKNOWLEDGED))
    assert found == "acknowledged  medium pump-7:bearing-fault, OuterRace, by ann: seen"
