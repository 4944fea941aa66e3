"""The bearings of a plant, from recordings: what is replayed was not fitted to.

The shipped network is tested on the windows that its model card sets aside, and others on a fault
diameter that they have not seen. A baseline is fitted to healthy windows that share no sample with
those tested on, or to the first half of the healthy recordings, as in the protocol *unseen rig*.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from bearing_stream.recordings import Recording
from bearing_stream.vocabulary import WINDOW_LENGTH, FaultLabel
from model.assessor import Assessor, DiagnoserName
from model.diagnoser import Diagnoser
from model.physics.baseline import fit
from model.physics.bearing import DRIVE_END
from model.sensors import SensorRow, Sensors
from training.evaluation.folds import Fold, same_bearing, unseen_diameter
from training.evaluation.networks import Networks, pool_of
from training.evaluation.rigs import CWRU, HealthyPart, RigRecording
from training.evaluation.samples import healthy
from training.novelty import fit_novelty
from training.windows import cut


@dataclass(frozen=True, slots=True, eq=False)
class Part:
    """Windows of a recording, none of which a network or a baseline was fitted to.

    Args:
        name: Of the recording.
        label: What the bearing has.
        rpm: Shaft speed; None if it is not known.
        windows: (n, 2048) float32 at 12 kHz.
        is_stated: Whether the measurements state the speed.
    """

    name: str
    label: FaultLabel
    rpm: float | None
    windows: NDArray[np.float32]
    is_stated: bool = True


@dataclass(frozen=True, slots=True, eq=False)
class Machine:
    """Bearings of one machine, and what diagnoses them.

    Args:
        rig: Of the recordings.
        method: What decides, such as `network` or `physics`.
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
    """Yield the rig of the shipped network, diagnosed by the network alone, and with physics.

    Args:
        recordings: All that the network was trained on.
        seed: Of its split.
    """
    (fold,) = same_bearing(recordings)
    yield from _by_both(CWRU, Diagnoser.load(device="cpu"), recordings, fold, seed)


def with_unseen_diameters(
    recordings: Sequence[Recording], networks: Networks, seed: int
) -> Iterator[Machine]:
    """Yield the rig once for each fault diameter, diagnosed by a network that has not seen it.

    Args:
        recordings: All of the rig.
        networks: Fits them, or loads those that were kept.
        seed: Of the fit.
    """
    for fold in unseen_diameter(recordings):
        validation = cut(fold.training, fold.split(seed).validation)
        network = networks.of(fold, seed)
        novelty = fit_novelty(network, pool_of(fold, seed), validation, seed)
        diagnoser = Diagnoser(network.weights(), novelty)
        yield from _by_both(f"{CWRU}, unseen diameter", diagnoser, recordings, fold, seed)


def _by_both(
    rig: str, network: Diagnoser, recordings: Sequence[Recording], fold: Fold, seed: int
) -> Iterator[Machine]:
    """Yield the windows of a fold that are tested on, by the network alone and with physics."""
    test = fold.split(seed).test
    tested = [each for each in recordings if len(test.get(each.id, ()))]
    parts = [_part(each, each.windows(hop=1)[test[each.id]]) for each in tested]
    usual = healthy(fold, seed)
    row = SensorRow("*", fit(usual.windows, usual.rpm, DRIVE_END), network=True)
    methods: Mapping[str, DiagnoserName] = {"network": "network", "physics+network": "auto"}
    for method, diagnoser in methods.items():
        yield _machine(rig, method, Assessor(network, diagnoser, Sensors((row,), "")), parts)


def by_physics(recordings: Sequence[RigRecording]) -> Iterator[Machine]:
    """Yield each machine of some rigs, diagnosed by physics at the stated speed, and without."""
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
        unstated = [replace(part, is_stated=False) for part in parts]
        yield _machine(rig, "physics, speed unknown", assessor, unstated)


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
