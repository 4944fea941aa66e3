"""Every metric is in the list, and every metric in the list is exported."""

from typing import cast

import pytest

from bearing_stream.kafka import Ends
from bearing_stream.observability import Distribution, Reading
from bearing_stream.observability.prometheus import Exposition
from bearing_stream.wire import RejectionReason
from consumer.messages import Partition
from consumer.metrics import DispatchReason, Metrics, Rebalance
from consumer.telemetry.listed import BUILD_INFO, METRICS, PREFIX, SUPERVISOR_METRICS
from consumer.telemetry.observers import Published, SensorActivity
from consumer.telemetry.partitions import Overview, PartitionState
from consumer.telemetry.readings import Sources
from model.assessor import Assessor
from tests.consumer.fakes import StubAssessor, window
from tests.consumer.telemetry.test_observers import every
from tests.consumer.world import World

A, B = ("bearing.windows", 0), ("bearing.windows", 1)


def sources(metrics: Metrics | None = None) -> Sources:
    """Of a consumer to which everything has happened once."""
    counts = metrics or Metrics()
    counts.kafka_errors["_TRANSPORT"] += 1
    counts.ignored_headers["ce_shaftspeed"] += 1
    overview = Overview(
        {A: PartitionState(3, 0.0, Ends(10, 12)), B: PartitionState(3, 0.0, Ends(3, 3))},
        {A: "it stands"},
        {A: 4.0, ("bearing.diagnoses", 0): 0.0},
    )
    sensors = SensorActivity(10)
    for one in every(1.0, "pump", 1000.0):
        sensors.published(Published([one]))
    return Sources(
        metrics=counts,
        sensors=sensors,
        guarantee="exactly-once",
        assessor=cast("Assessor", StubAssessor()),
        owned=lambda: frozenset((A, B)),
        overview=lambda: overview,
        is_ready=lambda: True,
        polled_at=7.0,
    )


def found(held: Sources) -> dict[tuple[str, tuple[str, ...]], float | Distribution]:
    """Name without the prefix, and labels → value."""
    readings = list(held.readings())
    values = {(one.metric.name.removeprefix(PREFIX), one.labels): one.value for one in readings}
    assert len(values) == len(readings)
    return values


def test_what_is_exported_is_what_is_listed() -> None:
    readings = list(sources().readings())
    assert {reading.metric.name for reading in readings} == {metric.name for metric in METRICS}
    for reading in readings:
        assert len(reading.labels) == len(reading.metric.labels)
        assert isinstance(reading.value, Distribution) == (reading.metric.kind == "histogram")


def test_names_follow_the_conventions_of_prometheus() -> None:
    names = [metric.name for metric in (*METRICS, *SUPERVISOR_METRICS)]
    assert len(names) == len(set(names))
    for metric in (*METRICS, *SUPERVISOR_METRICS):
        assert metric.name.startswith(PREFIX)
        assert metric.name.endswith("_total") == (metric.kind == "counter")
        assert "sensor" not in metric.labels
        assert metric.meaning.endswith(".")
        assert metric.action.endswith(".")


def test_counters_begin_at_zero_so_that_a_rule_sees_their_first_increase() -> None:
    values = found(sources())
    for reason in RejectionReason:
        assert values["dead_letters_total", (reason.value,)] == 0
    for batch in DispatchReason:
        assert values["batches_total", (batch.value,)] == 0
    for event in Rebalance:
        assert values["rebalances_total", (event.value,)] == 0
    assert values["transactions_total", ("aborted",)] == 0
    assert values["skipped_offsets_total", ()] == 0


def test_partitions_are_reported_while_they_are_assigned() -> None:
    held = sources()
    values = found(held)
    assert values["lag", ("bearing.windows", "0")] == 7
    assert values["lag", ("bearing.windows", "1")] == 0
    assert values["partition_stalled", ("bearing.windows", "0")] == 1
    assert values["partition_stalled", ("bearing.windows", "1")] == 0
    assert values["undecided_seconds", ("bearing.windows", "0")] == 4.0
    assert values["assigned_partitions", ()] == 2
    held.owned = lambda: frozenset((B,))
    values = found(held)
    assert ("lag", ("bearing.windows", "0")) not in values
    assert values["assigned_partitions", ()] == 1


def test_before_the_model_is_loaded_there_is_no_build_info() -> None:
    held = sources()
    held.assessor = None
    assert not [one for one in held.readings() if one.metric is BUILD_INFO]


def test_only_what_is_committed_is_counted() -> None:
    world = World(batch_size=4).joined()
    held = sources(world.metrics)
    world.cluster.arrive(0, *(window(number, number % 2) for number in range(8)))
    world.happens_in("commit_transaction", lambda: None)
    before = found(held)
    world.rounds()
    after = found(held)
    assert before["diagnoses_total", ("Ball",)] == 0
    assert after["diagnoses_total", ("Ball",)] == 4
    assert after["diagnoses_total", ("InnerRace",)] == 4
    assert after["transactions_total", ("committed",)] == world.metrics.commits > 0
    for name in ("batch_windows", "inference_seconds", "commit_seconds"):
        distribution = after[name, ()]
        assert isinstance(distribution, Distribution)
        assert distribution.buckets[-1][1] > 0
    batches = after["batch_windows", ()]
    assert isinstance(batches, Distribution)
    assert batches.sum == 8


def test_all_of_it_can_be_scraped() -> None:
    readings: list[Reading] = list(sources().readings())
    text = Exposition(METRICS, lambda: readings).scrape("").body.decode()
    assert 'bearing_stream_lag{partition="0",topic="bearing.windows"} 7.0' in text.replace(
        'topic="bearing.windows",partition="0"', 'partition="0",topic="bearing.windows"'
    )


WELL = PartitionState(3, 0.0, Ends(3, 3))


@pytest.mark.parametrize(
    ("overview", "lagging", "blocked"),
    [
        (Overview({A: WELL, B: WELL}), set(), set()),
        (Overview({A: WELL, B: PartitionState(1, 0.0, Ends(3, 3))}), {B}, set()),
        # A transaction is open, as that of a sender is most of the time.
        (Overview({A: WELL, B: PartitionState(3, 0.0, Ends(3, 9))}), {B}, set()),
        (Overview({A: WELL, B: PartitionState(3, 0.0, Ends(3, 9))}, {}, {B: 5.0}), {B}, {B}),
        (Overview({A: WELL, B: PartitionState(3, 0.0)}), {B}, {B}),
        (Overview({A: WELL}, {B: "its leader does not respond"}), {B}, {B}),
        (Overview({A: WELL, B: WELL}, error="no broker"), {A, B}, {A, B}),
    ],
)
def test_what_cannot_be_read_is_not_read_to_its_end(
    overview: Overview, lagging: set[Partition], blocked: set[Partition]
) -> None:
    held = sources()
    held.overview = lambda: overview
    assert held.lagging() == frozenset(lagging)
    assert held.blocked() == frozenset(blocked)


def test_a_partition_whose_leader_does_not_respond_stands_and_has_no_lag() -> None:
    held = sources()
    held.overview = lambda: Overview({A: WELL}, {B: "its leader does not respond"})
    values = found(held)
    assert values["partition_stalled", ("bearing.windows", "1")] == 1
    assert values["lag", ("bearing.windows", "0")] == 0
    assert ("lag", ("bearing.windows", "1")) not in values
