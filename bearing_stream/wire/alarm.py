"""Alarms on the wire: the record of an alarm, an event of its history, and a command.

As for diagnoses, the `Published` models are strict and are what this version writes; the others are
what a subscriber reads, of this version or a later one with the same `ce_type`.
"""

from typing import Annotated, Any, Final, TypeVar

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, ValidationError

from bearing_stream.vocabulary import FaultLabel
from bearing_stream.wire import headers as h
from bearing_stream.wire.alarm_terms import (
    Action,
    AlarmKind,
    DataState,
    DisplayState,
    Severity,
    Transition,
)
from bearing_stream.wire.diagnosis import Input, Share
from bearing_stream.wire.timestamps import format_time

SOURCE: Final = "/bearing-stream/alarms"
"""`ce_source` of records and events."""

_DESCRIPTION: Final = "One of the examples, or a value that a later version added."


def _growing(values: Any) -> Any:
    """A field with the values of an enum to which later versions may add."""
    extra: dict[str, Any] = {"examples": [str(value) for value in values]}
    return Field(json_schema_extra=extra | {"description": _DESCRIPTION})


Text = Annotated[str, Field(min_length=1)]
Count = Annotated[int, Field(ge=0)]
Finite = Annotated[float, Field(allow_inf_nan=False)]


class _Part(BaseModel):
    # Without this, pydantic warns about the name `model`: it reserves `model_`.
    model_config = ConfigDict(frozen=True, extra="ignore", protected_namespaces=())


class Shelving(_Part):
    """An alarm put aside by an operator."""

    until: AwareDatetime
    """Event time at which it ends."""
    by: str
    """The operator."""
    reason: str
    once: bool
    """Whether it ends when the alarm clears, if that is earlier."""


class AlarmEvidence(_Part):
    """The accumulated evidence: means over the last windows of the sensor."""

    windows: Count
    """Windows in the means, without those of a defective signal or a machine that is off."""
    probabilities: dict[str, Share]
    """By label; normalised geometric means of those of the windows."""
    outer_sigma: Finite | None = None
    """Mean height of the lines of an outer-race fault, in standard deviations. None, as the
    following three, where no window has physical evidence."""
    inner_sigma: Finite | None = None
    """The same for an inner-race fault."""
    ball_sigma: Finite | None = None
    """The same for a ball fault."""
    change_sigma: Finite | None = None
    """Mean distance of the spectrum's shape from healthy, in standard deviations."""


class AlarmIndicators(_Part):
    """Condition indicators: geometric means over the last windows of the sensor."""

    rms: Finite
    """In the unit of the samples, as `peak`."""
    peak: Finite
    crest_factor: Finite
    kurtosis: Finite
    velocity_rms: Finite | None = None
    """In mm/s; None where no window states it."""
    rms_trend: Finite | None = None
    """RMS over that of the sensor's first windows; None until those are complete."""


class AlarmModel(_Part):
    """The model that made the latest diagnosis."""

    name: str
    version: str


class Alarm(_Part):
    """An alarm as it is now: the value of its key in the compacted topic."""

    alarm_id: Text
    """Sensor, channel where it has several, and kind: `pump-7:bearing-fault`. The key."""
    source: str
    """`ce_source` of the sensor's measurements."""
    sensor: str
    machine: str
    """The machine by which alarms are grouped: the source."""
    kind: Annotated[str, _growing(AlarmKind)]
    label: str | None
    """The part of the bearing, the indicator or the quality flag that stands out most; None where
    the kind has none, or before the first raise."""
    severity: Annotated[str, _growing(Severity)]
    state: Annotated[str, _growing(DisplayState)]
    """The one state to display, derived from the conditions."""
    active: bool
    """Whether the alarm is raised and not cleared."""
    acked: bool
    """Whether it is acknowledged, or there is nothing to acknowledge."""
    latched: bool
    """Whether it stays displayed until it is acknowledged."""
    shelved: Shelving | None
    suppressed_by: str | None = None
    """The operator who has suppressed it; None if nobody has."""
    disabled_by: str | None = None
    """The operator who has taken it out of service; None if nobody has."""
    since: AwareDatetime | None
    """Event time of the latest raise."""
    first_window: str | None
    """`window_id` of the measurement with which the condition of the latest raise began."""
    last_window: str | None
    """`window_id` of the sensor's latest measurement."""
    windows: Count
    """Windows measured while it was active, since the latest raise."""
    count: Count
    """How often it was raised."""
    pending_since: AwareDatetime | None
    """Event time at which the on-delay or the off-delay began; None if none is running."""
    clears_at: AwareDatetime | None
    """Event time at which the off-delay ends; None if none is running."""
    last_measured_at: AwareDatetime | None
    """Time of the first sample of the sensor's latest measurement."""
    data: Annotated[str, _growing(DataState)]
    evidence: AlarmEvidence | None
    """None before the first usable window."""
    indicators: AlarmIndicators | None
    """None where no diagnosis has indicators."""
    model: AlarmModel | None
    input: Input | None
    """Topic, partition and offset of the sensor's latest diagnosis."""
    transition_id: Text
    """`ce_id`: changes with each change of the record; the same at every replay."""


class CommandResult(_Part):
    """The command behind an event."""

    command_id: str
    action: Annotated[str, _growing(Action)]
    by: str
    reason: str
    detail: str | None = None
    """Why the command was refused; None if it was not."""
    at: AwareDatetime | None = None
    """When the operator gave it."""


