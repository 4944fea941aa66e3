"""The events that `bearing-stream alarms` logs, in addition to those of the consumer's loop."""

from typing import Any, Final

from bearing_stream.logs import Event
from consumer import events as loop_events

RESTORED: Final = Event(
    "alarms_restored",
    "info",
    "The state of the `sensors` in `partition` was read in `seconds`.",
    "None. If it takes long, compaction of the state topic lags: see `segment.ms`.",
)

RULES_CHANGED: Final = Event(
    "rules_changed",
    "info",
    "The file of rules has changed, and is used from now on; `digest` is that of its content.",
    "None.",
)

RULES_INVALID: Final = Event(
    "rules_invalid",
    "warning",
    "The file of rules has changed and cannot be used, for the reason in `reason`. The rules that "
    "were read before stay in use.",
    "Correct the file; it is then read by itself. A stage that starts with it ends at once.",
)

UNREADABLE: Final = Event(
    "unreadable_diagnosis",
    "warning",
    "The message at `offset` of `partition` is no diagnosis, for the reason in `reason`. It has no "
    "effect; further ones are only counted, in `ignored`.",
    "Find out who writes into the diagnoses topic.",
)

UNREADABLE_COMMAND: Final = Event(
    "unreadable_command",
    "warning",
    "The message at `offset` of `partition` of the topic of commands is no command that can be "
    "carried out, for the reason in `reason`. It has no effect; further ones are only counted, in "
    "`ignored`.",
    "Find out who writes into the topic of commands.",
)

UNREADABLE_STATE: Final = Event(
    "unreadable_state",
    "error",
    "The record with `key` in `partition` of the topic of state cannot be read, for the reason in "
    "`reason`. What it is about begins anew.",
    "Find out who else writes into the topic of state: only `alarms` must be able to.",
)

COMMAND_WITHOUT_ALARM: Final = Event(
    "command_without_alarm",
    "warning",
    "A command of `by` is for `alarm_id`, and there is no such alarm.",
    "Check the id with `bearing-stream alarms list`.",
)

SENSOR_LIMIT: Final = Event(
    "sensor_limit",
    "warning",
    "There are more sensors than `sensor_limit` in a partition: no alarm of the others is raised. "
    "Once; their diagnoses are counted in `ignored` as `untracked`.",
    "Raise `sensor_limit`, or add partitions to a new topic of diagnoses.",
)

EVENTS: Final = (
    RESTORED,
    RULES_CHANGED,
    RULES_INVALID,
    UNREADABLE,
    UNREADABLE_COMMAND,
    UNREADABLE_STATE,
    COMMAND_WITHOUT_ALARM,
    SENSOR_LIMIT,
)


def emit(event: Event, **fields: Any) -> None:
    """Log an event."""
    loop_events.emit(event, **fields)
