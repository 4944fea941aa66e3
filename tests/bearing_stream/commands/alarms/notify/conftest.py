"""Receivers at a port of this machine, and no proxy on the way to them."""

from collections.abc import Iterator

import pytest

from tests.bearing_stream.commands.alarms.notify.sinks import HttpSink, http_sink


@pytest.fixture(autouse=True)
def _no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_PROXY", "*")


@pytest.fixture
def sink() -> Iterator[HttpSink]:
    with http_sink() as found:
        yield found
