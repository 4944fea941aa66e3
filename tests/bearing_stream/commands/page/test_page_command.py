"""`bearing-stream page` on a real Kafka, without a browser."""

import os
import signal
import subprocess
import threading
import time
import urllib.error
import urllib.request
from functools import partial
from typing import Any

import numpy as np
import psutil
import pytest
from confluent_kafka import Producer

from bearing_stream.kafka import create_topics
from bearing_stream.local_kafka.ports import free_ports
from bearing_stream.program import PROGRAM
from tests.bearing_stream.commands.page.feeding import (
    FAULTY,
    FLEET,
    Feed,
    encoded,
    faulty,
    normal,
    now,
    send,
    send_measurement,
)
from tests.bearing_stream.commands.page.processes import PageProcess, page
from tests.brokers import Broker
from tests.kafka_tools import Topics, delete_topics, eventually, named_topics


@pytest.mark.integration
def test_it_shows_exactly_what_is_committed_and_stops_with_status_0(topics: Topics) -> None:
    producer = Producer({"bootstrap.servers": topics.servers, "transactional.id": topics.group})
    producer.init_transactions()
    for name, ending in (("a", "commit"), ("x", "abort"), ("b", "commit")):
        producer.begin_transaction()
        message = encoded(normal(name, now()))
        producer.produce(topics.diagnoses, message.value, message.key, headers=message.headers)
        producer.flush()
        getattr(producer, f"{ending}_transaction")()
    other = Producer({"bootstrap.servers": topics.servers})
    other.produce(topics.diagnoses, b"no diagnosis")
    other.flush()
    with page(topics) as running:
        eventually(running.is_ready, "the page is ready")
        running.await_sensors({"a", "b"})
        # The markers of transactions are no lag. It is computed once a second.
        expected = {"lag": 0, "unreadable": 1, "received": 2}
        eventually(lambda: expected.items() <= running.get("/readyz").items(), f"{expected}")
        # Without a topic of alarms, it works as well, and states it.
        assert running.get("/readyz")["alarms"]["state"] == "missing"
        producer.begin_transaction()
        message = encoded(normal("c", now()))
        producer.produce(topics.diagnoses, message.value, message.key, headers=message.headers)
        producer.commit_transaction()
        running.await_sensors({"a", "b", "c"})
        running.process.send_signal(signal.SIGTERM)
        assert running.process.wait(10) == 0


@pytest.mark.integration
def test_at_the_start_it_reads_a_bounded_span_and_then_everything(topics: Topics) -> None:
    producer = Producer({"bootstrap.servers": topics.servers})
    for name, age in (("old", 7200), ("new", 600)):
        message = encoded(normal(name, now()))
        at = int(1000 * (time.time() - age))
        producer.produce(
            topics.diagnoses, message.value, message.key, 0, headers=message.headers, timestamp=at
        )
    producer.flush()
    with page(topics, "--span=3600") as running:
        running.await_sensors({"new"})
        send(producer, topics.diagnoses, normal("next", now()))
        running.await_sensors({"new", "next"})
    with page(topics, "--span=100000", "--span-messages=1") as running:
        eventually(running.is_ready, "the page is ready")
        assert "old" not in running.sensors()


@pytest.mark.integration
def test_the_latest_measurement_is_read_from_its_topic(topics: Topics) -> None:
    place = send_measurement(topics)
    producer = Producer({"bootstrap.servers": topics.servers})
    path = f"/api/window?source=/plant-1/{FAULTY}&sensor={FAULTY}"
    with page(topics) as running:
        send(producer, topics.diagnoses, faulty(0, place))
        running.await_sensors({FAULTY})
        found = running.get(path)
        assert found["diagnosis"]["window_id"] == "measured"
        figures = found["figures"]
        assert (figures["samples"], figures["sampling_rate"]) == (48_000, 48_000.0)
        assert figures["spectrum"]["x"][int(np.argmax(figures["spectrum"]["y"]))] < 3100
        assert len(figures["lines"]) == 7
        elsewhere: list[tuple[dict[str, Any], str]] = [
            (place | {"offset": 99}, "Kafka no longer has it"),
            (place | {"partition": 99}, "Kafka no longer has it"),
            (place | {"topic": "another"}, "start it with --windows-topic another"),
        ]
        for at, text in elsewhere:
            send(producer, topics.diagnoses, faulty(1, at))
            eventually(partial(_has_input, running, at), f"the input is {at}")
            with pytest.raises(urllib.error.HTTPError) as refused:
                running.get(path)
            assert refused.value.code == 404
            assert text in refused.value.read().decode()


