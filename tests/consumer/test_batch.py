"""The capacity of a batch, the order of its rows, and when it is due."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bearing_stream.wire import (
    Headers,
    Measurement,
    MeasurementLimits,
    RejectionReason,
    encode_measurement,
)
from consumer.batch import INITIAL_CAPACITY, Batch
from consumer.metrics import DispatchReason
from tests.consumer.fakes import START, WINDOWS, FakeMessage, malformed, measurement, window


def fill(batch: Batch, kinds: list[bool], now: float = 0.0) -> None:
    """Add a window for each True and a malformed message for each False."""
    for number, good in enumerate(kinds):
        message = window(number, number % 4) if good else malformed(number)
        batch.add(FakeMessage(message, number % 3, 10 + number), now)


@given(st.lists(st.booleans(), max_size=20))
def test_rejected_messages_count_towards_the_capacity_and_take_no_row(kinds: list[bool]) -> None:
    batch = Batch(capacity=20, max_delay=1.0)
    fill(batch, kinds)
    assert len(batch) == len(kinds)
    assert batch.free == 20 - len(kinds)
    assert len(batch.dead_letters) == kinds.count(False)
    good = [number for number, is_good in enumerate(kinds) if is_good]
    assert [accepted.attributes.id for accepted in batch.accepted] == [f"w{n:06d}" for n in good]
    assert batch.samples.shape == (len(good), 2048)
    np.testing.assert_array_equal(batch.samples[:, 0], [number % 4 for number in good])


@given(st.lists(st.booleans(), min_size=1, max_size=20))
def test_positions_are_the_next_offsets_of_accepted_and_rejected_messages(
    kinds: list[bool],
) -> None:
    batch = Batch(capacity=20, max_delay=1.0)
    fill(batch, kinds)
    expected = {(WINDOWS, n % 3): 10 + n + 1 for n in range(len(kinds))}
    assert batch.positions == expected


def test_is_due_when_full() -> None:
    batch = Batch(capacity=2, max_delay=1.0)
    fill(batch, [True])
    assert batch.due(now=0.5) is None
    fill(batch, [False])
    assert batch.due(now=0.5) is DispatchReason.FULL


LARGE = {
    "headers": window(0)._replace(headers=[*window(0).headers, ("x", bytes(1_000_000))]),
    "key": window(0)._replace(key=bytes(1_000_000)),
    "value": malformed(0)._replace(value=bytes(1_000_000)),
    "key, and no window": window(0)._replace(key=bytes(1_000_000), value=bytes(8192)),
}


@pytest.mark.parametrize("what", LARGE)
def test_is_due_when_its_messages_are_large(what: str) -> None:
    """Without this, a batch of a hundred messages of a megabyte would hold 100 MB."""
    batch, message = Batch(capacity=100, max_delay=1.0), LARGE[what]
    taken = 0
    while batch.due(now=0.0) is None:
        batch.add(FakeMessage(message, offset_number=taken), now=0.0)
        taken += 1
    assert taken == 17
    assert (batch.free, batch.due(now=0.0)) == (0, DispatchReason.FULL)
    batch.clear()
    assert batch.free == 100


@pytest.mark.parametrize("limit", [64 * 1024, 2**20, 16 * 2**20])
def test_keeps_to_its_bytes_where_windows_are_rejected(limit: int) -> None:
    """A transaction that did not get out in time is tried again smaller."""
    batch = Batch(capacity=100_000, max_delay=1.0)
    batch.byte_limit = limit
    while batch.due(now=0.0) is None:
        batch.add(FakeMessage(window(0)._replace(value=bytes(8192))), now=0.0)
    assert sum(len(letter.original.value or b"") for letter in batch.dead_letters) < 1.13 * limit


def test_is_due_when_its_oldest_message_has_waited() -> None:
    batch = Batch(capacity=9, max_delay=1.0)
    fill(batch, [True], now=5.0)
    fill(batch, [True], now=5.9)
    assert batch.deadline == pytest.approx(6.0)
    assert batch.due(now=5.99) is None
    assert batch.due(now=6.0) is DispatchReason.DELAY


@pytest.mark.parametrize("capacity", [1, 100, 256, 3_000])
@pytest.mark.parametrize("each", [1e-6, 1e-3, 0.01, 5.0])
def test_takes_no_more_messages_than_can_be_diagnosed_in_the_target_duration(
    capacity: int, each: float
) -> None:
    batch = Batch(capacity, max_delay=1.0, target_duration=2.5)
    durations = []
    for _ in range(8):
        while batch.due(now=0.0) is None:
            batch.add(FakeMessage(window(len(batch))), now=0.0)
        durations.append(each * len(batch))
        batch.record_duration(durations[-1])
        batch.clear()
    assert durations[0] <= INITIAL_CAPACITY * each
    assert max(durations[1:]) <= max(2.5, each)
    assert durations[-1] == pytest.approx(each * min(capacity, max(int(2.5 / each + 1e-6), 1)))


def test_a_device_that_becomes_slow_gets_smaller_batches() -> None:
    batch = Batch(256, max_delay=1.0, target_duration=2.5)
    fill(batch, [True] * 256)
    batch.record_duration(5.0)
    batch.clear()
    assert batch.free == 128


def test_a_few_fast_windows_do_not_reduce_the_capacity() -> None:
    batch = Batch(256, max_delay=1.0, target_duration=2.5)
    fill(batch, [True] * 3)
    batch.record_duration(0.01)
    assert batch.free == INITIAL_CAPACITY - 3


def test_the_delay_starts_again_after_clear() -> None:
    batch = Batch(capacity=9, max_delay=1.0)
    fill(batch, [True, False], now=5.0)
    batch.clear()
    assert (len(batch), batch.positions, batch.due(now=99.0)) == (0, {}, None)
    fill(batch, [True], now=8.0)
    assert batch.deadline == pytest.approx(9.0)


def test_a_rejection_during_decoding_does_not_change_the_next_window() -> None:
    batch = Batch(capacity=3, max_delay=1.0)
    good = window(0, 2)
    samples = np.full(2048, np.nan, np.float32)
    bad = good._replace(value=samples.tobytes())
    batch.add(FakeMessage(bad, offset_number=0), 0.0)
    batch.add(FakeMessage(good, offset_number=1), 0.0)
    assert batch.dead_letters[0].reason is RejectionReason.NON_FINITE
    np.testing.assert_array_equal(batch.samples, np.arange(2, 2050, dtype=np.float32)[None])


def test_a_message_without_headers_key_or_value_is_a_dead_letter() -> None:
    batch = Batch(capacity=3, max_delay=1.0)
    message = FakeMessage(malformed(0)._replace(key=None, value=None, headers=None))  # type: ignore[arg-type]
    batch.add(message, 0.0)
    [letter] = batch.dead_letters
    assert (letter.original.key, letter.original.value, letter.original.headers) == (None, None, [])


def test_headers_that_the_client_cannot_read_make_a_dead_letter() -> None:
    class Unreadable(FakeMessage):
        def headers(self) -> Headers | None:
            # As confluent-kafka 2.16 does if the name of a header is not UTF-8.
            raise SystemError("returned a result with an exception set")

    batch = Batch(capacity=3, max_delay=1.0)
    batch.add(Unreadable(window(0), offset_number=7), 0.0)
    [letter] = batch.dead_letters
    assert letter.reason is RejectionReason.INVALID_HEADER
    assert letter.original == window(0)._replace(headers=[])
    assert batch.positions == {(WINDOWS, 0): 8}


NOISE = np.random.default_rng(0).normal(size=2048).astype(np.float32)

VALUES: dict[str, list[bytes]] = {
    "float32-le": [
        NOISE.tobytes(),
        np.append(NOISE[:1], NOISE[:-1]).tobytes(),
        np.append(NOISE[:-1], np.float32(np.nan)).tobytes(),
        np.append(np.float32(-np.inf), NOISE[1:]).tobytes(),
        np.full(2048, 0.5, np.float32).tobytes(),
        (b"1.0, 2.0, " * 820)[:8192],
        b"\x1f\x8b\x08\0" + NOISE[1:].tobytes(),
        bytes(range(250)) * 32,
    ],
    "int16-le": [
        (1000 * NOISE).astype(np.int16).tobytes(),
        np.full(2048, -7, np.int16).tobytes(),
        b"\x28\xb5\x2f\xfd" + (1000 * NOISE[2:]).astype(np.int16).tobytes(),
    ],
}
"""Values of windows, and of what is none: not finite, flat, text, compressed, too short."""

KINDS = [(name, number) for name, values in VALUES.items() for number in range(len(values))]


def of_kind(number: int, sample_format: str, value: int) -> FakeMessage:
    headers = [
        (name, sample_format.encode() if name == "ce_sampleformat" else raw)
        for name, raw in window(number).headers
    ]
    message = window(number)._replace(headers=headers, value=VALUES[sample_format][value])
    return FakeMessage(message, number % 3, 10 + number)


@given(st.lists(st.sampled_from(KINDS + 8 * [("float32-le", 0), ("int16-le", 0), ("bad", 0)])))
def test_messages_in_one_batch_are_checked_as_each_alone(kinds: list[tuple[str, int]]) -> None:
    together = Batch(capacity=2 + len(kinds), max_delay=1.0)
    rows, accepted, letters = [], [], []
    for number, (name, value) in enumerate(kinds):
        bad = FakeMessage(malformed(number), number % 3, 10 + number)
        message = bad if name == "bad" else of_kind(number, name, value)
        together.add(message, 0.0)
        assert len(together) == number + 1
        alone = Batch(capacity=1, max_delay=1.0)
        alone.add(message, 0.0)
        rows += list(alone.samples.copy())
        accepted += alone.accepted
        letters += alone.dead_letters
    assert together.accepted == accepted
    assert together.dead_letters == letters
    np.testing.assert_array_equal(together.samples, np.reshape(rows, (-1, 2048)))


REJECTED = {
    ("float32-le", 2): RejectionReason.NON_FINITE,
    ("float32-le", 3): RejectionReason.NON_FINITE,
    ("float32-le", 4): RejectionReason.FLAT_LINE,
    ("float32-le", 5): RejectionReason.UNSUPPORTED_FORMAT,
    ("float32-le", 6): RejectionReason.UNSUPPORTED_FORMAT,
    ("float32-le", 7): RejectionReason.WRONG_LENGTH,
    ("int16-le", 1): RejectionReason.FLAT_LINE,
    ("int16-le", 2): RejectionReason.UNSUPPORTED_FORMAT,
}


@pytest.mark.parametrize("kind", KINDS, ids=str)
def test_each_value_that_is_no_window_is_rejected(kind: tuple[str, int]) -> None:
    batch = Batch(capacity=99, max_delay=1.0)
    for number, each in enumerate([(kind[0], 0), kind, (kind[0], 0)]):
        batch.add(of_kind(number, *each), 0.0)
    reason = REJECTED.get(kind)
    good = [10, 12] if reason else [10, 11, 12]
    assert [one.offset for one in batch.accepted] == good
    assert [letter.reason for letter in batch.dead_letters] == ([reason] if reason else [])


SIZES = st.lists(st.integers(0, 6), min_size=1, max_size=12)
"""Windows of each message; one of 0 is malformed."""


def add_all(batch: Batch, sizes: list[int], rate: float = 12_000) -> None:
    for number, size in enumerate(sizes):
        message = measurement(number, number % 4, size, rate) if size else malformed(number)
        batch.add(FakeMessage(message, number % 3, 10 + number), 0.0)


@given(SIZES, st.sampled_from([12_000, 25_600, 48_000, 51_200]))
def test_the_windows_of_each_measurement_are_in_a_row(sizes: list[int], rate: float) -> None:
    batch = Batch(capacity=8, max_delay=1.0)
    add_all(batch, sizes, rate)
    good = [(number, size) for number, size in enumerate(sizes) if size]
    assert [one.windows for one in batch.accepted] == [size for _, size in good]
    assert len(batch) == sum(max(size, 1) for size in sizes)
    assert batch.free == max(8 - len(batch), 0)
    labels = [number % 4 for number, size in good for _ in range(size)]
    assert np.rint(batch.samples[:, 500:1000].mean(axis=1)).tolist() == labels
    assert batch.positions == {(WINDOWS, n % 3): 10 + n + 1 for n in range(len(sizes))}
    batch.clear()
    assert (len(batch), batch.free, batch.samples.shape) == (0, 8, (0, 2048))


@given(SIZES, st.data())
def test_rejecting_a_measurement_takes_exactly_its_windows_away(
    sizes: list[int], data: st.DataObject
) -> None:
    batch = Batch(capacity=100, max_delay=1.0)
    add_all(batch, sizes)
    if not batch.accepted:
        return
    index = data.draw(st.integers(0, len(batch.accepted) - 1))
    edges = np.cumsum([0, *(one.windows for one in batch.accepted)])
    expected = np.delete(batch.samples, np.s_[edges[index] : edges[index + 1]], axis=0)
    rejected = batch.accepted[index]
    batch.reject(index, RejectionReason.ASSESSMENT_FAILED, "why")
    np.testing.assert_array_equal(batch.samples, expected)
    assert rejected not in batch.accepted
    assert batch.dead_letters[-1].offset == rejected.offset


def test_a_measurement_larger_than_the_batch_is_taken_whole_and_its_memory_given_back() -> None:
    batch = Batch(capacity=4, max_delay=1.0)
    add_all(batch, [1, 300])
    assert (len(batch), batch.free, batch.due(0.0)) == (301, 0, DispatchReason.FULL)
    assert batch.is_oversized
    assert batch.samples.shape == (301, 2048)
    batch.clear()
    assert batch._buffer.nbytes == 4 * 8192


def test_what_large_measurements_hold_beyond_their_windows_is_bounded() -> None:
    batch = Batch(capacity=65_536, max_delay=1.0)
    while batch.due(now=0.0) is None:
        batch.add(FakeMessage(measurement(0, windows=6, rate=1_000_000)), now=0.0)
    assert len(batch.accepted) == pytest.approx(16 * 2**20 / (6 * 2048 / 12_000 * 4e6), abs=1)


def test_windows_that_do_not_vary_are_left_out() -> None:
    samples = np.zeros(4 * 2048, np.float32)
    samples[2048:4096] = np.arange(2048)
    message = encode_measurement(Measurement("/fake", "1", "pump", START, samples))
    batch = Batch(capacity=4, max_delay=1.0)
    batch.add(FakeMessage(message), 0.0)
    [accepted] = batch.accepted
    assert (accepted.windows, accepted.defects.incomplete) == (1, True)
    np.testing.assert_array_equal(batch.samples, samples.reshape(4, 2048)[1:2])


def test_a_measurement_of_which_no_window_varies_is_a_flat_line() -> None:
    samples = np.zeros(2 * 2048 + 100, np.float32)
    samples[-1] = 1
    message = encode_measurement(Measurement("/fake", "1", "pump", START, samples))
    batch = Batch(capacity=4, max_delay=1.0)
    batch.add(FakeMessage(message), 0.0)
    [letter] = batch.dead_letters
    assert letter.reason is RejectionReason.FLAT_LINE
    assert "2 windows, and none of them varies" in letter.detail


def test_samples_that_leave_float32_when_they_are_resampled_are_a_dead_letter() -> None:
    samples = np.tile(np.repeat([3.4e38, -3.4e38], 3), 2000).astype(np.float32)
    message = encode_measurement(Measurement("/fake", "1", "pump", START, samples, 16_000))
    batch = Batch(capacity=4, max_delay=1.0)
    batch.add(FakeMessage(message), 0.0)
    assert [letter.reason for letter in batch.dead_letters] == [RejectionReason.NON_FINITE]


def test_the_limits_of_measurements_are_those_given() -> None:
    batch = Batch(capacity=4, max_delay=1.0, limits=MeasurementLimits(max_samples=5000))
    add_all(batch, [2, 3])
    assert [letter.reason for letter in batch.dead_letters] == [RejectionReason.WRONG_LENGTH]
