"""Figures of an evaluation, in colours that colour-blind readers can distinguish."""

from typing import Final

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from bearing_stream.vocabulary import FAULT_LABELS
from training.evaluation.folds import UNSEEN_DIAMETER
from training.evaluation.predictions import BOTH, MAJORITY, NESTED, NETWORK, PHYSICS, SHIFTS
from training.evaluation.result import Evaluation, Method
from training.figures import BLUE, GREEN, INK, ORANGE, PURPLE, VERMILION

CONTROL: Final = f"{PHYSICS}, orders x {SHIFTS[0]:.2f}"

_SHOWN: Final = {
    MAJORITY: INK,
    NETWORK: VERMILION,
    CONTROL: PURPLE,
    PHYSICS: ORANGE,
    NESTED: GREEN,
    BOTH: BLUE,
}
"""Methods, from the lowest row up, and their colours."""


def recalls(evaluation: Evaluation) -> Figure:
    """Draw each method's macro recall in each protocol: a dot for each fold, a bar for the mean."""
    figure = Figure(figsize=(11, 3.4), layout="constrained")
    panels = figure.subplots(1, len(evaluation.root), sharey=True, squeeze=False)[0]
    for axes, (protocol, methods) in zip(panels, evaluation.root.items(), strict=True):
        for row, (name, colour) in enumerate(_SHOWN.items()):
            if name in methods:
                _draw_method(axes, row, methods[name], colour)
        axes.set(
            title=protocol, xlabel="macro recall", xlim=(0, 1.04), xticks=np.arange(0, 1.1, 0.2)
        )
        axes.set_yticks(range(len(_SHOWN)), list(_SHOWN))
        axes.axvline(1 / len(FAULT_LABELS), color=INK, lw=0.8, ls=":")
        axes.grid(axis="x", color="#DDDDDD", lw=0.6)
        axes.set_axisbelow(True)
        axes.spines[["top", "right"]].set_visible(False)
        axes.tick_params(axis="y", length=0)
    return figure


def confusions(evaluation: Evaluation) -> Figure:
    """Draw, on unseen diameters, the diagnoses of each class: network alone, and both."""
    methods = evaluation.root[UNSEEN_DIAMETER]
    figure = Figure(figsize=(9, 4.2), layout="constrained")
    for axes, name in zip(figure.subplots(1, 2), (NETWORK, BOTH), strict=True):
        counts = np.array(methods[name].confusion)
        shares = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
        axes.imshow(shares, cmap="Blues", vmin=0, vmax=1)
        for (row, column), share in np.ndenumerate(shares):
            axes.text(
                column,
                row,
                f"{100 * share:.1f} %" if counts[row, column] else "0",
                ha="center",
                va="center",
                color="w" if share > 0.5 else INK,
            )
        axes.set(title=f"{UNSEEN_DIAMETER}: {name}", xlabel="diagnosed", ylabel="true")
        axes.set_xticks(range(len(FAULT_LABELS)), FAULT_LABELS)
        axes.set_yticks(range(len(FAULT_LABELS)), FAULT_LABELS)
        axes.tick_params(length=0)
        axes.spines[:].set_visible(False)
    return figure


def _draw_method(axes: Axes, row: int, method: Method, colour: str) -> None:
    recall = method.macro_recall
    axes.barh(row, recall.mean, height=0.6, color=colour, alpha=0.35)
    folds = list(recall.folds.values())
    axes.plot(folds, [row] * len(folds), "o", color=colour, ms=5, mec="w", mew=0.5)
    axes.text(0.02, row, f"{recall.mean:.2f}", va="center", color=INK, fontsize=9)
