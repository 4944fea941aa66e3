"""The state of one alarm, and how its conditions change: raised, cleared, chattering, re-alarmed.

Times are event time in µs since the epoch; 0 is none.
"""

from typing import Any, Final, NamedTuple

from bearing_stream.alarms import saved
from bearing_stream.alarms.rules import KindRule, SensorSilentRule
from bearing_stream.wire.alarm_terms import AlarmKind, Transition

_KEPT: Final = 16
"""Times of raises and clears that are kept for the flap detection: its largest count."""

_ADDED: Final = 2
"""Fields that were added later, at the end: a record that lacks them is read."""


class Shelf(NamedTuple):
    """A shelving: until when (µs), by whom, why, and whether it ends when the alarm clears."""

    until: int
    by: str
    reason: str
    once: bool


class Reading(NamedTuple):
    """How far the condition of a kind holds now.

    Args:
        level: To be compared with the levels of the rule.
        agreeing: Windows that show the condition each for itself.
        usable: Windows that could have shown it.
        label: What stands out most.
        trend: RMS over the sensor's reference; 1.0 where it does not matter for the severity.
    """

    level: float
    agreeing: int
    usable: int
    label: str | None
    trend: float = 1.0


class AlarmState:
    """One alarm of a sensor; it exists from the first time that anything happens to it.

    The conditions are those of `states.Conditions`.
    """

    __slots__ = (
        *("kind", "active", "acked", "latched", "shelved", "suppressed", "disabled", "masked"),
        *("on_since", "off_since", "since", "label", "rank", "pending_window", "first_window"),
        *("windows", "count", "realarmed", "alarmed_at", "changes", "chattering"),
        *("other_label", "other_since"),
    )

    def __init__(self, kind: AlarmKind, rank: int) -> None:
        self.kind = kind
        self.active = False
        self.acked = True
        self.latched = False
        self.shelved: Shelf | None = None
        self.suppressed: str | None = None
        self.disabled: str | None = None
        self.masked = False
        self.on_since = 0
        self.off_since = 0
        self.since = 0
        self.label: str | None = None
        self.rank = rank
        self.pending_window = ""
        self.first_window = ""
        self.windows = 0
        self.count = 0
        self.realarmed = 0
        self.alarmed_at = 0
        self.changes: list[int] = []
        self.chattering = False
        self.other_label: str | None = None
        self.other_since = 0

    def step(self, rule: KindRule, found: Reading, time: int, window: str) -> list[Transition]:
        """Go on to a measurement of this time and id, and return the transitions."""
        if not self.active:
            return self._step_inactive(rule, found, time, window)
        if not rule.enabled or self._has_ended(rule, found, time):
            return self.clear(time)
        return [
            *self._flap(rule, time),
            *self._escalate(rule, found),
            *self._relabel(rule, found, time),
            *self.realarm(rule, time),
        ]

    def _step_inactive(
        self, rule: KindRule, found: Reading, time: int, window: str
    ) -> list[Transition]:
        holds = found.level >= rule.raise_level and found.agreeing >= rule.agree
        if not (holds and rule.enabled):
            self.on_since = 0
            return []
        if not self.on_since:
            self.on_since, self.pending_window = time, window
        if time - self.on_since < rule.on_delay:
            return []
        self.label, self.first_window = found.label, self.pending_window
        self.rank = self._rank(rule, found)
        return self.raised(rule, time)

    def _has_ended(self, rule: KindRule, found: Reading, time: int) -> bool:
        """Whether the condition has been absent for the off-delay; starts and stops the delay."""
        if found.level > rule.clear_level or found.usable < rule.agree:
            self.off_since = 0
            return False
        if not self.off_since:
            self.off_since = time
        return time >= self.clears_at(rule)

    def clears_at(self, rule: KindRule) -> int:
        """Return when the off-delay ends that is running."""
        delay = rule.off_delay
        return self.off_since + (max(delay, rule.chatter_period) if self.chattering else delay)

    def raised(self, rule: KindRule, time: int) -> list[Transition]:
        """Become active, and return the transition."""
        self.active, self.acked, self.latched = True, False, rule.latch
        self.since = self.alarmed_at = time
        self.on_since = self.windows = self.realarmed = 0
        self.count += 1
        self.changes = [*self.changes[1 - _KEPT :], time]
        return [Transition.RAISED]

    def clear(self, time: int) -> list[Transition]:
        """Become inactive, and return the transitions."""
        self.active = self.chattering = self.masked = False
        self.off_since = self.other_since = 0
        self.other_label = None
        self.changes = [*self.changes[1 - _KEPT :], time]
        if not self.latched:
            self.acked = True
        if self.shelved is not None and self.shelved.once:
            self.shelved = None
            return [Transition.CLEARED, Transition.UNSHELVED]
        return [Transition.CLEARED]

    def sends_again(self, rule: SensorSilentRule, time: int, gap: int) -> list[Transition]:
        """Go on with the alarm of a sensor that sends again, and return the transitions.

        Args:
            rule: Of `sensor-silent`.
            time: Of the sensor's latest measurement.
            gap: From the measurement before to that one; µs.
        """
        if not rule.enabled:
            return self.clear(time)
        if not self.chattering:
            if not (found := self._flap(rule, time)):
                return self.clear(time)
            self.other_since = time
            return found
        # By the times of measurements, so that a replay gives the same. It is no off-delay to be
        # displayed: the wall clock may have found the sensor silent again.
        if not self.other_since or gap > rule.timeout:
            self.other_since = time
        delay = max(rule.off_delay, rule.chatter_period)
        return self.clear(time) if time - self.other_since >= delay else []

    @property
    def hides(self) -> bool:
        """Whether it hides the alarms that it masks.

        One that an operator has put aside does not: nobody would see either. Nor does silence that
        comes and goes: it would hide a fault for as long as it chatters.
        """
        if not self.active or (self.kind is AlarmKind.SENSOR_SILENT and self.chattering):
            return False
        return self.disabled is None and self.suppressed is None and self.shelved is None

    def _flap(self, rule: KindRule, time: int) -> list[Transition]:
        recent = self.changes[-rule.chatter_count :]
        if self.chattering or len(recent) < rule.chatter_count:
            return []
        if not time - rule.chatter_period <= recent[0]:
            return []
        self.chattering = True
        return [Transition.CHATTERING]

    def _escalate(self, rule: KindRule, found: Reading) -> list[Transition]:
        rank = self._rank(rule, found)
        # Only upwards until the alarm clears: a severity that varies would cry each time.
        if rank <= self.rank or found.level < rule.raise_level:
            return []
        self.rank = rank
        self.acked, self.latched = False, rule.latch
        return [Transition.ESCALATED]

    @staticmethod
    def _rank(rule: KindRule, found: Reading) -> int:
        steps = (found.level >= rule.confident) + (found.trend >= rule.trend)
        return min(3, rule.rank + steps)

    def _relabel(self, rule: KindRule, found: Reading, time: int) -> list[Transition]:
        """Name what has stood out for the off-delay: for less, it is noise, or the end of a fault.

        Windows of two parts may alternate, and as the evidence of a fault fades after a repair,
        another part than the damaged one can be what is left of it.
        """
        # Below the level to raise, the label is that of noise.
        if found.level < rule.raise_level or found.label in (None, self.label):
            self.other_label, self.other_since = None, 0
            return []
        if found.label != self.other_label:
            self.other_label, self.other_since = found.label, time
        if time - self.other_since < rule.off_delay:
            return []
        self.label, self.other_label, self.other_since = found.label, None, 0
        return [Transition.RELABELLED]

    def realarm(self, rule: KindRule, time: int) -> list[Transition]:
        """Ask for another acknowledgement if it is time to, and return the transition."""
        if (
            not rule.realarm_time
            or self.realarmed >= rule.realarm_count
            or time - self.alarmed_at < rule.realarm_time
        ):
            return []
        self.realarmed += 1
        self.alarmed_at = time
        self.acked, self.latched = False, rule.latch
        return [Transition.REALARMED]

    def unshelve_expired(self, time: int) -> list[Transition]:
        """End a shelving whose time has come, and return the transition."""
        if self.shelved is None or time < self.shelved.until:
            return []
        self.shelved = None
        return [Transition.UNSHELVED]

    def restart_delays(self, time: int) -> None:
        """Begin delays anew, since the clock of the sensor was set back to a time."""
        self.on_since = self.off_since = self.other_since = 0
        self.other_label = None
        self.alarmed_at = min(self.alarmed_at, time)
        self.changes = []

    def conditions(self) -> tuple[Any, ...]:
        """Return what is published and may change without a transition."""
        return (self.on_since, self.off_since, self.masked)

    def dump(self) -> list[Any]:
        """Return the state as plain objects, for `load`."""
        return [getattr(self, name) for name in self.__slots__]

    @classmethod
    def load(cls, dumped: list[Any]) -> "AlarmState":
        """Return the alarm that was dumped; raises ValueError if it is none."""
        most = len(cls.__slots__)
        if not most - _ADDED <= len(dumped) <= most:
            raise ValueError(f"expected {most} fields of an alarm, got {len(dumped)}")
        alarm = cls(AlarmKind(dumped[0]), 0)
        for name, value in zip(cls.__slots__[1:], dumped[1:], strict=False):
            setattr(alarm, name, value)
        if alarm.shelved is not None:
            alarm.shelved = Shelf(*alarm.shelved)
        saved.check_alarm({name: getattr(alarm, name) for name in cls.__slots__})
        return alarm
