"""Where a partition is read from: the committed offset, checked against the log that is there now.

A committed offset names a place in one log. A topic that was deleted and created anew has the same
name and another log; retention deletes the beginning of a log; an unclean leader election cuts off
its end. In each of these cases the offset alone would lead to the wrong place, or to none.
"""

from dataclasses import dataclass
from enum import StrEnum
from typing import Final, Literal

from consumer.kafka.commit_note import CommitNote
from consumer.kafka.topic_log import LogRange

StartFrom = Literal["earliest", "latest"]
"""Where a group without any committed offset begins."""


class Finding(StrEnum):
    """What is unusual about the place that a partition is read from."""

    COMMITTED = "committed"
    """Nothing: the committed offset is in the log."""
    NEW = "new"
    """Nothing was ever committed for the partition."""
    RECREATED = "recreated"
    """The committed offset belongs to a topic of the same name that was deleted since."""
    TRUNCATED = "truncated"
    """The log ends before the committed offset."""
    DELETED = "deleted"
    """The log begins after the committed offset: retention deleted what was not diagnosed."""


NO_NOTE: Final = CommitNote()
"""Nothing was committed with the offset."""


@dataclass(frozen=True, slots=True)
class Committed:
    """What the group has committed for a partition.

    Args:
        offset: The next offset to read; None if nothing was ever committed.
        epoch: Leader epoch of the record before it; None if unknown.
        note: What was committed with it.
    """

    offset: int | None
    epoch: int | None = None
    note: CommitNote = NO_NOTE


@dataclass(frozen=True, slots=True)
class Start:
    """Where to begin.

    Args:
        offset: Of the first message to take.
        finding: Why it is not simply the committed offset.
        above_epoch: Take only records with a leader epoch above this one; None takes all.
    """

    offset: int
    finding: Finding
    above_epoch: int | None = None


def start_of(
    committed: Committed,
    log: LogRange,
    topic_id: str | None,
    *,
    start_from: StartFrom,
    group_is_new: bool,
) -> Start:
    """Decide where a partition is read from.

    With `latest` only a group that has committed nothing in the whole topic begins at the end: a
    partition that was added since holds windows that came after the group began.

    Args:
        committed: What the group committed for the partition.
        log: What the partition holds.
        topic_id: Id of the topic now; None where the broker gives none.
        start_from: Where a new group begins.
        group_is_new: Whether the group has committed nothing for any partition of the topic.
    """
    offset, written_to = committed.offset, committed.note.log
    if offset is None:
        at_end = start_from == "latest" and group_is_new
        return Start(log.end if at_end else log.begin, Finding.NEW)
    if topic_id is not None and written_to is not None and written_to != topic_id:
        return Start(log.begin, Finding.RECREATED)
    if offset > log.end:
        # What was cut off was diagnosed. What was written since has a higher leader epoch.
        return Start(log.begin, Finding.TRUNCATED, committed.epoch)
    if offset < log.begin:
        return Start(log.begin, Finding.DELETED)
    return Start(offset, Finding.COMMITTED)
