"""How old measurements are, and which sensors have fallen silent."""

import threading
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bearing_stream.wire import MeasurementAttributes
from consumer.messages import Accepted, KafkaMessage
from consumer.metrics import Distributions
from consumer.telemetry.observers import (
    LEAST_SILENCE,
    Ages,
    Published,
    SensorActivity,
    SensorCounts,
)

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
HERE, THERE = ("bearing.windows", 0), ("bearing.windows", 1)


def accepted(
    sensor: str, received: float, partition: int = 0, sampled: float | None = None
) -> Accepted:
    """A measurement with Kafka's timestamp `received` and `ce_time` `sampled`, in seconds."""
    time = EPOCH + timedelta(seconds=received if sampled is None else sampled)
    attributes = cast("MeasurementAttributes", SimpleNamespace(sensor=sensor, time=time))
    message = cast("KafkaMessage", None)
    stamp = round(received * 1000)
    return Accepted(attributes, [], HERE[0], partition, 0, stamp, message)


def test_ages_are_measured_when_they_are_committed() -> None:
    distributions, now = Distributions(), [0.0]
    ages = Ages(distributions, lambda: now[0])
    ages.published(
        Published([accepted("a", 99.0, sampled=90.0), accepted("b", 98.0, sampled=-500.0)])
    )
    ages.published(Published([accepted("a", 100.0, sampled=99.0)]))
    assert distributions.latency_seconds.distribution().sum == 0
    now[0] = 100.0
    ages.committed()
    ages.committed()
    assert distributions.latency_seconds.distribution().sum == pytest.approx(1 + 2 + 0)
    assert distributions.freshness_seconds.distribution().sum == pytest.approx(10 + 600 + 1)


@given(st.lists(st.integers(1, 300), min_size=1, max_size=5))
def test_every_measurement_counts_once_however_large_its_batch(sizes: list[int]) -> None:
    distributions = Distributions()
    ages = Ages(distributions, lambda: 1000.0)
    for size in sizes:
        ages.published(Published([accepted("a", 1000.0 - 0.1 * i) for i in range(size)]))
    ages.committed()
    for histogram in (distributions.latency_seconds, distributions.freshness_seconds):
        found = histogram.distribution()
        assert found.buckets[-1][1] == sum(sizes)
        # Those that are taken stand for their neighbours: the mean is theirs, to a step.
        exact = sum(0.1 * i for size in sizes for i in range(size))
        assert found.sum == pytest.approx(exact, abs=0.1 * sum(sizes) * max(sizes) / 32)


def test_what_is_given_up_is_not_measured() -> None:
    distributions = Distributions()
    ages = Ages(distributions, lambda: 100.0)
    ages.published(Published([accepted("a", 99.0)]))
    ages.given_up()
    ages.committed()
    assert distributions.latency_seconds.distribution().buckets[-1][1] == 0


def test_a_message_without_a_timestamp_and_one_from_the_future_are_no_negative_age() -> None:
    distributions = Distributions()
    ages = Ages(distributions, lambda: 100.0)
    ages.published(Published([accepted("a", -0.001, sampled=200.0)]))
    ages.committed()
    assert distributions.latency_seconds.distribution().buckets[-1][1] == 0
    assert distributions.freshness_seconds.distribution().buckets[0][1] == 1


def every(interval: float, sensor: str, until: float, partition: int = 0) -> list[Accepted]:
    """Measurements of a sensor at an interval, the last at `until`."""
    return [accepted(sensor, until - interval * i, partition) for i in range(9, -1, -1)]


def test_a_sensor_is_silent_after_a_multiple_of_its_own_interval() -> None:
    sensors = SensorActivity(silent_intervals=5)
    for one in (*every(3, "quick", 1000), *every(60, "slow", 1000)):
        sensors.published(Published([one]))
    for now, counts in (
        (1014.9, SensorCounts(2, 0)),
        (1015.1, SensorCounts(1, 1)),
        (1299.0, SensorCounts(1, 1)),
        (1301.0, SensorCounts(0, 2)),
    ):
        assert sensors.counts({HERE}, (), now) == counts
    sensors.published(Published([accepted("quick", 1400.0)]))
    assert sensors.counts({HERE}, (), 1401.0) == SensorCounts(1, 1)


def test_a_sensor_that_sends_many_times_a_second_may_pause() -> None:
    sensors = SensorActivity(silent_intervals=5)
    sensors.published(Published(every(0.1, "a", 1000)))
    sensors.published(Published(every(0.1, "a", 1001)))
    assert sensors.counts({HERE}, (), 1001 + LEAST_SILENCE - 0.1) == SensorCounts(1, 0)
    assert sensors.counts({HERE}, (), 1001 + LEAST_SILENCE + 0.1) == SensorCounts(0, 1)


def test_a_lag_of_the_consumer_makes_no_sensor_silent() -> None:
    sensors = SensorActivity(silent_intervals=5)
    for one in (*every(10, "a", 1000), *every(10, "b", 1000)):
        sensors.published(Published([one]))
    assert sensors.counts({HERE}, {HERE}, 9000) == SensorCounts(2, 0)
    assert sensors.counts({HERE}, (), 9000) == SensorCounts(0, 2)
    # Of a sensor that is silent in what was read, that is known even so.
    for one in every(10, "a", 1100):
        sensors.published(Published([one]))
    assert sensors.counts({HERE}, {HERE}, 9000) == SensorCounts(1, 1)


def test_sensors_of_partitions_that_went_are_not_counted() -> None:
    sensors = SensorActivity(silent_intervals=5)
    for one in (*every(10, "a", 1000), *every(10, "b", 1000, partition=1)):
        sensors.published(Published([one]))
    assert sensors.counts({HERE, THERE}, (), 1001) == SensorCounts(2, 0)
    assert sensors.counts({THERE}, (), 1001) == SensorCounts(1, 0)
    assert sensors.counts((), (), 1001) == SensorCounts(0, 0)


def test_a_sensor_that_sent_once_has_no_interval_to_judge_it_by() -> None:
    sensors = SensorActivity(silent_intervals=5)
    sensors.published(Published([accepted("a", 1000)]))
    assert sensors.counts({HERE}, (), 9000) == SensorCounts(0, 0)


def test_memory_is_bounded_and_the_sensors_that_sent_last_are_kept() -> None:
    sensors = SensorActivity(silent_intervals=5, most=100)
    for number in range(1000):
        for one in every(1.0, f"s{number}", 1000.0 + number):
            sensors.published(Published([one]))
    active, silent = sensors.counts({HERE}, (), 2000.0)
    assert 50 <= active + silent <= 100
    assert active >= 9


def test_sensors_can_be_counted_while_others_come() -> None:
    sensors, failures = SensorActivity(silent_intervals=5, most=50), []
    stop = threading.Event()

    def count() -> None:
        while not stop.is_set():
            try:
                sensors.counts({HERE}, (), 2000.0)
            except Exception as error:
                failures.append(error)

    thread = threading.Thread(target=count)
    thread.start()
    for number in range(3000):
        sensors.published(
            Published([accepted(f"s{number // 2 + i}", 1000.0 + number) for i in range(5)])
        )
    stop.set()
    thread.join()
    assert failures == []
