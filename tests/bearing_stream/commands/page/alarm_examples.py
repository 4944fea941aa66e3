"""Alarms for the tests of `page`."""

from datetime import UTC, datetime
from typing import Any

from bearing_stream.commands.alarms.reading import Row
from bearing_stream.wire.alarm import Alarm, AlarmEvent, CommandResult, PublishedCommand
from bearing_stream.wire.alarm_terms import Transition
from tests.bearing_stream.commands.page.examples import NOON

SHELVED = {"until": "2026-03-01T20:00:00Z", "by": "ann", "reason": "cable", "once": False}


def alarm(sensor: str = "pump-7", kind: str = "bearing-fault", at: float = 0, **more: Any) -> Row:
    """Return an alarm that was raised `at` seconds after noon and is not acknowledged."""
    fields = {
        "alarm_id": f"{sensor}:{kind}",
        "source": f"/plant-2/line-1/{sensor}",
        "sensor": sensor,
        "machine": f"/plant-2/line-1/{sensor}",
        "kind": kind,
        "label": "OuterRace" if kind == "bearing-fault" else None,
        "severity": "medium",
        "state": "latched",
        "active": True,
        "acked": False,
        "latched": True,
        "shelved": None,
        "since": datetime.fromtimestamp(NOON + at, UTC),
        "first_window": "w-1",
        "last_window": "w-9",
        "windows": 9,
        "count": 1,
        "pending_since": None,
        "clears_at": None,
        "last_measured_at": datetime.fromtimestamp(NOON + at, UTC),
        "data": "live",
        "evidence": None,
        "indicators": None,
        "model": None,
        "input": None,
        "transition_id": f"t-{at}",
    }
    return Row(Alarm.model_validate(fields | more), 3)


def acknowledged(row: Row) -> Row:
    """Return the alarm after its acknowledgement: active as long as its condition holds."""
    state = "active" if row.alarm.active else "normal"
    changes = {"acked": True, "latched": False, "state": state}
    return row._replace(alarm=row.alarm.model_copy(update=changes))


def result(
    row: Row, command: PublishedCommand, event: Transition, detail: str | None = None
) -> AlarmEvent:
    """Return the event that reports a command."""
    reported = CommandResult(
        command_id=command.command_id,
        action=command.action,
        by=command.by,
        reason=command.reason,
        detail=detail,
    )
    return AlarmEvent(**dict(row.alarm), event=event, command=reported)
