"""The predictions of every method on the test windows of a fold."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from statistics import fmean
from typing import Final

import numpy as np

from bearing_stream.recordings import Recording
from bearing_stream.vocabulary import FAULT_LABELS
from model.diagnoser import Diagnoser
from model.physics import measurements
from model.physics.baseline import fit
from model.physics.bearing import DRIVE_END, BearingOrders
from model.physics.rule import decide
from training.evaluation.candidates import CANDIDATES, Candidate, LineMeasurements, always, best
from training.evaluation.folds import Fold
from training.evaluation.metrics import Probabilities
from training.evaluation.networks import Networks
from training.evaluation.samples import Samples, healthy, majority, take
from training.fit import Epoch
from training.scoring import count

MAJORITY: Final = "majority"
NETWORK: Final = "network"
PHYSICS: Final = "physics"
BOTH: Final = "physics+network"
SEARCHED: Final = "physics+network, speed searched"
NESTED: Final = "physics+network, nested choice"

SHIFTS: Final = (0.90, 0.93, 1.07)
"""Factors of the bearing's orders in the controls. At the first, lines are sought where the bearing
has none; at the others they are within the search for the speed, which finds them again."""

Report = Callable[[Epoch], None]


@dataclass(frozen=True, slots=True)
class Choice:
    """The candidate chosen inside the training recordings of a fold, and its macro recall there."""

    fold: str
    seed: int
    candidate: Candidate
    inner_recall: float


@dataclass(frozen=True, slots=True, eq=False)
class Predictions:
    """The predictions of every method on the test windows of a fold.

    Args:
        tested: The windows, and their labels.
        probabilities: (n, 4) by method.
        choice: The nested one, where the fold has inner folds.
    """

    tested: Samples
    probabilities: Mapping[str, Probabilities]
    choice: Choice | None


def predict(
    recordings: Mapping[str, Recording],
    fold: Fold,
    seed: int,
    networks: Networks,
    report: Report | None = None,
) -> Predictions:
    """Apply every method; all fitting and choosing uses the training recordings alone."""
    tested = take(recordings, fold.split(seed).test)
    usual = healthy(fold, seed)
    network = Diagnoser(networks.of(fold, seed, report).weights()).diagnose(tested.windows)
    measured = _measure(usual, tested, DRIVE_END)
    both = decide(measured, network).probabilities
    predicted: dict[str, Probabilities] = {
        MAJORITY: always(FAULT_LABELS[majority(fold)], len(network)),
        NETWORK: network,
        PHYSICS: decide(measured).probabilities,
        BOTH: both,
        SEARCHED: decide(_measure(usual, tested, DRIVE_END, searched=True), network).probabilities,
    }
    for factor in SHIFTS:
        shifted = _measure(usual, tested, _shifted(factor))
        predicted[f"{PHYSICS}, orders x {factor:.2f}"] = decide(shifted).probabilities
        predicted[f"{BOTH}, orders x {factor:.2f}"] = decide(shifted, network).probabilities
    choice = _choose(recordings, fold, seed, networks, report) if fold.inner else None
    if choice is not None:
        predicted[NESTED] = LineMeasurements(usual, tested).diagnose(choice.candidate, network)
    return Predictions(tested, predicted, choice)


def _choose(
    recordings: Mapping[str, Recording],
    fold: Fold,
    seed: int,
    networks: Networks,
    report: Report | None,
) -> Choice:
    """Choose the candidate of the best mean macro recall over the inner folds."""
    recalls = dict.fromkeys(CANDIDATES, 0.0)
    for inner in fold.inner:
        tested = take(recordings, inner.split(seed).test)
        network = Diagnoser(networks.of(inner, seed, report).weights()).diagnose(tested.windows)
        measured = LineMeasurements(healthy(inner, seed), tested)
        for candidate in CANDIDATES:
            found = count(measured.diagnose(candidate, network), tested.labels)
            recalls[candidate] += fmean(found.recall.values()) / len(fold.inner)
    chosen = best(recalls)
    return Choice(fold.name, seed, chosen, recalls[chosen])


def _measure(
    usual: Samples, tested: Samples, orders: BearingOrders, searched: bool = False
) -> measurements.Measurements:
    fitted = fit(usual.windows, usual.rpm, orders)
    rpm = np.full(len(tested.rpm), np.nan) if searched else tested.rpm
    return measurements.measure(tested.windows, rpm, fitted)


def _shifted(factor: float) -> BearingOrders:
    return BearingOrders(
        outer=DRIVE_END.outer * factor,
        inner=DRIVE_END.inner * factor,
        ball_spin=DRIVE_END.ball_spin * factor,
    )
