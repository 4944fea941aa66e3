"""`bearing-stream consume` on a real Kafka: each window is diagnosed once and in order."""

import json
from importlib import resources

import pytest
from jsonschema import Draft202012Validator

from bearing_stream.wire import decode_diagnosis
from consumer.events import STOPPED
from producer_sim.malformed import KINDS
from tests.consumer_process import ConsumerProcess
from tests.kafka_tools import (
    Topics,
    assert_each_once_in_order,
    dead_letter_position,
    headers_of,
    position,
    read_to_end,
    simulate_windows,
    wait_until_finished,
)

pytestmark = pytest.mark.integration


def consume_all(topics: Topics, *arguments: str) -> ConsumerProcess:
    """Run a consumer until every window is diagnosed, and stop it."""
    with ConsumerProcess(topics, *arguments) as consumer:
        wait_until_finished(topics)
        consumer.stop()
    return consumer


def test_two_thousand_windows_in_and_each_out_once(topics: Topics) -> None:
    expected = simulate_windows(topics, 2_000, malformed=0.1)
    consumer = consume_all(topics)
    assert_each_once_in_order(topics, expected)
    check_dead_letters(topics, expected - 2_000)
    [stopped] = consumer.events(STOPPED)
    assert stopped["diagnosed"] == 2_000
    assert sum(stopped["dead_letters"].values()) == expected - 2_000
    # No log line per window, nor per dead letter.
    assert len(consumer.output) < 10


def check_dead_letters(topics: Topics, expected: int) -> None:
    """Each malformed message is a dead letter, unchanged and with its reason; no window is."""
    originals = {position(each): each for each in read_to_end(topics.servers, topics.windows)}
    letters = read_to_end(topics.servers, topics.dead_letters)
    assert len(letters) == expected > 100
    for letter in letters:
        original = originals[dead_letter_position(letter)]
        headers = headers_of(original)
        assert (letter.key(), letter.value()) == (original.key(), original.value())
        stamp = dict(headers_of(letter))["bearing-timestamp"]
        assert int(stamp or b"") == original.timestamp()[1]
        assert headers_of(letter)[: len(headers)] == headers
        added = dict(headers_of(letter)[len(headers) :])
        kind = (original.key() or b"").decode().split("/")[1]
        assert added["__connect.errors.exception.class.name"] == KINDS[kind].reason.value.encode()
        assert added["__connect.errors.topic"] == topics.windows.encode()
        assert added["__connect.errors.exception.message"]


def test_the_group_protocol_of_kafka_4_and_the_schema(topics: Topics) -> None:
    expected = simulate_windows(topics, 2_000, malformed=0.01)
    consume_all(topics, "--group-protocol=consumer")
    assert_each_once_in_order(topics, expected)
    schema = json.loads((resources.files("assets") / "diagnosis.schema.json").read_text())
    validator = Draft202012Validator(schema, format_checker=Draft202012Validator.FORMAT_CHECKER)
    for message in read_to_end(topics.servers, topics.diagnoses):
        validator.validate(json.loads(message.value() or b""))
        _, diagnosis = decode_diagnosis(headers_of(message), message.value())
        assert message.key() == diagnosis.sensor.encode()
        assert 0 < diagnosis.latency_ms.inference < diagnosis.latency_ms.total


def test_at_least_once_loses_nothing(topics: Topics) -> None:
    expected = simulate_windows(topics, 2_000, malformed=0.01)
    consume_all(topics, "--guarantee=at-least-once")
    # Without failures, nothing is repeated either.
    assert_each_once_in_order(topics, expected)
