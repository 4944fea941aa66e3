"""Shared by all tests: the broker, the recordings where there are any, order and progress."""

import gc
import os
import ssl
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import settings

from tests.brokers import Broker, choose, find_broker
from tests.progress import Progress

# A busy machine takes longer for an example, which is no fault of the code. The examples are the
# same in each run, so that a failure belongs to the change under test. `make fuzz` tries new ones.
settings.register_profile("repeatable", deadline=None, derandomize=True)
settings.register_profile("fuzz", deadline=None, max_examples=1000, print_blob=True)


@pytest.hookimpl(trylast=True)
def pytest_configure(config: pytest.Config) -> None:
    """Give each process one thread, and print progress lines where pytest-xdist runs the tests.

    Threads of torch spin while they wait for one another. On two cores that had other work, the
    evaluation of a small rig took 37 s of a core with two threads and 13 s with one. Tests of
    threads set their number themselves.
    """
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    # Collecting the tests imports all there is, which remains: see `pytest_collection_finish`.
    gc.disable()
    settings.load_profile(config.getoption("--hypothesis-profile") or "repeatable")
    reporter = config.pluginmanager.get_plugin("terminalreporter")
    if reporter is not None and config.pluginmanager.has_plugin("dsession"):
        config.pluginmanager.register(Progress(reporter))


def pytest_collection_finish() -> None:
    """Leave what was imported out of each garbage collection: a seventh of the start went there."""
    gc.freeze()
    gc.enable()


def pytest_report_header() -> str:
    """Name the Kafka that the integration tests run on."""
    _, description = choose()
    return f"broker: {description}"


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Run the files that take longest first: a long one at the end would keep one worker alone.

    First come files with a test that is given more time than usual (`timeout`), then those that
    need a broker, then all others. The order within a file stays.
    """
    ranks: dict[Path, int] = {}
    for item in items:
        ranks[item.path] = min(_rank(item), ranks.get(item.path, 2))
    items.sort(key=lambda item: ranks[item.path])


def _rank(item: pytest.Item) -> int:
    timeout = item.get_closest_marker("timeout")
    if timeout and timeout.args[0] > int(item.config.getini("timeout")):
        return 0
    return 1 if item.get_closest_marker("integration") else 2


@pytest.fixture(scope="session")
def broker() -> Iterator[Broker]:
    """A real Kafka: yours, one in Docker, or a local one. It starts once, when a test needs it."""
    with find_broker() as found:
        yield found


@pytest.fixture(scope="session")
def cwru_data() -> Path:
    """The folder of the CWRU recordings; skips the test if there is none."""
    folder = os.environ.get("CWRU_DATA")
    if not folder:
        pytest.skip("needs the CWRU recordings: set CWRU_DATA to their folder")
    return Path(folder)


@pytest.fixture(scope="session")
def rigs_data() -> Path:
    """The folder of the recordings of other rigs; skips the test if there is none."""
    folder = os.environ.get("RIGS_DATA")
    if not folder:
        pytest.skip("needs recordings of other rigs: set RIGS_DATA to their folder")
    return Path(folder)


@pytest.fixture(autouse=True)
def _own_authorities() -> Iterator[None]:
    """Undo what a download within a test does to the whole process: use the system's authorities.

    The tests of other connections have authorities of their own.
    """
    context = ssl.SSLContext
    yield
    if ssl.SSLContext is not context:
        import truststore

        truststore.extract_from_ssl()
