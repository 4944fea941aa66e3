"""The sampling rate of a signal, from what the file and the caller state."""

from collections.abc import Sequence
from pathlib import Path
from typing import Final

import numpy as np

from bearing_stream.recordings.errors import RecordingError
from bearing_stream.recordings.formats.content import Rate
from bearing_stream.sampling import HIGHEST_RATE, LOWEST_RATE

_TOLERANCE: Final = 1e-3
"""Relative difference up to which two rates agree."""

_FACTORS: Final = ((1e3, "kHz", "ms"), (1e6, "MHz", "µs"), (1e9, "GHz", "ns"))
"""Factor by which a rate is off → its unit, if it is a rate, or that of a time axis."""


def agreed_rate(
    path: Path, stated: Sequence[Rate], given: float | None
) -> tuple[float, str, tuple[str, ...]]:
    """Return the sampling rate, what states it, and warnings.

    The rates that a file states must agree with each other and with the given one. Only a rate that
    cannot be, or that is a factor of 1000 off, is overruled by the given one.

    Args:
        path: The file, for the message.
        stated: What the file states, the most specific first.
        given: Hz, from the caller.

    Raises:
        RecordingError: No rate, or rates that disagree.
    """
    if given is not None:
        return _checked(path, stated, given)
    if not stated:
        raise RecordingError(
            f"{path}: the file does not state its sampling rate; give it in Hz with --rate"
        )
    for rate in stated:
        if rate.problem:
            raise RecordingError(
                f"{path}: {rate.source} {rate.problem}: expected the times of an even sampling; "
                "if the samples are even, give their rate in Hz with --rate"
            )
        if not LOWEST_RATE <= rate.hz <= HIGHEST_RATE:
            raise RecordingError(
                f"{path}: {rate.source} states a sampling rate of {rate.hz:.10g} Hz"
                f"{_suspicion(rate.hz)}; give the rate in Hz with --rate"
            )
    first = stated[0]
    for other in stated[1:]:
        if not _agree(first.hz, other.hz):
            raise RecordingError(
                f"{path}: {first.source} states a sampling rate of {first.hz:.10g} Hz, and "
                f"{other.source} one of {other.hz:.10g} Hz; give the right one with --rate"
            )
    return first.hz, first.source, ()


def _checked(
    path: Path, stated: Sequence[Rate], given: float
) -> tuple[float, str, tuple[str, ...]]:
    """The given rate, if it agrees with what the file states."""
    if not LOWEST_RATE <= given <= HIGHEST_RATE:
        raise RecordingError(
            f"{path}: expected a sampling rate from 100 Hz to 10 MHz, got {given:.10g} Hz"
            f"{_suspicion(given)}"
        )
    agreeing = [rate for rate in stated if _agree(rate.hz, given)]
    warnings = []
    for rate in stated:
        if rate.problem:
            warnings.append(f"{rate.source} {rate.problem}: --rate {given:.10g} Hz is used")
        elif not _agree(rate.hz, given):
            if not (agreeing or _cannot_be(rate.hz, given)):
                raise RecordingError(
                    f"{path}: the file states a sampling rate ({rate.source}) of {rate.hz:.10g} "
                    f"Hz, and --rate is {given:.10g} Hz; omit --rate, or correct the file if it is "
                    "wrong"
                )
            warnings.append(
                f"{rate.source} states a sampling rate of {rate.hz:.10g} Hz"
                f"{_suspicion(rate.hz)}: --rate {given:.10g} Hz is used"
            )
    if agreeing:
        return agreeing[0].hz, agreeing[0].source, tuple(warnings)
    return given, "--rate", tuple(warnings)


def _agree(one: float, other: float) -> bool:
    return bool(abs(one - other) <= _TOLERANCE * abs(one))


def _cannot_be(stated: float, given: float) -> bool:
    """Whether a stated rate is impossible, or the given one in another unit."""
    if not (np.isfinite(stated) and LOWEST_RATE <= stated <= HIGHEST_RATE):
        return True
    return any(_agree(stated * factor, given) for factor, _, _ in _FACTORS)


def _suspicion(hz: float) -> str:
    """In which unit a rate that cannot be one in Hz may be."""
    if not (np.isfinite(hz) and 0 < hz < LOWEST_RATE):
        return ""
    for factor, unit, time_unit in _FACTORS:
        if 1000 <= hz * factor <= HIGHEST_RATE:
            return (
                f", which seems to be in {unit} (or a time in {time_unit}): {hz * factor:.10g} Hz"
            )
    return ""
