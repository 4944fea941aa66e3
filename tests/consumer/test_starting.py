"""Starting without a broker, without topics and with wrong settings; sources of settings."""

import json
import os
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from bearing_stream.local_kafka.ports import free_ports
from bearing_stream.wire import Message
from consumer.events import FAILED, READY, STOPPING, WAITING_AT_STARTUP
from tests.brokers import Broker
from tests.consumer_process import ConsumerProcess
from tests.kafka_tools import (
    Topics,
    delete_topics,
    named_topics,
    produce,
    read_to_end,
    simulate_windows,
    wait_until_finished,
)

pytestmark = pytest.mark.integration


@pytest.fixture
def missing_topics(broker: Broker) -> Iterator[Topics]:
    """Names of topics that do not exist yet."""
    topics = named_topics(broker.bootstrap_servers)
    yield topics
    delete_topics(topics)


@pytest.fixture
def nowhere() -> Topics:
    """Topics of a broker that does not exist."""
    return named_topics(f"127.0.0.1:{free_ports(1)[0]}")


def test_no_broker_ends_with_a_clear_line(nowhere: Topics) -> None:
    with ConsumerProcess(nowhere, "--startup-timeout=1") as consumer:
        assert consumer.wait() == 1
    [line] = consumer.events(FAILED)
    assert f"no Kafka broker responds at {nowhere.servers}" in line["error"]
    assert "Traceback" not in "\n".join(consumer.output)


def test_a_signal_while_waiting_for_a_broker_ends_it_at_once(nowhere: Topics) -> None:
    with ConsumerProcess(nowhere) as consumer:
        assert "no Kafka broker responds" in consumer.wait_for(WAITING_AT_STARTUP)["reason"]
        before = time.monotonic()
        consumer.stop()
        assert time.monotonic() - before < 2
    assert consumer.events(STOPPING)[0]["signal"] == "SIGTERM"


def test_waits_for_topics_logs_it_and_continues_when_they_exist(missing_topics: Topics) -> None:
    topics = missing_topics
    with ConsumerProcess(topics) as consumer:
        reason = consumer.wait_for(WAITING_AT_STARTUP)["reason"]
        for name in (topics.windows, topics.diagnoses, topics.dead_letters):
            assert name in reason
        with ConsumerProcess(topics, "--create-topics", "--group=another") as other:
            other.wait_for(READY)
            other.stop()
        consumer.wait_for(READY)
        simulate_windows(topics, 100)
        wait_until_finished(topics)
        consumer.stop()


def test_the_topics_that_it_creates_fit_the_largest_dead_letter(
    missing_topics: Topics,
) -> None:
    topics = missing_topics
    with ConsumerProcess(topics, "--create-topics") as consumer:
        consumer.wait_for(READY)
        # By default a broker accepts 1,048,588 bytes; about a hundred of them are not the value.
        largest = Message(b"large", os.urandom(1_048_588 - 100), [])
        limit = {"message.max.bytes": 2_000_000}
        produce(topics.servers, topics.windows, [largest], **limit)
        wait_until_finished(topics)
        consumer.stop()
    [letter] = read_to_end(topics.servers, topics.dead_letters)
    assert letter.value() == largest.value


@pytest.mark.parametrize(
    ("argument", "named"),
    [
        ("--kafka=fetch.min.bytes=many", "fetch.min.bytes"),
        ("--kafka=enable.idempotence=false", "set guarantee instead"),
        ("--batch-size=0", "--batch-size"),
    ],
)
def test_a_wrong_setting_ends_with_a_line_that_names_it(
    topics: Topics, argument: str, named: str
) -> None:
    with ConsumerProcess(topics, argument) as consumer:
        assert consumer.wait() != 0
    assert any(named in line for line in consumer.output)
    assert "Traceback" not in "\n".join(consumer.output)


def test_settings_come_from_file_environment_and_options_and_secrets_stay_secret(
    topics: Topics, tmp_path: Path
) -> None:
    file = tmp_path / "consumer.toml"
    lines = {
        **topics.settings,
        "group": topics.group,
        "device": "cpu",
        "batch_size": 7,
        "max_delay": 0.03,
        "commit_interval": 0.3,
    }
    file.write_text("\n".join(f"{name} = {json.dumps(value)}" for name, value in lines.items()))
    environment = {
        "BEARING_STREAM_CONFIG": str(file),
        "BEARING_STREAM_MAX_DELAY": "0.04",
        "BEARING_STREAM_COMMIT_INTERVAL": "0.4",
        "BEARING_STREAM_KAFKA": json.dumps(
            # Without TLS and SASL, the client does not use these.
            {"sasl.password": "hunter2", "ssl.key.password": "hunter3", "client.id": "press-7"}
        ),
    }
    with ConsumerProcess(
        topics, "--commit-interval=0.5", environment=environment, defaults=False
    ) as consumer:
        ready = consumer.wait_for(READY)["settings"]
        consumer.stop()
    assert (ready["batch_size"], ready["max_delay"], ready["commit_interval"]) == (7, 0.04, 0.5)
    assert ready["kafka"]["client.id"] == "press-7"
    assert "hunter" not in "\n".join(consumer.output)
