from itertools import islice, repeat

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from producer_sim.schedule import DueMeasurement, Pace, interleave
from producer_sim.streams import SensorStream

PERIOD = 2048 / 12_000


def streams(counts: list[int]) -> list[SensorStream]:
    return [
        SensorStream(
            source=f"/test/{index}",
            sensor=f"{index}",
            window_id=str,
            measurements=np.full((count, 2048), index),
            count=count,
        )
        for index, count in enumerate(counts)
    ]


@given(st.lists(st.integers(0, 6), max_size=8))
def test_windows_of_all_sensors_come_in_the_order_of_their_measured_time(counts: list[int]) -> None:
    due = list(interleave(streams(counts)))
    assert [window.offset for window in due] == sorted(window.offset for window in due)
    for index, count in enumerate(counts):
        own = [window for window in due if window.stream.sensor == str(index)]
        assert [window.number for window in own] == list(range(count))
        first = index / len(counts)
        assert [w.offset / PERIOD for w in own] == pytest.approx([first + n for n in range(count)])
        assert all((window.samples == index).all() for window in own)


def test_the_millionth_window_has_no_rounding_error() -> None:
    endless = SensorStream(
        source="/test",
        sensor="1",
        window_id=str,
        measurements=repeat(np.zeros(2048)),
        count=float("inf"),
    )
    last: DueMeasurement = next(islice(interleave([endless]), 1_000_000, None))
    assert last.offset == pytest.approx(1_000_000 * 2048 / 12_000, rel=1e-12)


@pytest.mark.parametrize(("speed", "expected"), [(1.0, 10.0), (50.0, 0.2), (0.5, 20.0)])
def test_pace_divides_measured_time_by_the_speed(speed: float, expected: float) -> None:
    now = 1000.0
    pace = Pace(speed, lambda: now)
    assert pace.remaining(10.0) == pytest.approx(expected)
    now += expected + 3
    assert pace.remaining(10.0) == pytest.approx(-3)
    assert pace.elapsed() == pytest.approx(expected + 3)


def test_full_speed_never_waits_and_is_never_late() -> None:
    now = 1000.0
    pace = Pace(float("inf"), lambda: now)
    assert pace.remaining(1e9) == 0
    now += 60
    assert pace.remaining(1e9) == 0
