"""The rule: whether physics or the network decides, and that the results are probabilities."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst
from numpy.typing import NDArray

from bearing_stream.vocabulary import FAULT_LABELS, FaultLabel
from model.physics.measurements import Measurements
from model.physics.rule import decide

pytestmark = pytest.mark.numeric

NEAR, FAR = 1.0, 9.0
"""Distances of the shape of a spectrum from the healthy windows'; the gate is at 3."""


def measurements(
    outer: float, inner: float, ball: float, distance: float, outside: bool = False
) -> Measurements:
    return Measurements(
        np.array([[outer, inner, ball]]),
        np.array([distance]),
        np.array([1772.0]),
        np.zeros(1, np.int64),
        np.array([outside]),
        np.zeros(1, np.bool_),
    )


def prediction(label: FaultLabel) -> NDArray[np.float32]:
    return np.array([[0.85 if label == other else 0.05 for other in FAULT_LABELS]], np.float32)


@pytest.mark.parametrize(
    ("found", "network", "expected", "by_physics"),
    [
        (measurements(0, 0, 0, NEAR), "OuterRace", "Normal", True),
        (measurements(9, 0, 0, FAR), "InnerRace", "OuterRace", True),
        (measurements(0, 9, 0, FAR), "OuterRace", "InnerRace", True),
        (measurements(9, 20, 0, FAR), "OuterRace", "InnerRace", True),
        # A ball fault has no line that is reliable.
        (measurements(0, 0, 9, FAR), "InnerRace", "InnerRace", False),
        (measurements(0, 0, 0, FAR), "Ball", "Ball", False),
    ],
)
def test_physics_decides_where_its_evidence_is_clear(
    found: Measurements, network: FaultLabel, expected: FaultLabel, by_physics: bool
) -> None:
    decided = decide(found, prediction(network))
    assert FAULT_LABELS[decided.probabilities[0].argmax()] == expected
    assert decided.by_physics.tolist() == [by_physics]


@pytest.mark.parametrize(
    ("found", "expected"),
    [
        (measurements(0, 0, 0, NEAR), "Normal"),
        (measurements(9, 0, 0, FAR), "OuterRace"),
        (measurements(0, 3.3, 0, FAR), "InnerRace"),
        (measurements(0, 0, 0, FAR), "Ball"),
        # At a speed that the baseline does not hold, the shape of the spectrum shows nothing.
        (measurements(0, 0, 0, FAR, outside=True), "Normal"),
        (measurements(0, 3.3, 0, FAR, outside=True), "Normal"),
        (measurements(0, 9, 0, NEAR, outside=True), "InnerRace"),
    ],
)
def test_without_a_network_of_the_machine_physics_decides_alone(
    found: Measurements, expected: FaultLabel
) -> None:
    decided = decide(found)
    assert FAULT_LABELS[decided.probabilities[0].argmax()] == expected
    assert decided.by_physics.all()


def test_a_window_far_from_healthy_is_never_normal() -> None:
    decided = decide(measurements(0, 0, 0, FAR), prediction("Normal"))
    assert decided.probabilities[0][FAULT_LABELS.index("Normal")] < 0.02


SIGMAS = npst.arrays(np.float64, (5, 3), elements=st.floats(-1e3, 1e3))
DISTANCES = npst.arrays(np.float64, 5, elements=st.floats(0, 1e6))


@given(SIGMAS, DISTANCES, npst.arrays(np.float32, (5, 4), elements=st.floats(-100, 100, width=32)))
def test_probabilities_sum_to_one_for_any_measurements(
    sigmas: NDArray[np.float64], distances: NDArray[np.float64], logits: NDArray[np.float32]
) -> None:
    exponentials = np.exp(logits - logits.max(axis=1, keepdims=True))
    network = exponentials / exponentials.sum(axis=1, keepdims=True)
    outside = np.array([True, False, True, False, False])
    rpm, found_by = np.full(5, 1772.0), np.zeros(5, np.int64)
    for asked in (network, None):
        found = decide(Measurements(sigmas, distances, rpm, found_by, outside, ~outside), asked)
        assert (found.probabilities >= 0).all()
        np.testing.assert_allclose(found.probabilities.sum(axis=1), 1, rtol=1e-6)
