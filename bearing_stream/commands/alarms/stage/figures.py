"""Counts what operators have to deal with, once what was published is committed."""

import time
from collections import Counter
from collections.abc import Callable, Collection, Iterable
from typing import Final, NamedTuple

from bearing_stream.alarms.alarm_state import AlarmState
from bearing_stream.commands.alarms.stage.annunciations import PERIOD, Annunciated, Annunciations
from bearing_stream.commands.alarms.stage.standing import Census, Standing, standing
from bearing_stream.observability.histogram import Histogram
from bearing_stream.wire.alarm import PublishedEvent
from bearing_stream.wire.alarm_terms import ANNUNCIATED, AlarmKind, Severity, Transition
from consumer.metrics import SECONDS

WAITS: Final = (
    *(10.0, 30.0, 60.0, 120.0, 300.0, 600.0, 1800.0),
    *(3600.0, 14400.0, 28800.0, 86400.0, 259200.0),
)
"""Bounds of the histogram of the times to acknowledge: from seconds to days."""

ASKING: Final = frozenset(
    {
        Transition.RAISED,
        Transition.ESCALATED,
        Transition.REALARMED,
        Transition.UNMASKED,
        Transition.UNSHELVED,
        Transition.UNSUPPRESSED,
        Transition.ENABLED,
    }
)
"""After these, an alarm that is displayed and not acknowledged is new to an operator."""


class Occurrence(NamedTuple):
    """An event that was published.

    Args:
        partition: Of the sensor.
        event: With the alarm as it is after it.
        given_at: When its command was given, seconds since the epoch; None without one.
    """

    partition: int
    event: PublishedEvent
    given_at: float | None

    @property
    def is_annunciated(self) -> bool:
        """Whether it puts the alarm before operators."""
        event = self.event
        return event.event in ASKING and event.state in ANNUNCIATED and not event.acked


Changes = dict[tuple[int, str], Standing | None]
"""Partition and id of the alarms that changed → what is not at rest of them now."""


class AlarmFigures:
    """The figures of EEMUA 191 and ISA-18.2. One thread adds to them; any may read.

    Attributes:
        raised: How often alarms were raised, by kind and severity.
        annunciated: How many alarms were put before operators.
        annunciations: Those of the last 10 minutes.
        acknowledge_seconds: From when an alarm asked for it to its acknowledgement.
        restore_seconds: To read the state of a partition.
    """

    def __init__(
        self,
        clock: Callable[[], float] = time.monotonic,
        wall_clock: Callable[[], float] = time.time,
    ) -> None:
        """Know no alarm yet; `clock` is in monotonic seconds, `wall_clock` since the epoch."""
        self._clock = clock
        self._wall_clock = wall_clock
        self._standing: dict[int, dict[str, Standing]] = {}
        self.raised: Counter[tuple[AlarmKind, Severity]] = Counter()
        self.annunciated = 0
        self.annunciations = Annunciations()
        self.acknowledge_seconds = Histogram(WAITS)
        self.restore_seconds = Histogram(SECONDS)

    def restored(
        self, partition: int, alarms: Iterable[tuple[str, AlarmState]], seconds: float
    ) -> None:
        """Take the alarms of a partition as they were committed last.

        What was annunciated by another instance is not known, but for the last time of each alarm.

        Args:
            partition: Their partition.
            alarms: Id and state of each.
            seconds: That it took to read them.
        """
        self.restore_seconds.observe(seconds)
        found: dict[str, Standing] = {}
        seeds: list[Annunciated] = []
        now, wall = self._clock(), self._wall_clock()
        for alarm_id, alarm in alarms:
            if (one := standing(alarm)) is not None:
                found[alarm_id] = one
            age = wall - alarm.alarmed_at / 1e6
            if 0 <= age < PERIOD and not _is_hidden(alarm):
                seeds.append(Annunciated(now - age, partition, 1))
        if seeds and partition not in self._standing:
            self._replace([*self.annunciations.recent, *seeds])
        self._standing[partition] = found

    def keep(self, partitions: Collection[int]) -> None:
        """Forget the alarms of all other partitions: they are another instance's."""
        if self._standing.keys() <= set(partitions):
            return
        for gone in self._standing.keys() - set(partitions):
            del self._standing[gone]
        self._replace(one for one in self.annunciations.recent if one.partition in partitions)

    def committed(self, occurrences: Iterable[Occurrence], changes: Changes) -> None:
        """Count what was committed."""
        wall = self._wall_clock()
        asked: dict[str, float] = {}
        fresh: Counter[int] = Counter()
        for one in occurrences:
            event = one.event
            if event.event is Transition.RAISED:
                self.raised[event.kind, event.severity] += 1
            if one.is_annunciated:
                asked[event.alarm_id] = wall
                fresh[one.partition] += 1
            elif event.event is Transition.ACKNOWLEDGED and one.given_at is not None:
                self._acknowledged(one, one.given_at, asked.get(event.alarm_id))
        for (partition, alarm_id), now in changes.items():
            self._change(partition, alarm_id, now, asked.get(alarm_id))
        if fresh:
            self.annunciated += fresh.total()
            at = self._clock()
            more = [Annunciated(at, partition, count) for partition, count in fresh.items()]
            self._replace([*self.annunciations.recent, *more])

    def census(self) -> Census:
        """Count the alarms that are not at rest; for any thread."""
        # Copied in one step each, since the loop may add to them meanwhile.
        alarms = [one for held in list(self._standing.values()) for one in list(held.values())]
        return Census.of(alarms, self._wall_clock())

    def per_period(self) -> int:
        """Return how many alarms were annunciated in the last 10 minutes; for any thread."""
        return self.annunciations.count(self._clock())

    def is_flood(self) -> bool:
        """Whether there is a flood now; for any thread."""
        return self.annunciations.is_flood(self._clock())

    def flood_seconds(self) -> float:
        """Return the seconds of floods since the start; for any thread."""
        return self.annunciations.flood_seconds(self._clock())

    def _replace(self, recent: Iterable[Annunciated]) -> None:
        self.annunciations = self.annunciations.replaced(recent, self._clock())

    def _acknowledged(self, one: Occurrence, given_at: float, asked: float | None) -> None:
        known = self._standing.get(one.partition, {}).get(one.event.alarm_id)
        if asked is None and known is not None:
            asked = known.asked
        if asked is not None:
            # The clocks of operators may differ from ours.
            self.acknowledge_seconds.observe(max(given_at - asked, 0.0))

    def _change(
        self, partition: int, alarm_id: str, now: Standing | None, asked: float | None
    ) -> None:
        held = self._standing.get(partition)
        if held is None:
            return
        if now is None:
            held.pop(alarm_id, None)
            return
        # It may be raised without being displayed.
        before = held[alarm_id].asked if alarm_id in held else now.asked
        held[alarm_id] = now._replace(asked=asked or max(before, now.asked))


def _is_hidden(alarm: AlarmState) -> bool:
    return alarm.masked or any((alarm.shelved, alarm.suppressed, alarm.disabled))
