"""Pauses grow and are bounded; a limit holds in any minute."""

from hypothesis import given
from hypothesis import strategies as st

from bearing_stream.commands.alarms.notify.pace import Backoff, RateLimit


def test_pauses_double_up_to_the_longest() -> None:
    backoff = Backoff(10.0, lambda: 0.0)
    assert [backoff.pause() for _ in range(6)] == [1, 2, 4, 8, 10, 10]


def test_half_of_a_pause_is_random() -> None:
    draws = iter([0.0, 0.5, 1.0])
    backoff = Backoff(1.0, lambda: next(draws))
    assert [backoff.pause() for _ in range(3)] == [1, 0.75, 0.5]


def test_a_receiver_may_ask_for_a_longer_pause_but_not_for_any() -> None:
    assert Backoff(10.0, lambda: 0.0).pause(60.0) == 60
    assert Backoff(10.0, lambda: 0.0).pause(1e9) == 3600


def test_no_limit_never_waits() -> None:
    limit = RateLimit(None, lambda: 0.0)
    for _ in range(100):
        assert limit.wait() == 0
        limit.note()


@given(st.integers(1, 5), st.lists(st.floats(0, 40), max_size=60))
def test_in_any_minute_there_are_at_most_so_many(most: int, gaps: list[float]) -> None:
    now = [0.0]
    limit = RateLimit(most, lambda: now[0])
    sent: list[float] = []
    for gap in gaps:
        now[0] += gap
        if not limit.wait():
            limit.note()
            sent.append(now[0])
    for first, beyond in zip(sent, sent[most:], strict=False):
        assert beyond - first >= 60
