"""Measurements of windows relative to the baseline of their machine."""

from dataclasses import dataclass, replace
from typing import Final

import numpy as np
from numpy.typing import NDArray

from model.grouping import Grouping
from model.physics.baseline import FOUND_BY, Baseline
from model.physics.baselines import Baselines
from model.physics.gate import GATE, band_shape, distance
from model.physics.lines import OUTER_SHARE, TOLERANCE, heights_at
from model.physics.spectra import Floats, spectra

HELD: Final = 0.025
"""A baseline holds the speeds within this share of those that it was fitted at. By less a stated
speed may be off, which costs little; by more, the shape of a healthy machine differs."""

_STANDS_OUT: Final = 3.0
"""Sigmas above which a race line shows the speed."""


@dataclass(frozen=True, slots=True, eq=False)
class Measurements:
    """Measurements, of one window each or of several, relative to a baseline.

    Args:
        sigmas: (n, 3), how far the lines of outer race, inner race and ball stand out, in standard
            deviations of the healthy windows. NaN where they cannot be measured at the shaft
            speed.
        distance: (n,), of the shape of the band powers from the healthy windows', in sigmas.
        rpm: (n,), shaft speed: that at which the higher race line was found, if it stands out and
            is not the stated one's; else the stated one, or that of the baseline.
        found_by: (n,), index of what the speed is from in `FOUND_BY`.
        outside: (n,) bool, whether the baseline does not hold the shaft speed.
        guessed: (n,) bool, whether the speed is a guess: it is not known, the baseline has several,
            and the shape is near to none of them.
    """

    sigmas: NDArray[np.float64]
    distance: NDArray[np.float64]
    rpm: NDArray[np.float64]
    found_by: NDArray[np.int64]
    outside: NDArray[np.bool_]
    guessed: NDArray[np.bool_]

    def select(self, rows: NDArray[np.bool_]) -> "Measurements":
        """Return some of the measurements."""
        return Measurements(
            self.sigmas[rows],
            self.distance[rows],
            self.rpm[rows],
            self.found_by[rows],
            self.outside[rows],
            self.guessed[rows],
        )


def measure(
    windows: Floats,
    rpm: NDArray[np.float64],
    baseline: Baseline,
    grouping: Grouping | None = None,
    outer_share: float = OUTER_SHARE,
) -> Measurements:
    """Measure windows, or measurements of several windows, relative to a baseline.

    Arguments and result are those of `measure_each`, but for one baseline.
    """
    grouping = grouping or Grouping.of(len(windows))
    which = np.zeros(len(grouping), np.int64)
    return measure_each(windows, rpm, Baselines.of([baseline]), which, grouping, outer_share)


def measure_each(
    windows: Floats,
    rpm: NDArray[np.float64],
    baselines: Baselines,
    which: NDArray[np.int64],
    grouping: Grouping,
    outer_share: float = OUTER_SHARE,
) -> Measurements:
    """Measure measurements of one or several windows, each relative to a baseline.

    The point at the nearest speed judges. The heights of lines and the shapes are averaged over the
    windows of a measurement. Their deviations stay those of single windows: relative to the smaller
    deviations of the means, small differences that no damage makes would stand out too.

    Args:
        windows: (n, 2048) float32 at 12 kHz, any unit.
        rpm: (m,), shaft speeds; NaN where unknown: then the nominal one of the baseline or, without
            one, that of the point whose shape is nearest or whose lines stand out most.
        baselines: Of the machines.
        which: (m,), the baseline of each measurement.
        grouping: Of the windows into m measurements.
        outer_share: As for `line_heights`.

    Returns:
        Of the m measurements.
    """
    measured = spectra(windows, baselines.reading)
    reader = _LineReader(measured.envelope, grouping, baselines, which, outer_share)
    shape = grouping.mean(band_shape(measured.bands))[:, None]
    distances = distance(shape, baselines.shape[which], baselines.shape_deviations[which])
    distances[np.isnan(distances)] = np.inf
    stated, guessed = _speeds_to_search(rpm, distances, reader)
    beyond = baselines.beyond(stated, which)
    judge = beyond.argmin(axis=1)
    sigmas, found = reader.sigmas(stated, judge)
    used, found_by = _speed(sigmas, found, stated, np.isnan(rpm))
    rows = np.arange(len(rpm))
    # A line that stands out at a speed that the baseline holds shows that the stated one is off.
    off = np.minimum(beyond, baselines.beyond(used, which))[rows, judge]
    return Measurements(
        sigmas=sigmas,
        distance=distances[rows, judge],
        rpm=used,
        found_by=found_by,
        outside=off > HELD,
        guessed=guessed,
    )