class AlarmEvent(Alarm):
    """A transition of an alarm, with the alarm as it is after it."""

    event: Annotated[str, _growing(Transition)]
    command: CommandResult | None = None
    """The command that an operator gave; None if the transition is not by command."""
    noticed_at: AwareDatetime | None = None
    """Wall clock at which the stage noticed that the sensor is silent, or silent still; None if the
    transition is by a diagnosis or a command."""


class AlarmCommand(_Part):
    """What an operator asks of one alarm."""

    command_id: Text
    alarm_id: Text
    action: Annotated[str, _growing(Action)]
    by: Text
    """The operator."""
    reason: str = ""
    at: AwareDatetime
    """When the operator gave it."""
    severity: Annotated[str, _growing(Severity)] | None = None
    """The severity that the operator saw. An acknowledgement of a lower one is refused, so that it
    cannot hide an alarm that has become worse meanwhile."""
    count: Count | None = None
    """How often the alarm had been raised when the operator saw it. An acknowledgement is refused
    if it was raised again since, for the same reason."""
    until: AwareDatetime | None = None
    """Of a shelving: event time at which it ends, at most `max_shelve` after `at`."""
    once: bool = False
    """Of a shelving: whether it ends when the alarm clears, if that is earlier."""


class PublishedEvidence(AlarmEvidence, extra="forbid"):
    """The evidence of an alarm of this version."""

    probabilities: dict[FaultLabel, Share]  # type: ignore[assignment]


class PublishedIndicators(AlarmIndicators, extra="forbid"):
    """The indicators of an alarm of this version."""


class PublishedAlarm(Alarm, extra="forbid"):
    """An alarm of this version, to publish; raises `ValidationError` for anything else."""

    kind: AlarmKind
    severity: Severity
    state: DisplayState
    data: DataState
    evidence: PublishedEvidence | None
    indicators: PublishedIndicators | None


class PublishedEvent(PublishedAlarm, extra="forbid"):
    """An event of this version, to publish; raises `ValidationError` for anything else."""

    event: Transition
    command: CommandResult | None = None
    noticed_at: AwareDatetime | None = None


class PublishedCommand(AlarmCommand, extra="forbid"):
    """A command of this version, to publish; raises `ValidationError` for anything else."""

    action: Action
    severity: Severity | None = None


Read = TypeVar("Read", Alarm, AlarmEvent, AlarmCommand)

TYPES: Final[dict[type[BaseModel], str]] = {
    Alarm: h.ALARM_TYPE,
    AlarmEvent: h.ALARM_EVENT_TYPE,
    AlarmCommand: h.ALARM_COMMAND_TYPE,
}
"""Model → the `ce_type` of its messages."""


def encode_alarm(alarm: PublishedAlarm) -> h.Message:
    """The message for the compacted topic of alarms; its key is the alarm's id."""
    return _encoded(alarm, h.ALARM_TYPE)


def encode_event(event: PublishedEvent) -> h.Message:
    """The message for the topic of alarm events; its key is the alarm's id."""
    return _encoded(event, h.ALARM_EVENT_TYPE)


def encode_command(command: PublishedCommand) -> h.Message:
    """The message for the topic of commands; its key is the alarm's id."""
    headers = [
        *_common(h.ALARM_COMMAND_TYPE),
        (h.ID, command.command_id.encode()),
        (h.TIME, format_time(command.at).encode()),
        (h.SUBJECT, command.alarm_id.encode()),
    ]
    return h.Message(command.alarm_id.encode(), _json(command), headers)


def decode(model: type[Read], headers: h.Headers | None, value: bytes | None) -> Read:
    """Read a record, an event or a command, ignoring what this version does not know.

    Args:
        model: `Alarm`, `AlarmEvent` or `AlarmCommand`.
        headers: Of the message.
        value: Of the message; a tombstone has none.

    Raises:
        ValueError: The message is none of that model; states what was expected.
    """
    expected = TYPES[model]
    if dict(headers or ()).get(h.TYPE) != expected.encode():
        raise ValueError(f"expected a header {h.TYPE} with the value {expected}")
    try:
        return model.model_validate_json(value or b"")
    except ValidationError as error:
        # In one line: these go into logs.
        first, *others = error.errors(include_url=False, include_input=False)
        where = ".".join(map(str, first["loc"]))
        more = f", and {len(others)} more" if others else ""
        raise ValueError(f"expected {expected}: {where}: {first['msg']}{more}") from None


def _encoded(alarm: PublishedAlarm, kind: str) -> h.Message:
    headers = [*_common(kind), (h.ID, alarm.transition_id.encode())]
    if alarm.last_measured_at is not None:
        headers.append((h.TIME, format_time(alarm.last_measured_at).encode()))
    headers.append((h.SUBJECT, alarm.alarm_id.encode()))
    return h.Message(alarm.alarm_id.encode(), _json(alarm), headers)


def _common(kind: str) -> h.Headers:
    return [
        (h.SPEC_VERSION, b"1.0"),
        (h.TYPE, kind.encode()),
        (h.CONTENT_TYPE, h.JSON.encode()),
        (h.SOURCE, SOURCE.encode()),
    ]


def _json(model: BaseModel) -> bytes:
    return model.__pydantic_serializer__.to_json(model)
