"""The bearings of a plant, from recordings: what is replayed was not fitted to.

The shipped network is tested on the windows that its model card sets aside. A baseline is fitted to
healthy windows that share no sample with those tested on, or to the first half of the healthy
recordings, as in the protocol *unseen rig*.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bearing_stream.recordings import Recording
from bearing_stream.vocabulary import WINDOW_LENGTH, FaultLabel
from model.assessor import Assessor, DiagnoserName
from model.diagnoser import Diagnoser
from model.physics.baseline import fit
from model.physics.bearing import DRIVE_END
from model.sensors import SensorRow, Sensors
from training.evaluation.folds import same_bearing
from training.evaluation.rigs import CWRU, HealthyPart, RigRecording
from training.evaluation.samples import healthy
from training.split import random_split


@dataclass(frozen=True, slots=True, eq=False)
class Part:
    """Windows of a recording, none of which a network or a baseline was fitted to.

    Args:
        name: Of the recording.
        label: What the bearing has.
        rpm: Stated shaft speed; None if it is not known.
        windows: (n, 2048) float32 at 12 kHz.
    """

    name: str
    label: FaultLabel
    rpm: float | None
    windows: NDArray[np.float32]


@dataclass(frozen=True, slots=True, eq=False)
class Machine:
    """Bearings of one machine, and what diagnoses them.

    Args:
        rig: Of the recordings.
        method: `network`, `physics`, or `physics+network`.
        assessor: With its baseline.
        healthy: Of the healthy bearing, one for each recording.
        faulty: One for each recording.
    """

    rig: str
    method: str
    assessor: Assessor
    healthy: tuple[Part, ...]
    faulty: tuple[Part, ...]


def with_network(recordings: Sequence[Recording], seed: int) -> Iterator[Machine]:
    """Yield the rig of the network, diagnosed by the network alone, and with physics.

    Args:
        recordings: All that the network was trained on.
        seed: Of its split.
    """
    network = Diagnoser.load(device="cpu")
    test = random_split(recordings, seed).test
    parts = [
        _part(each, each.windows(hop=1)[test[each.id]]) for each in recordings if len(test[each.id])
    ]
    (fold,) = same_bearing(recordings)
    usual = healthy(fold, seed)
    baseline = fit(usual.windows, usual.rpm, DRIVE_END)
    row = SensorRow("*", baseline, network=True)
    methods: Mapping[str, DiagnoserName] = {"network": "network", "physics+network": "auto"}
    for method, diagnoser in methods.items():
        yield _machine(CWRU, method, Assessor(network, diagnoser, Sensors((row,), "")), parts)


def by_physics(recordings: Sequence[RigRecording]) -> Iterator[Machine]:
    """Yield each machine of some rigs, diagnosed by physics alone."""
    network = Diagnoser.load(device="cpu")
    for rig, name in dict.fromkeys((each.rig, each.machine) for each in recordings):
        own = [each for each in recordings if (each.rig, each.machine) == (rig, name)]
        divided = HealthyPart.of(own)
        baseline = fit(divided.windows, divided.rpm, divided.orders)
        assessor = Assessor(network, "auto", Sensors((SensorRow("*", baseline),), ""))
        parts = [
            _part(each.recording, each.windows(WINDOW_LENGTH)[first:])
            for each, first in divided.tested
        ]
        yield _machine(rig, "physics", assessor, parts)


def _machine(rig: str, method: str, assessor: Assessor, parts: Sequence[Part]) -> Machine:
    return Machine(
        rig,
        method,
        assessor,
        tuple(part for part in parts if part.label == "Normal"),
        tuple(part for part in parts if part.label != "Normal"),
    )


def _part(recording: Recording, windows: NDArray[np.floating]) -> Part:
    label = recording.fault or "Normal"
    return Part(recording.id, label, recording.rpm, windows.astype(np.float32))
