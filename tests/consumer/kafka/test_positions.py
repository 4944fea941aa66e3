"""The position of a partition: what is new there, and what its commits note."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from consumer.kafka.commit_note import CLOCK_TOLERANCE, CommitNote
from consumer.kafka.positions import MARKED_MILLISECONDS, MARKED_OFFSETS, Position, Taken, Tracker
from consumer.kafka.start import Finding, Start

PARTITION = ("bearing.windows", 3)
NOW = 1_000_000
"""Milliseconds since the epoch."""


def tracker_at(
    start: Start, note: CommitNote | None = None, done: set[int] | None = None
) -> Tracker:
    tracker = Tracker(leaves_marks=note is not None)
    tracker.log = "id"
    tracker.assign([PARTITION])
    tracker.begin(PARTITION, start, note or CommitNote(), start.offset, done or set(), NOW)
    return tracker


def position(tracker: Tracker) -> Position:
    found = tracker.of(PARTITION)
    assert found is not None
    return found


@given(st.lists(st.integers(0, 30), max_size=60))
def test_every_offset_is_taken_once_and_in_order(offsets: list[int]) -> None:
    at = position(tracker_at(Start(5, Finding.COMMITTED)))
    taken = [offset for offset in offsets if at.take(offset, 0) is Taken.NEW]
    assert taken == sorted(set(taken))
    assert all(offset >= 5 for offset in taken)


def test_what_a_later_leader_wrote_anew_is_taken_again() -> None:
    at = position(tracker_at(Start(0, Finding.COMMITTED)))
    for offset in range(10):
        at.take(offset, 4)
    assert not at.is_rewritten(6, 4)
    assert at.is_rewritten(6, 5)
    assert not at.is_rewritten(10, 5)


def test_a_log_that_was_cut_off_is_passed_over_up_to_a_later_epoch() -> None:
    at = position(tracker_at(Start(0, Finding.TRUNCATED, above_epoch=4)))
    found = [at.take(offset, epoch) for offset, epoch in ((0, 3), (1, 4), (2, 5), (3, 5))]
    assert found == [Taken.OLD, Taken.OLD, Taken.NEW, Taken.NEW]


def test_results_that_are_missing_from_the_output_are_made_again_and_no_others() -> None:
    start, note = Start(10, Finding.COMMITTED), CommitNote("id", first=4, since=1_000)
    at = position(tracker_at(start, note, done={4, 5, 8, 9, 12}))
    assert at.next == 6, "the first offset without a result"
    again = [offset for offset in range(6, 14) if at.take(offset, 0) is Taken.NEW]
    assert again == [6, 7, 10, 11, 13]


def test_the_note_keeps_its_beginning_until_what_was_checked_is_passed() -> None:
    note = CommitNote("id", first=4, since=1_000)
    tracker = tracker_at(Start(10, Finding.COMMITTED), note, done={5, 12})
    later = 1_000 + 2 * MARKED_MILLISECONDS
    for offset, first in ((8, 4), (13, 4), (14, 8)):
        [committed] = tracker.to_commit({PARTITION: offset}, later)
        assert CommitNote.decode(committed.metadata).first == first
        tracker.note_committed({PARTITION: offset}, later)
        later += 2 * MARKED_MILLISECONDS


@given(st.lists(st.tuples(st.integers(1, 3_000), st.integers(0, 90_000)), min_size=1, max_size=30))
def test_a_note_covers_the_last_transactions(steps: list[tuple[int, int]]) -> None:
    tracker = tracker_at(Start(0, Finding.NEW), CommitNote("id", 0, 0))
    offset = now = before = 0
    for windows, milliseconds in steps:
        before, offset, now = offset, offset + windows, now + milliseconds
        [committed] = tracker.to_commit({PARTITION: offset}, now)
        note = CommitNote.decode(committed.metadata)
        assert note.first is not None
        assert note.since is not None
        assert note.first <= before, "the transaction that is committed is covered"
        tracker.note_committed({PARTITION: offset}, now)
        assert len(position(tracker).marks) <= 2 + MARKED_OFFSETS


def test_a_replicated_output_needs_only_the_log() -> None:
    tracker = tracker_at(Start(7, Finding.COMMITTED))
    position(tracker).take(7, 2)
    [committed] = tracker.to_commit({PARTITION: 8}, 5)
    assert (committed.offset, committed.leader_epoch) == (8, 2)
    assert CommitNote.decode(committed.metadata) == CommitNote("id")


def test_positions_go_with_their_partition() -> None:
    tracker = tracker_at(Start(7, Finding.COMMITTED))
    tracker.forget_positions()
    assert tracker.owned == {PARTITION}
    assert (tracker.unresolved, tracker.next) == ([PARTITION], {})
    tracker.remove([PARTITION])
    assert not tracker.owned


def test_a_partition_that_is_assigned_again_is_unresolved() -> None:
    tracker = tracker_at(Start(7, Finding.COMMITTED))
    tracker.assign([PARTITION])
    assert (tracker.unresolved, tracker.next) == ([PARTITION], {})


def note_of(tracker: Tracker, offset: int, began: int) -> CommitNote:
    [committable] = tracker.to_commit({PARTITION: offset}, began)
    tracker.note_committed({PARTITION: offset}, began)
    return CommitNote.decode(committable.metadata)


@pytest.mark.parametrize("finding", [Finding.NEW, Finding.RECREATED, Finding.TRUNCATED])
def test_results_from_before_a_log_began_are_of_another_log(finding: Finding) -> None:
    tracker = tracker_at(Start(0, finding), CommitNote())
    assert note_of(tracker, 5, NOW + 1_000).born == NOW
    successor = tracker_at(Start(5, Finding.COMMITTED), note_of(tracker, 5, NOW + 1_500))
    assert note_of(successor, 6, NOW + 1_900).born == NOW


def test_a_log_that_began_long_ago_is_not_noted() -> None:
    tracker = tracker_at(Start(0, Finding.NEW), CommitNote())
    later = NOW + MARKED_MILLISECONDS + 2 * CLOCK_TOLERANCE
    for began in (NOW + CLOCK_TOLERANCE, later, 2 * later):
        note = note_of(tracker, began, began)
    assert note.born is None


@given(st.lists(st.integers(NOW, NOW + 3_600_000), min_size=1, max_size=50))
def test_the_note_states_the_earliest_time_of_what_it_covers(began: list[int]) -> None:
    """Whatever the clock does: what was published at a time must be found from the note on."""
    tracker = tracker_at(Start(0, Finding.COMMITTED), CommitNote())
    for number, moment in enumerate(began):
        note = note_of(tracker, number + 1, moment)
        assert note.first is not None
        assert note.since == min(began[note.first : number + 1])