def _has_input(running: PageProcess, at: dict[str, Any]) -> bool:
    detail = running.get(f"/api/sensor?source=/plant-1/{FAULTY}&sensor={FAULTY}")
    return bool(detail["diagnosis"]["input"] == at)


@pytest.mark.integration
def test_an_open_transaction_is_known_and_makes_no_sensor_silent(topics: Topics) -> None:
    plain = Producer({"bootstrap.servers": topics.servers})
    foreign = Producer({"bootstrap.servers": topics.servers, "transactional.id": topics.group})
    foreign.init_transactions()
    with page(topics, "--silent-minimum=8") as running:
        for at in range(3):
            send(plain, topics.diagnoses, normal("a", now() + 0.2 * at))
        running.await_sensors({"a"})
        foreign.begin_transaction()
        for partition in range(4):
            foreign.produce(topics.diagnoses, b"", b"", partition)
        assert foreign.flush(30) == 0
        send(plain, topics.diagnoses, normal("b", now()))
        eventually(lambda: running.status()["undecided"] > 10, "it is known")
        assert not running.sensors()["a"].get("silent")
        foreign.abort_transaction()
        running.await_sensors({"a", "b"})
        eventually(lambda: running.status()["undecided"] == 0, "it has ended")


@pytest.mark.integration
def test_fifty_browsers_cost_less_than_a_core(topics: Topics) -> None:
    with Feed(topics), page(topics) as running:
        eventually(lambda: len(running.sensors()) >= FLEET - 1, "the page has the fleet")
        streams = [urllib.request.urlopen(f"{running.url}/api/stream") for _ in range(50)]
        readers = [threading.Thread(target=_read_events, args=(each, 20)) for each in streams]
        process = psutil.Process(running.process.pid)
        used, began = sum(process.cpu_times()[:2]), time.monotonic()
        for reader in readers:
            reader.start()
        for reader in readers:
            reader.join()
        used, wall = sum(process.cpu_times()[:2]) - used, time.monotonic() - began
        for stream in streams:
            stream.close()
        assert wall > 3, "the events come four times a second"
        assert used / wall < 1


def _read_events(stream: Any, events: int) -> None:
    for line in stream:
        events -= line.startswith(b"id: ")
        if not events:
            return


def test_no_broker_is_one_line_and_status_1() -> None:
    (port,) = free_ports(1)
    ran = subprocess.run(
        [
            *(*PROGRAM, "page", f"--bootstrap-servers=127.0.0.1:{port}"),
            *("--startup-timeout=0", "--port=0"),
        ],
        capture_output=True,
        text=True,
        timeout=60,
        env={**os.environ, "BEARING_STREAM_LOG_FORMAT": "json"},
        check=False,
    )
    assert ran.returncode == 1
    assert ran.stderr.splitlines()[-1].startswith(
        f"Error: no Kafka broker responds at 127.0.0.1:{port}"
    )


def test_it_can_be_opened_and_stopped_while_there_is_no_broker() -> None:
    nowhere = f"127.0.0.1:{free_ports(1)[0]}"
    with page(named_topics(nowhere)) as running:
        eventually(lambda: running.status()["kafka"], "it states why")
        assert running.status()["kafka"].startswith(f"no Kafka broker responds at {nowhere}")
        assert running.get("/livez") == {"status": "ok"}
        running.process.send_signal(signal.SIGTERM)
        assert running.process.wait(10) == 0


@pytest.mark.integration
def test_it_waits_for_the_topic(broker: Broker) -> None:
    topics = named_topics(broker.bootstrap_servers)
    with page(topics) as running:
        eventually(lambda: topics.diagnoses in running.status()["kafka"], "it states what it lacks")
        create_topics({"bootstrap.servers": topics.servers}, {topics.diagnoses: 2}, 1)
        eventually(running.is_ready, "the page is ready")
        send(Producer({"bootstrap.servers": topics.servers}), topics.diagnoses, normal("a", now()))
        running.await_sensors({"a"})
    delete_topics(topics)


@pytest.mark.integration
def test_a_topic_that_is_missing_is_one_line(broker: Broker) -> None:
    given = [*PROGRAM, "page", f"--bootstrap-servers={broker.bootstrap_servers}"]
    missing = subprocess.run(
        [*given, "--diagnoses-topic=missing", "--startup-timeout=0", "--port=0"],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (missing.returncode, "'missing'" in missing.stderr) == (1, True)
