"""Where a partition is read from, given what was committed and what the log holds."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from consumer.kafka.commit_note import CommitNote
from consumer.kafka.start import Committed, Finding, Start, StartFrom, start_of
from consumer.kafka.topic_log import LogRange

LOG = LogRange(100, 500)


def started(
    committed: Committed, start_from: StartFrom = "earliest", *, group_is_new: bool = False
) -> Start:
    return start_of(committed, LOG, "id", start_from=start_from, group_is_new=group_is_new)


@pytest.mark.parametrize("offset", [100, 300, 500])
@pytest.mark.parametrize("log", [None, "id"])
def test_a_committed_offset_in_the_log_is_where_it_goes_on(offset: int, log: str | None) -> None:
    found = started(Committed(offset, 3, CommitNote(log)))
    assert found == Start(offset, Finding.COMMITTED)


@pytest.mark.parametrize("offset", [0, 150, 500, 9999])
def test_a_topic_made_anew_is_read_from_its_beginning(offset: int) -> None:
    found = started(Committed(offset, 3, CommitNote("another")))
    assert found == Start(100, Finding.RECREATED)


def test_a_log_that_was_cut_off_is_read_for_what_a_later_leader_wrote() -> None:
    assert started(Committed(501, 3, CommitNote("id"))) == Start(100, Finding.TRUNCATED, 3)


def test_what_retention_deleted_is_found() -> None:
    assert started(Committed(99)) == Start(100, Finding.DELETED)


@pytest.mark.parametrize(
    ("start_from", "group_is_new", "offset"),
    [
        ("earliest", True, 100),
        ("earliest", False, 100),
        ("latest", True, 500),
        # A partition that was added after the group began.
        ("latest", False, 100),
    ],
)
def test_where_nothing_was_committed(
    start_from: StartFrom, group_is_new: bool, offset: int
) -> None:
    found = started(Committed(None), start_from, group_is_new=group_is_new)
    assert found == Start(offset, Finding.NEW)


@given(
    st.none() | st.integers(0, 600),
    st.sampled_from([None, "id", "another"]),
    st.sampled_from(["earliest", "latest"]),
    st.booleans(),
)
def test_it_is_always_in_the_log(
    offset: int | None, log: str | None, start_from: StartFrom, group_is_new: bool
) -> None:
    found = started(Committed(offset, 1, CommitNote(log)), start_from, group_is_new=group_is_new)
    assert LOG.begin <= found.offset <= LOG.end
