"""Recordings to train on: synthetic ones, whose faults are tones in noise, and the real ones."""

import os
from pathlib import Path

import numpy as np
import pytest

from bearing_stream.recordings import Recording, cwru
from bearing_stream.vocabulary import FAULT_LABELS, SAMPLING_RATE, WINDOW_LENGTH

TONES = {"Ball": 700.0, "InnerRace": 1500.0, "Normal": 2600.0, "OuterRace": 4100.0}
"""Hz, by fault label."""


@pytest.fixture(scope="session")
def synthetic() -> list[Recording]:
    """Return a recording of each class, in the order of the labels: a tone in as much noise."""
    generator = np.random.default_rng(0)
    time = np.arange(20 * WINDOW_LENGTH) / SAMPLING_RATE
    return [
        Recording(
            id=label,
            sensor=f"{label}/DE",
            collection="synthetic",
            samples=np.sin(2 * np.pi * TONES[label] * time) + generator.standard_normal(time.size),
            sampling_rate=SAMPLING_RATE,
            fault=label,
        )
        for label in FAULT_LABELS
    ]


@pytest.fixture(scope="session")
def real_recordings() -> list[Recording]:
    """Return the CWRU recordings of the folder that CWRU_DATA names."""
    folder = os.environ.get("CWRU_DATA")
    if not folder:
        pytest.skip("needs the CWRU recordings: set CWRU_DATA to their folder")
    return list(cwru.load(Path(folder), cwru.present(Path(folder))))
