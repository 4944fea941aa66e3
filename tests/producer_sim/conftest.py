from collections.abc import Callable

import numpy as np
import pytest

from bearing_stream.recordings import Recording
from bearing_stream.vocabulary import WINDOW_LENGTH
from tests.mock_kafka import MockKafka


@pytest.fixture
def mock_kafka(monkeypatch: pytest.MonkeyPatch) -> MockKafka:
    """It has no controller to report permissions: the checks that ask for them time out soon."""
    for name in ("FIRST_CHECK_TIMEOUT", "CHECK_TIMEOUT"):
        monkeypatch.setattr(f"bearing_stream.kafka.startup.{name}", 0.1)
    return MockKafka()


@pytest.fixture
def make_recording() -> Callable[..., Recording]:
    def make(sensor: str = "105/DE", windows: int = 3, scale: float = 1.0) -> Recording:
        seed = sum(sensor.encode())
        samples = np.random.default_rng(seed).standard_normal(windows * WINDOW_LENGTH) * scale
        return Recording(
            id=sensor.partition("/")[0],
            sensor=sensor,
            collection="cwru",
            samples=samples,
            sampling_rate=12_000,
            fault="InnerRace",
            rpm=1797.0,
        )

    return make


@pytest.fixture
def short_check(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let checks of an unreachable cluster time out soon."""
    monkeypatch.setattr("bearing_stream.kafka.startup.CHECK_TIMEOUT", 0.5)
