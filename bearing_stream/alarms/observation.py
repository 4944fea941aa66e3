"""What the engine takes from a diagnosis, in integers, so that sums of evidence are exact.

Probabilities and indicators are taken as logarithms in steps of 1e-4, line heights in steps of 1e-3
standard deviations. Reading is tolerant, and without pydantic: every diagnosis goes this way.
"""

from datetime import datetime
from math import isfinite, log
from typing import Any, Final, NamedTuple

from pydantic_core import from_json

from bearing_stream.alarms import times
from bearing_stream.vocabulary import FAULT_LABELS, QUALITY_FLAGS

LOG_STEPS: Final = 10_000
"""Steps of a logarithm, to the base e."""

SIGMA_STEPS: Final = 1_000
"""Steps of a standard deviation."""

SMALLEST: Final = 1e-6
"""Lower bound of probabilities, that of the rule of physics: one window cannot outweigh all."""

_TINIEST: Final = 1e-12
"""Lower bound of indicators, so that their logarithms are finite."""

_LARGEST: Final = 1e12
"""Upper bound of indicators, so that no sum or ratio of them is too large a float."""

_LONGEST: Final = 1024
"""Characters of a name, as the wire format has it."""

_MOST_WINDOWS: Final = 1_000_000
"""Windows that a measurement counts as, at most."""

_MOST_SIGMA: Final = 1000 * SIGMA_STEPS
"""Bound of line heights, so that sums fit 32 bits."""

INDICATORS: Final = ("rms", "peak", "crest_factor", "kurtosis", "velocity_rms")
"""In the order of the columns; all but the last are always there together."""

BITS: Final = (
    *("usable", "faulty", "network", "lines", "indicators", "velocity", "off", "over", "flagged"),
    *QUALITY_FLAGS,
    "wrong-unit",
    "novel",
)
"""What a window may have; the evidence counts the windows with each. Masks are saved: later bits
come last."""

USABLE, FAULTY, NETWORK, LINES, WITH_INDICATORS, VELOCITY, OFF, OVER, FLAGGED = range(9)
"""Indices of bits: counts as evidence of the machine's state; a fault is more probable than not;
the network decided; has physical evidence; has indicators; has a velocity; the machine is off; an
indicator is over its limit; has a flag of a defective signal."""

UNKNOWN_MACHINE: Final = BITS.index("unknown-machine")
WRONG_UNIT: Final = BITS.index("wrong-unit")
NOVELTY: Final = BITS.index("novelty")
NOVEL: Final = BITS.index("novel")
"""Index of a bit: the flag `novelty` is all that keeps it from being evidence."""

SIGNAL_FLAGS: Final = ("clipping", "dropout", "jump", "mains-hum", "wrong-unit")
"""The flags of a defective signal."""

UNUSABLE: Final = sum(
    1 << BITS.index(flag) for flag in ("dropout", "jump", "mains-hum", "novelty", "unknown-machine")
)
"""Flags with which a window is no evidence of the machine's state. Clipping is not among them: a
failing bearing drives its sensor into clipping, and its lines remain."""

UNMEASURED: Final = sum(
    1 << BITS.index(flag) for flag in ("dropout", "jump", "mains-hum", "wrong-unit")
)
"""Flags with which the indicators of a window do not count."""

_FLAG_MASKS: Final = {flag: 1 << BITS.index(flag) for flag in QUALITY_FLAGS}
_SIGNAL_MASK: Final = sum(1 << BITS.index(flag) for flag in SIGNAL_FLAGS)
_NORMAL: Final = FAULT_LABELS.index("Normal")
_NO_LINES: Final = (0, 0, 0, 0)
_NO_INDICATORS: Final = (0, 0, 0, 0, 0)


