"""What several files of tests need: topics, and one browser for each file."""

from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser

from bearing_stream.kafka import wait_for_topics
from tests.bearing_stream.commands.page.chromium import chromium
from tests.kafka_tools import Topics, new_topics


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """A real Chromium, for a file of tests: Playwright occupies the event loop of the thread."""
    with chromium() as found:
        yield found


@pytest.fixture
def topics(broker: Any) -> Topics:
    """New topics, to which every client can write."""
    found = new_topics(broker.bootstrap_servers)
    names = [found.windows, found.diagnoses, found.dead_letters]
    wait_for_topics({"bootstrap.servers": found.servers}, names, 60, print)
    return found
