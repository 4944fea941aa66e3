"""Which events a receiver is sent."""

from fnmatch import fnmatchcase
from typing import Final

from bearing_stream.commands.alarms.notify.receivers import Messaging, Receiver
from bearing_stream.commands.alarms.reading import rank_of
from bearing_stream.wire.alarm import Alarm, AlarmEvent
from bearing_stream.wire.alarm_terms import ANNUNCIATED, DisplayState, Transition

HIDDEN: Final = frozenset(
    {DisplayState.DISABLED, DisplayState.FILTERED, DisplayState.MASKED, DisplayState.SHELVED}
)
"""The display states in which an operator or another alarm hides an alarm."""

CALLS: Final = frozenset(
    {
        *(Transition.RAISED, Transition.ESCALATED, Transition.REALARMED, Transition.CHATTERING),
        *(Transition.RELABELLED, Transition.UNMASKED, Transition.UNSHELVED),
        *(Transition.UNSUPPRESSED, Transition.ENABLED),
    }
)
"""The events that call for attention, which an alarm that is hidden or over must not do."""


def reason_to_omit(receiver: Receiver, event: AlarmEvent) -> str:
    """Return why an event is not for a receiver; empty if it is."""
    if reason := _alarm_reason(receiver, event):
        return reason
    if not isinstance(receiver, Messaging):
        return ""
    if event.event not in receiver.events:
        return f"the event is {event.event}, and events is {', '.join(receiver.events)}"
    hidden = event.state in HIDDEN
    if (event.event in CALLS and event.state not in ANNUNCIATED) or (
        event.event == Transition.CLEARED and hidden
    ):
        return f"the alarm is not displayed: its state is {event.state}"
    return ""


def concerns(receiver: Receiver, alarm: Alarm) -> bool:
    """Whether an alarm is for a receiver, whatever its latest event."""
    return not _alarm_reason(receiver, alarm)


def _alarm_reason(receiver: Receiver, alarm: Alarm) -> str:
    if rank_of(alarm.severity) < rank_of(receiver.severity):
        return f"its severity is {alarm.severity}, below {receiver.severity}"
    if receiver.kinds and alarm.kind not in receiver.kinds:
        return f"its kind is {alarm.kind}, and kinds is {', '.join(receiver.kinds)}"
    for name, value, patterns in (
        ("machine", alarm.machine, receiver.machines),
        ("sensor", alarm.sensor, receiver.sensors),
    ):
        if patterns and not any(fnmatchcase(value, pattern) for pattern in patterns):
            return f"its {name} is {value}, and {name}s is {', '.join(patterns)}"
    return ""
