"""A loop that hangs ends the process; one that continues does not."""

from structlog.testing import capture_logs

from consumer.events import CLIENT_HUNG
from consumer.liveness.watchdog import Watchdog


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
