"""What the engine publishes: the alarm as it is now, and an event for each transition."""

from collections.abc import Sequence
from datetime import datetime
from hashlib import blake2b
from math import exp
from typing import Any, NamedTuple

from pydantic_core import to_json

from bearing_stream.alarms.alarm_state import AlarmState
from bearing_stream.alarms.observation import INDICATORS, USABLE
from bearing_stream.alarms.readings import rms_trend
from bearing_stream.alarms.sensor import SensorState, alarm_id
from bearing_stream.alarms.states import display_state
from bearing_stream.alarms.times import from_microseconds
from bearing_stream.vocabulary import FAULT_LABELS
from bearing_stream.wire.alarm import CommandResult, PublishedAlarm, PublishedEvent
from bearing_stream.wire.alarm_terms import SEVERITIES, Transition


class Position(NamedTuple):
    """The partition of diagnoses."""

    topic: str
    partition: int


class Output(NamedTuple):
    """A change of an alarm: its record, and the event if it was a transition."""

    alarm: PublishedAlarm
    event: PublishedEvent | None


Cause = tuple[str, int, int, str]
"""Topic, partition and offset of the sensor's latest diagnosis, and a command or silence."""


def outputs(
    state: SensorState,
    found: Sequence[tuple[AlarmState, Transition | None]],
    cause: Cause,
    command: CommandResult | None = None,
    noticed: int = 0,
) -> list[Output]:
    """Return the outputs for alarms that changed; all show the alarms as they are in the end.

    Args:
        state: Of the sensor.
        found: The alarms, each with its transition; None where a condition changed without one.
        cause: Of the change.
        command: What reports the command that the first of the alarms got, if it was one.
        noticed: Wall clock at which silence was noticed, µs since the epoch; 0 if it was none.
    """
    shared = _sensor_fields(state, cause)
    published = []
    for alarm, transition in found:
        fields = shared | _alarm_fields(state, alarm)
        identity = to_json([fields["alarm_id"], *cause, state.latest, transition])
        fields["transition_id"] = blake2b(identity, digest_size=16).hexdigest()
        event = None
        if transition is not None:
            event = PublishedEvent(
                **fields, event=transition, command=command, noticed_at=_time(noticed)
            )
            command = None
        published.append(Output(PublishedAlarm(**fields), event))
    return published


def _sensor_fields(state: SensorState, cause: Cause) -> dict[str, Any]:
    """Return the fields that all alarms of a sensor share."""
    topic, partition, offset, _ = cause
    name, version = state.model
    return {
        "source": state.source,
        "sensor": state.sensor,
        "machine": state.source,
        "last_window": state.window_id or None,
        "last_measured_at": _time(state.latest),
        "data": state.data,
        "evidence": _evidence(state),
        "indicators": _indicators(state),
        "model": {"name": name, "version": version} if version else None,
        "input": None if offset < 0 else {"topic": topic, "partition": partition, "offset": offset},
    }


def _alarm_fields(state: SensorState, alarm: AlarmState) -> dict[str, Any]:
    shelved = alarm.shelved
    rule = state.rules.kinds[alarm.kind]
    return {
        "alarm_id": alarm_id(state.key, alarm.kind),
        "kind": alarm.kind,
        "label": alarm.label,
        "severity": SEVERITIES[alarm.rank],
        "state": display_state(alarm),
        "active": alarm.active,
        "acked": alarm.acked,
        "latched": alarm.latched,
        "shelved": shelved and shelved._asdict() | {"until": _time(shelved.until)},
        "suppressed_by": alarm.suppressed,
        "disabled_by": alarm.disabled,
        "since": _time(alarm.since),
        "first_window": alarm.first_window or None,
        "windows": alarm.windows,
        "count": alarm.count,
        "pending_since": _time(alarm.on_since or alarm.off_since),
        "clears_at": _time(alarm.clears_at(rule)) if alarm.off_since else None,
    }


def _time(time: int) -> datetime | None:
    return from_microseconds(time) if time else None


def _evidence(state: SensorState) -> dict[str, Any] | None:
    evidence = state.evidence
    usable = evidence.counts[USABLE]
    if not usable:
        return None
    found = dict(zip(FAULT_LABELS, map(_rounded, evidence.probabilities()), strict=True))
    fields: dict[str, Any] = {"windows": usable, "probabilities": found}
    sigmas = evidence.sigmas()
    if sigmas is not None:
        names = ("outer_sigma", "inner_sigma", "ball_sigma", "change_sigma")
        fields |= zip(names, map(_rounded, sigmas), strict=True)
    return fields


def _indicators(state: SensorState) -> dict[str, Any] | None:
    if state.evidence.indicator(0) is None:
        return None
    logs = [state.evidence.indicator(column) for column in range(len(INDICATORS))]
    values = [None if value is None else _rounded(exp(value)) for value in logs]
    trend = rms_trend(state)
    return dict(zip(INDICATORS, values, strict=True)) | {
        "rms_trend": None if trend is None else _rounded(trend)
    }


def _rounded(value: float) -> float:
    """Return a number to six significant digits: more would differ between processors."""
    return float(f"{value:.6g}")
