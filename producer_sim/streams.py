"""A sensor's windows as they go onto the wire."""

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
"""The largest int16 count; the smallest is one further away and stays unused."""

HEADROOM: Final = 32.0
"""Full scale of a signal without end, in its standard deviations: at ten times the largest that
comes, and still a thousand counts to a standard deviation."""

BLOCK: Final = 8
"""Windows of one made-up bearing made at a time: 16 kB each."""

LOOP_WINDOWS: Final = 60
"""Windows of a made-up bearing to go round."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SensorStream:
    """What one sensor will say.

    Args:
        source: `ce_source` of its windows.
        sensor: Its id: the key, and `ce_subject`.
        window_id: Names the window of an index, counted from 0 and never starting again: going
            round a recording a second time gives new ids, replaying it once gives the same.
        windows: Samples of shape (2048,), one after the other, in the sample format's type.
        count: How many windows there are; infinity if they do not end.
        shaft_speed: Revolutions a minute, where it is known.
        fault_label: The truth, where it is known and is to be told.
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
    """The windows of a recording: once, or round and round.

    Args:
        recording: At the model's rate.
        sample_format: What to convert the samples to, once for all rounds. As `int16-le` they are
            scaled by one factor, so that the largest of them is full scale and none saturates.
        loop: Begin again at the end, without end.
        truth: Tell the recording's fault label.
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
    """The windows of a made-up bearing, without end.

    Args:
        bearing: Who measures.
        sample_format: As for `from_recording`; one factor serves all windows but those, if there
            ever is one, that it would saturate.
        loop: Make only the first 60 windows, ten seconds, and go round them: the stream is then
            ready beforehand and as fast as a recording's. Its source is another, because its
            windows are.
        truth: Tell the bearing's fault label.
        first_block: Windows to make before the first; others follow `BLOCK` at a time. Bearings
            that differ here do not all work in the same instant.
    """
    stream = from_recording(
        bearing.recording(0, LOOP_WINDOWS if loop else 1), sample_format, loop=loop, truth=truth
    )
    if loop:
        return replace(stream, source=f"{stream.source}/loop")
    return replace(stream, windows=_made(bearing, sample_format, first_block), count=inf)


def to_counts(samples: NDArray[np.float64], full_scale: float = 0.0) -> NDArray[np.int16]:
    """Samples as an analogue-to-digital converter would give them: rounded counts of one scale.

    The diagnosis of a window does not depend on its scale, so the scale is told to nobody.

    Args:
        samples: Any shape, finite.
        full_scale: What becomes the largest count, in the samples' unit. The largest sample takes
            its place where it is larger still: nothing saturates.

    Returns:
        The same shape; all zeros stay zeros.
    """
    peak = max(full_scale, float(np.abs(samples).max(initial=0.0)))
    # Divided first: the inverse of a tiny peak would overflow.
    scaled = samples / peak * FULL_SCALE if peak > 0 else samples
    return np.rint(scaled).astype(np.int16)


def _made(
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
