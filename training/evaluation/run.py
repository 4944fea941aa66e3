"""From recordings to results: every protocol, fold, seed and method."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product
from pathlib import Path

from bearing_stream.recordings import Recording
from bearing_stream.vocabulary import FAULT_LABELS
from training.card import Flagged
from training.evaluation.folds import (
    DIAMETERS,
    SAME_BEARING,
    UNSEEN_DIAMETER,
    UNSEEN_LOAD,
    Fold,
    same_bearing,
    unseen_diameter,
    unseen_load,
    unseen_type,
)
from training.evaluation.metrics import FoldScores, fold_scores
from training.evaluation.networks import Networks
from training.evaluation.predictions import Choice, predict
from training.evaluation.progress import Counting
from training.evaluation.result import Evaluation, Key, summarised
from training.evaluation.unseen import flag_unseen_bearings
from training.fit import Recipe


@dataclass(frozen=True, slots=True)
class Evaluated:
    """The results of an evaluation, and the flags of bearings that networks were not trained on."""

    evaluation: Evaluation
    unseen: dict[str, Flagged]


def protocols(recordings: Sequence[Recording]) -> dict[str, list[Fold]]:
    """Return the folds of each protocol."""
    return {
        SAME_BEARING: same_bearing(recordings),
        UNSEEN_LOAD: unseen_load(recordings),
        UNSEEN_DIAMETER: unseen_diameter(recordings),
    }


def evaluate(
    recordings: Sequence[Recording],
    seeds: Sequence[int],
    recipe: Recipe,
    cache: Path,
    counting: Counting,
) -> Evaluated:
    """Score every method in every protocol, fold and seed.

    Args:
        recordings: All of the data center's: every class at every load and diameter.
        seeds: Of the networks, and of all that is random.
        recipe: How networks are fitted.
        cache: Folder where fitted networks are kept.
        counting: Shows the progress.

    Raises:
        ValueError: The recordings are not enough: every fold needs every class.
        OSError: The cache cannot be written.
    """
    _check_recordings(recordings)
    networks = Networks(cache, recipe)
    by_id = {recording.id: recording for recording in recordings}
    found: dict[Key, FoldScores] = {}
    choices: list[Choice] = []
    folds, types = protocols(recordings), unseen_type(recordings)
    counting.begin(sum(map(len, folds.values())) * len(seeds) + len(types) + 1)
    each_fold = ((protocol, fold) for protocol, among in folds.items() for fold in among)
    for (protocol, fold), seed in product(each_fold, seeds):
        counting.next(f"{protocol}: {fold.name}, seed {seed}")
        predicted = predict(by_id, fold, seed, networks, counting.epoch)
        for method, probabilities in predicted.probabilities.items():
            key = (protocol, method, fold.name, seed)
            found[key] = fold_scores(probabilities, predicted.tested.labels)
        if predicted.choice is not None:
            choices.append(predicted.choice)
    _fit_types(types, seeds[0], networks, counting)
    unseen = flag_unseen_bearings(by_id, folds[UNSEEN_DIAMETER], types, networks, seeds[0])
    counting.next("done")
    return Evaluated(summarised(found, choices), unseen)


def _fit_types(types: Sequence[Fold], seed: int, networks: Networks, counting: Counting) -> None:
    """Fit and keep the network of each fold without a type of fault, for the flags."""
    for fold in types:
        counting.next(f"unseen type: {fold.name}")
        networks.of(fold, seed, counting.epoch)
    counting.next("flags of unseen bearings")


def _check_recordings(recordings: Sequence[Recording]) -> None:
    """Raise ValueError unless every load has every fault, and so has every diameter."""
    faults = set(FAULT_LABELS) - {"Normal"}
    loads = {recording.load for recording in recordings}
    whole = [
        {recording.fault for recording in recordings if recording.load == load} == set(FAULT_LABELS)
        for load in loads
    ]
    diameters = [
        {recording.fault for recording in recordings if recording.fault_diameter == diameter}
        for diameter in DIAMETERS
    ]
    if len(loads) < 2 or not all(whole) or any(not held >= faults for held in diameters):
        raise ValueError(
            "an evaluation needs a recording of every fault and a healthy one at each of two loads "
            f"or more, and every fault at each of {DIAMETERS} inches; got {len(recordings)} "
            "recordings; `bearing-stream recordings fetch` gets all"
        )
