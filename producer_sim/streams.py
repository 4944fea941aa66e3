"""The measurements of a sensor in the format in which they are sent."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from itertools import cycle
from math import inf
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from scipy.signal import resample_poly

from bearing_stream.recordings import Recording, RecordingError
from bearing_stream.recordings.synthetic import SyntheticBearing
from bearing_stream.sampling import least_length
from bearing_stream.vocabulary import SAMPLING_RATE, WINDOW_LENGTH, FaultLabel
from bearing_stream.wire import SAMPLE_DTYPES, SampleFormat, Unit

FULL_SCALE: Final = 32_767
"""The largest int16 count; -32,768 is not used."""

HEADROOM: Final = 32.0
"""Full scale of an endless signal, in its standard deviations: far above its largest sample, and
still a thousand counts per standard deviation."""

BLOCK: Final = 16
"""Windows of one synthetic bearing that are generated at a time: 8 kB each."""

LOOP_WINDOWS: Final = 60
"""Windows of a synthetic bearing to repeat."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SensorStream:
    """The measurements of one sensor, and their metadata.

    Args:
        source: `ce_source` of its measurements.
        sensor: Its id: the key, and `ce_subject`.
        window_id: Returns the id of the measurement at an index. The index counts from 0 and goes
            on when a recording repeats, so that a repetition has new ids; a replay has the same
            ones.
        measurements: Samples of shape (n,), one measurement after the other, in the sample format's
            type; n is the same for all.
        count: Number of measurements; infinity if they do not end.
        period: Seconds of a measurement, which is the time between two.
        sampling_rate: Hz.
        unit: Unit of the samples, if known.
        shaft_speed: Revolutions per minute, if known.
        fault_label: The true label, if it is known and to be sent.
    """

    source: str
    sensor: str
    window_id: Callable[[int], str]
    measurements: Iterable[NDArray[Any]]
    count: float
    period: float = WINDOW_LENGTH / SAMPLING_RATE
    sampling_rate: float = SAMPLING_RATE
    unit: Unit | None = None
    shaft_speed: float | None = None
    fault_label: FaultLabel | None = None


@dataclass(frozen=True, slots=True)
class Form:
    """What a measurement is.

    Args:
        sample_format: The format to convert the samples to. As integers they are scaled by one
            factor for each recording, so that the largest is full scale and none saturates.
        seconds: How long it is; None for one window.
    """

    sample_format: SampleFormat = "float32-le"
    seconds: float | None = None

    def length(self, sampling_rate: float) -> int:
        """Return the samples of a measurement at this rate, at least those of one window."""
        wanted = 0 if self.seconds is None else round(self.seconds * sampling_rate)
        return max(wanted, least_length(sampling_rate))


def from_recording(
    recording: Recording, form: Form, *, loop: bool = False, truth: bool = True
) -> SensorStream:
    """The measurements of a recording, at its own rate: once, or repeated without end.

    Args:
        recording: At any rate from 12 kHz on.
        form: What a measurement is. The samples are converted once for all repetitions.
        loop: Repeat the recording without end.
        truth: Send the recording's fault label.

    Raises:
        RecordingError: It is shorter than a measurement.
    """
    rate, length = recording.sampling_rate, form.length(recording.sampling_rate)
    cut = _cut(recording, length)
    count = len(cut)
    if form.seconds is not None and not count:
        raise RecordingError(
            f"recording {recording.id} lasts {recording.samples.size / rate:.3g} s: choose shorter "
            f"measurements than {form.seconds:g} s"
        )
    rows = _as_format(cut, form.sample_format, full_scale=0.0)
    return SensorStream(
        source=recording.source,
        sensor=recording.sensor,
        window_id=recording.window_id,
        measurements=cycle(rows) if loop else rows,
        count=inf if loop and count else count,
        period=length / rate,
        sampling_rate=rate,
        unit=_unit(recording.unit, form.sample_format),
        shaft_speed=recording.rpm,
        fault_label=recording.fault if truth else None,
    )