@dataclass(frozen=True, slots=True, eq=False)
class _LineReader:
    """Measures lines in the envelope spectra of windows, relative to points of baselines."""

    envelope: Floats
    grouping: Grouping
    baselines: Baselines
    which: NDArray[np.int64]
    outer_share: float

    def sigmas(
        self, rpm: NDArray[np.float64], judge: NDArray[np.int64]
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Return the sigmas near these speeds by these points, and the speeds found: (m, 3) each.

        Both are NaN where the lines cannot be read at the speed, or the baseline has no such point.
        """
        baselines, which = self.baselines, self.which
        slowest, fastest = baselines.readable[which].T
        readable = (rpm >= slowest) & (rpm <= fastest)
        found = heights_at(
            self.envelope,
            np.where(readable, rpm, slowest),
            baselines.orders[which],
            self.grouping,
            self.outer_share,
        )
        # At the edge of what can be read, one of the parts may have no line left.
        readable &= np.isfinite(found.heights).all(axis=1)
        sigmas = found.heights - baselines.lines[which, judge]
        sigmas /= baselines.line_deviations[which, judge]
        sigmas[~readable] = found.rpm[~readable] = np.nan
        return sigmas, found.rpm

    def select(self, rows: NDArray[np.bool_]) -> "_LineReader":
        """Return the reader of some of the measurements."""
        envelope = self.envelope[self.grouping.repeat(rows)]
        grouping = self.grouping.select(rows)
        return replace(self, envelope=envelope, grouping=grouping, which=self.which[rows])


def _speeds_to_search(
    rpm: NDArray[np.float64], distances: NDArray[np.float64], reader: _LineReader
) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """Return the speeds to search around, and whether each is a guess.

    Where the speed is not known it is the nominal one; else that of the point whose shape is
    nearest, if it is near; else that of the point near whose speed a race line stands out most.
    """
    baselines, which, unknown = reader.baselines, reader.which, np.isnan(rpm)
    likely, nominal = distances.argmin(axis=1), baselines.nominal[which]
    guessed = unknown & (distances.min(axis=1, initial=np.inf) > GATE)
    guessed &= np.isnan(nominal) & (baselines.counts[which] > 1)
    if guessed.any():
        own = reader.select(guessed)
        races = [
            own.sigmas(point, np.full(len(point), index))[0][:, :2].max(axis=1)
            for index, point in enumerate(baselines.rpm[own.which].T)
        ]
        likely[guessed] = np.where(np.isnan(races), -np.inf, races).argmax(axis=0)
    point = baselines.rpm[which, likely]
    return np.where(unknown, np.where(np.isnan(nominal), point, nominal), rpm), guessed


def _speed(
    sigmas: NDArray[np.float64],
    found: NDArray[np.float64],
    stated: NDArray[np.float64],
    unknown: NDArray[np.bool_],
) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Return the shaft speeds and what they are from.

    Where no race line stands out, the speed at which the search finds most is that of noise.
    """
    higher = sigmas[:, :2].argmax(axis=1)
    rows = np.arange(len(stated))
    lines = found[rows, higher]
    clear = sigmas[rows, higher] > _STANDS_OUT
    elsewhere = clear & (unknown | (np.abs(lines / stated - 1) > TOLERANCE))
    found_by = np.where(unknown, FOUND_BY.index("baseline"), FOUND_BY.index("stated"))
    found_by[elsewhere] = FOUND_BY.index("search")
    return np.where(elsewhere, lines, stated), found_by
