"""A measurement as curves to draw: its waveform, spectrum and envelope spectrum."""

from dataclasses import dataclass
from itertools import pairwise
from math import log
from typing import Any, Final

import numpy as np
import scipy.fft
from msgspec import Struct
from numpy.typing import NDArray

from bearing_stream import sampling
from model.physics.bearing import BearingOrders
from model.physics.lines import line_orders, reading_for, speeds
from model.physics.spectra import FINENESS, NARROW, STEP, spectra

MOST_POINTS: Final = 2048
"""Of a curve; more than a screen has columns."""

DECIBELS: Final = 10 / log(10)
"""dB per natural logarithm of power."""

MOST_WINDOWS: Final = 256
"""Of a measurement whose envelope spectra are averaged: 44 s."""

LINES: Final = (
    *(("outer", multiple) for multiple in (1, 2, 3)),
    *(("inner", multiple) for multiple in (1, 2)),
    *(("ball", multiple) for multiple in (1, 2)),
)
"""Part and multiple of each column of `line_orders`; of the ball, of twice its spin."""

Floats = NDArray[np.floating[Any]]


class Curve(Struct, frozen=True):
    """Points of a curve."""

    x: list[float]
    y: list[float]


class Line(Struct, frozen=True):
    """A line of the bearing."""

    part: str
    """`outer`, `inner` or `ball`."""
    multiple: int
    hertz: float


class Figures(Struct, frozen=True):
    """A measurement, ready to draw."""

    sampling_rate: float
    samples: int
    waveform: Curve
    """Seconds, and the unit of the samples; where there are too many, the least and the largest of
    each stretch."""
    spectrum: Curve
    """Hz up to half the sampling rate, and amplitude in the unit of the samples; where there are
    too many, the largest of each stretch."""
    envelope: Curve
    """Hz, and dB: the mean of the logarithms of squared-envelope spectra, as the rule of physics
    reads it. Only differences are meaningful."""
    lines: list[Line]
    """Of the bearing, at the speed; empty where either is not known."""
    rpm: float | None
    """Speed for which the lines are drawn."""


@dataclass(frozen=True, slots=True)
class Known:
    """What is known of the machine: the orders of its bearing, and its speed; None where not."""

    orders: BearingOrders | None = None
    rpm: float | None = None


def figures(samples: NDArray[Any], sampling_rate: float, known: Known) -> Figures:
    """Return what to draw of a measurement.

    Args:
        samples: (n,), finite, any unit, of at least one window.
        sampling_rate: Hz.
        known: Of the machine.
    """
    signal = samples.astype(np.float64)
    windows = sampling.windows(samples, sampling_rate)
    varying = windows.samples[windows.varying][:MOST_WINDOWS]
    orders, rpm = known.orders, known.rpm
    drawable = orders is not None and rpm is not None and _is_within(rpm, orders)
    reading = reading_for(orders, rpm) if orders and rpm and drawable else NARROW
    envelope = spectra(varying, reading).envelope.mean(axis=0) if len(varying) else np.zeros(0)
    hertz = np.arange(len(envelope)) * STEP
    lines = _lines(orders, rpm) if orders and rpm and drawable else []
    return Figures(
        sampling_rate=sampling_rate,
        samples=len(samples),
        waveform=_extremes(np.arange(len(signal)) / sampling_rate, signal),
        spectrum=_spectrum(signal, sampling_rate),
        # Below the first bin is only the mean, which was subtracted.
        envelope=_curve(hertz[FINENESS:], DECIBELS * envelope[FINENESS:].astype(np.float64)),
        lines=lines,
        rpm=rpm if lines else None,
    )


def _is_within(rpm: float, orders: BearingOrders) -> bool:
    slowest, fastest = speeds(orders)
    return slowest <= rpm <= fastest


def _lines(orders: BearingOrders, rpm: float) -> list[Line]:
    hertz = line_orders(orders) * rpm / 60
    return [
        Line(part, multiple, float(at)) for (part, multiple), at in zip(LINES, hertz, strict=True)
    ]


def _spectrum(signal: Floats, sampling_rate: float) -> Curve:
    """Return the amplitude spectrum, from one transform with a Hann taper."""
    taper = np.hanning(len(signal))
    amplitudes = np.abs(scipy.fft.rfft((signal - signal.mean()) * taper)) * (2 / taper.sum())
    hertz = np.arange(len(amplitudes)) * (sampling_rate / len(signal))
    width = -(-len(amplitudes) // MOST_POINTS)
    starts = np.arange(0, len(amplitudes), width)
    return _curve(hertz[starts], np.maximum.reduceat(amplitudes, starts))


def _extremes(x: Floats, y: Floats) -> Curve:
    """Return a curve as it is, or the least and the largest of each stretch of it."""
    if len(y) <= MOST_POINTS:
        return _curve(x, y)
    edges = np.linspace(0, len(y), MOST_POINTS // 2 + 1).astype(np.int64)
    places = [
        place
        for begin, end in pairwise(edges.tolist())
        for place in sorted((begin + y[begin:end].argmin(), begin + y[begin:end].argmax()))
    ]
    return _curve(x[places], y[places])


def _curve(x: Floats, y: Floats) -> Curve:
    return Curve(_rounded(x), _rounded(y))


def _rounded(values: Floats) -> list[float]:
    """Return numbers of six digits: more cannot be seen, and a browser has to fetch them."""
    return [float(f"{value:.6g}") for value in values.tolist()]
