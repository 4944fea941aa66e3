"""A loop that stands still ends the process; one that goes on does not."""

from structlog.testing import capture_logs

from consumer.liveness.watchdog import Watchdog


def test_ends_the_process_when_it_is_not_fed_for_too_long() -> None:
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
    assert "hangs" in lines[0]["event"]
