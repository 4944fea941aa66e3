"""Diagnoses to feed the engine with."""

from typing import Any, Final

from hypothesis import strategies as st

from bearing_stream.alarms.observation import Observation, observation
from bearing_stream.alarms.times import EPOCH, from_microseconds, microseconds
from bearing_stream.wire import format_time

START: Final = microseconds(EPOCH.replace(year=2026, month=1, day=31))
"""Event time of the first window, µs since the epoch."""

STEP: Final = 170_667
"""µs that a window lasts."""

HEALTHY: Final = {"Ball": 1e-4, "InnerRace": 1e-4, "Normal": 0.9997, "OuterRace": 1e-4}
OUTER: Final = {"Ball": 0.01, "InnerRace": 0.01, "Normal": 0.012, "OuterRace": 0.968}
INNER: Final = {"Ball": 0.01, "InnerRace": 0.968, "Normal": 0.012, "OuterRace": 0.01}
BALL: Final = {"Ball": 0.968, "InnerRace": 0.01, "Normal": 0.012, "OuterRace": 0.01}

JSON: Final[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner),
    max_leaves=4,
)
"""Any value that JSON may have in the place of ours."""

SOURCE: Final = "/plant-2/pump-7"
SENSOR: Final = "pump-7"


def diagnosis(time: int = START, **fields: Any) -> dict[str, Any]:
    """Return a diagnosis as JSON has it; `rms`, `decided_by` and `lines` are put where they
    belong."""
    rms = fields.pop("rms", 0.1)
    lines = fields.pop("lines", (0.1, 0.0, -0.1, 0.9))
    decided_by = fields.pop("decided_by", "physics")
    outer, inner, ball, change = lines
    return {
        "window_id": str(time),
        "source": SOURCE,
        "sensor": SENSOR,
        "measured_at": format_time(from_microseconds(time)),
        "probabilities": HEALTHY,
        "reasons": [],
        "evidence": {
            "outer_sigma": outer,
            "inner_sigma": inner,
            "ball_sigma": ball,
            "change_sigma": change,
            "decided_by": decided_by,
        },
        "windows": 1,
        "indicators": {"rms": rms, "peak": 4 * rms, "crest_factor": 4.0, "kurtosis": 3.0},
        "model": {"name": "bearing-cnn", "version": "0123456789ab"},
        **fields,
    }


def seen(offset: int, time: int | None = None, **fields: Any) -> Observation:
    """Return the observation with this offset; without a time, windows follow one another."""
    return observation(diagnosis(START + offset * STEP if time is None else time, **fields), offset)
