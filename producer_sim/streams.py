"""The windows of a sensor in the format in which they are sent."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from itertools import cycle
from math import inf
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from bearing_stream.recordings import Recording
from bearing_stream.recordings.synthetic import SyntheticBearing
from bearing_stream.vocabulary import FaultLabel
from bearing_stream.wire import SAMPLE_DTYPES, SampleFormat

FULL_SCALE: Final = 32_767
"""The largest int16 count; -32,768 is not used."""

HEADROOM: Final = 32.0
"""Full scale of an endless signal, in its standard deviations: far above its largest sample, and
still a thousand counts per standard deviation."""

BLOCK: Final = 8
"""Windows of one synthetic bearing that are generated at a time: 16 kB each."""

LOOP_WINDOWS: Final = 60
"""Windows of a synthetic bearing to repeat."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SensorStream:
    """The windows of one sensor, and their metadata.

    Args:
        source: `ce_source` of its windows.
        sensor: Its id: the key, and `ce_subject`.
        window_id: Returns the id of the window at an index. The index counts from 0 and goes on
            when a recording repeats, so that a repetition has new ids; a replay has the same ones.
        windows: Samples of shape (2048,), one window after the other, in the sample format's type.
        count: Number of windows; infinity if they do not end.
        shaft_speed: Revolutions per minute, if known.
        fault_label: The true label, if it is known and to be sent.
    """

    source: str
    sensor: str
    window_id: Callable[[int], str]
    windows: Iterable[NDArray[Any]]
    count: float
    shaft_speed: float | None = None
    fault_label: FaultLabel | None = None


def from_recording(
    recording: Recording, sample_format: SampleFormat, *, loop: bool = False, truth: bool = True
) -> SensorStream:
    """The windows of a recording: once, or repeated without end.

    Args:
        recording: At the model's rate.
        sample_format: The format to convert the samples to, once for all repetitions. As `int16-le`
            they are scaled by one factor, so that the largest is full scale and none saturates.
        loop: Repeat the recording without end.
        truth: Send the recording's fault label.
    """
    rows = _as_format(recording.windows(), sample_format, full_scale=0.0)
    return SensorStream(
        source=recording.source,
        sensor=recording.sensor,
        window_id=recording.window_id,
        windows=cycle(rows) if loop else rows,
        count=inf if loop and len(rows) else len(rows),
        shaft_speed=recording.rpm,
        fault_label=recording.fault if truth else None,
    )


def from_bearing(
    bearing: SyntheticBearing,
    sample_format: SampleFormat,
    *,
    loop: bool = False,
    truth: bool = True,
    first_block: int = BLOCK,
) -> SensorStream:
    """The windows of a synthetic bearing, without end.

    Args:
        bearing: The sensor and its bearing.
        sample_format: As for `from_recording`; one factor applies to all windows except those that
            it would saturate.
        loop: Generate only the first 60 windows, ten seconds, and repeat them: the stream is then
            generated in advance and as fast as a recording's. Its source differs, because its
            windows do.
        truth: Send the bearing's fault label.
        first_block: Size of the first block of windows generated; later blocks hold `BLOCK`. Give
            bearings different sizes, and they do not all generate at the same time.
    """
    stream = from_recording(
        bearing.recording(0, LOOP_WINDOWS if loop else 1), sample_format, loop=loop, truth=truth
    )
    if loop:
        return replace(stream, source=f"{stream.source}/loop")
    return replace(stream, windows=_generated(bearing, sample_format, first_block), count=inf)


def to_counts(samples: NDArray[np.float64], full_scale: float = 0.0) -> NDArray[np.int16]:
    """Samples as an analogue-to-digital converter returns them: rounded counts with one scale.

    The diagnosis of a window does not depend on its scale, so the scale is not sent.

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
    return np.rint(scaled).astype(np.int16)


def _generated(
    bearing: SyntheticBearing, sample_format: SampleFormat, first_block: int
) -> Iterator[NDArray[Any]]:
    full_scale = HEADROOM * bearing.condition.level
    first, size = 0, first_block
    while True:
        yield from _as_format(bearing.windows(first, size), sample_format, full_scale)
        first, size = first + size, BLOCK


def _as_format(
    windows: NDArray[np.float64], sample_format: SampleFormat, full_scale: float
) -> NDArray[Any]:
    samples = to_counts(windows, full_scale) if sample_format == "int16-le" else windows
    return np.ascontiguousarray(samples, SAMPLE_DTYPES[sample_format])
