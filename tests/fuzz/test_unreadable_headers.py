"""A message with headers that the Kafka client cannot read becomes a dead letter."""

import subprocess

import pytest

from bearing_stream.program import PROGRAM
from tests.brokers import Broker
from tests.consumer.fakes import window
from tests.consumer_process import ConsumerProcess
from tests.kafka_tools import (
    delete_topics,
    headers_of,
    new_topics,
    produce,
    read_diagnoses,
    read_to_end,
    wait_until_finished,
)
from tools.bench.raw_producer import RawProducer

pytestmark = pytest.mark.integration


def test_a_header_name_that_is_not_utf8_among_many_valid_messages(broker: Broker) -> None:
    # Many: the interpreter checks a specialised call less.
    topics = new_topics(broker.bootstrap_servers, 1)
    produce(topics.servers, topics.windows, [window(number) for number in range(100)])
    raw = RawProducer({"bootstrap.servers": topics.servers})
    for name in (b"\xff\xfe", b"ce_id\x80"):
        raw.send(topics.windows, 0, b"value", [(b"ce_id", b"1"), (name, b"2")])
    raw.flush()
    produce(topics.servers, topics.windows, [window(number) for number in range(100, 120)])
    with ConsumerProcess(topics) as consumer:
        wait_until_finished(topics)
        consumer.stop()
    assert len(read_diagnoses(topics)) == 120
    letters = read_to_end(topics.servers, topics.dead_letters)
    assert [letter.value() for letter in letters] == [b"value"] * 2
    for letter in letters:
        headers = dict(headers_of(letter))
        assert headers["__connect.errors.exception.class.name"] == b"invalid-header"
        assert "not UTF-8" in (headers["__connect.errors.exception.message"] or b"").decode()
    # Other readers of the windows topic must not fail either.
    options = [f"--{name.replace('_', '-')}={value}" for name, value in topics.settings.items()]
    verified = subprocess.run([*PROGRAM, "verify", *options], check=False)
    assert verified.returncode == 0
    delete_topics(topics)
