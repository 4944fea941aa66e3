"""Floods of alarms, as EEMUA 191 counts them."""

from hypothesis import given
from hypothesis import strategies as st

from bearing_stream.commands.alarms.stage.annunciations import (
    FLOOD_ABOVE,
    FLOOD_ENDS_BELOW,
    PERIOD,
    Annunciated,
    Annunciations,
)

STEP = 10
"""Seconds; all times are multiples of it, so that a walk in steps misses nothing."""

ARRIVALS = st.lists(
    st.tuples(st.integers(0, 30), st.integers(1, 12), st.integers(0, 1)), max_size=30
)
"""Steps since the one before, how many, and in which partition."""


def walked(arrivals: list[tuple[int, int]], end: int) -> tuple[int, bool, int]:
    """Count, flood and seconds of floods at the end of a walk in steps, by the words of EEMUA."""
    floods, seconds = False, 0
    count = 0
    for now in range(0, end + 1, STEP):
        seconds += STEP * floods
        if sum(many for at, many in arrivals if now - PERIOD < at < now) < FLOOD_ENDS_BELOW:
            floods = False
        count = sum(many for at, many in arrivals if now - PERIOD < at <= now)
        if count > FLOOD_ABOVE:
            floods = True
    return count, floods, seconds


@given(ARRIVALS, st.integers(0, 200))
def test_floods_begin_and_end_as_a_walk_through_time_finds_them(
    arrivals: list[tuple[int, int, int]], after: int
) -> None:
    found, now, seen = Annunciations(), 0, []
    for steps, many, partition in arrivals:
        now += steps * STEP
        seen.append((now, many))
        found = found.replaced([*found.recent, Annunciated(now, partition, many)], now)
    now += after * STEP
    assert (found.count(now), found.is_flood(now), found.flood_seconds(now)) == walked(seen, now)


@given(ARRIVALS)
def test_time_in_flood_never_decreases_nor_exceeds_the_time(
    arrivals: list[tuple[int, int, int]],
) -> None:
    found, now, before = Annunciations(), 0, 0.0
    for steps, many, partition in arrivals:
        now += steps * STEP
        assert before <= found.flood_seconds(now) <= now
        before = found.flood_seconds(now)
        found = found.replaced([*found.recent, Annunciated(now, partition, many)], now)
        # The alarms of the other partition go to another instance.
        found = found.replaced([one for one in found.recent if one.partition == 0], now)
        assert found.flood_seconds(now) == before
