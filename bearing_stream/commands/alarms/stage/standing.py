"""The alarms that are not at rest: what is active, waits for an operator, or was put aside."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final, NamedTuple

from bearing_stream.alarms.alarm_state import AlarmState
from bearing_stream.wire.alarm_terms import SEVERITIES, AlarmKind, Severity

STALE_AFTER: Final = 24 * 3600.0
"""Seconds for which an alarm is active until it is stale: as EEMUA 191 and ISA-18.2 have it."""


class Condition(StrEnum):
    """What holds of an alarm; several may."""

    UNACKNOWLEDGED = "unacknowledged"
    STALE = "stale"
    CHATTERING = "chattering"
    MASKED = "masked"
    SHELVED = "shelved"
    SUPPRESSED = "suppressed"
    OUT_OF_SERVICE = "out-of-service"


class Standing(NamedTuple):
    """An alarm that is not at rest.

    Args:
        kind: What it is about.
        severity: As it is now.
        active: Whether it is raised and not cleared.
        conditions: What else holds, but that it is stale.
        since: Seconds since the epoch when it was raised, in event time.
        asked: Seconds since the epoch when it last asked for an acknowledgement.
    """

    kind: AlarmKind
    severity: Severity
    active: bool
    conditions: tuple[Condition, ...]
    since: float
    asked: float


def standing(alarm: AlarmState) -> Standing | None:
    """Return what is not at rest of an alarm; None if all is."""
    conditions = tuple(
        condition
        for condition, holds in (
            (Condition.UNACKNOWLEDGED, not alarm.acked),
            (Condition.CHATTERING, alarm.chattering),
            (Condition.MASKED, alarm.masked),
            (Condition.SHELVED, alarm.shelved is not None),
            (Condition.SUPPRESSED, alarm.suppressed is not None),
            (Condition.OUT_OF_SERVICE, alarm.disabled is not None),
        )
        if holds
    )
    if not (alarm.active or conditions):
        return None
    return Standing(
        alarm.kind,
        SEVERITIES[alarm.rank],
        alarm.active,
        conditions,
        alarm.since / 1e6,
        alarm.alarmed_at / 1e6,
    )


@dataclass(frozen=True, slots=True)
class Census:
    """How many alarms are active, by kind and severity; and of how many each condition holds."""

    active: Counter[tuple[AlarmKind, Severity]] = field(default_factory=Counter)
    conditions: Counter[Condition] = field(default_factory=Counter)

    @classmethod
    def of(cls, alarms: Iterable[Standing], now: float) -> "Census":
        """Count alarms; `now` is in seconds since the epoch."""
        found = cls()
        for one in alarms:
            found.conditions.update(one.conditions)
            if one.active:
                found.active[one.kind, one.severity] += 1
                found.conditions[Condition.STALE] += now - one.since > STALE_AFTER
        return found
