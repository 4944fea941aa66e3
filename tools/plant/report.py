"""Outcomes as a table: a row for each rig and what diagnosed it."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from bearing_stream.wire.alarm_terms import AlarmKind
from tools.plant.outcome import Outcome
from training.markdown import table


@dataclass(frozen=True, slots=True)
class Summary:
    """Counts of bearings.

    Args:
        rig: Of the recordings.
        method: What diagnosed them.
        faulty: With a fault.
        diagnosed: Of these, where most windows are diagnosed right.
        one_right: That raise one alarm in all, and of what they have: of the part, or
            `machine-changed` where physics calls it a ball fault.
        one_wrong: That raise one alarm of another part.
        one_changed: That raise `machine-changed` alone, and it is a race that is damaged.
        none: That raise no alarm.
        several: That raise more than one alarm, or one more than once.
        healthy: Without a fault.
        alarmed: Of these, that raise any alarm.
        unlike: Of all, whose alarms are not those of what most of their windows are diagnosed as.
        repeated: Of all, whose alarm escalates or changes its part after it was raised.
        slowest: Seconds from the failure to the alarm, of the slowest.
    """

    rig: str
    method: str
    faulty: int
    diagnosed: int
    one_right: int
    one_wrong: int
    one_changed: int
    none: int
    several: int
    healthy: int
    alarmed: int
    unlike: int
    repeated: int
    slowest: float | None

    @classmethod
    def of(cls, rig: str, method: str, found: Sequence[Outcome]) -> "Summary":
        """Count the bearings of a rig."""
        faulty = [each for each in found if each.label != "Normal"]
        healthy = [each for each in found if each.label == "Normal"]
        single = [each for each in faulty if len(each.raised) == 1]
        wrong = [each for each in single if not each.is_right]
        changed = [each for each in wrong if each.raised[0][0] == AlarmKind.MACHINE_CHANGED]
        return cls(
            rig=rig,
            method=method,
            faulty=len(faulty),
            diagnosed=sum(each.predicted == each.label for each in faulty),
            one_right=sum(each.is_right for each in faulty),
            one_wrong=len(wrong) - len(changed),
            one_changed=len(changed),
            none=sum(not each.raised for each in faulty),
            several=sum(len(each.raised) > 1 for each in faulty),
            healthy=len(healthy),
            alarmed=sum(bool(each.raised) for each in healthy),
            unlike=sum(not each.is_as_diagnosed for each in found),
            repeated=sum(bool(each.changed) for each in found),
            slowest=max(
                (each.seconds for each in faulty if each.seconds is not None), default=None
            ),
        )


_HEAD: Final = {
    "rig": "rig",
    "diagnosed by": "method",
    "faulty bearings": "faulty",
    "diagnosed right": "diagnosed",
    "one alarm, right": "one_right",
    "`machine-changed` alone": "one_changed",
    "another part": "one_wrong",
    "none": "none",
    "several": "several",
    "healthy bearings": "healthy",
    "with an alarm": "alarmed",
    "slowest alarm": "slowest",
}
"""Column → field of `Summary`."""


def markdown(found: Sequence[Summary]) -> str:
    """Return the table for the page on alarms."""
    return table(
        [*_HEAD], [[_text(getattr(each, name)) for name in _HEAD.values()] for each in found]
    )


def _text(value: str | float | None) -> str:
    if isinstance(value, float):
        return f"{value:.1f} s"
    return "" if value is None else str(value)
