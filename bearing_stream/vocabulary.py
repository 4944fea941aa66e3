"""The words and numbers that every package of this project shares.

`model`, `recordings` and `wire` do not import one another; they share the definitions of a window,
a label and a quality flag through this module.
"""

from typing import Final, Literal, get_args

WINDOW_LENGTH: Final = 2048
"""Samples in a window."""

SAMPLING_RATE: Final = 12_000
"""Hz, of every window, because the network has one rate: 2048 samples last 170.7 ms."""

FaultLabel = Literal["Ball", "InnerRace", "Normal", "OuterRace"]
"""State of a bearing: the damaged part, or `Normal`."""

FAULT_LABELS: Final[tuple[FaultLabel, ...]] = get_args(FaultLabel)
"""The labels in the order of the network's outputs: 0 Ball, 1 InnerRace, 2 Normal, 3 OuterRace."""

QualityFlag = Literal[
    "clipping",
    "dropout",
    "jump",
    "mains-hum",
    "novelty",
    "unknown-machine",
    "outside-baseline",
]
"""Why a diagnosis is uncertain: a defect of the signal, or what the diagnosis rests on. `novelty`:
the network decided, and the signal is unlike all signals that it was trained on, by its
out-of-distribution score. `unknown-machine`: the network decided, and nothing states that it was
trained on this machine. `outside-baseline`: the baseline of the machine does not hold the shaft
speed. On the wire the flags of a diagnosis are its field `reasons`."""

QUALITY_FLAGS: Final[tuple[QualityFlag, ...]] = get_args(QualityFlag)
"""The quality flags in the order of the columns of arrays."""
