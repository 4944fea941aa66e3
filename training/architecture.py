"""A picture of the network at work: one window on its way through the layers."""

import itertools
from typing import Final

import numpy as np
import torch
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import ConnectionPatch
from numpy.typing import NDArray

from bearing_stream.vocabulary import FAULT_LABELS, SAMPLING_RATE, WINDOW_LENGTH, FaultLabel
from model.network import Network
from model.scaling import standardise
from model.weights import CHANNELS, FEATURES, KERNEL, POOL, POOLED
from training.figures import BLUE, GREEN, INK, ORANGE, PURPLE, VERMILION

_FILTERS: Final = (BLUE, VERMILION, GREEN, PURPLE, ORANGE)


def architecture(network: Network, window: NDArray[np.float32], truth: FaultLabel) -> Figure:
    """Draw the layers with the network's own filters and their outputs for a window (2048,)."""
    with torch.inference_mode():
        standardised = standardise(torch.from_numpy(window[None]))
        features = network.features(standardised)
        probabilities = network(standardised).softmax(dim=1)[0].numpy()
    figure = Figure(figsize=(13, 3.9), layout="constrained")
    figure.get_layout_engine().set(w_pad=0.16)  # type: ignore[union-attr, call-arg]
    panels = figure.subplots(1, 4, width_ratios=[1.3, 1, 1.3, 1])
    _draw_window(panels[0], standardised[0].numpy(), truth)
    _draw_filters(panels[1], network.conv.weight.detach()[:, 0].numpy())
    _draw_features(panels[2], features.view(CHANNELS, POOLED).numpy())
    _draw_probabilities(panels[3], probabilities)
    for left, right in itertools.pairwise(panels):
        figure.add_artist(
            ConnectionPatch(
                (1.0, 1.055),
                (-0.02, 1.055),
                left.transAxes,
                right.transAxes,
                arrowstyle="-|>",
                mutation_scale=14,
                color=INK,
            )
        )
    return figure


def _title(axes: Axes, layer: str, detail: str) -> None:
    axes.set_title(detail, fontsize=9, color=INK)
    axes.annotate(
        layer,
        (0.5, 1),
        (0, 24),
        xycoords="axes fraction",
        textcoords="offset points",
        ha="center",
        fontsize=11,
        fontweight="bold",
    )
    axes.spines[["top", "right"]].set_visible(False)


def _draw_window(axes: Axes, window: NDArray[np.float32], truth: FaultLabel) -> None:
    milliseconds = 1000 * np.arange(WINDOW_LENGTH) / SAMPLING_RATE
    axes.plot(milliseconds, window, color=INK, lw=0.4)
    axes.set(xlabel=f"ms ({truth})", ylabel="standard deviations", xlim=(0, milliseconds[-1]))
    _title(axes, "Window, standardised", f"{WINDOW_LENGTH} samples")


def _draw_filters(axes: Axes, filters: NDArray[np.float32]) -> None:
    milliseconds = 1000 * np.arange(KERNEL) / SAMPLING_RATE
    spacing = 1.1 * np.ptp(filters, axis=1).max()
    for row, (weights, colour) in enumerate(zip(filters, _FILTERS, strict=True)):
        axes.plot(milliseconds, weights - row * spacing, color=colour, lw=1)
    axes.set(xlabel="ms", ylabel="filter")
    axes.set_yticks(-spacing * np.arange(CHANNELS), [str(row + 1) for row in range(CHANNELS)])
    _title(axes, f"Conv1d 1→{CHANNELS}", f"kernel {KERNEL}, {CHANNELS * (KERNEL + 1)} weights")


def _draw_features(axes: Axes, features: NDArray[np.float32]) -> None:
    bound = float(np.abs(features).max())
    milliseconds = 1000 * POOLED * POOL / SAMPLING_RATE
    picture = axes.imshow(
        features,
        cmap="PuOr",
        vmin=-bound,
        vmax=bound,
        aspect="auto",
        extent=(0, milliseconds, CHANNELS + 0.5, 0.5),
    )
    axes.figure.colorbar(picture, ax=axes, pad=0.02)
    axes.set(xlabel="ms", ylabel="filter", yticks=range(1, CHANNELS + 1))
    _title(axes, f"tanh, AvgPool1d({POOL})", f"{CHANNELS} x {POOLED} features")


def _draw_probabilities(axes: Axes, probabilities: NDArray[np.float32]) -> None:
    axes.barh(FAULT_LABELS, probabilities, color=BLUE)
    for row, probability in enumerate(probabilities):
        axes.text(probability + 0.02, row, f"{probability:.3f}", va="center", color=INK)
    axes.set(xlabel="probability", xlim=(0, 1.25), xticks=[0, 0.5, 1])
    axes.invert_yaxis()
    outputs = len(FAULT_LABELS)
    _title(axes, f"Linear {FEATURES}→{outputs}, softmax", f"{(FEATURES + 1) * outputs} weights")
