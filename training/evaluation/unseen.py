"""Shares of flagged windows of real bearings that a network was not trained on."""

from collections.abc import Mapping, Sequence

from bearing_stream.recordings import Recording
from model.diagnoser import Diagnoser
from training.card import Flagged
from training.evaluation.folds import OTHER_MAKE, Fold, every_window
from training.evaluation.networks import Networks, pool_of
from training.evaluation.samples import take
from training.flags import flagged
from training.novelty import fit_novelty
from training.split import Starts
from training.windows import cut


def flag_unseen_bearings(
    recordings: Mapping[str, Recording],
    diameters: Sequence[Fold],
    types: Sequence[Fold],
    networks: Networks,
    seed: int,
) -> dict[str, Flagged]:
    """Count the flagged windows, at a limit of one false flag in a hundred.

    Args:
        recordings: By id.
        diameters: Folds that set a diameter aside.
        types: Folds that set a type of fault aside.
        networks: Of both.
        seed: Of the networks.

    Returns:
        The flagged shares, by what the network was not trained on.
    """
    other_make = every_window(
        recording for recording in recordings.values() if recording.fault_diameter == OTHER_MAKE
    )
    rows: dict[str, Flagged] = {}
    for fold in diameters:
        diagnoser = _diagnoser(fold, networks, seed)
        test = fold.split(seed).test
        healthy = {name: test[name] for name in test if recordings[name].fault == "Normal"}
        faults = {name: test[name] for name in test if name not in healthy}
        seen = f'to a network that has not seen {fold.name}"'
        rows[f'faults of {fold.name}", {seen}'] = _flagged(diagnoser, recordings, faults)
        rows[f'faults of {OTHER_MAKE:.3f}", another make, {seen}'] = _flagged(
            diagnoser, recordings, other_make
        )
        rows[f"the healthy bearing, later, {seen}"] = _flagged(diagnoser, recordings, healthy)
    for fold in types:
        rows[f"{fold.name} faults, to a network that has seen none"] = _flagged(
            _diagnoser(fold, networks, seed), recordings, fold.split(seed).test
        )
    return rows


def _flagged(diagnoser: Diagnoser, recordings: Mapping[str, Recording], starts: Starts) -> Flagged:
    return flagged(diagnoser, take(recordings, starts).windows)


def _diagnoser(fold: Fold, networks: Networks, seed: int) -> Diagnoser:
    """Return a fold's network with the description of the windows that it was trained on."""
    network = networks.of(fold, seed)
    validation = cut(fold.training, fold.split(seed).validation)
    return Diagnoser(network.weights(), fit_novelty(network, pool_of(fold, seed), validation, seed))
