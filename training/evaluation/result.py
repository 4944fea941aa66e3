"""The results of an evaluation, as they are stored."""

from collections.abc import Iterable, Mapping, Sequence
from statistics import fmean, stdev

import numpy as np
from pydantic import BaseModel, ConfigDict, RootModel

from bearing_stream.vocabulary import FAULT_LABELS, FaultLabel
from training.evaluation.metrics import FoldScores
from training.evaluation.predictions import NESTED, Choice


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, use_attribute_docstrings=True)


class Spread(_Part):
    """A number over folds and seeds."""

    mean: float
    """Over folds and seeds."""
    sd: float | None = None
    """Standard deviation over seeds of the mean over folds; None of one seed."""
    fold_sd: float | None = None
    """Standard deviation over folds of the mean over seeds; None of one fold."""
    folds: dict[str, float]
    """Mean over seeds, by what the fold sets aside."""


class Chosen(_Part):
    """The result of a nested choice."""

    fold: str
    seed: int
    views: str
    score: str
    threshold: float
    silent: str
    inner_macro_recall: float
    """Of it, inside the training recordings."""


class Method(_Part):
    """The scores of a method in one protocol."""

    macro_recall: Spread
    """Mean of the recalls of the classes."""
    macro_auroc: Spread
    """Mean over classes of the area under the ROC curve, each against the rest."""
    recall: dict[FaultLabel, float]
    """By class, mean over folds and seeds."""
    calibration_error: float
    """Expected calibration error, mean over folds and seeds."""
    confusion: list[list[int]]
    """Windows of true class (row) diagnosed as class (column), over folds and seeds."""
    seeds: int
    """Networks fitted for each fold."""
    choices: list[Chosen] | None = None
    """Of the nested choice."""


class Evaluation(RootModel[dict[str, dict[str, Method]]]):
    """Protocol → method → results."""


Key = tuple[str, str, str, int]
"""Protocol, method, fold, seed."""


def summarised(found: Mapping[Key, FoldScores], choices: Sequence[Choice]) -> Evaluation:
    """Summarise the scores of every method in every protocol, fold and seed."""
    protocols: dict[str, dict[str, Method]] = {}
    for protocol, method in dict.fromkeys(key[:2] for key in found):
        own = {key[2:]: scores for key, scores in found.items() if key[:2] == (protocol, method)}
        protocols.setdefault(protocol, {})[method] = _method(own)
    chosen = [
        Chosen(
            fold=choice.fold,
            seed=choice.seed,
            views=choice.candidate.views,
            score=choice.candidate.score,
            threshold=choice.candidate.threshold,
            silent=choice.candidate.silent,
            inner_macro_recall=choice.inner_recall,
        )
        for choice in choices
    ]
    for methods in protocols.values():
        if NESTED in methods:
            methods[NESTED] = methods[NESTED].model_copy(update={"choices": chosen})
    return Evaluation(protocols)


def _method(own: Mapping[tuple[str, int], FoldScores]) -> Method:
    """Summarise one method in one protocol, by fold and seed."""
    return Method(
        macro_recall=_spread({key: scores.macro_recall for key, scores in own.items()}),
        macro_auroc=_spread({key: scores.macro_auroc for key, scores in own.items()}),
        recall={
            label: fmean(scores.recall[label] for scores in own.values() if label in scores.recall)
            for label in FAULT_LABELS
            if any(label in scores.recall for scores in own.values())
        },
        calibration_error=fmean(scores.calibration_error for scores in own.values()),
        confusion=np.sum([scores.confusion.counts for scores in own.values()], axis=0).tolist(),
        seeds=len({seed for _, seed in own}),
    )


def _spread(values: Mapping[tuple[str, int], float]) -> Spread:
    folds = dict.fromkeys(fold for fold, _ in values)
    seeds = dict.fromkeys(seed for _, seed in values)
    by_fold = {
        fold: fmean(value for key, value in values.items() if key[0] == fold) for fold in folds
    }
    by_seed = [fmean(value for key, value in values.items() if key[1] == seed) for seed in seeds]
    return Spread(
        mean=fmean(values.values()),
        sd=_deviation(by_seed),
        fold_sd=_deviation(by_fold.values()),
        folds=by_fold,
    )


def _deviation(values: Iterable[float]) -> float | None:
    listed = list(values)
    return stdev(listed) if len(listed) > 1 else None
