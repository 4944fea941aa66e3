"""Fixtures of all tests: the broker, and the recordings if there are any."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.brokers import Broker, choose, find_broker


def pytest_report_header() -> str:
    """Print which Kafka the integration tests use."""
    _, description = choose()
    return f"broker: {description}"


@pytest.fixture(scope="session")
def broker() -> Iterator[Broker]:
    """A real Kafka: yours, one in Docker, or a local one. Started once for all tests."""
    with find_broker() as found:
        yield found


@pytest.fixture(scope="session")
def cwru_data() -> Path:
    """The folder of the CWRU recordings; skips the test if there is none."""
    folder = os.environ.get("CWRU_DATA")
    if not folder:
        pytest.skip("needs the CWRU recordings: set CWRU_DATA to their folder")
    return Path(folder)
