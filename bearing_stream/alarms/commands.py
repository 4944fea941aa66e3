"""What the commands of operators do to an alarm, and when they are refused."""

from typing import Final

from bearing_stream.alarms import times
from bearing_stream.alarms.alarm_state import AlarmState, Shelf
from bearing_stream.alarms.rules import KindRule
from bearing_stream.alarms.times import from_microseconds, microseconds
from bearing_stream.wire.alarm import AlarmCommand, CommandResult
from bearing_stream.wire.alarm_terms import SEVERITIES, Action, Transition
from bearing_stream.wire.timestamps import format_time

LONGEST_REASON: Final = 4096
"""Characters of a reason."""

CLOCK_TOLERANCE: Final = 300.0
"""Seconds by which the clock of who gives a command may be ahead of that of the record."""

LONGEST_NAME: Final = 1024
"""Characters of a name."""

_RANKS: Final = {severity.value: rank for rank, severity in enumerate(SEVERITIES)}


class _RefusedError(Exception):
    """The command is not carried out; the message states why."""


def carry_out(
    command: AlarmCommand, alarm: AlarmState, rule: KindRule
) -> tuple[Transition, CommandResult]:
    """Change an alarm as a command asks, or leave it as it is.

    Returns:
        The transition, `refused` if the command is not carried out, and what reports the command.
    """
    try:
        transition, detail = _done(command, alarm, rule), None
    except _RefusedError as refused:
        transition, detail = Transition.REFUSED, str(refused)
    result = CommandResult(
        command_id=command.command_id,
        action=command.action,
        by=command.by,
        reason=command.reason,
        detail=detail,
        at=command.at,
    )
    return transition, result


def check(command: AlarmCommand, written: int) -> None:
    """Check what no alarm could hold, and what bounds could be evaded with.

    Args:
        command: As it was read.
        written: Kafka's timestamp of its record, milliseconds since the epoch; negative or 0 if
            there is none.

    Raises:
        ValueError: A time is too late to be written with any delay added, the command was given
            later than it was written, or a text is too long to be published with the alarm.
    """
    ahead = microseconds(command.at) / 1e6 - written / 1000
    if written > 0 and ahead > CLOCK_TOLERANCE:
        raise ValueError(f"expected a command of the past, got one that is {ahead:.0f} s ahead")
    for time in (command.at, command.until):
        if time is not None:
            times.check(time)
    if len(command.reason) > LONGEST_REASON:
        raise ValueError(f"expected a reason of at most {LONGEST_REASON} characters")
    if max(map(len, (command.by, command.command_id))) > LONGEST_NAME:
        raise ValueError(f"expected names of at most {LONGEST_NAME} characters")


def _done(command: AlarmCommand, alarm: AlarmState, rule: KindRule) -> Transition:
    match command.action:
        case Action.ACKNOWLEDGE:
            return _acknowledge(command, alarm)
        case Action.SHELVE:
            return _shelve(command, alarm, rule)
        case Action.UNSHELVE:
            _require(alarm.shelved is not None, "it is not shelved")
            alarm.shelved = None
            return Transition.UNSHELVED
        case Action.SUPPRESS:
            _require(alarm.suppressed is None, f"{alarm.suppressed} has suppressed it already")
            alarm.suppressed = command.by
            return Transition.SUPPRESSED
        case Action.UNSUPPRESS:
            _require(alarm.suppressed is not None, "it is not suppressed")
            alarm.suppressed = None
            return Transition.UNSUPPRESSED
        case Action.DISABLE:
            _require(alarm.disabled is None, f"{alarm.disabled} took it out of service already")
            alarm.disabled = command.by
            return Transition.DISABLED
        case Action.ENABLE:
            _require(alarm.disabled is not None, "it is in service")
            alarm.disabled = None
            return Transition.ENABLED
    known = ", ".join(Action)
    raise _RefusedError(f"expected one of the actions {known}, got {command.action!r}")


def _acknowledge(command: AlarmCommand, alarm: AlarmState) -> Transition:
    _require(not alarm.acked, "there is nothing to acknowledge")
    if command.severity is not None:
        meant = _RANKS.get(command.severity)
        _require(meant is not None, f"{command.severity!r} is no severity")
        _require(
            meant is not None and alarm.rank <= meant,
            f"it is {SEVERITIES[alarm.rank]} now, and the acknowledgement is for "
            f"{command.severity}",
        )
    _require(
        command.count in (None, alarm.count),
        f"it was raised {alarm.count} times by now, and the acknowledgement is for {command.count}",
    )
    alarm.acked, alarm.latched = True, False
    return Transition.ACKNOWLEDGED


def _shelve(command: AlarmCommand, alarm: AlarmState, rule: KindRule) -> Transition:
    at = microseconds(command.at)
    latest = at + rule.max_shelve
    _require(command.until is not None or command.once, "expected an end of the shelving, or once")
    until = latest if command.until is None else microseconds(command.until)
    _require(until > at, "the shelving would end before it begins")
    _require(
        until <= latest,
        f"it may be shelved until {format_time(from_microseconds(latest), 'seconds')} at most",
    )
    alarm.shelved = Shelf(until, command.by, command.reason, command.once)
    return Transition.SHELVED


def _require(holds: bool, otherwise: str) -> None:
    if not holds:
        raise _RefusedError(otherwise)
