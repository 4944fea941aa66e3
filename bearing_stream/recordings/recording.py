"""A recording, and how it is divided into windows."""

from dataclasses import dataclass
from urllib.parse import quote

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from bearing_stream.recordings.errors import RecordingError
from bearing_stream.recordings.origin import Origin
from bearing_stream.vocabulary import WINDOW_LENGTH, FaultLabel


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Recording:
    """The signal of one accelerometer, and the known facts about its bearing.

    Args:
        id: The recording within its collection: `105`, or a file's name without its ending.
        sensor: The sensor's id, unique within the collection (`105/DE`). It is the key and the
            `ce_subject` of every window, so one sensor's windows stay in order.
        collection: The source: `cwru`, `files`, or `synthetic/<seed>`.
        samples: Acceleration, float64, shape (n,), finite. Kept as a read-only view.
        sampling_rate: Hz. Every reader of this package returns 12,000.
        unit: Unit of the samples: `g`, or the empty string if it is not known.
        fault: The true label, or None if it is not known.
        fault_diameter: Inches; None for a healthy bearing or if it is not known.
        outer_race_position: O'clock of an outer-race fault (6 is in the middle of the load zone).
        load: Load of the motor, horsepower.
        rpm: Shaft speed, revolutions per minute.
        starts: Indices, above 0 and growing, at which a new stretch begins: no window crosses one.
        clipped: (n,) bool, which of `windows()` were clipped at the file's own rate; None if it is
            not known.
        origin: What of a user's own file it is; None for other sources.

    Raises:
        RecordingError: The samples are not one finite float64 row, or the rate is not positive.
    """

    id: str
    sensor: str
    collection: str
    samples: NDArray[np.float64]
    sampling_rate: float
    unit: str = ""
    fault: FaultLabel | None = None
    fault_diameter: float | None = None
    outer_race_position: int | None = None
    load: float | None = None
    rpm: float | None = None
    starts: tuple[int, ...] = ()
    clipped: NDArray[np.bool_] | None = None
    origin: Origin | None = None

    def __post_init__(self) -> None:
        if self.samples.ndim != 1 or self.samples.dtype != np.float64:
            raise RecordingError(
                f"recording {self.id}: expected one row of float64 samples, got "
                f"{self.samples.dtype} of shape {self.samples.shape}"
            )
        if not np.isfinite(self.samples).all():
            raise RecordingError(f"recording {self.id}: some samples are not finite")
        if not self.sampling_rate > 0:
            raise RecordingError(
                f"recording {self.id}: expected a positive rate, got {self.sampling_rate} Hz"
            )
        view = self.samples.view()
        view.setflags(write=False)
        object.__setattr__(self, "samples", view)

    @property
    def stretches(self) -> tuple[NDArray[np.float64], ...]:
        """The parts of the samples within which they follow each other: read-only views."""
        return tuple(np.split(self.samples, self.starts))

    @property
    def source(self) -> str:
        """The source of its windows, as a URI reference: `/cwru/105/DE`."""
        return f"/{quote(self.collection)}/{quote(self.sensor)}"

    def window_id(self, index: int) -> str:
        """The id of window `index`, unique within the source: `105/DE/000017`."""
        return f"{self.sensor}/{index:06d}"

    def windows(self, hop: int = WINDOW_LENGTH) -> NDArray[np.float64]:
        """Divide the samples into windows; an incomplete last window is dropped.

        Args:
            hop: Samples from the start of one window to the start of the next, at least 1. The
                default leaves neither gaps nor overlaps.

        Returns:
            Shape (n, 2048), read-only: a view of the samples, or a copy if there are several
            stretches.

        Raises:
            ValueError: `hop` is below 1.
        """
        if hop < 1:
            raise ValueError(f"hop must be 1 or more, got {hop}")
        if not self.starts:
            return _windows(self.samples, hop)
        windows = np.concatenate([_windows(stretch, hop) for stretch in self.stretches])
        windows.setflags(write=False)
        return windows


def _windows(samples: NDArray[np.float64], hop: int) -> NDArray[np.float64]:
    if samples.size < WINDOW_LENGTH:
        return samples[:0].reshape(0, WINDOW_LENGTH)
    return sliding_window_view(samples, WINDOW_LENGTH)[::hop]
