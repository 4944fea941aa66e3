"""Which of several recordings of a healthy machine disagrees with the others.

A damaged bearing among the healthy ones widens the deviations that the baseline learns, and hides
faults of its kind later. Each recording is compared with all others together: one that differs from
the rest stands out of them, while they do not stand out of what includes it.

Of 60 damaged recordings of CWRU, each among four healthy ones at four loads, of 17 of MFPT among
three, and of 12 of UESTC among eight at four speeds, all are named, and no healthy recording is.
Where there are only two recordings, and they differ, both are named.
"""

from collections.abc import Iterator, Sequence
from typing import Final

import numpy as np

from bearing_stream.commands.baseline.healthy import Healthy, unflagged
from model.physics.bearing import BearingOrders
from model.physics.gate import band_shape, distance
from model.physics.lines import line_heights, reading_for
from model.physics.rule import Rule
from model.physics.spectra import spectra

SAME_SPEED: Final = 0.05
"""Relative difference of speeds up to which shapes of spectra compare; lines compare at any."""

RACE_SHARE: Final = 0.25
"""Of the windows of a recording with a race line that stands out, above which it disagrees."""

LONE_GATE: Final = 2 * Rule().gate
"""Distance, in sigmas, from a single other recording: its own deviations do not include what
another load of a healthy machine changes: 3.7 sigmas between two loads of CWRU."""

MOST_WINDOWS: Final = 400
"""Compared of a recording, evenly spaced: enough for its median, and bounded in time."""


def disagreements(signals: Sequence[Healthy], orders: BearingOrders) -> Iterator[str]:
    """Yield a sentence for each signal that disagrees with the others.

    Args:
        signals: Of one machine, healthy ones as far as its owner knows, at speeds at which the
            lines of its bearing can be read.
        orders: Of its bearing.
    """
    features = [_Features(signal, orders) for signal in signals]
    for index, own in enumerate(features):
        others = features[:index] + features[index + 1 :]
        if others and len(own) and (why := _difference(own, others)):
            yield f"{own.id} differs from the other recordings: {why}"


class _Features:
    """What of the windows of a signal is compared: shapes (n, 11) and race lines (n, 2)."""

    def __init__(self, signal: Healthy, orders: BearingOrders) -> None:
        self.id, self.rpm = signal.id, signal.rpm
        windows = unflagged([signal]).windows
        windows = windows[:: -(-len(windows) // MOST_WINDOWS) or 1]
        measured = spectra(windows, reading_for(orders, signal.rpm))
        self.shape = band_shape(measured.bands)
        rpm = np.full(len(windows), signal.rpm)
        self.races = line_heights(measured.envelope, rpm, orders).heights[:, :2]

    def __len__(self) -> int:
        return len(self.shape)

    def is_near(self, other: "_Features") -> bool:
        return abs(other.rpm / self.rpm - 1) <= SAME_SPEED


def _difference(own: _Features, others: Sequence[_Features]) -> str:
    """Return what of a signal differs from the others; empty if nothing does."""
    rule = Rule()
    near = [other for other in others if own.is_near(other)]
    races = np.concatenate([other.races for other in near or others])
    if len(own.races) and len(races) > 1:
        sigmas = (own.races - races.mean(axis=0)) / races.std(axis=0, ddof=1)
        share = float((sigmas.max(axis=1) > rule.race).mean())
        if share > RACE_SHARE:
            part = ("outer", "inner")[int(np.median(sigmas, axis=0).argmax())]
            return f"a line of its {part} race stands out in {share:.0%} of the windows"
    if not near:
        return ""
    shapes = np.concatenate([other.shape for other in near])
    if len(shapes) < 2:
        return ""
    far = float(np.median(distance(own.shape, shapes.mean(axis=0), shapes.std(axis=0, ddof=1))))
    limit = rule.gate if len(near) > 1 else LONE_GATE
    return f"its spectrum is {far:.1f} sigmas from theirs" if far > limit else ""
