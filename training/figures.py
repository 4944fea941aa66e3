"""Figures of a training, in colours that colour-blind readers can distinguish."""

from collections.abc import Sequence
from pathlib import Path
from typing import Final

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray

from bearing_stream.vocabulary import FAULT_LABELS
from training.fit import Epoch

BLUE: Final = "#0072B2"
VERMILION: Final = "#D55E00"
GREEN: Final = "#009E73"
PURPLE: Final = "#CC79A7"
ORANGE: Final = "#E69F00"
"""Of Okabe and Ito's palette, for colour-blind readers (https://jfly.uni-koeln.de/color)."""

INK: Final = "#333333"
"""Of text and lines that carry no data."""


def training_curves(history: Sequence[Epoch], best: int) -> Figure:
    """Draw loss and accuracy by epoch, and mark the epoch (from 0) whose weights were kept."""
    figure = Figure(figsize=(9, 3.6), layout="constrained")
    losses, accuracies = figure.subplots(1, 2)
    epochs = np.arange(1, len(history) + 1)
    losses.semilogy(epochs, [epoch.training_loss for epoch in history], color=BLUE)
    losses.semilogy(epochs, [epoch.validation_loss for epoch in history], color=VERMILION, ls="--")
    losses.legend(["training", "validation"], frameon=False)
    losses.set(title="Loss", ylabel="cross-entropy, nats")
    accuracies.plot(
        epochs, [100 * epoch.validation_accuracy for epoch in history], color=VERMILION, ls="--"
    )
    accuracies.set(title="Validation windows diagnosed right", ylabel="%")
    for axes in (losses, accuracies):
        axes.axvline(best + 1, color=INK, lw=0.8, ls=":")
        axes.set_xlabel("epoch")
        axes.grid(color="#DDDDDD", lw=0.6)
        axes.spines[["top", "right"]].set_visible(False)
    accuracies.annotate(
        f"weights kept: epoch {best + 1}",
        (best + 1, accuracies.get_ylim()[0]),
        xytext=(-6, 8),
        textcoords="offset points",
        ha="right",
        color=INK,
    )
    return figure


def confusion_matrix(counts: NDArray[np.int64], title: str) -> Figure:
    """Draw how many windows of each class (row) were diagnosed as which, and the share of them."""
    shares = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    figure = Figure(figsize=(5.2, 4.6), layout="constrained")
    axes = figure.subplots()
    axes.imshow(shares, cmap="Blues", vmin=0, vmax=1)
    for (row, column), count in np.ndenumerate(counts):
        share = shares[row, column]
        text = f"{count}\n{100 * share:.1f} %" if count else "0"
        axes.text(column, row, text, ha="center", va="center", color="w" if share > 0.5 else INK)
    ticks = range(len(FAULT_LABELS))
    axes.set(title=title, xlabel="diagnosed", ylabel="true")
    axes.set_xticks(ticks, FAULT_LABELS)
    axes.set_yticks(ticks, FAULT_LABELS)
    axes.tick_params(length=0)
    axes.spines[:].set_visible(False)
    return figure


def save(figure: Figure, path: Path) -> None:
    """Write a PNG without the name of the software that wrote it."""
    figure.savefig(path, dpi=150, metadata={"Software": None})
