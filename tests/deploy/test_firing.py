"""Each alert fires in the fault that it is for, in a real Prometheus, and no other does.

All durations of the rules are divided by FACTOR, see `accelerated`: minutes take seconds. What they
compare, and with which labels, is what operation has, and the stages, their metrics, Kafka and the
faults are real. So each rule is tested with the series that its fault leaves: which there are,
which end, and which grow, jump or stay. What is not tested is whether the thresholds suit a plant.
The stages have delays of their own that no factor divides: a new lag comes every five seconds.
"""

from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

import pytest
from confluent_kafka import Producer, TopicPartition
from confluent_kafka.admin import AdminClient

from bearing_stream.commands.alarms.topics import create
from bearing_stream.kafka import create_topics
from bearing_stream.local_kafka import LocalKafka
from consumer.stage_settings import SECOND_ID
from tests.bearing_stream.commands.alarms.notify.sinks import http_sink
from tests.consumer.telemetry.standing import standing
from tests.consumer_process import ConsumerProcess
from tests.deploy.accelerated import accelerated
from tests.deploy.expressions import RULES
from tests.deploy.prometheus_server import (
    await_state,
    has,
    have_fired,
    needs_prometheus,
    prometheus,
)
from tests.deploy.stages import METRICS, Stages
from tests.endpoint_client import address_of, await_ready, samples, total
from tests.kafka_tools import Load, Topics, committed, end_offsets, eventually, new_topics

pytestmark = [pytest.mark.integration, needs_prometheus]

FACTOR: Final = 60
"""A minute takes a second."""

INTERVAL: Final = "500ms"
"""Between scrapes: half a minute in operation."""

LATE: Final = {"FreshnessLost"}
"""May fire in a fault in which a consumer reads again: that takes a second or more, whatever the
factor, and diagnoses are late here when they are a second old."""

STALLED: Final = ("ConsumerStalled", "HangingTransaction", "LagGrowing")

FAULTY: Final = ("AlarmFlood", "DeadLetterRatio", "NotificationsLag")

SLOW: Final = ("SensorsSilent", "UncertainShare")
"""A sensor is silent after ten seconds, whatever the factor; the share is that of half an hour."""


@pytest.fixture(scope="module")
def servers() -> Iterator[str]:
    """A Kafka in which a topic that is deleted stays so: nothing can be written to it."""
    with LocalKafka(properties={"auto.create.topics.enable": "false"}) as kafka:
        yield kafka.bootstrap_servers


@contextmanager
def watching(targets: Mapping[str, str], folder: Path) -> Iterator[str]:
    """Run a Prometheus with the rules that are FACTOR times as fast; yields its address."""
    rules = folder / "rules.yml"
    rules.write_text(accelerated(RULES.read_text(encoding="utf-8"), FACTOR))
    with prometheus(targets, folder, rules, INTERVAL) as address:
        eventually(lambda: has(address, "min(count_over_time(up[1m])) >= 3"), "scrapes")
        yield address


def delete(servers: str, topic: str) -> None:
    admin = AdminClient({"bootstrap.servers": servers})
    admin.delete_topics([topic])[topic].result()
    eventually(lambda: topic not in admin.list_topics(timeout=10).topics, "it is deleted")


def fence(servers: str, group: str, instance: str) -> None:
    """Register the transactional ids of a consumer, as another with its instance id does."""
    for suffix in ("", SECOND_ID):
        name = f"{group}-{instance}{suffix}"
        Producer({"bootstrap.servers": servers, "transactional.id": name}).init_transactions(30)


@contextmanager
def open_transaction(servers: str, topic: str) -> Iterator[None]:
    """Keep a transaction open in the first partition of a topic, and commit it in the end."""
    producer = Producer(
        {"bootstrap.servers": servers, "transactional.id": topic, "transaction.timeout.ms": 300_000}
    )
    producer.init_transactions(30)
    producer.begin_transaction()
    producer.produce(topic, b"no window", partition=0)
    producer.flush(30)
    yield
    producer.commit_transaction(30)


@pytest.fixture
def topics(servers: str) -> Topics:
    return new_topics(servers, 2)


def deliveries(address: str, outcome: str) -> float:
    return samples(address)["bearing_stream_transactions_total", (("outcome", outcome),)]


def fence_until(aborts: int, topics: Topics, address: str, instance: str) -> None:
    """Fence a consumer again and again, until it has aborted so many deliveries."""
    while deliveries(address, "aborted") < aborts:
        before = deliveries(address, "committed")
        fence(topics.servers, topics.group, instance)
        # One that is fenced repeatedly without a commit in between ends.
        eventually(
            lambda least=before: deliveries(address, "committed") > least,  # type: ignore[misc]
            "a commit",
        )


