"""How far the condition of each kind holds, from the accumulated evidence of a sensor."""

from math import exp
from typing import Final

from bearing_stream.alarms.alarm_state import AlarmState, Reading
from bearing_stream.alarms.observation import (
    BITS,
    FAULTY,
    FLAGGED,
    INDICATORS,
    LOG_STEPS,
    NOVEL,
    OVER,
    SIGNAL_FLAGS,
    UNKNOWN_MACHINE,
    USABLE,
    WITH_INDICATORS,
)
from bearing_stream.alarms.sensor import SensorState
from bearing_stream.vocabulary import FAULT_LABELS
from bearing_stream.wire.alarm_terms import AlarmKind

CLEARLY: Final = 3.0
"""A label replaces that of an active alarm when it stands out so many times more."""

_BALL, _INNER, _NORMAL, _OUTER = (
    FAULT_LABELS.index(label) for label in ("Ball", "InnerRace", "Normal", "OuterRace")
)

_FLAG_BITS: Final = tuple((flag, BITS.index(flag)) for flag in SIGNAL_FLAGS)

NOTHING: Final = Reading(0.0, 0, 0, None)


def is_quiet(state: SensorState) -> bool:
    """Whether no condition can hold, and there is no alarm that could change.

    So it is after nearly every diagnosis of a healthy sensor, and nothing else is computed then.
    """
    counts = state.evidence.counts
    rules = state.rules
    return not state.alarms and (
        counts[FAULTY] < rules.bearing_fault.agree
        and counts[FAULTY] + counts[NOVEL] < rules.machine_changed.agree
        and counts[FLAGGED] < rules.sensor_quality.agree
        and counts[OVER] < rules.indicator_high.agree
        and counts[UNKNOWN_MACHINE] < rules.unknown_machine.agree
    )


def readings(state: SensorState) -> list[tuple[AlarmKind, Reading]]:
    """Return how far the condition of each kind but silence holds, in the order of evaluation."""
    bearing, changed = _faults(state)
    return [
        (AlarmKind.BEARING_FAULT, bearing),
        (AlarmKind.MACHINE_CHANGED, changed),
        (AlarmKind.INDICATOR_HIGH, _indicator(state)),
        (AlarmKind.SENSOR_QUALITY, _quality(state)),
        (AlarmKind.UNKNOWN_MACHINE, _unknown(state)),
    ]


def _faults(state: SensorState) -> tuple[Reading, Reading]:
    """Return the readings of `bearing-fault` and of `machine-changed`.

    The level of both is the probability of any fault. Which of the two it is: lines of a race, and
    what a network that was trained on the machine names, are faults of the bearing; what physics
    calls a ball fault is a change that no line explains. An active alarm keeps its level while the
    other one stands out, so that it does not clear where the evidence is near the border. A novel
    window is evidence of a change and of no part: the network knows neither the healthy machine nor
    a fault in it.
    """
    evidence = state.evidence
    bearing, changed = map(state.alarms.get, (AlarmKind.BEARING_FAULT, AlarmKind.MACHINE_CHANGED))
    usable = evidence.counts[USABLE]
    # Next to an alarm that names a part it adds nothing, and would clear a little later or earlier.
    novel = 0 if _is_active(bearing) else evidence.counts[NOVEL]
    faulty, trend = evidence.counts[FAULTY], rms_trend(state) or 1.0
    if not usable:
        return NOTHING, Reading(1.0, novel, novel, None, trend) if novel else NOTHING
    found = evidence.probabilities()
    fault = 1 - found[_NORMAL]
    network = evidence.network_share()
    parts = {
        "OuterRace": found[_OUTER],
        "InnerRace": found[_INNER],
        "Ball": found[_BALL] * network,
    }
    is_part = sum(parts.values()) >= found[_BALL] * (1 - network)
    is_change = not is_part or novel > usable
    return (
        Reading(
            fault if is_part or _is_active(bearing) else 0.0,
            faulty,
            usable,
            _label(parts, bearing),
            trend,
        ),
        Reading(
            (fault * usable + novel) / (usable + novel)
            if is_change or _is_active(changed)
            else 0.0,
            faulty + novel,
            usable + novel,
            None,
            trend,
        ),
    )


def rms_trend(state: SensorState) -> float | None:
    """Return the RMS over the sensor's reference; None where either is missing."""
    reference, rms = state.reference_log(), state.evidence.indicator(0)
    return None if reference is None or rms is None else exp(rms - reference)


def _indicator(state: SensorState) -> Reading:
    counts = state.evidence.counts
    levels = {}
    for column, limit in state.limits:
        value = state.evidence.indicator(column)
        if value is not None:
            levels[INDICATORS[column]] = exp(value - limit / LOG_STEPS)
    if not levels:
        # No window is measured, or there is no limit any more: then nothing is too high.
        return Reading(0.0, 0, 0 if state.limits else state.evidence.windows, None)
    alarm = state.alarms.get(AlarmKind.INDICATOR_HIGH)
    return Reading(
        max(levels.values()), counts[OVER], counts[WITH_INDICATORS], _label(levels, alarm)
    )


def _quality(state: SensorState) -> Reading:
    counts, windows = state.evidence.counts, state.evidence.windows
    shares = {flag: counts[bit] / windows for flag, bit in _FLAG_BITS}
    label = _label(shares, state.alarms.get(AlarmKind.SENSOR_QUALITY))
    return Reading(max(shares.values()), counts[FLAGGED], windows, label)


def _unknown(state: SensorState) -> Reading:
    count, windows = state.evidence.counts[UNKNOWN_MACHINE], state.evidence.windows
    return Reading(count / windows, count, windows, None)


def _is_active(alarm: AlarmState | None) -> bool:
    return alarm is not None and alarm.active


def _label(levels: dict[str, float], alarm: AlarmState | None) -> str:
    """Return the label with the highest level, or that of an active alarm if it is not clear."""
    best = max(levels, key=levels.__getitem__)
    if alarm is None or not alarm.active or alarm.label not in levels:
        return best
    return best if levels[best] >= CLEARLY * levels[alarm.label] else alarm.label
