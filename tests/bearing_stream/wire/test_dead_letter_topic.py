"""A dead-letter topic that refuses old and future timestamps stops no consumer."""

from collections.abc import Iterator
from typing import Any

import pytest

from bearing_stream.commands.verify import VerifySettings, verify
from bearing_stream.config import load
from bearing_stream.wire import read_error_headers
from bearing_stream.wire.error_headers import original_timestamp
from tests.bearing_stream.commands.verify.stream import tombstone, window
from tests.consumer_process import ConsumerProcess
from tests.kafka_tools import (
    Topics,
    delete_topics,
    headers_of,
    new_topics,
    produce,
    read_to_end,
)

LONG_AGO = 1_577_836_800_000


@pytest.fixture
def topics(broker: Any) -> Iterator[Topics]:
    """The dead-letter topic takes timestamps of the last hour."""
    topics = new_topics(
        broker.bootstrap_servers, partitions=1, message_timestamp_before_max_ms="3600000"
    )
    yield topics
    delete_topics(topics)


@pytest.mark.integration
@pytest.mark.parametrize("guarantee", ["exactly-once", "at-least-once"])
def test_a_rejected_window_with_an_old_timestamp(topics: Topics, guarantee: str) -> None:
    good = [window(number)._replace(timestamp=0) for number in range(10)]
    bad = tombstone(10)._replace(timestamp=LONG_AGO)
    produce(topics.servers, topics.windows, [*good[:5], bad, *good[5:]])
    with ConsumerProcess(topics, f"--guarantee={guarantee}") as consumer:
        settings = topics.settings | {"settle": 30.0, "guarantee": guarantee}
        report = verify(load(VerifySettings, settings))
        consumer.stop()
    assert (report.diagnosed, report.dead_letters, report.wrong) == (10, 1, {})
    [letter] = read_to_end(topics.servers, topics.dead_letters)
    assert original_timestamp(headers_of(letter)) == LONG_AGO
    assert letter.timestamp()[1] > LONG_AGO
    assert read_error_headers(headers_of(letter)).group == topics.group
