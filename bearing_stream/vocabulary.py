"""The words and numbers that every room of this project shares.

Nothing here does anything: it is what `model`, `recordings` and `messages`, which know nothing of
one another, must all mean by a window and by a label.
"""

from typing import Final, Literal, get_args

WINDOW_LENGTH: Final = 2048
"""Samples in a window."""

SAMPLING_RATE: Final = 12_000
"""Hz. The one rate of the network, and so of every window: 2048 samples last 170.7 ms."""

FaultLabel = Literal["Ball", "InnerRace", "Normal", "OuterRace"]
"""State of a bearing: which part is damaged, or `Normal`."""

FAULT_LABELS: Final[tuple[FaultLabel, ...]] = get_args(FaultLabel)
"""The labels in the order of the network's outputs: 0 Ball, 1 InnerRace, 2 Normal, 3 OuterRace."""

Doubt = Literal["clipping", "dropout", "jump", "mains-hum", "novelty"]
"""Why a diagnosis is uncertain: what is wrong with the signal, or that it is unlike all signals
that the network was trained on."""

DOUBTS: Final[tuple[Doubt, ...]] = get_args(Doubt)
"""The doubts in the order of the columns of arrays."""
