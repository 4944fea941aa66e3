"""What one partition keeps: offsets, markers, stability, retention, truncation."""

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bearing_stream.wire import Message
from tests.kafka_in_memory.log import OffsetOutOfRangeError, PartitionLog

A, B = 1, 2
"""Ids of two transactional producers."""


def message(text: str = "x") -> Message:
    return Message(b"key", text.encode(), [])


def log_of(*producers: int | None) -> PartitionLog:
    """A log with a record of each of these producers; None is in no transaction."""
    log = PartitionLog()
    for producer in producers:
        log.append(message(), producer)
    return log


def offsets(log: PartitionLog, start: int = 0) -> list[int]:
    return [entry.offset for entry in log.read(start)]


@pytest.mark.parametrize("committed", [True, False])
def test_a_marker_takes_an_offset(committed: bool) -> None:
    log = log_of(A, A)
    log.mark(A, committed)
    assert log.append(message()) == 3
    assert log.high_watermark == 4


def test_a_reader_of_committed_records_sees_no_marker_and_nothing_aborted() -> None:
    log = log_of(A, B, None)
    log.mark(A, committed=False)
    log.mark(B, committed=True)
    assert offsets(log) == [1, 2]
    assert [entry.offset for entry in log.read(0, "read_uncommitted")] == [0, 1, 2]


def test_nothing_is_visible_at_or_beyond_the_last_stable_offset() -> None:
    log = log_of(None, A, None, B)
    assert (log.last_stable_offset, log.high_watermark) == (1, 4)
    assert offsets(log) == [0]
    log.mark(A, committed=True)
    assert log.last_stable_offset == 3
    assert offsets(log) == [0, 1, 2]
    log.mark(B, committed=False)
    assert log.last_stable_offset == log.high_watermark == 6


def test_the_end_depends_on_the_isolation_level() -> None:
    log = log_of(None, A)
    assert (log.end("read_committed"), log.end("read_uncommitted")) == (1, 2)


def test_the_next_marker_decides_what_an_earlier_transaction_left_open() -> None:
    log = log_of(A)
    log.append(message(), A)
    log.mark(A, committed=False)
    assert offsets(log) == []


def test_retention_deletes_from_the_beginning_and_never_beyond_the_end() -> None:
    log = log_of(None, None, None)
    log.delete_before(2)
    assert (log.start, offsets(log, 2)) == (2, [2])
    log.delete_before(1)
    assert log.start == 2
    log.delete_before(100)
    assert (log.start, log.high_watermark, offsets(log, 3)) == (3, 3, [])


@pytest.mark.parametrize("offset", [0, 1, 5])
def test_an_offset_that_the_log_does_not_hold_is_out_of_range(offset: int) -> None:
    log = log_of(None, None, None, None)
    log.delete_before(2)
    with pytest.raises(OffsetOutOfRangeError):
        log.read(offset)


def test_compaction_leaves_gaps() -> None:
    log = log_of(None, None, None, None)
    log.compact([1, 2])
    assert (offsets(log), log.high_watermark) == ([0, 3], 4)


def test_a_truncated_log_goes_on_at_the_cut_in_a_new_leader_epoch() -> None:
    log = log_of(None, None, None, None)
    log.truncate(2)
    assert (offsets(log), log.high_watermark, log.leader_epoch) == ([0, 1], 2, 1)
    assert log.append(message()) == 2
    assert [entry.leader_epoch for entry in log.read(0)] == [0, 0, 1]
    assert log.end_of_epoch(0) == 2
    assert log.end_of_epoch(1) == 3


def test_truncation_takes_back_a_marker() -> None:
    log = log_of(A)
    log.mark(A, committed=True)
    log.truncate(1)
    assert (log.last_stable_offset, offsets(log)) == (0, [])


def test_a_new_leader_with_the_whole_log_cuts_nothing_off() -> None:
    log = log_of(None, None)
    log.elect_leader()
    log.append(message())
    assert (log.leader_epoch, log.end_of_epoch(0), offsets(log)) == (1, 2, [0, 1, 2])


STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("append"), st.sampled_from((None, A, B))),
        st.tuples(st.just("commit"), st.sampled_from((A, B))),
        st.tuples(st.just("abort"), st.sampled_from((A, B))),
    ),
    max_size=30,
)


@given(STEPS)
def test_what_is_visible_stays_so_and_grows_only_at_its_end(
    steps: Sequence[tuple[str, int | None]],
) -> None:
    log, seen = PartitionLog(), list[int]()
    for step, producer in steps:
        if step == "append":
            log.append(message(), producer)
        elif producer is not None:
            log.mark(producer, step == "commit")
        now = offsets(log)
        assert now[: len(seen)] == seen
        assert log.last_stable_offset <= log.high_watermark
        seen = now


@given(STEPS, st.integers(0, 30))
def test_truncation_is_as_if_what_it_takes_never_came(
    steps: Sequence[tuple[str, int | None]], cut: int
) -> None:
    whole, short = PartitionLog(), PartitionLog()
    for log in (whole, short):
        for step, producer in steps:
            if log is short and log.high_watermark == cut:
                break
            if step == "append":
                log.append(message(), producer)
            elif producer is not None:
                log.mark(producer, step == "commit")
    whole.truncate(cut)
    assert offsets(whole) == offsets(short)
    assert whole.last_stable_offset == short.last_stable_offset
