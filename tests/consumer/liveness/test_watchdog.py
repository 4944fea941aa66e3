"""A loop that hangs ends the process; one that continues does not."""

import subprocess
import sys

from structlog.testing import capture_logs

from consumer.events import CLIENT_HUNG
from consumer.liveness.watchdog import Watchdog
from tests.paths import ROOT


def test_ends_the_process_if_it_is_not_fed_for_too_long() -> None:
    slept: list[float] = []
    ends: list[int] = []

    def sleep(seconds: float) -> None:
        slept.append(seconds)
        if sum(slept) <= 20:
            watchdog.feed()

    watchdog = Watchdog(5.0, ends.append, sleep)
    with capture_logs() as lines:
        watchdog.watch()
    assert ends == [1]
    assert 24 <= sum(slept) <= 25
    assert [line["event"] for line in lines] == [CLIENT_HUNG.name]


def test_does_not_end_a_process_whose_loop_has_ended() -> None:
    ends: list[int] = []
    slept: list[float] = []

    def sleep(seconds: float) -> None:
        slept.append(seconds)
        if sum(slept) >= 3:
            watchdog.stop()

    watchdog = Watchdog(5.0, ends.append, sleep)
    watchdog.watch()
    assert (ends, sum(slept)) == ([], 3)


HANGING = """
import time
from consumer.liveness.watchdog import Watchdog

def hangs_here():
    time.sleep(60)

Watchdog(1.0).start()
hangs_here()
"""


def test_the_process_that_hangs_shows_where_every_thread_is() -> None:
    ran = subprocess.run(
        [sys.executable, "-c", HANGING], capture_output=True, text=True, timeout=30, cwd=ROOT
    )
    assert ran.returncode == 1
    assert "hangs_here" in ran.stderr
    assert "watch" in ran.stderr
    assert CLIENT_HUNG.name in ran.stdout
