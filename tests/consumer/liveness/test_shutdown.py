"""A signal ends the process in good order, a second one at once, and time ends it in any case."""

import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from consumer.events import SHUTDOWN_TIMED_OUT, STOPPED_AT_ONCE, STOPPING
from tests.paths import ROOT

PROGRAM = """
import signal
import time
# A process ignores what its parent ignored.
signal.signal(signal.SIGTERM, signal.SIG_DFL)
from consumer import events
from consumer.liveness import shutdown
from bearing_stream.logs import configure_logs
configure_logs("json", "info", events.LIBRARY_MESSAGE)
shutdown.SHUTDOWN_LIMIT = {limit}
with shutdown.stopping_on_signals(lambda: {in_flight}):
    print("ready", flush=True)
    time.sleep({seconds})
if {seconds} < 60:
    print("left", flush=True)
    time.sleep(60)
"""
SIGNALS = pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])


@contextmanager
def program(
    limit: float, in_flight: bool = True, seconds: float = 60
) -> "Iterator[subprocess.Popen[str]]":
    """A process that is ready for signals for some seconds, and does not stop by itself."""
    code = PROGRAM.format(limit=limit, in_flight=in_flight, seconds=seconds)
    with subprocess.Popen(
        [sys.executable, "-c", code],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=ROOT,
    ) as process:
        try:
            assert process.stdout is not None
            assert process.stdout.readline() == "ready\n"
            yield process
        finally:
            process.kill()


def read_event(process: "subprocess.Popen[str]") -> str:
    assert process.stderr is not None
    return process.stderr.readline()


@SIGNALS
def test_a_second_signal_ends_the_process_at_once(number: signal.Signals) -> None:
    with program(limit=60) as process:
        process.send_signal(signal.SIGTERM)
        assert STOPPING.name in read_event(process)
        assert process.poll() is None, "the first signal leaves time to finish"
        before = time.monotonic()
        process.send_signal(number)
        assert process.wait(5) == 1
        assert time.monotonic() - before < 2
        event = read_event(process)
        assert STOPPED_AT_ONCE.name in event
        assert number.name in event


def test_a_process_that_does_not_stop_is_ended_when_the_time_is_over() -> None:
    with program(limit=0.2) as process:
        process.send_signal(signal.SIGTERM)
        assert process.wait(5) == 1
        assert STOPPING.name in read_event(process)
        assert SHUTDOWN_TIMED_OUT.name in read_event(process)


@SIGNALS
def test_where_nothing_is_in_flight_the_first_signal_ends_it(number: signal.Signals) -> None:
    with program(limit=60, in_flight=False) as process:
        process.send_signal(number)
        assert process.wait(5) == 0
        event = read_event(process)
        assert STOPPING.name in event
        assert number.name in event


def test_after_the_block_a_signal_has_its_default_action_again() -> None:
    with program(limit=60, seconds=0) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "left\n"
        process.send_signal(signal.SIGTERM)
        assert process.wait(30) == -signal.SIGTERM
