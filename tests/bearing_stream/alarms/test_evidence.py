"""Evidence is what one would compute anew from the last measurements, and survives being saved."""

from math import exp

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bearing_stream.alarms.evidence import COLUMNS, Evidence, Row
from bearing_stream.alarms.observation import BITS, ObservationError, observation, read
from tests.bearing_stream.alarms.diagnoses import diagnosis


def row_of(windows: int, mask: int, seed: int) -> Row:
    return (windows, mask, *((seed * 7919 * column) % 999_983 for column in range(COLUMNS - 2)))


ROWS = st.lists(
    st.builds(row_of, st.integers(1, 8), st.integers(0, 2 ** len(BITS) - 1), st.integers(-9, 9)),
    max_size=30,
)


def filled(capacity: int, rows: list[Row]) -> Evidence:
    evidence = Evidence(capacity)
    for time, row in enumerate(rows):
        evidence.add(time, row)
    return evidence


def last(capacity: int, rows: list[Row]) -> list[Row]:
    """The last rows that together have `capacity` windows, or all."""
    kept: list[Row] = []
    for row in reversed(rows):
        if sum(each[0] for each in kept) >= capacity:
            break
        kept.insert(0, row)
    return kept


@given(st.integers(8, 32), ROWS)
def test_the_sums_are_those_over_the_last_measurements(capacity: int, rows: list[Row]) -> None:
    evidence, kept = filled(capacity, rows), last(capacity, rows)
    assert evidence.windows == sum(row[0] for row in kept)
    for bit in range(len(BITS)):
        assert evidence.counts[bit] == sum(row[0] * (row[1] >> bit & 1) for row in kept)
    if evidence.counts[4]:
        mean = sum(row[0] * row[10] for row in kept) / evidence.counts[4] / 10_000
        assert evidence.indicator(0) == pytest.approx(mean)


@given(st.integers(8, 32), ROWS, ROWS)
def test_saved_evidence_goes_on_identically(
    capacity: int, before: list[Row], after: list[Row]
) -> None:
    evidence = filled(capacity, before)
    loaded = Evidence.load(capacity, evidence.dump())
    for time, row in enumerate(after, len(before)):
        evidence.add(time, row)
        loaded.add(time, row)
    assert (loaded.dump(), loaded.counts) == (evidence.dump(), evidence.counts)
    assert loaded.sigmas() == evidence.sigmas()


@given(st.integers(8, 32), st.integers(8, 32), ROWS)
def test_another_capacity_keeps_the_latest(before: int, after: int, rows: list[Row]) -> None:
    evidence = filled(before, rows)
    evidence.resize(after)
    expected = filled(after, last(before, rows))
    assert evidence.dump()[1] == expected.dump()[1]
    assert evidence.counts == expected.counts


def test_probabilities_are_normalised_geometric_means() -> None:
    evidence = Evidence(8)
    for time, logs in enumerate([(-10_000, 0, 0, 0), (-30_000, 0, 0, 0)]):
        evidence.add(time, (1, 1, *logs, *[0] * 9))
    low = exp(-2)
    assert evidence.probabilities() == pytest.approx((low / (3 + low), *[1 / (3 + low)] * 3))


def test_what_was_not_dumped_here_is_refused() -> None:
    times, rows = filled(8, [(1, 0, *[0] * 13)]).dump()
    with pytest.raises(ValueError, match="expected 15 numbers for each of 1"):
        Evidence.load(8, [times, rows[:16]])


@pytest.mark.parametrize(
    "value",
    [
        *(None, b"", b"{", b"[]", b"3", b'{"probabilities": 3}'),
        b'{"probabilities": {"Ball": "a"}}',
    ],
)
def test_what_is_no_diagnosis_is_refused(value: bytes | None) -> None:
    with pytest.raises(ObservationError, match="expected a diagnosis"):
        read(value, 0)


def test_a_diagnosis_of_a_later_version_is_read() -> None:
    found = observation(diagnosis(reasons=["rust"], more={}, prediction="Cage"), 7)
    assert found.offset == 7
    assert found == observation(diagnosis(), 7)