class Observation(NamedTuple):
    """A diagnosis, as the engine takes it."""

    offset: int
    """Of the diagnosis in its partition."""
    window_id: str
    source: str
    sensor: str
    channel: str | None
    time: int
    """Time of the first sample, µs since the epoch."""
    windows: int
    mask: int
    """The bits that do not depend on the rules."""
    logs: tuple[int, ...]
    """Of the probabilities, in the order of `FAULT_LABELS`."""
    sigmas: tuple[int, ...]
    """Heights of the lines of outer race, inner race and ball, and the change; zeros without
    physical evidence."""
    indicators: tuple[int, ...]
    """Logarithms in the order of `INDICATORS`; zeros for those that are absent."""
    unit: str | None
    model: tuple[str, str]
    """Name and version."""


class ObservationError(ValueError):
    """A value is no diagnosis; the message states what was expected."""


def read(value: bytes | None, offset: int) -> Observation:
    """Return the observation in the JSON of a diagnosis.

    Raises:
        ObservationError: It is no diagnosis.
    """
    try:
        return observation(from_json(value or b"", allow_inf_nan=False), offset)
    except (ValueError, KeyError, TypeError, AttributeError, OverflowError) as error:
        raise ObservationError(f"expected a diagnosis: {type(error).__name__}: {error}") from error


def observation(diagnosis: Any, offset: int) -> Observation:
    """Return the observation in a diagnosis as plain objects; errors of any kind if it is none."""
    probabilities = diagnosis["probabilities"]
    logs = tuple([_log(probabilities[label], SMALLEST) for label in FAULT_LABELS])
    mask = 0
    for flag in diagnosis["reasons"]:
        mask |= _FLAG_MASKS.get(flag, 0)
    if mask & _SIGNAL_MASK:
        mask |= 1 << FLAGGED
    if probabilities["Normal"] < 0.5:
        mask |= 1 << FAULTY
    evidence = diagnosis.get("evidence")
    if evidence is None or evidence["decided_by"] == "network":
        mask |= 1 << NETWORK
    sigmas = _NO_LINES if evidence is None else _sigmas(evidence)
    if evidence is not None:
        mask |= 1 << LINES
    found = diagnosis.get("indicators")
    indicators = _NO_INDICATORS if found is None else _indicators(found)
    if found is not None:
        mask |= 1 << WITH_INDICATORS | (found.get("velocity_rms") is not None) << VELOCITY
    model = diagnosis["model"]
    return Observation(
        offset,
        _text(diagnosis["window_id"]),
        _text(diagnosis["source"]),
        _text(diagnosis["sensor"]),
        _text_or_none(diagnosis.get("channel")),
        _time(diagnosis["measured_at"]),
        max(1, min(_MOST_WINDOWS, int(diagnosis.get("windows", 1)))),
        mask,
        logs,
        sigmas,
        indicators,
        _text_or_none(diagnosis.get("unit")),
        (_text(model["name"]), _text(model["version"])),
    )


def _text(value: Any) -> str:
    if type(value) is not str:
        raise TypeError(f"expected text, got {str(value)[:80]!r}")
    if len(value) > _LONGEST:
        raise ValueError(f"expected at most {_LONGEST} characters, got {len(value)}")
    return value


def _text_or_none(value: Any) -> str | None:
    return None if value is None else _text(value)


def _time(text: str) -> int:
    time = datetime.fromisoformat(text)
    times.check(time)
    return times.microseconds(time)


def _log(value: float, smallest: float = _TINIEST) -> int:
    return round(log(min(value, _LARGEST) if value > smallest else smallest) * LOG_STEPS)


def _indicators(found: Any) -> tuple[int, ...]:
    velocity = found.get("velocity_rms")
    return (
        _log(found["rms"]),
        _log(found["peak"]),
        _log(found["crest_factor"]),
        _log(found["kurtosis"]),
        0 if velocity is None else _log(velocity),
    )


def _sigmas(evidence: Any) -> tuple[int, ...]:
    change = evidence.get("change_sigma")
    return (
        _steps(evidence["outer_sigma"]),
        _steps(evidence["inner_sigma"]),
        _steps(evidence["ball_sigma"]),
        0 if change is None else _steps(change),
    )


def _steps(sigma: float) -> int:
    if not isfinite(sigma):
        raise ValueError(f"expected a finite height of a line, got {sigma}")
    return max(-_MOST_SIGMA, min(_MOST_SIGMA, round(sigma * SIGMA_STEPS)))
