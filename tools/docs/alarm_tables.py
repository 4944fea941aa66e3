"""The tables of alarms: kinds, display states, transitions, rules and fields."""

from collections import Counter
from enum import StrEnum

from bearing_stream.alarms.rules import EvidenceRule, KindRule, Limits, SensorRules
from bearing_stream.wire.alarm import AlarmEvent
from bearing_stream.wire.alarm_terms import AlarmKind, DisplayState, Severity, Transition
from tools.docs.docstrings import attribute_docstrings, table
from tools.docs.wire_tables import fields_of

UNITS = ((3_600_000_000, "h"), (60_000_000, "m"), (1_000_000, "s"), (1_000, "ms"))
"""µs → unit of a duration."""


def _meanings(heading: str, values: type[StrEnum]) -> str:
    texts = attribute_docstrings(values)
    return table((heading, "meaning"), [(f"`{each}`", texts[each.name]) for each in values])


def alarm_kinds() -> str:
    """Return the Markdown table of the kinds, with what the level of each is."""
    texts = attribute_docstrings(AlarmKind)
    rules = SensorRules().kinds
    rows = [
        (f"`{kind}`", texts[kind.name], " ".join((rules[kind].__doc__ or "").split()))
        for kind in AlarmKind
    ]
    return table(("kind", "meaning", "level"), rows)


def alarm_states() -> str:
    """Return the Markdown table of the display states, in their order."""
    return _meanings("state", DisplayState)


def alarm_severities() -> str:
    """Return the Markdown table of the severities."""
    return _meanings("severity", Severity)


def alarm_transitions() -> str:
    """Return the Markdown table of the events."""
    return _meanings("event", Transition)


def alarm_fields() -> str:
    """Return the Markdown table of the fields of an alarm and an event."""
    return table(("field", "meaning"), fields_of(AlarmEvent))


def alarm_rules() -> str:
    """Return the Markdown tables of the rules: what is shared, the kinds, the indicators."""
    rules = SensorRules()
    texts = attribute_docstrings(KindRule)
    kinds = []
    for name, field in KindRule.model_fields.items():
        values = [(kind, _shown(getattr(rule, name), name)) for kind, rule in rules.kinds.items()]
        common = Counter(value for _, value in values).most_common(1)[0][0]
        others = "; ".join(f"`{kind}`: {value}" for kind, value in values if value != common)
        default = f"{common} ({others})" if others else common
        kinds.append((f"`{field.alias or name}`", default, texts[name]))
    own = [
        ("`indicator-high.rms_times`", _shown(rules.indicator_high.rms_times, ""), "rms_times"),
        ("`sensor-silent.timeout`", _shown(rules.sensor_silent.timeout, "timeout"), "timeout"),
        ("`sensor-silent.first_seen`", _shown(rules.sensor_silent.first_seen, ""), "first_seen"),
    ]
    own_texts = attribute_docstrings(type(rules.indicator_high)) | attribute_docstrings(
        type(rules.sensor_silent)
    )
    evidence = attribute_docstrings(EvidenceRule)
    limits = attribute_docstrings(Limits)
    rows = [
        *(
            (f"`evidence.{name}`", _shown(getattr(rules.evidence, name), name), evidence[name])
            for name in EvidenceRule.model_fields
        ),
        *((key, default, own_texts[name]) for key, default, name in own),
        *(
            (
                f"`indicator-high.limits.{name}`",
                _shown(getattr(Limits(), name), name),
                limits.get(name, "Its limit."),
            )
            for name in Limits.model_fields
        ),
    ]
    return (
        "Of every kind:\n\n"
        + table(("key", "default", "meaning"), kinds)
        + "\nOf some:\n\n"
        + table(("key", "default", "meaning"), rows)
    )


def _shown(value: object, name: str) -> str:
    """Return a value as the file of rules has it."""
    if value is None:
        return "none"
    if isinstance(value, tuple):
        return ", ".join(map(str, value)) or "none"
    if isinstance(value, bool):
        return str(value).lower()
    durations = ("delay", "time", "period", "shelve", "lateness", "timeout")
    if isinstance(value, int) and name.endswith(durations):
        size, unit = next((each for each in UNITS if value % each[0] == 0), (1_000, "ms"))
        return f"{value // size}{unit}"
    return f"{value:g}" if isinstance(value, float) else str(value)
