"""Templates of messages: `string.Template` with a closed set of fields, checked at the start."""

from collections.abc import Callable, Mapping
from shlex import quote
from string import Template
from types import MappingProxyType
from typing import Annotated, Any, Final, NamedTuple

from pydantic import AfterValidator

from bearing_stream.commands.terminal import printable
from bearing_stream.config import suggestion
from bearing_stream.wire import format_time
from bearing_stream.wire.alarm import AlarmEvent

ABSENT: Final = "-"
"""What a field shows that the event does not have."""


class Field(NamedTuple):
    """What `$name` in a template stands for."""

    meaning: str
    of: Callable[[AlarmEvent], Any]


def _indicator(name: str) -> Callable[[AlarmEvent], Any]:
    return lambda event: event.indicators and getattr(event.indicators, name)


def _probability(event: AlarmEvent) -> float | None:
    if event.evidence is None or event.label is None:
        return None
    return event.evidence.probabilities.get(event.label)


FIELDS: Final[Mapping[str, Field]] = MappingProxyType(
    {
        "event": Field("The transition: `raised`, `cleared`, …", lambda e: e.event),
        "severity": Field("`low`, `medium`, `high` or `critical`.", lambda e: e.severity),
        "what": Field("The label, or the kind where there is none.", lambda e: e.label or e.kind),
        "alarm_id": Field("Such as `pump-7:bearing-fault`.", lambda e: e.alarm_id),
        "quoted_alarm_id": Field(
            "The same, to be copied into a shell: quoted where it has to be.",
            lambda e: quote(printable(e.alarm_id)),
        ),
        "kind": Field("The kind of alarm.", lambda e: e.kind),
        "label": Field("Part of the bearing, indicator or quality flag.", lambda e: e.label),
        "state": Field("The display state after the event.", lambda e: e.state),
        "machine": Field("The machine, `ce_source` of its measurements.", lambda e: e.machine),
        "sensor": Field("The sensor.", lambda e: e.sensor),
        "since": Field("Event time of the latest raise.", lambda e: e.since),
        "measured_at": Field("Time of the latest measurement.", lambda e: e.last_measured_at),
        "count": Field("How often the alarm was raised.", lambda e: e.count),
        "windows": Field("Windows measured while it was active.", lambda e: e.windows),
        "probability": Field("Accumulated probability of the label.", _probability),
        "rms": Field("RMS, in the unit of the samples.", _indicator("rms")),
        "rms_trend": Field("RMS over that of the first windows.", _indicator("rms_trend")),
        "kurtosis": Field("Kurtosis.", _indicator("kurtosis")),
        "velocity_rms": Field("Velocity in mm/s.", _indicator("velocity_rms")),
        "by": Field(
            "The operator, where a command is the cause.", lambda e: e.command and e.command.by
        ),
        "reason": Field(
            "The reason that the operator gave.", lambda e: e.command and e.command.reason
        ),
        "transition_id": Field("The key for deduplication.", lambda e: e.transition_id),
    }
)
"""Field → what it shows. A dollar sign is written `$$`."""


def _is_known(text: str) -> str:
    template = Template(text)
    if not template.is_valid():
        raise ValueError("expected fields as $name or ${name}, and $$ for a dollar sign")
    for name in template.get_identifiers():
        if name not in FIELDS:
            known = suggestion(name, FIELDS) or f"; known are {', '.join(FIELDS)}"
            raise ValueError(f"there is no field ${name}{known}")
    return text


TemplateText = Annotated[str, AfterValidator(_is_known)]
"""A text with fields of an event, `$name`."""


def render(text: str, event: AlarmEvent) -> str:
    """Return a template with the fields of an event."""
    return Template(text).substitute(
        {name: _shown(field.of(event)) for name, field in FIELDS.items()}
    )


def _shown(value: Any) -> str:
    if value is None or value == "":
        return ABSENT
    if hasattr(value, "isoformat"):
        return format_time(value, "seconds")
    if isinstance(value, float):
        return f"{value:.4g}"
    # A line break in a name must not begin another line of the message.
    return printable(" ".join(str(value).splitlines()))
