"""Whether what was read from the topic of state can be a state: any program may write there.

A value of another type or range would otherwise end the stage where it is used, and so at each
restart.
"""

from collections.abc import Mapping
from typing import Any, Final

from bearing_stream.alarms.times import LATEST, microseconds
from bearing_stream.wire.alarm_terms import SEVERITIES

_NONE: Final = type(None)

_LATEST: Final = microseconds(LATEST)

Types = Mapping[str, tuple[type, ...]]
"""Name of a field → what its value may be. A boolean is no integer here."""

TIMES: Final = ("on_since", "off_since", "since", "alarmed_at", "other_since")

_COUNTS: Final = ("windows", "count", "realarmed")

ALARM: Final[Types] = {
    **dict.fromkeys(("active", "acked", "latched", "masked", "chattering"), (bool,)),
    **dict.fromkeys((*TIMES, *_COUNTS, "rank"), (int,)),
    **dict.fromkeys(("pending_window", "first_window"), (str,)),
    **dict.fromkeys(("suppressed", "disabled", "label", "other_label"), (str, _NONE)),
    "changes": (list,),
}

SHELVING: Final[Types] = {"until": (int,), "by": (str,), "reason": (str,), "once": (bool,)}

SENSOR: Final[Types] = {
    **dict.fromkeys(("offset", "command_offset", "latest", "late_run", "referenced"), (int,)),
    **dict.fromkeys(("sensor", "source", "window_id"), (str,)),
    "reference": (int,),
    "channel": (str, _NONE),
    "off": (bool,),
}


def check_types(values: Mapping[str, Any], expected: Types) -> None:
    """Raise ValueError unless each value has one of the types that are expected."""
    for name, types in expected.items():
        if type(values[name]) not in types:
            names = " or ".join(each.__name__ for each in types)
            raise ValueError(f"expected {name} as {names}, got {values[name]!r:.100}")


def check_time(name: str, time: Any) -> None:
    """Raise ValueError unless a time, in µs, can be written with any delay added."""
    if type(time) is not int or not 0 <= time < _LATEST:
        raise ValueError(f"expected {name} as µs from 1970 to 8999, got {time!r:.100}")


def check_alarm(values: Mapping[str, Any]) -> None:
    """Raise ValueError unless these can be the fields of an alarm."""
    check_types(values, ALARM)
    for name in TIMES:
        check_time(name, values[name])
    for time in values["changes"]:
        check_time("changes", time)
    if not 0 <= values["rank"] < len(SEVERITIES):
        raise ValueError(f"expected rank below {len(SEVERITIES)}, got {values['rank']}")
    for name in _COUNTS:
        if values[name] < 0:
            raise ValueError(f"expected {name} of at least 0, got {values[name]}")
    if values["shelved"] is not None:
        check_types(values["shelved"]._asdict(), SHELVING)
        check_time("until", values["shelved"].until)


def check_sensor(values: Mapping[str, Any]) -> None:
    """Raise ValueError unless these can be the fields of a sensor."""
    check_types(values, SENSOR)
    check_time("latest", values["latest"])
    model = values["model"]
    if len(model) != 2 or not all(type(each) is str for each in model):
        raise ValueError(f"expected name and version of the model, got {model!r:.100}")
