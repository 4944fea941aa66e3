"""A fleet of synthetic sensors: diagnoses as the evaluation found them, generated with NumPy.

`assets/EVALUATION.md`: with physics, up to 0.6 % of the healthy windows of a machine are diagnosed
as faulty, since the shape of their spectrum is 3 sigmas or more from healthy. Their distances here
are log-normal with that share, their lines normal, and neighbouring windows correlated. One window
in five hundred has each of the flags of a disturbed signal. The rule of `model.physics` decides.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy.signal import lfilter

from bearing_stream.alarms.observation import (
    BITS,
    FAULTY,
    FLAGGED,
    LINES,
    LOG_STEPS,
    SIGMA_STEPS,
    SMALLEST,
    WITH_INDICATORS,
    Observation,
)
from model.physics.measurements import Measurements
from model.physics.rule import decide
from tests.bearing_stream.alarms.diagnoses import START, STEP

CORRELATION: Final = 0.5
"""Of neighbouring windows."""

MEDIAN_DISTANCE: Final = 1.1
DISTANCE_SPREAD: Final = 0.4
"""Of a log-normal distribution of which 0.6 % is above 3 sigmas."""

LINE_SPREAD: Final = 1.2
"""Sigmas of the heights of lines."""

FAULT_LINE: Final = 5.0
FAULT_DISTANCE: Final = 6.0
"""Median of an outer-race fault: the windows of faults begin at 4.4."""

DISTURBED: Final = 1 / 500
"""Share of windows with each of the flags below."""

FLAGS: Final = ("clipping", "jump", "mains-hum")

RMS_SPREAD: Final = 0.05
"""Of the logarithm of the RMS."""


@dataclass(frozen=True, slots=True, eq=False)
class Windows:
    """n windows of one sensor, in integers as in `Observation`.

    Args:
        masks: (n,), bits that do not depend on the rules.
        logs: (n, 4).
        sigmas: (n, 4).
        indicators: (n, 5).
    """

    masks: NDArray[np.int64]
    logs: NDArray[np.int64]
    sigmas: NDArray[np.int64]
    indicators: NDArray[np.int64]

    def observations(self, sensor: str, begin: int = 0) -> list[Observation]:
        """Return them as the engine takes them, the first `begin` windows after the start."""
        model = ("bearing-cnn", "0123456789ab")
        rows = zip(
            self.masks.tolist(),
            map(tuple, self.logs.tolist()),
            map(tuple, self.sigmas.tolist()),
            map(tuple, self.indicators.tolist()),
            strict=True,
        )
        return [
            Observation(
                i,
                str(i),
                "/plant",
                sensor,
                None,
                START + i * STEP,
                1,
                mask,
                logs,
                sigmas,
                indicators,
                "g",
                model,
            )
            for i, (mask, logs, sigmas, indicators) in enumerate(rows, begin)
        ]


def windows(rng: np.random.Generator, count: int, faulty: slice | None = None) -> Windows:
    """Return windows of a healthy sensor, those in `faulty` with an outer-race fault."""
    latent = _correlated(rng, (count, 4))
    distance = MEDIAN_DISTANCE * np.exp(DISTANCE_SPREAD * latent[:, 3])
    sigmas = LINE_SPREAD * latent[:, :3]
    if faulty is not None:
        distance[faulty] *= FAULT_DISTANCE / MEDIAN_DISTANCE
        sigmas[faulty, 0] += FAULT_LINE
    none, zeros = np.zeros(count, np.bool_), np.zeros(count)
    found = decide(Measurements(sigmas, distance, zeros, zeros.astype(np.int64), none, none))
    probabilities = np.maximum(found.probabilities, SMALLEST)
    flags = rng.random((count, len(FLAGS))) < DISTURBED
    masks = np.full(count, 1 << LINES | 1 << WITH_INDICATORS, np.int64)
    masks |= (probabilities[:, 2] < 0.5).astype(np.int64) << FAULTY
    masks |= flags.any(axis=1).astype(np.int64) << FLAGGED
    for column, flag in enumerate(FLAGS):
        masks |= flags[:, column].astype(np.int64) << BITS.index(flag)
    indicators = np.zeros((count, 5))
    indicators[:, 0] = np.log(0.1) + RMS_SPREAD * latent[:, 0]
    return Windows(
        masks,
        np.rint(np.log(probabilities) * LOG_STEPS).astype(np.int64),
        np.rint(np.column_stack((sigmas, distance)) * SIGMA_STEPS).astype(np.int64),
        np.rint(indicators * LOG_STEPS).astype(np.int64),
    )


def _correlated(rng: np.random.Generator, shape: tuple[int, int]) -> NDArray[np.float64]:
    noise = rng.standard_normal(shape) * np.sqrt(1 - CORRELATION**2)
    noise[0] /= np.sqrt(1 - CORRELATION**2)
    correlated: NDArray[np.float64] = lfilter([1.0], [1.0, -CORRELATION], noise, axis=0)
    return correlated