def delete_half_of_what_waits(topics: Topics) -> None:
    """Delete windows as retention does, up to the middle between the commit and the end."""
    begins, ends = committed(topics), end_offsets(topics.servers, topics.windows)
    middle = [
        TopicPartition(topics.windows, number, (begins[number] + end) // 2)
        for number, end in ends.items()
    ]
    admin = AdminClient({"bootstrap.servers": topics.servers})
    for deleted in admin.delete_records(middle).values():
        deleted.result()


def test_a_consumer_that_is_fenced_and_then_cannot_write(topics: Topics, tmp_path: Path) -> None:
    options = (METRICS, "--instance-id=a", "--transaction-timeout=2")
    with ExitStack() as opened:
        consumer = opened.enter_context(ConsumerProcess(topics, *options))
        await_ready(address := address_of(consumer))
        alerts = opened.enter_context(watching({"consume": address}, tmp_path))
        opened.enter_context(Load(topics, sensors=60, speed=1))
        eventually(lambda: total(samples(address), "diagnoses_total") > 500, "diagnoses")
        assert have_fired(alerts) == set()

        fence_until(5, topics, address, "a")
        await_state(alerts, "firing", "CommitAborts")
        assert have_fired(alerts) - LATE == {"CommitAborts"}

        delete(topics.servers, topics.diagnoses)
        with open_transaction(topics.servers, topics.windows):
            await_state(alerts, "firing", *STALLED)
        assert have_fired(alerts) - LATE == {"CommitAborts", *STALLED}

        delete_half_of_what_waits(topics)
        create_topics({"bootstrap.servers": topics.servers}, {topics.diagnoses: 2}, 1)
        await_state(alerts, "firing", "SkippedOffsets")
        await_state(alerts, "inactive", *STALLED)
        assert have_fired(alerts) - LATE == {"CommitAborts", *STALLED, "SkippedOffsets"}


def test_a_partition_stands_and_then_windows_are_late(
    topics: Topics, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with (
        standing(topics, monkeypatch) as consumer,
        watching({"consume": consumer.address}, tmp_path) as alerts,
        Load(topics, sensors=40, speed=1),
    ):
        consumer.stop_fetching(0)
        await_state(alerts, "firing", "PartitionStalled")
        assert have_fired(alerts) == {"PartitionStalled"}
        consumer.fetch_again(0)
        await_state(alerts, "inactive", "PartitionStalled")
        assert have_fired(alerts) - LATE == {"PartitionStalled"}

        with Load(topics, sensors=4, speed=1, start_time=datetime.now(UTC) - timedelta(hours=1)):
            await_state(alerts, "firing", "FreshnessLost")
        assert have_fired(alerts) == {"PartitionStalled", "FreshnessLost"}


def test_what_is_sent_is_faulty_and_then_nobody_is_notified_of_it(
    topics: Topics, tmp_path: Path
) -> None:
    stages = Stages(topics, tmp_path)
    with ExitStack() as opened:
        consumer = opened.enter_context(
            ConsumerProcess(topics, METRICS, f"--sensor-table={stages.table}")
        )
        opened.callback((alarms := stages.alarms()).kill)
        opened.callback((notifier := stages.notifier()).kill)
        targets = {"consume": consumer, "alarms": alarms, "notify": notifier}
        addresses = {job: address_of(stage) for job, stage in targets.items()}
        for address in addresses.values():
            await_ready(address)
        alerts = opened.enter_context(watching(addresses, tmp_path))
        with http_sink(stages.receiver) as sink, Load(topics, sensors=10, speed=1):
            eventually(lambda: len(sink.requests) > 3, "the receiver is notified of alarms")
            assert have_fired(alerts) == set()

        # Two sensors stop. The machines of the others are known no more, some messages are
        # malformed, and the receiver is down.
        stages.know_machines("pump-*")
        with Load(topics, sensors=8, speed=1, run="second", malformed=0.1):
            await_state(alerts, "firing", *FAULTY)
            assert have_fired(alerts) - LATE - {*SLOW} == {*FAULTY}

            delete(topics.servers, stages.settings.alarm_topics.state)
            await_state(alerts, "firing", "AlarmsStalled")
            create(stages.settings)
            await_state(alerts, "inactive", "AlarmsStalled")
            assert "AlarmsNotRunning" not in have_fired(alerts)
            alarms.kill()
            await_state(alerts, "firing", "AlarmsNotRunning", *SLOW)
        assert have_fired(alerts) - LATE == {
            *(*FAULTY, *SLOW, "AlarmsStalled", "AlarmsNotRunning", "ConsumerStalled"),
        }
        # It is the stage of alarms that committed nothing.
        of_consume = 'alertname="ConsumerStalled", alertstate="firing", job="consume"'
        assert not has(alerts, f"count_over_time(ALERTS{{{of_consume}}}[1h])")
