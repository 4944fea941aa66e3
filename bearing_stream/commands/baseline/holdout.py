"""How often a baseline calls healthy windows faulty that it was not fitted to."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from bearing_stream.commands.baseline.healthy import Healthy, unflagged
from bearing_stream.vocabulary import FAULT_LABELS, WINDOW_LENGTH
from model.assessor import Assessor
from model.diagnoser import Diagnoser
from model.physics.bearing import BearingOrders
from model.sensors import SensorRow, Sensors

_NORMAL = FAULT_LABELS.index("Normal")


@dataclass(frozen=True, slots=True)
class HeldOut:
    """The diagnoses of the windows that were held out.

    Args:
        windows: Their number; they do not overlap.
        faulty: How many have another prediction than `Normal`.
        uncertain: How many of the others are uncertain.
    """

    windows: int
    faulty: int
    uncertain: int


def held_out(signals: Sequence[Healthy], orders: BearingOrders, share: float) -> HeldOut:
    """Fit a baseline to the first part of each signal, and diagnose the last `share` with it.

    Raises:
        ValueError: The first parts are too short for a baseline.
    """
    first, last = zip(*(signal.split(share) for signal in signals), strict=True)
    training = unflagged(first)
    testing = unflagged(last, WINDOW_LENGTH)
    if not len(testing.windows):
        raise ValueError("the part that is held out is shorter than a window")
    fitted = training.fit(orders)
    table = Sensors((SensorRow("*", fitted),), "held-out")
    assessor = Assessor(Diagnoser.load(device="cpu"), "auto", table)
    sensors = ["held-out"] * len(testing.windows)
    found = assessor.assess(testing.windows, testing.rpm, sensors)
    normal = found.probabilities.argmax(axis=1) == _NORMAL
    return HeldOut(
        windows=len(normal),
        faulty=int((~normal).sum()),
        uncertain=int(np.count_nonzero(normal & found.uncertain)),
    )
