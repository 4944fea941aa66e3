import json
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bearing_stream.commands.capacity.conclusion import SENSOR_RATE, BacklogRun, conclude

ONE = BacklogRun(
    workers=1, windows_per_second=8_000, consumer_us=110, kafka_us=30, others_cores=0.0
)  # fmt: skip

runs = st.builds(
    BacklogRun,
    workers=st.integers(1, 8),
    windows_per_second=st.floats(1, 1e5),
    consumer_us=st.floats(1, 1000),
    kafka_us=st.none() | st.floats(0, 1000),
    others_cores=st.floats(0, 2),
)


def test_a_consumer_that_fully_uses_its_core_is_the_bound() -> None:
    found = conclude([ONE], write_us=20, cores=2)
    assert (found.best.bound, found.best.workers) == ("consumer", 1)
    assert found.best.sensors == int(8000 / (12_000 / 2048))
    # One core has time for 1e6 / (110 + 30 + 20) windows a second.
    assert found.sensors_per_core == int(6250 / (12_000 / 2048))


def test_two_consumers_share_the_cores_with_kafka() -> None:
    two = replace(ONE, workers=2, windows_per_second=14_000)
    found = conclude([ONE, two], write_us=20, cores=2)
    # Live, Kafka writes each window too: 2e6 / 160 is less than 14,000.
    assert found.best.workers == 2
    assert (found.best.bound, found.best.windows_per_second) == ("processor", 12_500)


def test_consumers_that_wait_are_bound_by_kafka() -> None:
    waiting = replace(ONE, windows_per_second=2_000)
    assert conclude([waiting], write_us=20, cores=2).best.bound == "kafka"


def test_kafka_elsewhere_takes_nothing_of_this_machine() -> None:
    found = conclude([replace(ONE, kafka_us=None)], write_us=None, cores=2)
    assert found.sensors_per_core == int(1e6 / 110 / SENSOR_RATE)


def test_what_other_processes_use_is_reported() -> None:
    busy = replace(ONE, windows_per_second=2_000, others_cores=1.6)
    found = conclude([busy], write_us=20, cores=2)
    assert found.disturbed
    assert found.best.bound == "processor"
    assert not conclude([ONE], write_us=20, cores=2).disturbed


def test_more_consumers_that_carry_no_more_are_not_recommended() -> None:
    assert conclude([ONE, replace(ONE, workers=2)], None, cores=8).best.workers == 1


@given(measured=st.lists(runs, min_size=1), cores=st.integers(1, 64))
def test_no_machine_carries_more_than_its_cores_have_time_for(
    measured: list[BacklogRun], cores: int
) -> None:
    found = conclude(measured, write_us=25.0, cores=cores)
    for one in found.carried:
        cost = one.run.consumer_us + (one.run.kafka_us or 0) + 25.0
        assert one.windows_per_second <= one.run.windows_per_second + 0.1
        assert one.windows_per_second * cost <= cores * 1e6 * (1 + 1e-3) + cost
        assert one.sensors <= found.best.sensors
    printed = json.loads(json.dumps(found.as_json()))
    assert printed["sensors"] == found.best.sensors


@pytest.mark.parametrize("sensors", [1, 300, 3000])
def test_a_sensor_sends_a_window_every_170_ms(sensors: int) -> None:
    run = replace(ONE, windows_per_second=sensors / (2048 / 12_000) + 0.01, kafka_us=0.0)
    assert conclude([run], write_us=None, cores=64).best.sensors == sensors
