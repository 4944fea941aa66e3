"""Controls: the same test windows after one change, to show what a result depends on."""

import dataclasses
from collections.abc import Callable, Sequence
from typing import Final

from scipy.signal import butter, resample_poly, sosfiltfilt

from bearing_stream.recordings import Recording
from bearing_stream.recordings.samples import to_model_rate
from bearing_stream.vocabulary import SAMPLING_RATE
from model.diagnoser import Diagnoser
from training.scoring import ConfusionMatrix, score
from training.split import Starts
from training.windows import cut

_BASELINE_RATE: Final = 48_000
"""Hz. Sampling rate of the healthy recordings, four times that of the others."""

_HUM_BEGINS: Final = 4_000
"""Hz. A quarter to two thirds of the healthy recordings' energy lies between this and 5 kHz."""


def resampled_as_healthy(recording: Recording) -> Recording:
    """Resample a recording to 48 kHz and back, with the filter used for the healthy ones.

    If the network recognised the healthy recordings by that filter, it would diagnose faults that
    went through it as healthy.
    """
    raised = resample_poly(recording.samples, _BASELINE_RATE // SAMPLING_RATE, 1, padtype="mean")
    return dataclasses.replace(recording, samples=to_model_rate(raised, _BASELINE_RATE))


def without_hum(recording: Recording) -> Recording:
    """Remove what lies above 4 kHz, where the rig hums (Butterworth, order 16, zero phase)."""
    low_pass = butter(16, _HUM_BEGINS, fs=SAMPLING_RATE, output="sos")
    return dataclasses.replace(recording, samples=sosfiltfilt(low_pass, recording.samples))


CONTROLS: Final[dict[str, Callable[[Recording], Recording]]] = {
    "taken to 48 kHz and back": resampled_as_healthy,
    "nothing above 4 kHz": without_hum,
}
"""Changes to whole recordings before the test windows are cut, by their names in the card."""


def run_controls(
    diagnoser: Diagnoser, recordings: Sequence[Recording], test: Starts
) -> dict[str, ConfusionMatrix]:
    """Score the test windows under each control."""
    return {
        name: score(diagnoser, cut([change(recording) for recording in recordings], test))
        for name, change in CONTROLS.items()
    }
