"""The alarms that a person should see, in bounded memory and without Kafka."""

import threading
from typing import Final, NamedTuple

from msgspec import Struct

from bearing_stream.alarms.sensor import channel_of
from bearing_stream.commands.alarms.reading import Row
from bearing_stream.commands.page.changes import Changes, Since
from bearing_stream.wire.alarm import Shelving
from bearing_stream.wire.alarm_terms import MACHINE_KINDS, AlarmKind

INSTRUMENT_KINDS: Final = frozenset(AlarmKind) - frozenset(MACHINE_KINDS)
"""The kinds that are about the instrument. One of a later version is taken to be about the machine:
that is listed first."""

SHARE_REMOVED: Final = 10
"""Beyond the maximum, one in so many alarms is removed at a time, which costs one sorting."""


class ShownShelving(Struct, frozen=True):
    """A shelving as a browser shows it; `until` is in seconds since the epoch."""

    until: float
    by: str
    reason: str
    once: bool


class ShownAlarm(Struct, frozen=True, omit_defaults=True):
    """An alarm as a browser lists it; fields without a text are those of `Alarm`."""

    id: str
    """The alarm's id."""
    source: str
    sensor: str
    kind: str
    severity: str
    rank: int
    """Of the severity, as a number."""
    state: str
    """The display state."""
    count: int
    data: str
    channel: str | None = None
    is_instrument: bool = False
    """Whether it is about the instrument; if not, it is about the machine."""
    label: str | None = None
    active: bool = False
    acked: bool = False
    since: float | None = None
    """Time of the latest raise, seconds since the epoch."""
    shelved: ShownShelving | None = None


class AlarmUpdate(NamedTuple):
    """What a browser lacks of the alarms.

    Args:
        alarms: Those that are new or have changed.
        removed_alarms: Ids of those that nobody needs to see any more.
    """

    alarms: list[ShownAlarm]
    removed_alarms: list[str]


class AlarmTable:
    """The alarms that are displayed or shelved, and which of them have changed since a version.

    An alarm that is cleared and acknowledged is not kept, nor one that is masked, suppressed or out
    of service. Its methods may be called by several threads.
    """

    def __init__(self, most: int) -> None:
        """Start without alarms; keeps the most severe ones where there are more than `most`."""
        self._most = most
        self._rows: dict[str, Row] = {}
        self._changes = Changes[str]()
        self._left_out = False
        self._lock = threading.Lock()

    def __len__(self) -> int:
        return len(self._rows)

    @property
    def is_cut(self) -> bool:
        """Whether alarms were left out because there were more than the maximum."""
        return self._left_out

    @property
    def can_reread(self) -> bool:
        """Whether alarms were left out, and half of the table is free again."""
        return self._left_out and len(self._rows) < self._most // 2

    def put(self, row: Row) -> None:
        """Take in an alarm as it is now."""
        alarm_id = row.alarm.alarm_id
        with self._lock:
            if row.is_displayed or row.alarm.shelved is not None:
                self._rows[alarm_id] = row
                self._changes.touch(alarm_id)
                if len(self._rows) > self._most:
                    self._remove_least_severe()
            else:
                self._remove(alarm_id)

    def remove(self, alarm_id: str) -> None:
        """Forget an alarm that no longer exists."""
        with self._lock:
            self._remove(alarm_id)

    def clear(self) -> None:
        """Forget all alarms, to read them anew."""
        with self._lock:
            for alarm_id in list(self._rows):
                self._remove(alarm_id)
            self._left_out = False

    def find(self, alarm_id: str) -> Row | None:
        """Return an alarm as it is now; None if it is not kept."""
        return self._rows.get(alarm_id)

    def publish(self) -> AlarmUpdate:
        """Begin the next version, and return what it publishes."""
        with self._lock:
            return self._update(self._changes.publish())

    def since(self, version: int) -> AlarmUpdate | None:
        """Return what was published after a version, 0 for all; None if that cannot be known."""
        with self._lock:
            found = self._changes.since(version)
            return None if found is None else self._update(found)

    def _remove(self, alarm_id: str) -> None:
        if self._rows.pop(alarm_id, None) is not None:
            self._changes.remove(alarm_id)

    def _remove_least_severe(self) -> None:
        by_severity = sorted(self._rows, key=lambda each: self._rows[each].rank)
        for alarm_id in by_severity[: -(-self._most // SHARE_REMOVED)]:
            self._remove(alarm_id)
        self._left_out = True

    def _update(self, found: Since[str]) -> AlarmUpdate:
        return AlarmUpdate([shown(self._rows[each]) for each in found.changed], found.removed)


def shown(row: Row) -> ShownAlarm:
    """Return an alarm as a browser lists it."""
    alarm = row.alarm
    return ShownAlarm(
        id=alarm.alarm_id,
        source=alarm.source,
        sensor=alarm.sensor,
        channel=channel_of(alarm.alarm_id),
        kind=alarm.kind,
        is_instrument=alarm.kind in INSTRUMENT_KINDS,
        label=alarm.label,
        severity=alarm.severity,
        rank=row.rank,
        state=alarm.state,
        active=alarm.active,
        acked=alarm.acked,
        since=None if alarm.since is None else alarm.since.timestamp(),
        count=alarm.count,
        data=alarm.data,
        shelved=None if alarm.shelved is None else _shown_shelving(alarm.shelved),
    )


def _shown_shelving(shelved: Shelving) -> ShownShelving:
    return ShownShelving(shelved.until.timestamp(), shelved.by, shelved.reason, shelved.once)