def _cut(recording: Recording, length: int) -> NDArray[np.float64]:
    """Return measurements (k, length) of a recording, none of which crosses into a new stretch."""
    parts = [
        stretch[: len(stretch) // length * length].reshape(-1, length)
        for stretch in recording.stretches
    ]
    return parts[0] if len(parts) == 1 else np.concatenate(parts)


def from_bearing(
    bearing: SyntheticBearing,
    form: Form,
    *,
    sampling_rate: int = SAMPLING_RATE,
    loop: bool = False,
    truth: bool = True,
    first_block: int = BLOCK,
) -> SensorStream:
    """The measurements of a synthetic bearing, without end.

    Args:
        bearing: The sensor and its bearing.
        form: As for `from_recording`; one factor applies to all measurements except those that it
            would saturate.
        sampling_rate: Hz, a multiple of 12,000. The signal itself ends at 6 kHz.
        loop: Generate only the first 60 windows, ten seconds, and repeat them: the stream is then
            generated in advance and as fast as a recording's. Its source differs, because its
            measurements do.
        truth: Send the bearing's fault label.
        first_block: Size of the first block of windows generated; later blocks hold `BLOCK`. Give
            bearings different sizes, and they do not all generate at the same time.
    """
    length = form.length(SAMPLING_RATE)
    windows = LOOP_WINDOWS if loop else length // WINDOW_LENGTH + 1
    recording = bearing.recording(0, windows)
    samples = _faster(recording.samples[None], sampling_rate)[0]
    stream = from_recording(
        replace(recording, samples=samples, sampling_rate=sampling_rate),
        form,
        loop=loop,
        truth=truth,
    )
    if loop:
        return replace(stream, source=f"{stream.source}/loop")
    generated = _generated(bearing, form, sampling_rate, first_block)
    return replace(stream, measurements=generated, count=inf, period=length / SAMPLING_RATE)


def to_counts(samples: NDArray[np.floating], full_scale: float = 0.0) -> NDArray[np.int16]:
    """Samples as an analogue-to-digital converter returns them: rounded counts with one scale.

    The diagnosis does not depend on the scale, so it is not sent.

    Args:
        samples: Any shape, finite.
        full_scale: The amplitude that becomes the largest count, in the samples' unit. If the
            largest sample is larger, it replaces `full_scale`, so that nothing saturates.

    Returns:
        Counts of the same shape; all zeros stay zeros.
    """
    peak = max(full_scale, float(np.abs(samples).max(initial=0.0)))
    # The division comes first: the inverse of a tiny peak would overflow.
    scaled = samples / peak * FULL_SCALE if peak > 0 else samples
    return np.asarray(np.rint(scaled), dtype=np.int16)


def _generated(
    bearing: SyntheticBearing, form: Form, sampling_rate: int, first_block: int
) -> Iterator[NDArray[Any]]:
    full_scale = HEADROOM * bearing.condition.level
    length = form.length(SAMPLING_RATE)
    left = np.empty(0, np.float32)
    first, size = 0, first_block
    while True:
        signal = bearing.windows(first, size).reshape(-1)
        left = np.concatenate([left, signal]) if left.size else signal
        whole = len(left) // length * length
        rows = _faster(left[:whole].reshape(-1, length), sampling_rate)
        yield from _as_format(rows, form.sample_format, full_scale)
        left = left[whole:]
        first, size = first + size, BLOCK


def _faster(rows: NDArray[np.floating], sampling_rate: int) -> NDArray[np.floating]:
    """Return signals at 12 kHz (m, n) as a converter with a higher rate has them."""
    times = sampling_rate // SAMPLING_RATE
    if times == 1 or not rows.size:
        return rows
    faster: NDArray[np.floating] = resample_poly(rows, times, 1, axis=1, padtype="mean")
    return faster


def _unit(unit: str, sample_format: SampleFormat) -> Unit | None:
    if "int" in sample_format:
        return "counts"
    return unit if unit in ("g", "m/s2") else None  # type: ignore[return-value]


def _as_format(
    rows: NDArray[np.floating], sample_format: SampleFormat, full_scale: float
) -> NDArray[Any]:
    samples = to_counts(rows, full_scale) if sample_format == "int16-le" else rows
    return np.ascontiguousarray(samples, SAMPLE_DTYPES[sample_format])
